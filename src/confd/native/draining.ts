/** A speaker's configuration while its node is on its way out (RFC 8326). Pure; equal peers by identity give identical ones. */
import type { PeerConfig, SpeakerConfig } from 'bgp-ts';
import type { DrainPhase } from '../driver.ts';

/** Makes what turns a configuration into that of a phase: every peer told to prefer other paths, or no peer at all. */
export function createDraining(): (config: SpeakerConfig, phase: DrainPhase) => SpeakerConfig {
  const drained = new WeakMap<PeerConfig, PeerConfig>();
  const drain = (peer: PeerConfig): PeerConfig => {
    const known = drained.get(peer);
    if (known !== undefined) return known;
    const made = { ...peer, gracefulShutdown: true };
    drained.set(peer, made);
    return made;
  };
  return (config, phase) => {
    switch (phase) {
      case 'off':
        return config;
      case 'draining':
        return { ...config, peers: config.peers.map(drain) };
      case 'left':
        return { ...config, listen: [], peers: [] };
      default: {
        const never: never = phase;
        return never;
      }
    }
  };
}
