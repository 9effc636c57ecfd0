/**
 * Import and export policies of BGP peers as ordered terms (control-plane 5.1-5.3, 3.4, 6). What a term says depends on family,
 * peer type and the peer's filters only, so thousands of mesh peers share one policy.
 */
import { formatPrefix, type IpFamily, type Prefix, UNROUTABLE } from 'bgp-ts/net';
import type { Action, Condition, Policy, PrefixMatch, Reason, Term } from 'bgp-ts/policy';
import { evaluateCidrs } from '../../routes/services.ts';
import type { IPPoolResource } from '../resources/types.ts';
import { addCommunity, MAX_LOCAL_PREF, rulesFor } from './filters.ts';
import { objectName } from './issues.ts';
import type { PolicySettings } from './settings.ts';
import type { DesiredFilter } from './types.ts';

/** BIRD's preference of routes whose priority was raised on purpose (control-plane 5.2). */
const RAISED_PREFERENCE = 200;

/** A block that goes out whole, and the resource it comes from. */
export interface Aggregate {
  readonly prefix: Prefix;
  readonly object: string;
}

/** Everything policies are built from. `pools` have unique CIDRs; all lists are sorted. */
export interface PolicyInputs {
  readonly settings: PolicySettings;
  readonly pools: readonly IPPoolResource[];
  readonly blocks: readonly Aggregate[];
  readonly filters: ReadonlyMap<string, DesiredFilter>;
}

/** What one policy is for. `filters`: names that exist, in order. */
export interface PolicyUse {
  readonly direction: 'import' | 'export';
  /** Families that the session carries. */
  readonly families: readonly [IpFamily, ...IpFamily[]];
  readonly internal: boolean;
  readonly filters: readonly string[];
}

/** Export to a peer: the eleven steps of control-plane 5.1 in their order, per family. */
export function buildExportPolicy(inputs: PolicyInputs, use: PolicyUse): Policy {
  return { name: policyName(use), terms: perFamily(use, (family) => exportTerms(inputs, use, family)), otherwise: 'reject' };
}

/** Import from a peer: its filters, then preference for raised priority; everything else is accepted (control-plane 5.2). */
export function buildImportPolicy(inputs: PolicyInputs, use: PolicyUse): Policy {
  return { name: policyName(use), terms: perFamily(use, (family) => importTerms(inputs, use, family)), otherwise: 'accept' };
}

function exportTerms(inputs: PolicyInputs, use: PolicyUse, family: IpFamily): Term[] {
  const { settings } = inputs;
  return [
    term(
      'priority',
      [],
      [{ kind: 'setLocalPrefFromMetric', defaultMetric: settings.priority[family] }],
      [reason(settings.configObject, 'control-plane 5.1 (1)')],
    ),
    ...filteredTerms(inputs, use, family),
    ...poolTerms(inputs, family, 'reject'),
    ...interfaceTerms(settings, use.internal),
    ...communityTerms(settings, family),
    ...aggregationTerms(inputs, family),
    ...serviceTerms(settings, family),
    ...reflectorTerms(settings, family),
    ...poolTerms(inputs, family, 'accept'),
  ];
}

function importTerms(inputs: PolicyInputs, use: PolicyUse, family: IpFamily): Term[] {
  const ordinary = MAX_LOCAL_PREF - inputs.settings.priority[family];
  const raised = term(
    'raised priority',
    [{ kind: 'localPref', op: 'gt', value: ordinary }],
    [{ kind: 'setPreference', value: RAISED_PREFERENCE }],
    [reason(inputs.settings.configObject, 'control-plane 5.2')],
  );
  return [...filterTerms(inputs, use, family), raised];
}

/** Where a session carries both families, each family's terms see its own routes only and say so in their names. */
function perFamily(use: PolicyUse, terms: (family: IpFamily) => readonly Term[]): readonly Term[] {
  if (use.families.length === 1) return terms(use.families[0]);
  return use.families.flatMap((family) =>
    terms(family).map((entry) => {
      const bound = entry.when.some((condition) => condition.kind === 'prefix' && condition.not !== true);
      const guard: Condition = { kind: 'prefix', any: [{ prefix: wholeFamily(family), match: { kind: 'orLonger' } }] };
      const name = entry.name.startsWith('BGPFilter/') ? entry.name : `${family} ${entry.name}`;
      return { ...entry, name, when: bound ? entry.when : [guard, ...entry.when] };
    }),
  );
}

