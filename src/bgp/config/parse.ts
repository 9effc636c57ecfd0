/**
 * The JSON configuration of a bare speaker (`linnet speaker CONFIG.json`): a superset of the form that the benchmark writes.
 * Text in, `SpeakerConfig` or every fault with its path out; unknown keys are faults.
 */

import { addressKey, formatAddress, numberFromAddress, parseAddress } from '../net/index.ts';
import type { Policy } from '../policy/types.ts';
import {
  DEFAULT_CONNECT_RETRY_S,
  DEFAULT_HOLD_TIME_S,
  DEFAULT_RESTART_TIME_S,
  MAX_LONG_LIVED_STALE_TIME_S,
  MAX_RESTART_TIME_S,
} from '../session/index.ts';
import type { Endpoint, LocalRoute, MedRules, PeerConfig, PeerTemplate, SpeakerConfig } from '../speaker-types.ts';
import type { Family, Result } from '../wire/types.ts';
import { ACCEPT_ALL, communityOf, REJECT_ALL, readPolicy } from './policies.ts';
import type { PrefixLimitDefaults } from './prefix-limits.ts';
import { readPrefixLimitDefaults, readPrefixLimits } from './prefix-limits.ts';
import { readRange, reportRangeFaults } from './ranges.ts';
import type { ConfigFault, ObjectReader } from './reader.ts';
import { readObject } from './reader.ts';

const MAX_AS = 0xffff_ffff;
const FAMILIES: readonly Family[] = ['ipv4-unicast', 'ipv6-unicast'];
const BGP_PORT = 179;
/** Highest place of a path that a session can be for: as many equal paths as routers install. */
const MAX_DIVERSE_PATH = 64;

/** Parses and checks the whole document. Faults come in document order, all of them. */
export function parseSpeakerConfig(text: string): Result<SpeakerConfig, readonly ConfigFault[]> {
  const faults: ConfigFault[] = [];
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    return { ok: false, error: [{ path: '', got: 'no JSON', rule: jsonRule(text, error) }] };
  }
  const config = readSpeaker(readObject(document, '', faults));
  return faults.length > 0 ? { ok: false, error: faults } : { ok: true, value: config };
}

/** Where the document breaks. The parser's own message quotes it, and it may hold a password. */
function jsonRule(text: string, error: unknown): string {
  const at = /at position (\d+)/.exec(error instanceof Error ? error.message : '')?.[1];
  if (at === undefined) return 'must be JSON';
  const before = text.slice(0, Number(at)).split('\n');
  return `must be JSON; it breaks at line ${before.length}, column ${(before.at(-1) ?? '').length + 1}`;
}

/** One line per fault: path, what was found, the rule. */
export function formatConfigFaults(faults: readonly ConfigFault[]): string {
  return faults.map(({ path, got, rule }) => `${path === '' ? 'document' : path}: ${got}: ${rule}`).join('\n');
}

/** What neighbours take from the top of the document where they say nothing. */
interface Defaults {
  readonly localAs: number;
  readonly clusterId: number | undefined;
  readonly holdTime: number;
  readonly families: readonly Family[];
  readonly gracefulRestart: boolean;
  readonly restartTime: number;
  readonly stalePathTime: number | undefined;
  readonly longLivedStaleTime: number | undefined;
  readonly longLivedPartialDeployment: boolean;
  readonly clientToClientReflection: boolean;
  readonly connectRetryTime: number;
  readonly policies: ReadonlyMap<string, Policy>;
  /** RFC 8212: without a policy an external peer is told nothing and believed nothing. */
  readonly ebgpRequiresPolicy: boolean;
  readonly prefixLimits: PrefixLimitDefaults;
}

