export * from './capabilities.ts';
export * from './errors.ts';
export * from './framing.ts';
export * from './iana.ts';
export * from './notification.ts';
export * from './open.ts';
export * from './route-refresh.ts';
export * from './types.ts';