function wholeFamily(family: IpFamily): Prefix {
  return { family, words: [0, 0, 0, 0], length: 0 };
}

/** Names the uses that share a policy. */
export function policyName(use: PolicyUse): string {
  const filters = use.filters.length === 0 ? '' : ` [${use.filters.join(',')}]`;
  // Only filters make an import policy depend on the type of the peer.
  const type = use.direction === 'import' && use.filters.length === 0 ? '' : ` ${use.internal ? 'internal' : 'external'}`;
  return `${use.direction} ${use.families.join('+')}${type}${filters}`;
}

function term(name: string, when: readonly Condition[], then: readonly Action[], reasons: readonly Reason[]): Term {
  return { name, when, then, reasons };
}

function reason(object: string, rule: string): Reason {
  return { object, rule };
}

const ACCEPT: readonly Action[] = [{ kind: 'accept' }];
const REJECT: readonly Action[] = [{ kind: 'reject' }];

function orLonger(prefixes: readonly Prefix[]): Condition {
  return { kind: 'prefix', any: prefixes.map((prefix): PrefixMatch => ({ prefix, match: { kind: 'orLonger' } })) };
}

/** Step 2: rules whose guard fits the peer. A filter named twice keeps its terms once; its second run decides nothing new. */
function filterTerms(inputs: PolicyInputs, use: PolicyUse, family: IpFamily): Term[] {
  const peerType = use.internal ? 'iBGP' : 'eBGP';
  return [...new Set(use.filters)].flatMap((name) => {
    const filter = inputs.filters.get(name);
    if (filter === undefined) return [];
    return rulesFor(filter, use.direction, family)
      .filter((rule) => rule.peerType === undefined || rule.peerType === peerType)
      .map((rule) => rule.term);
  });
}

/** Step 2 of an export: only a filter could let out what no node may be told of, so that only then it is asked for. */
function filteredTerms(inputs: PolicyInputs, use: PolicyUse, family: IpFamily): Term[] {
  const terms = filterTerms(inputs, use, family);
  if (terms.length === 0) return terms;
  const any = UNROUTABLE[family].map(({ prefix, inside }): PrefixMatch => ({ prefix, match: { kind: inside ? 'orLonger' : 'exact' } }));
  return [term('not unicast', [{ kind: 'prefix', any }], REJECT, [reason('linnet', 'bird-behaviour, import')]), ...terms];
}

/** Steps 3 and 10. */
function poolTerms(inputs: PolicyInputs, family: IpFamily, verdict: 'accept' | 'reject'): Term[] {
  const reject = verdict === 'reject';
  return inputs.pools
    .filter((pool) => pool.cidr.family === family && pool.disableBGPExport === reject)
    .map((pool) =>
      term(`${verdict} ${objectName(pool.ref)} ${formatPrefix(pool.cidr)}`, [orLonger([pool.cidr])], reject ? REJECT : ACCEPT, [
        reason(objectName(pool.ref), reject ? 'control-plane 5.1 (3)' : 'control-plane 5.1 (10)'),
      ]),
    );
}

/** Steps 4 and 5: routes over the cluster's own devices. */
function interfaceTerms(settings: PolicySettings, internal: boolean): Term[] {
  const devices = ['*.cali', '*.calico', ...(settings.ownsIpip ? [] : ['tunl0'])];
  const inner = term('cluster interfaces', [{ kind: 'interface', any: devices }], REJECT, [
    reason(settings.configObject, 'control-plane 5.1 (4)'),
  ]);
  const bpf = term('bpf interfaces', [{ kind: 'interface', any: ['bpf*.cali'] }], REJECT, [reason('linnet', 'control-plane 5.1 (5)')]);
  return internal ? [inner, bpf] : [bpf];
}

/** Step 6; the values are already unique and sorted as text (control-plane 5.3). */
function communityTerms(settings: PolicySettings, family: IpFamily): Term[] {
  return settings.advertisements
    .filter((entry) => entry.cidr.family === family)
    .map((entry) =>
      term(
        `${entry.object} prefixAdvertisements[${entry.index}] ${formatPrefix(entry.cidr)}`,
        [orLonger([entry.cidr])],
        entry.communities.map(addCommunity),
        [reason(entry.object, 'control-plane 5.3')],
      ),
    );
}