function readSpeaker(reader: ObjectReader): SpeakerConfig {
  const localAs = reader.integer('localAs', 1, MAX_AS);
  const routerId = readId(reader, 'routerId');
  if (!reader.has('localAs')) reader.fault('localAs', 'is needed');
  if (!reader.has('routerId')) reader.fault('routerId', 'is needed');
  const defaults: Defaults = {
    localAs: localAs ?? 0,
    clusterId: readId(reader, 'clusterId'),
    holdTime: readHoldTime(reader) ?? DEFAULT_HOLD_TIME_S,
    families: readFamilies(reader) ?? FAMILIES,
    gracefulRestart: reader.flag('gracefulRestart') ?? false,
    restartTime: reader.integer('restartTime', 0, MAX_RESTART_TIME_S) ?? DEFAULT_RESTART_TIME_S,
    stalePathTime: reader.integer('stalePathTime', 1, 65_535),
    longLivedStaleTime: reader.integer('longLivedStaleTime', 1, MAX_LONG_LIVED_STALE_TIME_S),
    longLivedPartialDeployment: reader.flag('longLivedPartialDeployment') ?? false,
    clientToClientReflection: reader.flag('clientToClientReflection') ?? true,
    connectRetryTime: reader.integer('connectRetryTime', 1, 65_535) ?? DEFAULT_CONNECT_RETRY_S,
    policies: readPolicies(reader),
    ebgpRequiresPolicy: reader.flag('ebgpRequiresPolicy') ?? false,
    prefixLimits: readPrefixLimitDefaults(reader),
  };
  const listen = readListen(reader);
  const peers = (reader.objects('neighbors') ?? []).map((each) => readNeighbor(each, defaults));
  const template = (each: ObjectReader, isExternal: (localAs: number) => boolean) => readTemplate(each, defaults, isExternal, false);
  const ranges = reader.objects('ranges')?.map((each) => readRange(each, template));
  const med = readMed(reader);
  const deferralTime = reader.integer('deferralTime', 0, 3600);
  const routes = (reader.objects('routes') ?? []).flatMap((each) => readRoute(each) ?? []);
  reportDuplicates(reader, peers);
  reportRangeFaults(reader, peers, ranges ?? []);
  reader.done();
  return {
    routerId: routerId ?? 0,
    localAs: localAs ?? 0,
    listen,
    peers,
    ...(ranges === undefined ? {} : { ranges }),
    routes,
    ...(med === undefined ? {} : { med }),
    ...(deferralTime === undefined ? {} : { deferralTime }),
  };
}

function readMed(reader: ObjectReader): MedRules | undefined {
  const each = reader.object('med');
  if (each === undefined) return undefined;
  const med: MedRules = {
    missing: each.oneOf('missing', ['zero', 'worst']) ?? 'zero',
    compare: each.oneOf('compare', ['same-as', 'always']) ?? 'same-as',
  };
  each.done();
  return med;
}

function readPolicies(reader: ObjectReader): Map<string, Policy> {
  const policies = new Map<string, Policy>();
  for (const each of reader.objects('policies') ?? []) {
    const name = each.text('name');
    if (!each.has('name')) each.fault('name', 'is needed');
    const policy = readPolicy(each, name ?? '');
    if (policies.has(policy.name)) each.fault('name', 'is taken by another policy');
    policies.set(policy.name, policy);
  }
  return policies;
}

/** One endpoint or a list of them; none: the speaker only dials. */
function readListen(reader: ObjectReader): Endpoint[] {
  const single = reader.value('listen', 'must be {address, port} or a list of them', (value) => (Array.isArray(value) ? [] : [value]));
  const found = single?.length === 1 ? [reader.object('listen')] : (reader.objects('listen') ?? []);
  return found.flatMap((each) => {
    const address = each?.address('address');
    const port = each?.integer('port', 1, 65_535) ?? BGP_PORT;
    if (each?.has('address') === false) each.fault('address', 'is needed');
    each?.done();
    return address === undefined ? [] : [{ address, port }];
  });
}

function readId(reader: ObjectReader, key: string): number | undefined {
  return reader.value(key, 'must be an IPv4 address but 0.0.0.0', (value) => {
    const address = typeof value === 'string' ? parseAddress(value) : undefined;
    const number = address === undefined ? undefined : numberFromAddress(address);
    return number === 0 ? undefined : number;
  });
}

