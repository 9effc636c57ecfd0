/** BGPConfiguration (control-plane 1.2). */
import type { Prefix } from 'bgp-ts/net';
import { MAX_RESTART_TIME, password } from './bgp-peer.ts';
import { type At, fault, fields, inside, isRecord, list, member, type Parser, structure, warn, withRules } from './fields.ts';
import { scopeOf } from './scope.ts';
import type { BGPConfigurationResource, Community } from './types.ts';
import {
  address,
  asNumber,
  cidr,
  community,
  duration,
  flag,
  integer,
  matching,
  oneOf,
  parseCommunity,
  scalarText,
  text,
  wordList,
} from './values.ts';

/** Most communities, and most advertised prefixes, of one BGPConfiguration. */
const MAX_COMMUNITIES = 500;
/** Most communities of one advertised prefix. */
const MAX_PREFIX_COMMUNITIES = 50;
/** Highest route priority: LOCAL_PREF is 2147483647 less it, and must stay positive. */
export const MAX_PRIORITY = 2_147_483_646;

const cidrEntry = fields({ cidr: cidr() }, { name: 'a CIDR entry' });

const serviceCidrs: Parser<readonly Prefix[]> = structure((value, at) =>
  list(cidrEntry, { of: 'CIDR entries' })(value, at)?.flatMap((entry) => (entry.cidr === undefined ? [] : [entry.cidr])),
);

const namedCommunity: Parser<{ readonly name: string; readonly value: Community }> = (value, at) => {
  const entry = readCommunity(value, at);
  return entry?.name === undefined || entry.value === undefined ? undefined : { name: entry.name, value: entry.value };
};

const readCommunity = fields(
  { name: text, value: community },
  { name: 'a community', required: { name: 'a name', value: 'a community value' } },
);

const communityOrName: Parser<Community | { readonly name: string }> = (value, at) => {
  const written = scalarText(value);
  if (written === undefined || written === '') return fault(at, value, 'is not a community or the name of one');
  // What has the form of a community but not its range is no name either.
  return parseCommunity(written) ?? (/^[\d:]+$/.test(written) ? community(written, at) : { name: written });
};

const readAdvertisement = fields(
  { cidr: cidr(), communities: list(communityOrName, { of: 'communities', max: MAX_PREFIX_COMMUNITIES }) },
  { name: 'an advertised prefix', required: { cidr: 'an IP prefix' } },
);

const prefixAdvertisement: Parser<{ readonly cidr: Prefix; readonly communities: readonly (Community | { readonly name: string })[] }> = (
  value,
  at,
) => {
  const entry = readAdvertisement(value, at);
  return entry?.cidr === undefined ? undefined : { cidr: entry.cidr, communities: entry.communities ?? [] };
};

/** Words of programClusterRoutes, here and in FelixConfiguration. */
export const CLUSTER_ROUTES = ['Enabled', 'Disabled', 'EnabledIPIPOnly', 'EnabledNoEncapOnly'] as const;

// Calico's code takes the default for a word it does not know, so this is no reason to lose the whole object.
const programClusterRoutes: Parser<(typeof CLUSTER_ROUTES)[number]> = (value, at) =>
  CLUSTER_ROUTES.find((word) => word === value) ?? warn(at, value, `is not ${wordList(CLUSTER_ROUTES)}: read as EnabledNoEncapOnly`);

const ignoredInterface: Parser<string> = (value, at) =>
  value === '*'
    ? fault(at, value, 'would ignore every interface')
    : matching(/^[A-Za-z0-9_.*-]{1,15}$/, 'is not 1-15 of letters, digits, _, ., - and *')(value, at);

const SPEC = {
  logSeverityScreen: matching(/^(?:trace|debug|info|warning|error|fatal)$/i, 'is not Trace, Debug, Info, Warning, Error or Fatal'),
  nodeToNodeMeshEnabled: flag,
  asNumber,
  serviceLoadBalancerIPs: serviceCidrs,
  serviceExternalIPs: serviceCidrs,
  serviceClusterIPs: serviceCidrs,
  serviceLoadBalancerAggregation: oneOf('Enabled', 'Disabled'),
  communities: list(namedCommunity, { of: 'communities', max: MAX_COMMUNITIES }),
  prefixAdvertisements: list(prefixAdvertisement, { of: 'advertised prefixes', max: MAX_COMMUNITIES }),
  listenPort: integer(1, 65_535),
  nodeMeshPassword: password,
  nodeMeshMaxRestartTime: duration(0, MAX_RESTART_TIME),
  bindMode: oneOf('None', 'NodeIP'),
  ignoredInterfaces: list(ignoredInterface, { of: 'interface names' }),
  localWorkloadPeeringIPV4: address('ipv4'),
  localWorkloadPeeringIPV6: address('ipv6'),
  programClusterRoutes,
  ipv4NormalRoutePriority: integer(1, MAX_PRIORITY),
  ipv6NormalRoutePriority: integer(1, MAX_PRIORITY),
} as const;

