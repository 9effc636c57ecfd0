/** Speakers in a network in memory, with configurations short enough to read. */

import type { Address, LocalRoute, PeerConfig, Policy, Speaker, SpeakerConfig, SpeakerOptions } from '../../../src/bgp/index.ts';
import { createSpeaker, parseAddress, parsePrefix } from '../../../src/bgp/index.ts';
import { formatPrefix } from '../../../src/bgp/net/index.ts';
import type { ScriptedPeerOptions } from '../../../src/bgp/testing/index.ts';
import { MemoryNetwork, ScriptedPeer, seededRandom } from '../../../src/bgp/testing/index.ts';

export const PORT = 179;
const ACCEPT: Policy = { name: 'all', terms: [], otherwise: 'accept' };

/** 10.0.0.N */
export function address(host: number): Address {
  const parsed = parseAddress(`10.0.0.${host}`);
  if (parsed === undefined) throw new Error(`no address ${host}`);
  return parsed;
}

/** A peer at 10.0.0.N, named pN, iBGP in AS 64512 unless told otherwise. */
export function peer(host: number, overrides: Partial<PeerConfig> = {}): PeerConfig {
  return {
    id: `p${host}`,
    remote: { address: address(host), port: PORT },
    remoteAs: 64512,
    localAs: 64512,
    families: ['ipv4-unicast'],
    passive: false,
    holdTime: 90,
    connectRetryTime: 5,
    connectDelay: 0,
    reflectorClient: false,
    nextHop: 'auto',
    importPolicy: ACCEPT,
    exportPolicy: ACCEPT,
    allowLocalAs: 0,
    addPath: 'off',
    reasons: [],
    ...overrides,
  };
}

export function route(prefix: string, overrides: Partial<LocalRoute> = {}): LocalRoute {
  const parsed = parsePrefix(prefix);
  if (parsed === undefined) throw new Error(`no prefix ${prefix}`);
  return { prefix: parsed, protocol: 'static', reasons: [], ...overrides };
}

/** Speaker at 10.0.0.N with that as router id. */
export function config(host: number, peers: readonly PeerConfig[], overrides: Partial<SpeakerConfig> = {}): SpeakerConfig {
  return { routerId: 0x0a000000 + host, localAs: 64512, listen: [{ address: address(host), port: PORT }], peers, routes: [], ...overrides };
}

/** A network with speakers by host number, named sN. */
export class World {
  readonly network = new MemoryNetwork();
  readonly speakers = new Map<number, Speaker>();
  readonly #seed: number;

  constructor(seed = 1) {
    this.#seed = seed;
  }

  /** Adds a speaker and configures it. */
  add(host: number, peers: readonly PeerConfig[], overrides: Partial<SpeakerConfig> = {}, options: Partial<SpeakerOptions> = {}): Speaker {
    const speaker = this.create(host, options);
    this.configure(host, peers, overrides);
    return speaker;
  }

  /** Adds a speaker without configuration. */
  create(host: number, options: Partial<SpeakerOptions> = {}): Speaker {
    const speaker = createSpeaker({
      random: seededRandom(this.#seed * 1000 + host),
      wallClock: (now) => 1_700_000_000_000 + now,
      ...options,
    });
    this.speakers.set(host, speaker);
    this.network.join(`s${host}`, speaker, [address(host)]);
    return speaker;
  }

  configure(host: number, peers: readonly PeerConfig[], overrides: Partial<SpeakerConfig> = {}): void {
    this.network.feed(`s${host}`, { type: 'configure', config: config(host, peers, overrides) });
  }

  /** A scripted peer at 10.0.0.N, named sN too. */
  script(host: number, options: Partial<ScriptedPeerOptions> = {}): ScriptedPeer {
    const scripted = new ScriptedPeer({ as: 64512, bgpId: 0x0a000000 + host, ...options });
    this.network.join(`s${host}`, scripted, [address(host)]);
    return scripted;
  }

  speaker(host: number): Speaker {
    const speaker = this.speakers.get(host);
    if (speaker === undefined) throw new Error(`no speaker ${host}`);
    return speaker;
  }

  /** State of a peer at a speaker. */
  state(host: number, id: string): string {
    return (
      this.speaker(host)
        .status()
        .peers.find((each) => each.id === id)?.state ?? 'none'
    );
  }

  /** Best routes as `prefix from peer`, sorted. */
  best(host: number): string[] {
    return this.speaker(host)
      .routes({ view: 'best', family: 'ipv4-unicast' }, 0, 10_000)
      .routes.map((each) => `${formatPrefix(each.prefix)} from ${each.from}${each.stale ? ' stale' : ''}`)
      .sort();
  }

  /** Session states that a speaker passed through with a peer, as `to`. */
  states(host: number, id?: string): string[] {
    return this.network
      .events(`s${host}`)
      .flatMap((event) => (event.kind === 'session-state' && (id === undefined || event.peer === id) ? [event.to] : []));
  }

  /** NOTIFICATIONs that a speaker sent or received, as `sent text`. */
  notifications(host: number): string[] {
    return this.network.events(`s${host}`).flatMap((event) => (event.kind === 'notification' ? [`${event.direction} ${event.text}`] : []));
  }
}