function readHoldTime(reader: ObjectReader): number | undefined {
  // RFC 4271 section 4.2: one and two seconds are not allowed.
  return reader.value('holdTime', 'must be 0 or from 3 to 65535 seconds', (value) =>
    typeof value === 'number' && Number.isInteger(value) && (value === 0 || (value >= 3 && value <= 65_535)) ? value : undefined,
  );
}

function readFamilies(reader: ObjectReader): Family[] | undefined {
  const families = reader.list('families', `must be one of ${FAMILIES.join(', ')}`, (item) => FAMILIES.find((family) => family === item));
  if (families?.length === 0) reader.fault('families', 'must name at least one family');
  return families === undefined ? undefined : [...new Set(families)];
}

function readNeighbor(reader: ObjectReader, defaults: Defaults): PeerConfig {
  const address = reader.address('address');
  const remoteAs = reader.integer('as', 1, MAX_AS);
  if (!reader.has('address')) reader.fault('address', 'is needed');
  if (!reader.has('as')) reader.fault('as', 'is needed');
  const remote = {
    address: address ?? { family: 'ipv4' as const, words: [0, 0, 0, 0] as const },
    port: reader.integer('port', 1, 65_535) ?? BGP_PORT,
  };
  const template = readTemplate(reader, defaults, (localAs) => remoteAs !== localAs, true);
  const { local } = template;
  if (local !== undefined && address !== undefined && local.family !== address.family)
    reader.fault('localAddress', 'must be of the family of address');
  const config = {
    ...template,
    id: reader.text('name') ?? defaultName(remote, local),
    remote,
    remoteAs: remoteAs ?? 0,
    passive: reader.flag('passive') ?? false,
  };
  reader.done();
  return config;
}

/** Everything of a neighbour, or of the peers of a range, but who it is. */
function readTemplate(reader: ObjectReader, defaults: Defaults, isExternal: (localAs: number) => boolean, named: boolean): PeerTemplate {
  const local = reader.address('localAddress');
  const localAs = reader.integer('localAs', 1, MAX_AS) ?? defaults.localAs;
  const external = isExternal(localAs);
  const routing = readRouting(reader, defaults, defaults.ebgpRequiresPolicy && external ? REJECT_ALL : ACCEPT_ALL);
  const kind = external ? 'external' : routing.reflectorClient ? 'client' : 'internal';
  return {
    ...readSession(reader, defaults),
    ...routing,
    ...readPrefixLimits(reader, defaults.prefixLimits, kind, named),
    ...readSocket(reader),
    ...(local === undefined ? {} : { local }),
    localAs,
    reasons: [{ object: reader.path, rule: 'configuration file' }],
  };
}

function defaultName(remote: Endpoint, local: Endpoint['address'] | undefined): string {
  const port = remote.port === BGP_PORT ? '' : ` port ${remote.port}`;
  return `${formatAddress(remote.address)}${port}${local === undefined ? '' : ` from ${formatAddress(local)}`}`;
}

type SessionFields = Pick<
  PeerConfig,
  | 'families'
  | 'holdTime'
  | 'keepaliveTime'
  | 'sendHoldTime'
  | 'connectRetryTime'
  | 'connectDelay'
  | 'delayOpenTime'
  | 'addPath'
  | 'addPathLimit'
  | 'extendedNextHop'
  | 'diversePath'
  | 'gracefulRestart'
  | 'longLivedPartialDeployment'
>;

