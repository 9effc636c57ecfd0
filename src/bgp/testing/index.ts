/** Doubles that really work: a clock, a network in memory, a scripted peer. */
export { FakeClock, seededRandom } from './fake-clock.ts';
export type { NetworkNode } from './memory-network.ts';
export { MemoryNetwork } from './memory-network.ts';
export { createRecordedSpeaker } from './recorder.ts';
export { RECORDING_FORMAT } from './recording.ts';
export type { ReplayDifference, ReplayResult } from './replay.ts';
export { Replay } from './replay.ts';
export type { ReceivedMessage, ScriptedPeerOptions } from './scripted-peer.ts';
export { ScriptedPeer } from './scripted-peer.ts';
