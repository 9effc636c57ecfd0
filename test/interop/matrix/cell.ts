/**
 * One cell's surroundings: our speaker, one daemon as its peer, and a second speaker of ours that is a source of routes to both. Each pair
 * has a session per family. The role says what the peer is to our speaker.
 *
 *   source ── 10.72.0.0/24 ──▶ ours ◀── session under test ──▶ peer ◀── 10.82.0.0/24 ── source
 *             ours announces 10.71.0.0/24                       peer announces 10.81.0.0/24         (and 2001:db8:NN::/48 of each)
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Daemon, DaemonKind, NeighborConfig, SeenRoute } from '../harness/daemon.ts';
import { list, member, number, text } from '../harness/json.ts';
import type { Lab } from '../harness/lab.ts';
import { makeLab } from '../harness/lab.ts';
import type { Host } from '../harness/lan.ts';
import { FAMILIES } from '../harness/scenario.ts';
import type { SpeakerDocument, SpeakerProcess } from '../harness/speaker.ts';
import { makeSpeaker } from '../harness/speaker.ts';
import { until } from '../harness/wait.ts';

/** What the peer is to our speaker: client of our reflector, our reflector, or in another AS. */
export type Role = 'client' | 'reflector' | 'ebgp';
/** All of them, in the order of the table. */
export const ROLES: readonly Role[] = ['client', 'reflector', 'ebgp'];
/** IP version of a session and of the routes on it. */
export type Family = (typeof FAMILIES)[number];

/** Our AS needs four octets (RFC 6793), so does the source's where it is external. */
export const OUR_AS = 4_200_064_512;
/** The peer's AS where it is external. */
export const PEER_AS = 65_001;
/** The source's AS to whomever it is external. */
export const SOURCE_AS = 4_200_065_100;
/** Seconds for a session to come up. */
export const SESSION_SECONDS = 40;
/** Seconds for anything that follows at once on a session that is up. */
export const SOON = 20;
/** Number of prefixes of each family in a large table. */
export const LARGE = 20_000;

/** What both sides announce carries these. */
export const TAGS = { communities: ['65001:77', '65535:0'], largeCommunities: ['4200065001:7:9'] };

/** How a group of features wants its surroundings; fields of our neighbour go into the JSON document as they are. */
export interface Setup {
  readonly name: string;
  /** Fields of our neighbours to the peer, by family. */
  readonly ours: (family: Family) => { readonly [field: string]: unknown };
  /** Fields of the peer's neighbours to us. */
  readonly peers: (family: Family) => Partial<NeighborConfig>;
  /** Whether ours and the source announce a large table. */
  readonly large?: boolean;
  /** More attributes of what the peer announces, in ExaBGP's words. Only exabgp. */
  readonly attributes?: string;
  /** Whether what our side announces to the peer differs in next hop by path, for add-path. */
  readonly twoPaths?: boolean;
}

/** A running cell. */
export interface Cell {
  readonly kind: DaemonKind;
  readonly role: Role;
  readonly lab: Lab;
  readonly hosts: { readonly ours: Host; readonly peer: Host; readonly source: Host };
  readonly ours: SpeakerProcess;
  readonly source: SpeakerProcess;
  readonly peer: Daemon;
  /** The peer's sessions as it is configured now. */
  readonly neighbors: readonly NeighborConfig[];
  /** The peer's session with us, as our speaker shows it. */
  session(family: Family): Promise<unknown>;
  /** Both sessions under test are up at both ends. */
  up(): Promise<void>;
  /** The peer's path of a prefix that came from us. */
  atPeer(prefix: string): Promise<SeenRoute | undefined>;
  /** Our best path of a prefix that came from the peer. */
  atOurs(prefix: string): Promise<unknown>;
}

/** Prefix of an origin: 71 ours, 72 the source's to us, 81 the peer's, 82 the source's to the peer. */
export function prefixOf(origin: 71 | 72 | 81 | 82 | 83, family: Family): string {
  return family === 'ipv4' ? `10.${origin}.0.0/24` : `2001:db8:${origin}::/48`;
}

/** Prefix `index` of a large table. */
export function largePrefix(origin: 73 | 83, family: Family, index: number): string {
  return family === 'ipv4' ? `${origin}.${index >> 8}.${index & 255}.0/24` : `2001:db8:${origin}:${index.toString(16)}::/64`;
}

