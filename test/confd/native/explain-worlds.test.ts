/**
 * Explain against what peers hold: random clusters, their desired state on a real speaker in memory, peers that keep what they
 * are sent. For every prefix and peer the verdict is the peer's own view, and the message shown decodes to the peer's route.
 */

import type { PeerConfig, SpeakerConfig } from 'bgp-ts';
import { createSpeaker } from 'bgp-ts';
import type { Prefix } from 'bgp-ts/net';
import { addressKey, prefixKey } from 'bgp-ts/net';
import { MemoryNetwork, ScriptedPeer } from 'bgp-ts/testing';
import type { PathAttributes, UpdateContext } from 'bgp-ts/wire';
import { decodeUpdate, encodeEndOfRib, encodeUpdate, MESSAGE_TYPE } from 'bgp-ts/wire';
import { describe, expect, it } from 'vitest';
import { createDesire } from '../../../src/confd/desired/desire.ts';
import { explanationView } from '../../../src/confd/native/explain-view.ts';
import { createTranslator, SESSION_DEFAULTS } from '../../../src/confd/native/translate.ts';
import { transportMap } from '../../../src/confd/native/transport.ts';
import type { Random } from '../../worlds/random.ts';
import { forSeeds } from '../../worlds/random.ts';
import { createWorld, SELF } from '../../worlds/world.ts';
import { address, prefix } from './fixtures.ts';

/** Prefixes that peers announce: inside and outside of what worlds allow, and ones that nodes originate too. */
const FOREIGN = [
  '203.0.113.0/24',
  '10.96.0.7/32',
  '50.0.0.9/32',
  '80.0.0.9/32',
  '192.168.9.0/26',
  '172.16.3.0/26',
  '192.168.1.0/26',
  '80.0.0.0/24',
].map(prefix);

/** Changes of a world: enough that most come to hold pools, ranges and sessions. */
const STEPS = 5;

const context = (peer: PeerConfig): UpdateContext => ({
  fourOctetAs: true,
  external: peer.remoteAs !== peer.localAs,
  addPathReceive: [],
  extendedNextHop: [],
  families: peer.families,
});

/** One peer of the node under test. */
interface Neighbour {
  readonly config: PeerConfig;
  readonly peer: ScriptedPeer;
  readonly opened: Set<number>;
}

class Cluster {
  readonly network = new MemoryNetwork();
  readonly speaker = createSpeaker({ random: () => 0, wallClock: (now) => now });
  readonly neighbours = new Map<string, Neighbour>();

  constructor() {
    this.network.join('dut', this.speaker, [address('192.0.2.1'), address('fd00::1')]);
  }

  configure(config: SpeakerConfig): void {
    const peers = config.peers.map((peer) => ({ ...peer, passive: false, connectDelay: 0 }));
    for (const peer of peers) this.#neighbour(peer);
    for (const [key, { config: known }] of this.neighbours) {
      if (peers.some((peer) => peer.id === known.id && keyOf(peer) === key)) continue;
      this.network.leave(key);
      this.neighbours.delete(key);
    }
    this.network.feed('dut', { type: 'configure', config: { ...config, listen: [], peers } });
    this.pass();
  }

  /** A peer is its address and port: the same one keeps its session, another AS or family is another neighbour. */
  #neighbour(config: PeerConfig): void {
    const key = keyOf(config);
    if (this.neighbours.has(key)) return;
    const peer = new ScriptedPeer({
      as: config.remoteAs,
      bgpId: 0x0a000001 + this.neighbours.size,
      capabilities: { families: config.families },
    });
    this.network.join(key, peer, [config.remote.address]);
    peer.listen([config.remote]);
    this.neighbours.set(key, { config, peer, opened: new Set() });
  }

  /** Time enough for an attempt at every peer, and answers to every new connection. */
  pass(): void {
    for (let round = 0; round < 3; round += 1) {
      this.network.advance(round === 1 ? 6_000 : 10);
      for (const { config, peer, opened } of this.neighbours.values()) {
        const connection = peer.connections.at(-1);
        if (connection === undefined || opened.has(connection)) continue;
        opened.add(connection);
        peer.sendOpen({}, connection);
        peer.sendKeepalive(connection);
        for (const family of config.families) peer.send(encodeEndOfRib(family), connection);
      }
      this.network.settle();
    }
  }

  /** A neighbour announces or withdraws something. */
  speak(random: Random): void {
    const up = [...this.neighbours.values()].filter(
      ({ config, peer }) => peer.connections.length > 0 && config.families.includes('ipv4-unicast'),
    );
    const [first, ...rest] = up;
    if (first === undefined) return;
    const { config, peer } = random.pick([first, ...rest]);
    const [one, ...others] = FOREIGN;
    if (one === undefined) return;
    const route = { prefix: random.pick([one, ...others]) };
    const external = config.remoteAs !== config.localAs;
    const asns = external ? [config.remoteAs] : random.oneIn(2) ? [] : [65123];
    const attributes: PathAttributes = {
      origin: 'igp',
      asPath: asns.length === 0 ? [] : [{ type: 'sequence', asns }],
      nextHop: address('192.0.2.77'),
      ...(external ? {} : { localPref: random.oneIn(4) ? 2147483135 : 100 }),
    };
    const update = random.oneIn(4) ? { withdrawn: [route] } : { announced: [route], attributes };
    for (const message of encodeUpdate(update)) peer.send(message);
    this.network.settle();
  }
}

