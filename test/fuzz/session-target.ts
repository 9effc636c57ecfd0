/** A whole speaker with one peer that sends anything and one that only listens: whatever comes, the other's session stays. */
import { deepStrictEqual, ok } from 'node:assert/strict';
import type { Speaker, SpeakerOutput } from 'bgp-ts';
import { createSpeaker } from 'bgp-ts';
import { seededRandom } from 'bgp-ts/testing';
import {
  encodeEndOfRib,
  encodeKeepalive,
  encodeOpen,
  encodeRouteRefresh,
  encodeUpdate,
  Framer,
  MAX_EXTENDED_MESSAGE,
  NO_CAPABILITIES,
  shutdownData,
} from 'bgp-ts/wire';
import { address, config, PORT, peer } from '../bgp/speaker/world.ts';
import { corpusOctets } from './corpus-seeds.ts';
import type { FuzzTarget } from './target.ts';

const [SPEAKER, HOSTILE, WITNESS] = [1, 2, 3];
const BUDGET_MS = 10;
const HOSTILE_ROUTES = 64;

function openOf(host: number): Uint8Array {
  const capabilities = {
    ...NO_CAPABILITIES,
    multiprotocol: true,
    families: ['ipv4-unicast', 'ipv6-unicast'] as const,
    fourOctetAs: 64512,
    routeRefresh: true,
    enhancedRouteRefresh: true,
    extendedMessage: true,
    addPath: host === HOSTILE ? [{ family: 'ipv6-unicast' as const, mode: 'both' as const }] : [],
  };
  return encodeOpen({ type: 'open', version: 4, myAs: 64512, holdTime: 90, bgpId: 0x0a000000 + host, capabilities });
}

/** A speaker without sockets: what it sends to each connection is cut into messages, which must be whole. */
class Bench {
  readonly speaker: Speaker;
  readonly #framers = new Map<number, Framer>();
  #now = 1000;
  #next = 1;
  readonly closed = new Set<number>();

  constructor() {
    this.speaker = createSpeaker({ random: seededRandom(7), wallClock: (now) => now });
    const options = {
      passive: true,
      reflectorClient: true,
      families: ['ipv4-unicast', 'ipv6-unicast'] as const,
      maxPrefix: HOSTILE_ROUTES,
    };
    const peers = [peer(HOSTILE, { ...options, addPath: 'both' as const }), peer(WITNESS, options)];
    this.#take(this.speaker.handle({ type: 'configure', config: config(SPEAKER, peers) }, this.#now));
  }

  connect(host: number): number {
    const connection = this.#next++;
    this.#framers.set(connection, new Framer(MAX_EXTENDED_MESSAGE));
    const remote = { address: address(host), port: 40_000 + (connection % 20_000) };
    this.#take(this.speaker.handle({ type: 'connected', connection, local: { address: address(SPEAKER), port: PORT }, remote }, this.#now));
    return connection;
  }

  /** Octets arrive and all that follows from them is done. */
  receive(connection: number, octets: Uint8Array): void {
    if (this.closed.has(connection)) return;
    this.#take(this.speaker.handle({ type: 'octets', connection, octets }, this.#now));
    for (let slices = 0; this.speaker.hasWork(); slices++) {
      ok(slices < 10_000, 'the work does not end');
      this.#now += 20;
      this.#take(this.speaker.work(() => this.#now, BUDGET_MS).outputs);
    }
  }

  disconnect(connection: number): void {
    if (!this.closed.has(connection)) this.#take(this.speaker.handle({ type: 'closed', connection, reason: 'fuzz' }, this.#now));
    this.#framers.delete(connection);
    this.closed.delete(connection);
    // Whatever back-off an error brought is over.
    this.#now += 150_000;
    this.#take(this.speaker.handle({ type: 'tick' }, this.#now));
  }

  #take(outputs: readonly SpeakerOutput[]): void {
    for (const output of outputs) {
      if (output.type === 'close') this.closed.add(output.connection);
      if (output.type !== 'send') continue;
      const framer = this.#framers.get(output.connection);
      for (const buffer of output.buffers) {
        framer?.feed(buffer.slice());
        for (let taken = framer?.take(); taken !== undefined; taken = framer?.take()) ok(taken.ok, 'octets that are no message were sent');
      }
    }
  }

  state(host: number): string | undefined {
    return this.speaker.status().peers.find(({ id }) => id === `p${host}`)?.state;
  }
}

function seeds(): Uint8Array[] {
  const attributes = {
    origin: 'igp',
    asPath: [{ type: 'sequence', asns: [65001, 4200000000] }],
    nextHop: { family: 'ipv4', words: [0x0a000009, 0, 0, 0] },
    localPref: 100,
    med: 5,
    communities: [0xfde80001],
    largeCommunities: [[1, 2, 3]],
  } as const;
  const prefix = (third: number) =>
    ({ prefix: { family: 'ipv4', words: [(0x0a640000 + (third << 8)) >>> 0, 0, 0, 0], length: 24 } }) as const;
  const announce = encodeUpdate({ announced: [prefix(1), prefix(2)], attributes });
  const withdraw = encodeUpdate({ withdrawn: [prefix(1)] });
  const refresh = [0, 1, 2].map((subtype) => encodeRouteRefresh({ family: 'ipv4-unicast', subtype }));
  const row = (...messages: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(messages));
  const cease = Uint8Array.of(...new Uint8Array(16).fill(255), 0, 33, 3, 6, 2, ...shutdownData('ten octets'));
  return [
    row(...announce, ...withdraw, encodeEndOfRib('ipv4-unicast')),
    row(...refresh, ...announce),
    row(...announce, ...announce, encodeKeepalive(), cease),
    row(openOf(HOSTILE)),
    ...corpusOctets().slice(0, 200),
  ];
}

let bench: Bench | undefined;
let witness = 0;

function establish(on: Bench, host: number): number {
  const connection = on.connect(host);
  on.receive(connection, openOf(host));
  on.receive(connection, encodeKeepalive());
  return connection;
}

/** The speaker lives on from input to input, so that what one leaves behind meets the next. */
function run(input: Uint8Array): void {
  if (bench === undefined) {
    bench = new Bench();
    witness = establish(bench, WITNESS);
    deepStrictEqual(bench.state(WITNESS), 'established');
  }
  const hostile = establish(bench, HOSTILE);
  bench.receive(hostile, input);
  // Keepalives, so that only what was sent decides.
  bench.receive(witness, encodeKeepalive());
  deepStrictEqual(bench.state(WITNESS), 'established', 'the other session');
  bench.disconnect(hostile);
  bench.receive(witness, encodeKeepalive());
  const { prefixes, peers } = bench.speaker.status();
  ok(bench.state(HOSTILE) !== 'established');
  deepStrictEqual([prefixes['ipv4-unicast'], prefixes['ipv6-unicast']], [0, 0], 'routes of a peer that is gone');
  ok(peers.every(({ families }) => families.every(({ received }) => received === 0)));
}

export const SESSION_TARGET: FuzzTarget = { name: 'a session', seeds: seeds(), run, limit: 8192 };