function largeTable(origin: 73 | 83): string[] {
  return FAMILIES.flatMap((family) => Array.from({ length: LARGE }, (_, index) => largePrefix(origin, family, index)));
}

/** ASes of a role: of the peer, and of the source towards each. */
export function asesOf(role: Role): { readonly peer: number; readonly sourceToOurs: number; readonly sourceToPeer: number } {
  switch (role) {
    case 'client':
      return { peer: OUR_AS, sourceToOurs: OUR_AS, sourceToPeer: SOURCE_AS };
    case 'reflector':
      return { peer: OUR_AS, sourceToOurs: SOURCE_AS, sourceToPeer: OUR_AS };
    case 'ebgp':
      return { peer: PEER_AS, sourceToOurs: OUR_AS, sourceToPeer: SOURCE_AS };
    default: {
      const never: never = role;
      return never;
    }
  }
}

type Hosts = Cell['hosts'];

const ADD_TAGS = [
  { kind: 'addCommunity', value: TAGS.communities[0] },
  { kind: 'addLargeCommunity', value: TAGS.largeCommunities[0] },
];

function speakerOf(host: Host, localAs: number, rest: object): SpeakerDocument {
  const listen = FAMILIES.map((family) => ({ address: host[family], port: 179 }));
  return { localAs, routerId: host.ipv4, listen, connectRetryTime: 1, ...rest };
}

function ourDocument(hosts: Hosts, role: Role, setup: Setup): SpeakerDocument {
  const { peer, sourceToOurs } = asesOf(role);
  const neighbors = FAMILIES.flatMap((family) => [
    {
      name: `peer-${family}`,
      address: hosts.peer[family],
      localAddress: hosts.ours[family],
      as: peer,
      families: [`${family}-unicast`],
      rrClient: role === 'client',
      exportPolicy: 'tagged',
      ...setup.ours(family),
    },
    {
      name: `source-${family}`,
      address: hosts.source[family],
      localAddress: hosts.ours[family],
      as: sourceToOurs,
      families: [`${family}-unicast`],
      rrClient: sourceToOurs === OUR_AS,
      passive: true,
    },
  ]);
  // With two paths, what the source announces to us is ours as well: the peer gets both.
  const own = FAMILIES.flatMap((family) => [prefixOf(71, family), ...(setup.twoPaths === true ? [prefixOf(72, family)] : [])]);
  const routes = [...own, ...(setup.large === true ? largeTable(73) : [])].map((prefix) => ({ prefix }));
  const policies = [{ name: 'tagged', terms: [{ name: 'tag', then: [...ADD_TAGS, { kind: 'accept' }] }] }];
  return speakerOf(hosts.ours, OUR_AS, { clusterId: hosts.ours.ipv4, neighbors, routes, policies });
}

function sourceDocument(hosts: Hosts, role: Role, setup: Setup): SpeakerDocument {
  const { peer, sourceToOurs, sourceToPeer } = asesOf(role);
  const only = (name: string, prefixes: readonly object[]): object => ({
    name,
    terms: [{ name: 'its own', when: [{ kind: 'prefix', any: prefixes }], then: [{ kind: 'accept' }] }],
    otherwise: 'reject',
  });
  const exactly = (origin: 72 | 82): object[] => FAMILIES.map((family) => ({ prefix: prefixOf(origin, family) }));
  const large = [
    { prefix: '83.0.0.0/8', orLonger: true },
    { prefix: '2001:db8:83::/48', orLonger: true },
  ];
  const policies = [
    only('to-ours', exactly(72)),
    only('to-peer', [
      ...exactly(82),
      ...(setup.twoPaths === true ? FAMILIES.map((family) => ({ prefix: prefixOf(81, family) })) : []),
      ...large,
    ]),
    { name: 'nothing', otherwise: 'reject' },
  ];
  const neighbors = FAMILIES.flatMap((family) => {
    const common = { localAddress: hosts.source[family], families: [`${family}-unicast`], importPolicy: 'nothing' };
    return [
      { ...common, name: `ours-${family}`, address: hosts.ours[family], as: OUR_AS, localAs: sourceToOurs, exportPolicy: 'to-ours' },
      { ...common, name: `peer-${family}`, address: hosts.peer[family], as: peer, localAs: sourceToPeer, exportPolicy: 'to-peer' },
    ];
  });
  const own = FAMILIES.flatMap((family) => [
    prefixOf(72, family),
    prefixOf(82, family),
    ...(setup.twoPaths === true ? [prefixOf(81, family)] : []),
  ]);
  const routes = [...own, ...(setup.large === true ? largeTable(83) : [])].map((prefix) => ({ prefix }));
  return speakerOf(hosts.source, SOURCE_AS, { neighbors, routes, policies });
}

