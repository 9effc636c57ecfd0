export * from './net/index.ts';
export type * from './speaker-types.ts';
