export * from './config/index.ts';
export * from './net/index.ts';
export type * from './policy/types.ts';
export type { BestChange, RouteExplanation, RouteQuery, RouteView } from './rib/types.ts';
export type { Speaker, SpeakerOptions, SpeakerRouteQuery, WorkResult } from './speaker.ts';
export { createSpeaker } from './speaker.ts';
export type * from './speaker-status.ts';
export type * from './speaker-types.ts';
