export { DECISION_STEPS, type DecisionStep } from './decision.ts';
export { ADD_PATH_SEND, createRib } from './rib.ts';
export * from './types.ts';
export type { WorkCounters } from './work.ts';
