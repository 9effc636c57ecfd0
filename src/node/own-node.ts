/**
 * The own Node with its addresses as they are found on this machine: a Source around another one that puts them into the own
 * Node as it passes, and tells it again when they change (control-plane 8.4). What cannot be found keeps what is known:
 * what was found before, what the Node says, what Kubernetes says of it, in this order.
 */
import type { Address, IpFamily } from 'bgp-ts/net';
import { formatAddress } from 'bgp-ts/net';
import type { Clock } from '../confd/clock.ts';
import type { Log } from '../confd/log.ts';
import { objectKey } from '../confd/resources/issue.ts';
import type { Issue, NodeResource, ObjectRef, Resource } from '../confd/resources/types.ts';
import { createMailbox } from '../confd/source/mailbox.ts';
import type { Change, Source } from '../confd/source/types.ts';
import type { DetectionMethod } from '../config/types.ts';
import type { Detected, HostAddress, HostNetwork } from './detect.ts';
import { detect } from './detect.ts';

/** Which families are detected, and how. */
export interface OwnNodeOptions {
  readonly node: string;
  /** The families with `autodetect`. */
  readonly methods: { readonly [family in IpFamily]?: DetectionMethod };
  /** Between two looks, ms. */
  readonly intervalMs: number;
  /** An address that another node has is not used. */
  readonly checkConflicts: boolean;
  readonly network: HostNetwork;
  readonly clock: Clock;
  readonly log: Log;
  /** Called with an address in use that the Node does not say, at every look, for whoever writes it there. */
  readonly unsaid: (family: IpFamily, address: HostAddress) => void;
}

const FAMILIES = ['ipv4', 'ipv6'] as const;
const SCOPE = 'detected addresses';

type Item = { readonly kind: 'change'; readonly change: Change } | { readonly kind: 'look' };

/** What is known of the node's surroundings. */
interface Known extends OwnNodeOptions {
  /** The own Node in each of its forms, as it came. */
  readonly own: Map<string, NodeResource>;
  /** Names of the other nodes by address, and the other way round. */
  readonly holders: Map<string, string>;
  readonly addressesOf: Map<string, readonly string[]>;
  readonly used: Map<IpFamily, HostAddress>;
  issues: readonly Issue[];
  last: Pick<Change, 'inSync' | 'usable'> | undefined;
}

/** The source with the own Node's addresses in it; the same source where no family is detected. */
export function withDetectedAddresses(source: Source, options: OwnNodeOptions): Source {
  if (options.methods.ipv4 === undefined && options.methods.ipv6 === undefined) return source;
  return { watch: (signal) => follow(source, options, signal) };
}

async function* follow(source: Source, options: OwnNodeOptions, outer: AbortSignal): AsyncGenerator<Change> {
  const ending = new AbortController();
  const signal = AbortSignal.any([outer, ending.signal]);
  const mailbox = createMailbox<Item>(signal);
  const known: Known = {
    ...options,
    own: new Map(),
    holders: new Map(),
    addressesOf: new Map(),
    used: new Map(),
    issues: [],
    last: undefined,
  };
  const tasks = [pump(source, mailbox, signal), tick(options, mailbox, signal)];
  try {
    for (let item = await mailbox.next(); item !== undefined && !signal.aborted; item = await mailbox.next()) {
      const change = item.kind === 'look' ? await lookAgain(known) : await passOn(known, item.change);
      if (change !== undefined) yield change;
    }
  } finally {
    ending.abort();
    await Promise.all(tasks);
  }
}

async function pump(source: Source, mailbox: { put(item: Item): void }, signal: AbortSignal): Promise<void> {
  for await (const change of source.watch(signal)) mailbox.put({ kind: 'change', change });
}

async function tick({ clock, intervalMs }: OwnNodeOptions, mailbox: { put(item: Item): void }, signal: AbortSignal): Promise<void> {
  for (;;) {
    await clock.wait(intervalMs, signal);
    if (signal.aborted) return;
    mailbox.put({ kind: 'look' });
  }
}

/** A change of the source; one that touches the own Node is told with the addresses of this machine. */
async function passOn(known: Known, change: Change): Promise<Change> {
  known.last = { inSync: change.inSync, ...(change.usable === undefined ? {} : { usable: change.usable }) };
  for (const ref of change.remove) note(known, ref, undefined);
  const own: NodeResource[] = [];
  for (const resource of change.upsert) {
    if (resource.kind !== 'Node') continue;
    note(known, resource.ref, resource);
    if (resource.ref.name === known.node) own.push(resource);
  }
  if (own.length === 0) return change;
  await look(known);
  return {
    ...change,
    upsert: change.upsert.map((resource) => (isOwn(known, resource) ? overlaid(known, resource) : resource)),
    issues: [...change.issues, { scope: SCOPE, issues: known.issues }],
  };
}

function isOwn(known: Known, resource: Resource): resource is NodeResource {
  return resource.kind === 'Node' && resource.ref.name === known.node;
}