const keyOf = (peer: PeerConfig): string =>
  `${addressKey(peer.remote.address)} ${peer.remote.port} ${peer.remoteAs} ${peer.localAs} ${peer.families.join()}`;

/** Routes that a neighbour holds now, from the octets it was sent on its newest connection. */
function viewOf({ config, peer }: Neighbour): Map<string, PathAttributes> {
  const view = new Map<string, PathAttributes>();
  const connection = peer.connections.at(-1);
  for (const message of peer.received.filter((each) => each.type === MESSAGE_TYPE.update && each.connection === connection)) {
    const decoded = decodeUpdate(message.body, context(config));
    if (!decoded.ok) throw new Error(decoded.error.detail);
    expect(decoded.value.faults).toEqual([]);
    for (const route of decoded.value.withdrawn) view.delete(prefixKey(route.prefix));
    for (const route of decoded.value.announced) view.set(prefixKey(route.prefix), route.attributes);
  }
  return view;
}

/** Attributes that an UPDATE in hex gives a prefix; undefined where it does not announce it. */
function announcedBy(hex: string, wanted: Prefix, config: PeerConfig): PathAttributes | undefined {
  const decoded = decodeUpdate(Uint8Array.from(Buffer.from(hex, 'hex')).subarray(19), context(config));
  if (!decoded.ok) throw new Error(decoded.error.detail);
  return decoded.value.announced.find((route) => prefixKey(route.prefix) === prefixKey(wanted))?.attributes;
}

describe('explain', () => {
  it('says of every prefix and peer what the peer holds, in 1,000 random worlds', () => {
    const translate = createTranslator({
      session: SESSION_DEFAULTS,
      sessionFamilies: 'peer',
      listenPort: undefined,
      transport: transportMap([]),
    });
    const seen = { worlds: 0, advertised: 0, refused: 0 };
    forSeeds(1_000, (random) => {
      const world = createWorld(random);
      const engine = createDesire({ node: SELF });
      const cluster = new Cluster();
      const prefixes = new Map(FOREIGN.map((each) => [prefixKey(each), each]));
      for (let step = 0; step < STEPS; step += 1) {
        const delta = step === 0 ? { changed: [], issuesChanged: false } : world.step();
        const { desired } = engine.update(world.snapshot(), delta);
        if (desired === undefined) return;
        for (const route of desired.advertise) prefixes.set(route.id, route.prefix);
        cluster.configure(translate(desired).config);
        for (let turn = random.below(6); turn > 0; turn -= 1) cluster.speak(random);
      }
      seen.worlds += 1;
      const views = new Map([...cluster.neighbours.values()].map((each) => [each.config.id, { neighbour: each, view: viewOf(each) }]));
      for (const each of prefixes.values()) {
        for (const peer of explanationView(cluster.speaker.explain(each), null).peers) {
          const { neighbour, view } = views.get(peer.peer) ?? {};
          const held = view?.get(prefixKey(each));
          expect([prefixKey(each), peer.peer, peer.verdict, peer.blockedBy?.rule]).toEqual([
            prefixKey(each),
            peer.peer,
            held === undefined ? 'not-advertised' : 'advertised',
            held === undefined ? expect.any(String) : undefined,
          ]);
          if (held !== undefined && neighbour !== undefined)
            expect(announcedBy(peer.lastSent?.updateHex ?? '', each, neighbour.config)).toEqual(held);
          seen[held === undefined ? 'refused' : 'advertised'] += 1;
        }
      }
    });
    // The worlds must be worth something: both verdicts often.
    expect(seen.advertised).toBeGreaterThan(seen.worlds / 4);
    expect(seen.refused).toBeGreaterThan(seen.worlds);
  }, 120_000);
});
