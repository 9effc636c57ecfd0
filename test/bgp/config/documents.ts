/** Documents in the form of the benchmark, and what is read from them. */
import { formatConfigFaults, parseSpeakerConfig } from '../../../src/bgp/config/index.ts';
import type { SpeakerConfig } from '../../../src/bgp/speaker-types.ts';

/** A document of the benchmark. */
export const BENCH = {
  localAs: 64512,
  routerId: '10.99.0.1',
  clusterId: '10.99.0.1',
  listen: { address: '127.0.0.1', port: 179 },
  holdTime: 90,
  families: ['ipv4-unicast'],
  gracefulRestart: false,
  restartTime: 120,
  neighbors: [{ address: '127.1.0.1', as: 64512, rrClient: true, passive: true }],
};

/** The configuration; throws where there are faults. */
export function parse(document: unknown): SpeakerConfig {
  const result = parseSpeakerConfig(JSON.stringify(document));
  if (!result.ok) throw new Error(formatConfigFaults(result.error));
  return result.value;
}

/** The faults, a line each. */
export function faults(document: unknown): string[] {
  const result = parseSpeakerConfig(JSON.stringify(document));
  return result.ok ? [] : result.error.map(({ path, rule }) => `${path}: ${rule}`);
}
