/** Real sockets and the real clock under a speaker. */
export { monotonicNow, wallClockOf } from './clock.ts';
export type { SpeakerHost, SpeakerHostOptions } from './host.ts';
export { createSpeakerHost } from './host.ts';
export { unavailableOptions } from './native.ts';
export { ListenError } from './open-socket.ts';