function peerNeighbors(hosts: Hosts, role: Role, setup: Setup): NeighborConfig[] {
  const { sourceToPeer } = asesOf(role);
  return FAMILIES.flatMap((family) => [
    {
      name: `ours${family.at(-1)}`,
      address: hosts.ours[family],
      as: OUR_AS,
      transit: true,
      ...(role === 'reflector' ? { reflectorClient: true } : {}),
      ...setup.peers(family),
    },
    {
      name: `source${family.at(-1)}`,
      address: hosts.source[family],
      as: sourceToPeer,
      transit: true,
      ...(role === 'reflector' ? { reflectorClient: true } : {}),
    },
  ]);
}

/** Makes the hosts and starts everything, `before` between the two; sessions are on their way when it resolves. */
export async function makeCell(
  kind: DaemonKind,
  role: Role,
  setup: Setup,
  name = `matrix ${kind} ${role} ${setup.name}`,
  before: (lab: Lab, hosts: Hosts) => Promise<void> = () => Promise.resolve(),
): Promise<Cell> {
  const lab = await makeLab(name);
  try {
    return await startCell(lab, kind, role, setup, before);
  } catch (error) {
    await lab.close(true);
    throw error;
  }
}

async function startCell(
  lab: Lab,
  kind: DaemonKind,
  role: Role,
  setup: Setup,
  before: (lab: Lab, hosts: Hosts) => Promise<void>,
): Promise<Cell> {
  const hosts = { ours: await lab.lan.host('ours', 1), peer: await lab.lan.host('peer', 2), source: await lab.lan.host('source', 3) };
  const neighbors = peerNeighbors(hosts, role, setup);
  // ExaBGP passes nothing on, so a large table of its own stands for the source's.
  const large = kind === 'exabgp' && setup.large === true ? largeTable(83) : [];
  const peer = lab.daemon(kind, hosts.peer, {
    as: asesOf(role).peer,
    routerId: hosts.peer.ipv4,
    neighbors,
    announce: [...FAMILIES.map((family) => prefixOf(81, family)), ...large],
    tags: TAGS,
    ...(setup.attributes === undefined ? {} : { attributes: setup.attributes }),
  });
  const place = (part: string): string => {
    const directory = join(lab.directory, part);
    mkdirSync(directory, { recursive: true });
    return directory;
  };
  const ours = lab.adopt(makeSpeaker(hosts.ours, place('ours'), ourDocument(hosts, role, setup)));
  const source = lab.adopt(makeSpeaker(hosts.source, place('source'), sourceDocument(hosts, role, setup)));
  await before(lab, hosts);
  await Promise.all([peer.start(), ours.start(), source.start()]);
  const session = (family: Family): Promise<unknown> => ours.peer(`peer-${family}`);
  return {
    kind,
    role,
    lab,
    hosts,
    ours,
    source,
    peer,
    neighbors,
    session,
    up: () =>
      until(`the sessions with ${kind} are up`, SESSION_SECONDS, async () => {
        for (const family of FAMILIES) expect(text(await session(family), 'state')).toBe('established');
        const established = await peer.established();
        for (const family of FAMILIES) expect([...established]).toContain(hosts.ours[family]);
      }),
    atPeer: async (prefix) => {
      const from = new Set(FAMILIES.map((family) => hosts.ours[family]));
      return (await peer.routes()).find((route) => route.prefix === prefix && from.has(route.from));
    },
    atOurs: async (prefix) =>
      (await ours.routes()).find(
        (route) => text(route, 'prefix') === prefix && text(route, 'from').startsWith('peer-') && member(route, 'best') === true,
      ),
  };
}

/** The AS path of one of our routes as numbers. */
export function asPathOf(route: unknown): number[] {
  return text(route, 'asPath')
    .split(' ')
    .filter((word) => word !== '')
    .map(Number);
}

/** The capabilities agreed on a session, as text. */
export function capabilitiesOf(session: unknown): string {
  return list(session, 'capabilities').join('; ');
}

/** A counter of a session, 0 where it has none. */
export function counterOf(session: unknown, name: string): number {
  return number(session, name) ?? 0;
}
