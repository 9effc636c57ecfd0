export { DECISION_STEPS, DEFAULT_MED, type DecisionStep } from './decision.ts';
export { createRib } from './rib.ts';
export * from './types.ts';
export type { WorkCounters } from './work.ts';
