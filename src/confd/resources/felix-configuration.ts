/**
 * FelixConfiguration, as far as it concerns encapsulation: Felix has some 150 fields, and those of policy and eBPF are nobody's
 * business here. A field that begins like one of ours and is none is warned about all the same: it may be a slip of the pen.
 */
import { CLUSTER_ROUTES } from './bgp-configuration.ts';
import { fault, fields, isRecord, list, member, type Parser, warn } from './fields.ts';
import { scopeOf } from './scope.ts';
import type { FelixConfigurationResource, FelixFields, Snapshot } from './types.ts';
import { address, addressOrCidr, flag, integer, matching, oneOf, parseDuration, text, wordList } from './values.ts';

const mtu = integer(0, 65_535);
const port = integer(1, 65_535);
const interfaceName = matching(/^[A-Za-z0-9_.-]{1,15}$/, 'is not the name of an interface: 1-15 of letters, digits, _, . and -');

/** A Go duration as seconds with their fraction. */
const seconds: Parser<number> = (value, at) => {
  const found = typeof value === 'string' ? parseDuration(value) : undefined;
  return found !== undefined && found >= 0 ? found : fault(at, value, 'is not a duration such as 1m30s');
};

const pattern: Parser<string> = (value, at) => {
  const found = text(value, at);
  return found === undefined || isPattern(found) ? found : fault(at, value, 'is not a regular expression');
};

function isPattern(written: string): boolean {
  try {
    return new RegExp(written) instanceof RegExp;
  } catch {
    return false;
  }
}

// As with BGPConfiguration: a word that nobody knows costs the default of this field and not the object.
const programClusterRoutes: Parser<(typeof CLUSTER_ROUTES)[number]> = (value, at) =>
  CLUSTER_ROUTES.find((word) => word === value) ?? warn(at, value, `is not ${wordList(CLUSTER_ROUTES)}: read as EnabledIPIPOnly`);

const PREFIX_RULE = 'is not a list of 1-15 letters, digits, _, . and -, with commas between them';

const interfacePrefix: Parser<readonly string[]> = (value, at) => {
  const found = matching(/^[A-Za-z0-9_.-]{1,15}(?:,[A-Za-z0-9_.-]{1,15})*$/, PREFIX_RULE)(value, at);
  return found?.split(',');
};

const pathPrefix = matching(/^(?:\/.*)?$/, 'is not an absolute path, nor empty for none');

const readTimeout = fields(
  { name: text, timeout: seconds },
  { name: 'a timeout', required: { name: 'the name of a reporter', timeout: 'a duration such as 90s' } },
);
const timeout: Parser<{ readonly name: string; readonly timeout: number }> = (value, at) => {
  const found = readTimeout(value, at);
  return found?.name === undefined || found.timeout === undefined ? undefined : { name: found.name, timeout: found.timeout };
};

const SPEC = {
  vxlanEnabled: flag,
  ipipEnabled: flag,
  vxlanMTU: mtu,
  vxlanMTUV6: mtu,
  ipipMTU: mtu,
  wireguardMTU: mtu,
  wireguardMTUV6: mtu,
  vxlanPort: port,
  vxlanVNI: integer(1, 16_777_215),
  mtuIfacePattern: pattern,
  featureDetectOverride: text,
  deviceRouteProtocol: integer(1, 255),
  deviceRouteSourceAddress: address('ipv4'),
  deviceRouteSourceAddressIPv6: address('ipv6'),
  removeExternalRoutes: flag,
  routeRefreshInterval: seconds,
  routeSyncDisabled: flag,
  externalNodesList: list(addressOrCidr, { of: 'IP addresses or prefixes' }),
  programClusterRoutes,
  serviceLoopPrevention: oneOf('Drop', 'Reject', 'Disabled'),
  interfacePrefix,
  endpointStatusPathPrefix: pathPrefix,
  healthEnabled: flag,
  healthHost: text,
  healthPort: port,
  healthTimeoutOverrides: list(timeout, { of: 'timeouts' }),
  debugHost: text,
  debugPort: integer(0, 65_535),
  wireguardEnabled: flag,
  wireguardEnabledV6: flag,
  wireguardInterfaceName: interfaceName,
  wireguardInterfaceNameV6: interfaceName,
  wireguardHostEncryptionEnabled: flag,
  netlinkTimeout: seconds,
} as const;

/** Names of the fields of its spec that are read. */
export const FELIX_CONFIGURATION_FIELDS: readonly string[] = Object.keys(SPEC);

const IGNORED = [
  'wireguardKeepAlive wireguardRoutingRulePriority wireguardThreadingEnabled routeTableRange routeTableRanges routeSource',
  'debugMemoryProfilePath debugDisableLogDropping debugSimulateCalcGraphHangAfter debugSimulateDataplaneHangAfter',
  'debugSimulateDataplaneApplyDelay wireguardListeningPort wireguardListeningPortV6',
].flatMap((names) => names.split(' '));

const OURS =
  /^(?:vxlan|ipip|mtu|wireguard|featureDetect|deviceRoute|removeExternal|route|externalNode|programCluster|serviceLoop|interfacePrefix|endpointStatus|health|debug|netlink)/i;

const readSpec = fields(SPEC, { ignored: IGNORED });

/** What a FelixConfiguration's spec gives. */
export type FelixConfigurationSpec = Omit<FelixConfigurationResource, 'ref' | 'labels' | 'source'>;

/** Parses spec of a FelixConfiguration. */
export const felixConfigurationSpec: Parser<FelixConfigurationSpec> = (value, at) => {
  const scope = scopeOf(at);
  const spec = readSpec(isRecord(value) ? Object.fromEntries(Object.entries(value).filter(([key]) => OURS.test(key))) : value, at);
  if (spec === undefined) return undefined;
  // The empty path means something, although empty text is no text everywhere else.
  const off = isRecord(value) && member(value, 'endpointStatusPathPrefix') === '' ? { endpointStatusPathPrefix: '' } : {};
  return { kind: 'FelixConfiguration', scope, ...spec, ...off };
};

/** What holds for a node: `node.NAME` above `default`, field by field. Fields that neither sets are absent. */
export function felixFields(configurations: Snapshot['felix'], node: string): FelixFields {
  return { ...own(configurations.get('default')), ...own(configurations.get(`node.${node}`)) };
}

function own(resource: FelixConfigurationResource | undefined): FelixFields {
  if (resource === undefined) return {};
  const { kind, scope, ref, labels, source, ...spec } = resource;
  return spec;
}
