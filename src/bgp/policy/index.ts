export { type CompiledPolicy, compilePolicy, OTHERWISE, type PolicyOutcome, type PolicyProgram } from './compile.ts';
export { METRIC_MIRROR, metricOf, type RouteFacts } from './conditions.ts';
export { localPrefAfter, type Modifications, NO_MODIFICATIONS } from './modifications.ts';
export { policyId, samePolicy } from './policy-id.ts';
export { compilePrefixSet, type PrefixTest, type RoutePrefix } from './prefix-set.ts';
export * from './types.ts';