function readSession(reader: ObjectReader, defaults: Defaults): SessionFields {
  const keepaliveTime = reader.integer('keepaliveTime', 1, 21_845);
  const sendHoldTime = reader.integer('sendHoldTime', 0, 65_535);
  const delayOpenTime = reader.integer('delayOpenTime', 0, 240);
  const addPathLimit = reader.integer('addPathLimit', 1, 65_535);
  const addPath = reader.oneOf('addPath', ['off', 'receive', 'send', 'both']) ?? 'off';
  const diversePath = reader.integer('diversePath', 1, MAX_DIVERSE_PATH);
  if (diversePath !== undefined && (addPath === 'send' || addPath === 'both'))
    reader.fault('diversePath', 'is for a session that sends no paths by addPath (RFC 6774, RFC 7911)');
  const gracefulRestart = readGracefulRestart(reader, defaults);
  return {
    families: readFamilies(reader) ?? defaults.families,
    holdTime: readHoldTime(reader) ?? defaults.holdTime,
    ...(keepaliveTime === undefined ? {} : { keepaliveTime }),
    ...(sendHoldTime === undefined ? {} : { sendHoldTime }),
    connectRetryTime: reader.integer('connectRetryTime', 1, 65_535) ?? defaults.connectRetryTime,
    connectDelay: reader.integer('connectDelay', 0, 65_535) ?? 0,
    ...(delayOpenTime === undefined ? {} : { delayOpenTime }),
    addPath,
    ...(diversePath === undefined ? {} : { diversePath }),
    longLivedPartialDeployment: reader.flag('longLivedPartialDeployment') ?? defaults.longLivedPartialDeployment,
    extendedNextHop: reader.flag('extendedNextHop') ?? false,
    ...(addPathLimit === undefined ? {} : { addPathLimit }),
    ...(gracefulRestart === undefined ? {} : { gracefulRestart }),
  };
}

function readGracefulRestart(reader: ObjectReader, defaults: Defaults): PeerConfig['gracefulRestart'] {
  const graceful = reader.flag('gracefulRestart') ?? defaults.gracefulRestart;
  const restartTime = reader.integer('restartTime', 0, MAX_RESTART_TIME_S) ?? defaults.restartTime;
  const stalePathTime = reader.integer('stalePathTime', 1, 65_535) ?? defaults.stalePathTime;
  const longLivedStaleTime = reader.integer('longLivedStaleTime', 1, MAX_LONG_LIVED_STALE_TIME_S) ?? defaults.longLivedStaleTime;
  if (longLivedStaleTime !== undefined && !graceful) reader.fault('longLivedStaleTime', 'needs gracefulRestart (RFC 9494 section 4.2)');
  if (!graceful) return undefined;
  return {
    restartTime,
    ...(stalePathTime === undefined ? {} : { stalePathTime }),
    ...(longLivedStaleTime === undefined ? {} : { longLivedStaleTime }),
  };
}

/** Longest TCP MD5 key, octets, as the kernel has it. */
const MD5_KEY_MAX = 80;

/** Longest interface name, octets (IFNAMSIZ without its end). */
const INTERFACE_NAME_MAX = 15;

function readSocket(reader: ObjectReader): Pick<PeerConfig, 'md5Key' | 'ttlSecurity' | 'typeOfService' | 'userTimeout' | 'device'> {
  const md5Key = reader.secret('md5', 1, MD5_KEY_MAX);
  const ttlSecurity = reader.integer('ttlSecurity', 1, 255);
  const typeOfService = reader.integer('typeOfService', 0, 255);
  const userTimeout = reader.integer('userTimeout', 1, 0x7fff_ffff);
  const device = reader.value('device', `must be the name of an interface, at most ${INTERFACE_NAME_MAX} octets`, interfaceName);
  return {
    ...(md5Key === undefined ? {} : { md5Key }),
    ...(ttlSecurity === undefined ? {} : { ttlSecurity }),
    ...(typeOfService === undefined ? {} : { typeOfService }),
    ...(userTimeout === undefined ? {} : { userTimeout }),
    ...(device === undefined ? {} : { device }),
  };
}

function interfaceName(value: unknown): string | undefined {
  return typeof value === 'string' && /^[^/\s]+$/.test(value) && new TextEncoder().encode(value).length <= INTERFACE_NAME_MAX
    ? value
    : undefined;
}

type RoutingFields = Pick<
  PeerConfig,
  | 'reflectorClient'
  | 'clusterId'
  | 'clientToClientReflection'
  | 'nextHop'
  | 'nextHopSelf'
  | 'importPolicy'
  | 'exportPolicy'
  | 'allowLocalAs'
  | 'enforceFirstAs'
  | 'gracefulShutdown'
  | 'honourGracefulShutdown'
