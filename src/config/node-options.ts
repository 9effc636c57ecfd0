/** The rows of the node's lifecycle, in the table of options.ts: address detection, what is written to the cluster, the way out (control-plane 8.3-8.5). */
import type { OptionTable } from './options.ts';
import type { DetectionMethod, WrittenThing } from './types.ts';
import type { Parsed } from './values.ts';
import { parseBoolean, parseCidr, parseInteger, parseText } from './values.ts';

/** Keys of these rows. */
export type NodeKey =
  | 'ipv4Detection'
  | 'ipv6Detection'
  | 'autodetectInterval'
  | 'disableNodeIpCheck'
  | 'write'
  | 'shutdownFile'
  | 'drainOnCordon'
  | 'drainWait';

const FIRST_FOUND: DetectionMethod = { kind: 'first-found' };

const METHODS = 'not first-found, can-reach=HOST, interface=REGEX,..., skip-interface=REGEX,..., cidr=CIDR,... or kubernetes-internal-ip';

const bad = (rule: string): { readonly ok: false; readonly rule: string } => ({ ok: false, rule });

/** One of the methods of control-plane 8.4; lists have commas between. */
export function parseDetection(text: string): Parsed<DetectionMethod> {
  if (text === 'first-found' || text === 'kubernetes-internal-ip') return { ok: true, value: { kind: text } };
  const at = text.indexOf('=');
  const [kind, rest] = [text.slice(0, Math.max(0, at)), text.slice(at + 1).trim()];
  const parts = rest
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  if (parts.length === 0) return bad(METHODS);
  switch (kind) {
    case 'can-reach':
      return /^[A-Za-z0-9.:_-]+$/.test(rest) ? { ok: true, value: { kind, host: rest } } : bad('naming no host after can-reach=');
    case 'interface':
    case 'skip-interface':
      return parsePatterns(kind, parts);
    case 'cidr':
      return parseCidrs(parts);
    default:
      return bad(METHODS);
  }
}

function parsePatterns(kind: 'interface' | 'skip-interface', patterns: readonly string[]): Parsed<DetectionMethod> {
  const broken = patterns.find((pattern) => !isPattern(pattern));
  return broken === undefined
    ? { ok: true, value: { kind, patterns } }
    : bad(`not a list of regular expressions at ${JSON.stringify(broken)}`);
}

function isPattern(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}

function parseCidrs(texts: readonly string[]): Parsed<DetectionMethod> {
  const cidrs = texts.map((text) => parseCidr(text));
  const broken = cidrs.findIndex(({ ok }) => !ok);
  if (broken >= 0) return bad(`not a list of CIDRs with the host bits 0 at ${JSON.stringify(texts[broken])}`);
  return { ok: true, value: { kind: 'cidr', cidrs: cidrs.flatMap((parsed) => (parsed.ok ? [parsed.value] : [])) } };
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600 };

/** Whole seconds, bare or as Calico writes durations: `90`, `90s`, `2m`, `1h`. */
export function parseSeconds(low: number, high: number): (text: string) => Parsed<number> {
  return (text) => {
    const parts = /^(\d{1,9})(s|m|h|)$/.exec(text);
    const value = Number(parts?.[1] ?? Number.NaN) * (UNIT_SECONDS[parts?.[2] ?? ''] ?? Number.NaN);
    return value >= low && value <= high ? { ok: true, value } : bad(`not ${low}-${high} seconds, such as 90s or 2m`);
  };
}

/** What can be written, in the order it is shown. */
const WRITTEN_THINGS: readonly WrittenThing[] = ['address', 'condition', 'status', 'events'];

/** Words of WRITTEN_THINGS with commas between, or `none`. */
function parseWritten(text: string): Parsed<readonly WrittenThing[]> {
  if (text === 'none') return { ok: true, value: [] };
  const words = text.split(',').map((word) => word.trim());
  const unknown = words.find((word) => !WRITTEN_THINGS.some((thing) => thing === word));
  if (unknown !== undefined) return bad(`not a list of ${WRITTEN_THINGS.join(', ')}, or none, at ${JSON.stringify(unknown)}`);
  return { ok: true, value: WRITTEN_THINGS.filter((thing) => words.includes(thing)) };
}

const DETECTION_HELP =
  'when it is autodetect: first-found, can-reach=HOST, interface=REGEX,..., skip-interface=REGEX,..., cidr=CIDR,... or kubernetes-internal-ip';

/** Rows of detection, of what is written to the API server, and of the way out. */
export const NODE_OPTIONS: Pick<OptionTable, NodeKey> = {
  ipv4Detection: {
    flag: 'ip-autodetection-method',
    placeholder: 'METHOD',
    help: `how the IPv4 address is found ${DETECTION_HELP}`,
    environment: ['LINNET_IP_AUTODETECTION_METHOD', 'IP_AUTODETECTION_METHOD'],
    parse: parseDetection,
    fallback: () => FIRST_FOUND,
  },
  ipv6Detection: {
    flag: 'ip6-autodetection-method',
    placeholder: 'METHOD',
    help: `how the IPv6 address is found ${DETECTION_HELP}`,
    environment: ['LINNET_IP6_AUTODETECTION_METHOD', 'IP6_AUTODETECTION_METHOD'],
    parse: parseDetection,
    fallback: () => FIRST_FOUND,
  },
  autodetectInterval: {
    flag: 'autodetect-poll-interval',
    placeholder: 'SECONDS',
    help: 'between two looks for the addresses, 1-86400 (also 90s, 2m, 1h)',
    environment: ['LINNET_AUTODETECT_POLL_INTERVAL', 'AUTODETECT_POLL_INTERVAL'],
    parse: parseSeconds(1, 86_400),
    fallback: () => 60,
  },
  disableNodeIpCheck: {
    flag: 'disable-node-ip-check',
    placeholder: 'BOOL',
    help: 'use a detected address although another node has it',
    environment: ['LINNET_DISABLE_NODE_IP_CHECK', 'DISABLE_NODE_IP_CHECK'],
    parse: parseBoolean,
    fallback: () => false,
  },
  write: {
    flag: 'write',
    placeholder: 'WHAT,...',
    help: 'what is written to the API server: address (detected ones, on the Node), condition (NetworkUnavailable), status (CalicoNodeStatus), events, or none',
    environment: ['LINNET_WRITE'],
    parse: parseWritten,
    fallback: () => ['status', 'events'],
  },
  shutdownFile: {
    flag: 'shutdown-file',
    placeholder: 'FILE',
    help: 'when the node began to shut down, removed once it is ready again; default shutdownTS in the state directory',
    environment: ['LINNET_SHUTDOWN_FILE', 'CALICO_SHUTDOWN_TIMESTAMP_FILE'],
    parse: parseText,
    fallback: () => undefined,
  },
  drainOnCordon: {
    flag: 'drain-on-cordon',
    placeholder: 'BOOL',
    help: 'peers are told to prefer other paths (RFC 8326) while the Node is cordoned; not with --compat calico',
    environment: ['LINNET_DRAIN_ON_CORDON'],
    parse: parseBoolean,
    fallback: () => true,
  },
  drainWait: {
    flag: 'drain-wait',
    placeholder: 'SECONDS',
    help: 'with --shutdown drain: between telling the peers and leaving, 0-600',
    environment: ['LINNET_DRAIN_WAIT'],
    parse: parseInteger(0, 600),
    fallback: () => 10,
  },
};
