/**
 * Work on a throwaway speaker, so that the first real sessions and routes meet compiled code: measured, 7,000 routes to 500 peers
 * cost a cold process more than twice the CPU of a warm one. A host does it in slices while nobody is connected.
 */
import type { Address } from '../net/index.ts';
import { addressKey } from '../net/index.ts';
import { createSpeaker } from '../speaker.ts';
import type { PeerConfig, SpeakerConfig, SpeakerInput, SpeakerOutput } from '../speaker-types.ts';
import { encodeKeepalive, encodeOpen, encodeUpdate, type Family } from '../wire/index.ts';

const PEERS = 128;
const FAMILIES: readonly Family[] = ['ipv4-unicast'];
const AS = 64512;
const ROUTES_PER_PEER = 4;
const LENGTHS = [29, 32, 32, 30];
/** One peer announces like the node that has every service of a cluster: many messages in one read. */
const MANY_MESSAGES = 128;
const WORK_MS = 2;
const INPUTS_PER_SLICE = 16;
const ALL = { name: 'warm-up', terms: [], otherwise: 'accept' } as const;

const ipv4 = (word: number): Address => ({ family: 'ipv4', words: [word, 0, 0, 0] });
const LOCAL = { address: ipv4(0x0a000001), port: 179 };

/** Configuration of a reflector's client by its number, for the warm-up and for benches. */
export function reflectorClient(number: number): PeerConfig {
  return {
    id: String(number),
    remote: { address: ipv4(0x0b000000 + number), port: 179 },
    remoteAs: AS,
    localAs: AS,
    families: FAMILIES,
    passive: true,
    holdTime: 90,
    connectRetryTime: 5,
    connectDelay: 0,
    reflectorClient: true,
    nextHop: 'auto',
    importPolicy: ALL,
    exportPolicy: ALL,
    allowLocalAs: 0,
    addPath: 'off',
    reasons: [],
  };
}

/** What the warm-up is like: peers and messages of one configuration. */
interface Cast {
  readonly config: SpeakerConfig;
  readonly peers: readonly PeerConfig[];
}

/**
 * Peers as they are configured come first, the very objects: code compiled for objects of another shape is thrown away when the first real
 * session meets it. Then as many of a reflector's clients as are missing.
 */
function castOf(config: SpeakerConfig | undefined): Cast {
  const real = (config?.peers ?? []).filter(
    ({ remote, families }) => remote.address.family === 'ipv4' && families.includes('ipv4-unicast'),
  );
  const peers = real.slice(0, PEERS);
  // No peer may stand for two.
  const taken = new Set(peers.flatMap(({ id, remote }) => [id, addressKey(remote.address)]));
  for (let number = 0; peers.length < PEERS; number++) {
    const client = reflectorClient(number);
    if (!taken.has(client.id) && !taken.has(addressKey(client.remote.address))) peers.push(client);
  }
  const { routerId, localAs } = config ?? { routerId: 1, localAs: AS };
  return { config: { routerId, localAs, listen: [], peers, routes: [] }, peers };
}

function greeting({ remoteAs, families, holdTime }: PeerConfig, number: number): Uint8Array {
  const capabilities = {
    families,
    multiprotocol: true,
    fourOctetAs: remoteAs,
    routeRefresh: true,
    enhancedRouteRefresh: false,
    extendedMessage: false,
    unknown: [],
  };
  const bgpId = word(number);
  return encodeOpen({ type: 'open', version: 4, myAs: remoteAs > 0xffff ? 23456 : remoteAs, holdTime, bgpId, capabilities });
}

/** A number for an address; every other one has its highest bit set, which JavaScript keeps in another way. */
function word(number: number): number {
  return (number % 2 === 0 ? 0x14000000 : 0xac100000) + number * 0x4000;
}

/** UPDATEs of one peer in one buffer, as a socket delivers them. */
function updates({ remoteAs, localAs }: PeerConfig, number: number, messages: number, withdraw: boolean): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let message = 0; message < messages; message++) {
    const first = word(number) + message * 0x40;
    const length = LENGTHS[message % LENGTHS.length] ?? 32;
    const routes = Array.from({ length: ROUTES_PER_PEER }, (_, i) => ({
      prefix: { family: 'ipv4', words: [first + i * 8, 0, 0, 0], length } as const,
    }));
    const attributes = {
      origin: 'igp',
      asPath: remoteAs === localAs ? [] : [{ type: 'sequence' as const, asns: [remoteAs] }],
      nextHop: ipv4(word(number)),
      localPref: 100,
      largeCommunities: [[AS, number, message]],
    } as const;
    parts.push(...encodeUpdate(withdraw ? { withdrawn: routes } : { announced: routes, attributes }));
  }
  return Buffer.concat(parts);
}

/** Inputs of one kind, by number; what they lead to is done before the next kind. */
interface Phase {
  readonly inputs: number;
  readonly input: (cast: Cast, peer: PeerConfig, number: number) => SpeakerInput;
}

const perPeer = (input: Phase['input']): Phase => ({ inputs: PEERS, input });
/** The octets are a view of a larger buffer, as those of a read are. */
const octets = (of: (peer: PeerConfig, number: number) => Uint8Array): Phase =>
  perPeer((_cast, peer, number) => {
    const { buffer, byteOffset, length } = Buffer.from(of(peer, number));
    return { type: 'octets', connection: number, octets: new Uint8Array(buffer, byteOffset, length) };
  });
const routes = (withdraw: boolean): Phase => octets((peer, number) => updates(peer, number, number === 0 ? MANY_MESSAGES : 1, withdraw));

/** One life of the speaker: sessions come up, routes come and go, sessions end. */
const LIFE: readonly Phase[] = [
  { inputs: 1, input: ({ config }) => ({ type: 'configure', config }) },
  perPeer((_cast, { remote, local }, number) => ({
    type: 'connected',
    connection: number,
    local: local === undefined ? LOCAL : { address: local, port: 179 },
    remote,
  })),
  octets(greeting),
  octets(encodeKeepalive),
  routes(false),
  perPeer((_cast, _peer, number) => ({ type: 'unsent', connection: number, waiting: true })),
  perPeer((_cast, _peer, number) => ({ type: 'unsent', connection: number, waiting: false })),
  octets(encodeKeepalive),
  routes(true),
  perPeer((_cast, _peer, number) => ({ type: 'closed', connection: number, reason: '' })),
];

/**
 * Lives of a throwaway speaker, one after another; each step takes a few milliseconds. `clock` is a monotonic clock in
 * milliseconds; `real` is the configuration that sessions will have. What the speaker asks for is not done: no socket, no log, no timer.
 * Returns the octets it asked to be sent.
 */
export function* warmUp(clock: () => number, lives: number, real?: SpeakerConfig): Generator<undefined, number> {
  const cast = castOf(real);
  let sent = 0;
  for (let life = 0; life < lives; life++) {
    const speaker = createSpeaker({ random: () => 0.5, wallClock: () => 0 });
    for (const { inputs, input } of LIFE) {
      for (let number = 0; number < inputs; number++) {
        const peer = cast.peers[number];
        if (peer !== undefined) sent += octetsSent(speaker.handle(input(cast, peer, number), clock()));
        if (number % INPUTS_PER_SLICE === 0) yield;
      }
      while (speaker.hasWork()) {
        sent += octetsSent(speaker.work(clock, WORK_MS).outputs);
        yield;
      }
    }
  }
  return sent;
}

function octetsSent(outputs: readonly SpeakerOutput[]): number {
  let sent = 0;
  for (const output of outputs) if (output.type === 'send') for (const buffer of output.buffers) sent += buffer.length;
  return sent;
}