const meshOff = (raw: Readonly<Record<string, unknown>>): boolean => raw['nodeToNodeMeshEnabled'] === false;

const readSpec = withRules(fields(SPEC), [
  {
    field: 'communities',
    broken: (_, raw) => hasEntries(raw['communities']) && !hasEntries(raw['prefixAdvertisements']),
    rule: 'need spec.prefixAdvertisements that use them',
  },
  {
    field: 'nodeMeshPassword',
    broken: (set, raw) => set('nodeMeshPassword') && meshOff(raw),
    rule: 'has no mesh to protect: spec.nodeToNodeMeshEnabled is false',
  },
  {
    field: 'nodeMeshMaxRestartTime',
    broken: (set, raw) => set('nodeMeshMaxRestartTime') && meshOff(raw),
    rule: 'has no mesh to restart: spec.nodeToNodeMeshEnabled is false',
  },
]);

function hasEntries(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}

type Spec = Exclude<ReturnType<typeof readSpec>, undefined>;

/** What node.NAME may set; everything else is read from `default` only (control-plane 1.2, 9.4). */
const PER_NODE: ReadonlySet<string> = new Set(['logSeverityScreen', 'listenPort', 'prefixAdvertisements', 'communities']);

/** What a BGPConfiguration's spec gives. */
export type BGPConfigurationSpec = Omit<BGPConfigurationResource, 'ref' | 'labels' | 'source'>;

/** Parses spec of a BGPConfiguration; its name decides what may stand in it. */
export const bgpConfigurationSpec: Parser<BGPConfigurationSpec> = (value, at) => {
  const scope = scopeOf(at);
  const spec = readSpec(value, at);
  if (spec === undefined) return undefined;
  warnUnresolved(value, at);
  return { kind: 'BGPConfiguration', scope, ...(scope?.kind === 'node' ? perNode(spec, value, at) : spec) };
};

function perNode(spec: Spec, value: unknown, at: At): Partial<Spec> {
  const kept = Object.entries(spec).filter(([key]) => PER_NODE.has(key));
  for (const key of Object.keys(spec)) {
    if (!PER_NODE.has(key)) warn(inside(at, key), member(Object(value), key), 'is ignored: only BGPConfiguration/default may set it');
  }
  return Object.fromEntries(kept);
}

/** Members of the mappings in a raw list, with their places. */
function rawEntries(spec: unknown, key: string, at: At): readonly { readonly entry: Readonly<Record<string, unknown>>; readonly at: At }[] {
  const entries: unknown = isRecord(spec) ? member(spec, key) : undefined;
  if (!Array.isArray(entries)) return [];
  return entries.flatMap((entry: unknown, index) => (isRecord(entry) ? [{ entry, at: inside(inside(at, key), index) }] : []));
}

/**
 * Calico drops names that nothing defines; so do we, but aloud. The same for a second definition of a name. Judged on what was
 * written: a community with a bad value is defined all the same.
 */
function warnUnresolved(spec: unknown, at: At): void {
  const defined = new Set<string>();
  for (const { entry, at: here } of rawEntries(spec, 'communities', at)) {
    const name = scalarText(member(entry, 'name')) ?? '';
    if (name !== '' && defined.has(name)) warn(inside(here, 'name'), name, 'is defined before: the last one holds');
    defined.add(name);
  }
  for (const { entry, at: here } of rawEntries(spec, 'prefixAdvertisements', at)) {
    const names: unknown = member(entry, 'communities');
    if (!Array.isArray(names)) continue;
    for (const [index, raw] of names.entries()) {
      const name = scalarText(raw);
      if (name === undefined || /^[\d:]*$/.test(name) || defined.has(name)) continue;
      warn(inside(inside(here, 'communities'), index), raw, 'is not defined in spec.communities: left out');
    }
  }
}