/** The own Node again where something was found to be different. */
async function lookAgain(known: Known): Promise<Change | undefined> {
  if (known.last === undefined || known.own.size === 0) return undefined;
  const before = [usedTexts(known), JSON.stringify(known.issues)].join(' ');
  await look(known);
  if (before === [usedTexts(known), JSON.stringify(known.issues)].join(' ')) return undefined;
  const upsert = [...known.own.values()].map((node) => overlaid(known, node));
  return { upsert, remove: [], issues: [{ scope: SCOPE, issues: known.issues }], ...known.last };
}

function usedTexts({ used }: Known): string {
  return FAMILIES.map((family) => textOf(used.get(family))).join(' ');
}

function textOf(entry: HostAddress | undefined): string {
  return entry === undefined ? '-' : `${formatAddress(entry.address)}/${entry.network.length}`;
}

function note(known: Known, ref: ObjectRef, resource: NodeResource | undefined): void {
  if (ref.kind !== 'Node') return;
  const key = objectKey(ref);
  if (ref.name === known.node) {
    if (resource === undefined) known.own.delete(key);
    else known.own.set(key, resource);
    return;
  }
  for (const text of known.addressesOf.get(key) ?? []) if (known.holders.get(text) === ref.name) known.holders.delete(text);
  const texts = FAMILIES.flatMap((family) => {
    const found = resource?.bgp[family];
    return found === undefined ? [] : [formatAddress(found.address)];
  });
  if (texts.length === 0) known.addressesOf.delete(key);
  else known.addressesOf.set(key, texts);
  for (const text of texts) known.holders.set(text, ref.name);
}

/** Looks at both families. What is found and free is used; else what was used before stays. */
async function look(known: Known): Promise<void> {
  const issues: Issue[] = [];
  for (const family of FAMILIES) {
    const method = known.methods[family];
    if (method === undefined) continue;
    const detected = await tryDetect(known, method, family);
    const problem = detected.ok ? conflict(known, family, detected.found) : notFound(known, family, method, detected.because);
    if (detected.ok && problem === undefined) use(known, family, detected.found, detected.where);
    else if (!known.used.has(family)) fallBack(known, family);
    if (problem !== undefined) issues.push(problem);
  }
  known.issues = issues;
  tellUnsaid(known);
}

async function tryDetect(known: Known, method: DetectionMethod, family: IpFamily): Promise<Detected> {
  const internal = [...known.own.values()].flatMap(({ internalIPs }) => internalIPs);
  try {
    return await detect(method, family, { network: known.network, internal });
  } catch (error) {
    return { ok: false, because: error instanceof Error ? error.message : String(error) };
  }
}

function use(known: Known, family: IpFamily, found: HostAddress, where: string): void {
  if (textOf(known.used.get(family)) === textOf(found)) return;
  known.used.set(family, found);
  known.log.info({ family, address: textOf(found), from: where }, 'node address');
}

function tellUnsaid(known: Known): void {
  for (const [family, address] of known.used) {
    const said = [...known.own.values()].some(({ bgp }) => textOf(bgp[family]) === textOf(address));
    if (!said) known.unsaid(family, address);
  }
}

/** What Kubernetes knows of the node, where nothing else is known (control-plane 8.4). */
function fallBack(known: Known, family: IpFamily): void {
  const nodes = [...known.own.values()];
  if (nodes.some(({ bgp }) => bgp[family] !== undefined)) return;
  const address = nodes.flatMap(({ internalIPs }) => internalIPs).find((one: Address) => one.family === family);
  if (address === undefined || known.holders.has(formatAddress(address))) return;
  const length = family === 'ipv4' ? 32 : 128;
  use(known, family, { address, network: { ...address, length } }, 'the Kubernetes Node');
}

/** The Node with what is used in place of what it says. */
function overlaid({ used }: Known, node: NodeResource): NodeResource {
  const bgp = { ...node.bgp };
  for (const [family, { address, network }] of used) bgp[family] = { address, network };
  return { ...node, bgp };
}

function conflict(known: Known, family: IpFamily, found: HostAddress): Issue | undefined {
  const holder = known.holders.get(formatAddress(found.address));
  if (holder === undefined || !known.checkConflicts) return undefined;
  const rule = `was found on this machine, but is the address of Node/${holder}: it is not used (DISABLE_NODE_IP_CHECK=true uses it)`;
  return issue(known, family, 'NODE_ADDRESS_TAKEN', JSON.stringify(textOf(found)), rule, 'error');
}

function notFound(known: Known, family: IpFamily, method: DetectionMethod, because: string): Issue {
  const rule = `finds nothing: ${because}; what was known before stays`;
  return issue(known, family, 'NODE_ADDRESS_NOT_FOUND', JSON.stringify(method.kind), rule, 'warning');
}

function issue(known: Known, family: IpFamily, code: string, got: string, rule: string, severity: Issue['severity']): Issue {
  const [node] = known.own.values();
  const object = node?.ref ?? { apiVersion: 'v1', kind: 'Node', namespace: '', name: known.node };
  return { code, severity, object, field: `spec.bgp.${family}Address`, got, rule, source: node?.source ?? null, transient: true };
}