/** Step 7: only the exact block leaves, and addresses of raised priority (control-plane 6). */
function aggregationTerms(inputs: PolicyInputs, family: IpFamily): Term[] {
  const blocks = inputs.blocks.filter((block) => block.prefix.family === family);
  if (blocks.length === 0) return [];
  const reasons = blocks.map((block) => reason(block.object, 'control-plane 6'));
  const exact: Condition = {
    kind: 'prefix',
    any: blocks.map((block): PrefixMatch => ({ prefix: block.prefix, match: { kind: 'exact' } })),
  };
  const inside = orLonger(blocks.map((block) => block.prefix));
  const raised: Condition = { kind: 'metric', op: 'lt', value: inputs.settings.priority[family] };
  return [
    term('own blocks', [exact], ACCEPT, reasons),
    term('raised inside own blocks', [inside, raised], ACCEPT, reasons),
    term('inside own blocks', [inside], REJECT, reasons),
  ];
}

/** Step 8: what the node originates for Services, and routes inside those ranges. */
function serviceTerms(settings: PolicySettings, family: IpFamily): Term[] {
  const { service } = settings;
  if (service.excluded) return [];
  const reasons = [reason(settings.configObject, 'control-plane 5.1 (8)')];
  const originated = evaluateCidrs(service).filter((cidr) => cidr.advertised && cidr.prefix.family === family);
  const cluster = originated.filter((cidr) => cidr.class === 'cluster-cidr').map((cidr) => cidr.prefix);
  const others = originated.filter((cidr) => cidr.class !== 'cluster-cidr').map((cidr) => cidr.prefix);
  const hosts = [...service.externalCIDRs, ...service.loadBalancerCIDRs].filter((prefix) => prefix.family === family);
  const terms = clusterTerms(settings, cluster, family, [reason(settings.clusterObject, 'control-plane 5.1 (8)')]);
  if (others.length > 0) terms.push(term('service ranges', [orLonger(others)], ACCEPT, reasons));
  if (hosts.length > 0)
    terms.push(term('own service addresses', [{ kind: 'protocol', any: ['static'] }, orLonger(hosts)], ACCEPT, reasons));
  return terms;
}

/**
 * Cluster IPs travel as the aggregate that each node originates: host routes that a peer sent are not passed on, unless the
 * switch says so (contracts.md, Behaviour decided). Calico also publishes cluster IPs outside the ranges.
 */
function clusterTerms(settings: PolicySettings, cluster: readonly Prefix[], family: IpFamily, reasons: readonly Reason[]): Term[] {
  const longest = family === 'ipv4' ? 32 : 128;
  const terms: Term[] = [];
  if (cluster.length > 0 && settings.foreignClusterIPs) terms.push(term('cluster ranges', [orLonger(cluster)], ACCEPT, reasons));
  if (cluster.length > 0 && !settings.foreignClusterIPs) {
    const shorter = cluster.map((prefix): PrefixMatch => ({ prefix, match: { kind: 'range', min: prefix.length, max: longest - 1 } }));
    terms.push(term('cluster ranges', [{ kind: 'prefix', any: shorter }], ACCEPT, reasons));
    terms.push(term('own cluster addresses', [{ kind: 'protocol', any: ['bgp'], not: true }, orLonger(cluster)], ACCEPT, reasons));
  }
  if (settings.compat && settings.service.clusterCIDRs.length > 0) {
    const hosts: PrefixMatch = { prefix: wholeFamily(family), match: { kind: 'range', min: longest, max: longest } };
    terms.push(
      term(
        'published addresses',
        [
          { kind: 'protocol', any: ['static'] },
          { kind: 'prefix', any: [hosts] },
        ],
        ACCEPT,
        reasons,
      ),
    );
  }
  return terms;
}

/** Step 9: a reflector passes on service addresses of nodes that have endpoints, from any source (control-plane 3.4). */
function reflectorTerms(settings: PolicySettings, family: IpFamily): Term[] {
  if (!settings.reflector) return [];
  const ranges = [
    { name: 'reflected load balancer ranges', cidrs: settings.service.loadBalancerCIDRs },
    { name: 'reflected external ranges', cidrs: settings.service.externalCIDRs },
  ];
  return ranges.flatMap(({ name, cidrs }) => {
    const own = cidrs.filter((prefix) => prefix.family === family);
    return own.length === 0 ? [] : [term(name, [orLonger(own)], ACCEPT, [reason(settings.configObject, 'control-plane 3.4')])];
  });
}