>;

function readRouting(reader: ObjectReader, defaults: Defaults, otherwise: Policy): RoutingFields {
  const clusterId = readId(reader, 'clusterId') ?? defaults.clusterId;
  const nextHopSelf = readNextHopSelf(reader);
  return {
    reflectorClient: reader.flag('rrClient') ?? false,
    ...(clusterId === undefined ? {} : { clusterId }),
    clientToClientReflection: reader.flag('clientToClientReflection') ?? defaults.clientToClientReflection,
    nextHop: reader.oneOf('nextHop', ['auto', 'self', 'keep']) ?? 'auto',
    ...(nextHopSelf === undefined ? {} : { nextHopSelf }),
    importPolicy: policyOf(reader, 'importPolicy', defaults, otherwise),
    exportPolicy: policyOf(reader, 'exportPolicy', defaults, otherwise),
    allowLocalAs: reader.integer('allowLocalAs', 0, 255) ?? 0,
    enforceFirstAs: reader.flag('enforceFirstAs') ?? true,
    gracefulShutdown: reader.flag('gracefulShutdown') ?? false,
    honourGracefulShutdown: reader.flag('honourGracefulShutdown') ?? true,
  };
}

function readNextHopSelf(reader: ObjectReader): PeerConfig['nextHopSelf'] {
  const each = reader.object('nextHopSelf');
  if (each === undefined) return undefined;
  const ipv4 = each.address('ipv4');
  const ipv6 = each.address('ipv6');
  each.done();
  if (ipv4?.family === 'ipv6') each.fault('ipv4', 'must be an IPv4 address');
  if (ipv6?.family === 'ipv4') each.fault('ipv6', 'must be an IPv6 address');
  return { ...(ipv4 === undefined ? {} : { ipv4 }), ...(ipv6 === undefined ? {} : { ipv6 }) };
}

/** The name of one of `policies`, or a policy written in place; `otherwise` where there is neither. */
function policyOf(reader: ObjectReader, key: string, defaults: Defaults, otherwise: Policy): Policy {
  const named = reader.value(key, 'must be the name of one of policies, or a policy', (value) => {
    if (typeof value === 'string') return defaults.policies.get(value);
    return typeof value === 'object' && value !== null ? 'inline' : undefined;
  });
  if (named !== 'inline') return named ?? otherwise;
  const inline = reader.object(key);
  return inline === undefined ? otherwise : readPolicy(inline, inline.text('name') ?? `${reader.path} ${key}`);
}

function readRoute(reader: ObjectReader): LocalRoute | undefined {
  const prefix = reader.prefix('prefix');
  if (!reader.has('prefix')) reader.fault('prefix', 'is needed');
  const nextHop = reader.address('nextHop');
  const name = reader.text('interface');
  const metric = reader.integer('metric', 0, MAX_AS);
  const communities = reader.list('communities', 'must be a community such as "65000:100"', communityOf);
  const protocol = reader.oneOf('protocol', ['static', 'kernel', 'device']) ?? 'static';
  reader.done();
  if (prefix === undefined) return undefined;
  return {
    prefix,
    protocol,
    ...(nextHop === undefined ? {} : { nextHop }),
    ...(name === undefined ? {} : { interface: name }),
    ...(metric === undefined ? {} : { metric }),
    ...(communities === undefined ? {} : { communities }),
    reasons: [{ object: reader.path, rule: 'configuration file' }],
  };
}

function reportDuplicates(reader: ObjectReader, peers: readonly PeerConfig[]): void {
  const names = new Set<string>();
  const addresses = new Set<string>();
  for (const [index, { id, remote, local }] of peers.entries()) {
    const key = `${addressKey(remote.address)}|${remote.port}|${local === undefined ? '' : addressKey(local)}`;
    if (names.has(id)) reader.fault(`neighbors[${index}]`, `has the name ${id} of another neighbor`);
    else if (addresses.has(key)) reader.fault(`neighbors[${index}]`, 'has the addresses and port of another neighbor');
    names.add(id);
    addresses.add(key);
  }
}
