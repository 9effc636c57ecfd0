/**
 * The rows of what FelixConfiguration has too. Variables have Felix' names behind ours: its operators keep theirs. Where none is
 * given the resource decides, and where that is silent the default of the help text.
 */
import type { Address, Prefix } from 'bgp-ts/net';
import { hostPrefix, parseAddress, parsePrefix } from 'bgp-ts/net';
import { parseDuration } from '../../src/confd/resources/values.ts';
import type { OptionRow } from '../../src/config/options.ts';
import { type Parsed, parseBoolean, parseInteger, parseText, parseWord } from '../../src/config/values.ts';
import { protocolFault } from './settings.ts';
import type { FelixValues } from './types.ts';

const good = <T>(value: T): Parsed<T> => ({ ok: true, value });
const bad = (rule: string): { readonly ok: false; readonly rule: string } => ({ ok: false, rule });

/** Seconds, bare as Felix takes them from its environment, or a Go duration. */
export function parseSeconds(text: string): Parsed<number> {
  const seconds = /^\d{1,9}(?:\.\d{1,9})?$/.test(text) ? Number(text) : parseDuration(text);
  return seconds === undefined || seconds < 0 ? bad('not seconds or a duration such as 1m30s') : good(seconds);
}

function parsePattern(text: string): Parsed<string> {
  try {
    return new RegExp(text) instanceof RegExp ? good(text) : bad('not a regular expression');
  } catch {
    return bad('not a regular expression');
  }
}

/** Beginnings of interface names with commas between. */
function parsePrefixes(text: string): Parsed<readonly string[]> {
  const words = text.split(',').map((word) => word.trim());
  return words.every((word) => /^[A-Za-z0-9_.-]{1,15}$/.test(word)) ? good(words) : bad('not 1-15 of letters, digits, _, . and - each');
}

const parseName = (text: string): Parsed<string> =>
  /^[A-Za-z0-9_.-]{1,15}$/.test(text) ? good(text) : bad('not the name of an interface');

/** An absolute path, or none for no directory at all. */
const parseStatusPrefix = (text: string): Parsed<string> =>
  text === 'none' ? good('') : text.startsWith('/') ? good(text) : bad('not an absolute path or none');

function parseFamily(family: Address['family']): (text: string) => Parsed<Address> {
  return (text) => {
    const address = parseAddress(text);
    return address?.family === family ? good(address) : bad(`not an ${family === 'ipv4' ? 'IPv4' : 'IPv6'} address`);
  };
}

/** Addresses and prefixes with commas between. */
function parseNetworks(text: string): Parsed<readonly Prefix[]> {
  const found: Prefix[] = [];
  for (const part of text.split(',').map((word) => word.trim())) {
    const address = parseAddress(part);
    const prefix = address === undefined ? parsePrefix(part) : hostPrefix(address);
    if (prefix === undefined) return bad(`not an IP address or prefix at ${JSON.stringify(part)}`);
    found.push(prefix);
  }
  return good(found);
}

function parseProtocol(text: string): Parsed<number> {
  const number = parseInteger(1, 255)(text);
  const fault = number.ok ? protocolFault(number.value) : undefined;
  return fault === undefined ? number : bad(fault);
}

/** Entries `NAME=DURATION`. */
function parseTimeouts(text: string): Parsed<readonly { readonly name: string; readonly timeout: number }[]> {
  const found: { readonly name: string; readonly timeout: number }[] = [];
  for (const part of text.split(',').map((word) => word.trim())) {
    const [name = '', value = '', ...more] = part.split('=');
    const seconds = parseSeconds(value);
    if (name === '' || !seconds.ok || more.length > 0) return bad(`not NAME=DURATION at ${JSON.stringify(part)}`);
    found.push({ name, timeout: seconds.value });
  }
  return good(found);
}

const mtu = parseInteger(0, 65_535);
const port = parseInteger(1, 65_535);

interface Written<T> {
  readonly parse: (text: string) => Parsed<T>;
  readonly placeholder: string;
  readonly help: string;
  /** Felix' variable without FELIX_, where it is not the key in capitals. */
  readonly felix?: string;
}

function row<K extends keyof FelixValues>(key: K, { parse, placeholder, help, felix }: Written<FelixValues[K]>): OptionRow<FelixValues[K]> {
  const words = key
    .replace('MTUV6', 'MtuV6')
    .replace('IPv6', 'Ipv6')
    .replace(/([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])/g, '$1$3-$2$4')
    .toLowerCase();
  const environment = [`LINNET_AGENT_${words.replaceAll('-', '_').toUpperCase()}`, `FELIX_${felix ?? key.toUpperCase()}`];
  return { flag: words, placeholder, help, environment, parse, fallback: () => undefined };
}

const flag = (help: string, felix?: string): Written<boolean | undefined> => ({
  parse: parseBoolean,
  placeholder: 'BOOL',
  help,
  ...(felix === undefined ? {} : { felix }),
});
const octets = (help: string, felix?: string): Written<number | undefined> => ({
  parse: mtu,
  placeholder: 'OCTETS',
  help,
  ...(felix === undefined ? {} : { felix }),
});

const ROUTE_WORDS = ['Enabled', 'Disabled', 'EnabledIPIPOnly', 'EnabledNoEncapOnly'] as const;

/** Every row of Felix' values. */
export const FELIX_OPTIONS: { readonly [K in keyof FelixValues]: OptionRow<FelixValues[K]> } = {
  vxlanEnabled: row('vxlanEnabled', flag('make the VXLAN devices; default: where a pool asks for them')),
  ipipEnabled: row('ipipEnabled', flag('make the IPIP device; default: where a pool asks for it', 'IPINIPENABLED')),
  vxlanMTU: row('vxlanMTU', octets('MTU of vxlan.calico; default, and 0: that of the host less 50')),
  vxlanMTUV6: row('vxlanMTUV6', octets('MTU of vxlan-v6.calico; default, and 0: that of the host less 70')),
  ipipMTU: row('ipipMTU', octets('MTU of tunl0; default, and 0: that of the host less 20', 'IPINIPMTU')),
  wireguardMTU: row('wireguardMTU', octets('MTU of WireGuard, as far as pods must fit in; default, and 0: that of the host less 60')),
  wireguardMTUV6: row('wireguardMTUV6', octets('the same over IPv6; default, and 0: that of the host less 80')),
  vxlanPort: row('vxlanPort', { parse: port, placeholder: 'PORT', help: 'UDP port of VXLAN; default 4789' }),
  vxlanVNI: row('vxlanVNI', { parse: parseInteger(1, 16_777_215), placeholder: 'NUMBER', help: 'VXLAN network identifier; default 4096' }),
  mtuIfacePattern: row('mtuIfacePattern', {
    parse: parsePattern,
    placeholder: 'PATTERN',
    help: 'regular expression of the interfaces whose least MTU is that of the host; default: Ethernet, wireless, InfiniBand by their usual names',
  }),
  featureDetectOverride: row('featureDetectOverride', {
    parse: parseText,
    placeholder: 'NAME=BOOL,...',
    help: 'features of the kernel that are not to be found out, such as ChecksumOffloadBroken=true',
  }),
  deviceRouteProtocol: row('deviceRouteProtocol', {
    parse: parseProtocol,
    placeholder: 'NUMBER',
    help: "protocol number of the agent's routes and rules; default, and 3: 80",
  }),
  deviceRouteSourceAddress: row('deviceRouteSourceAddress', {
    parse: parseFamily('ipv4'),
    placeholder: 'ADDRESS',
    help: "source of the node's own packets by the agent's IPv4 routes, an address of the node; default: the kernel chooses",
  }),
  deviceRouteSourceAddressIPv6: row('deviceRouteSourceAddressIPv6', {
    parse: parseFamily('ipv6'),
    placeholder: 'ADDRESS',
    help: 'the same for IPv6',
  }),
  externalNodesList: row('externalNodesList', {
    parse: parseNetworks,
    placeholder: 'NETWORK,...',
    help: 'addresses and prefixes of machines outside the cluster that may send by IPIP; default none',
    felix: 'EXTERNALNODESCIDRLIST',
  }),
  routeRefreshInterval: row('routeRefreshInterval', {
    parse: parseSeconds,
    placeholder: 'DURATION',
    help: 'between two audits of devices, entries and routes, 0 for none; default 90s',
  }),
  routeSyncDisabled: row('routeSyncDisabled', flag('routes are left alone; default false')),
  programClusterRoutes: row('programClusterRoutes', {
    parse: parseWord(...ROUTE_WORDS),
    placeholder: 'WORD',
    help: "routes of which pools are the agent's beside those of VXLAN: Enabled, Disabled, EnabledIPIPOnly or EnabledNoEncapOnly; default EnabledIPIPOnly",
  }),
  serviceLoopPrevention: row('serviceLoopPrevention', {
    parse: parseWord('Drop', 'Reject', 'Disabled'),
    placeholder: 'WORD',
    help: 'what becomes of forwarded packets to advertised service addresses that nothing translates: Drop, Reject or Disabled; default Drop',
  }),
  interfacePrefix: row('interfacePrefix', {
    parse: parsePrefixes,
    placeholder: 'TEXT,...',
    help: 'beginnings of the names of workload interfaces; default cali',
  }),
  endpointStatusPathPrefix: row('endpointStatusPathPrefix', {
    parse: parseStatusPrefix,
    placeholder: 'DIR',
    help: 'directory above endpoint-status, or none; default /var/run/calico',
  }),
  healthEnabled: row('healthEnabled', flag('listen for probes; default true')),
  healthHost: row('healthHost', { parse: parseText, placeholder: 'HOST', help: 'address of that listener; default localhost' }),
  healthPort: row('healthPort', { parse: port, placeholder: 'PORT', help: 'port of that listener; default 9099' }),
  healthTimeoutOverrides: row('healthTimeoutOverrides', {
    parse: parseTimeouts,
    placeholder: 'NAME=DURATION,...',
    help: 'how long reporters may be silent; default 30s, and 10s for main',
  }),
  debugHost: row('debugHost', { parse: parseText, placeholder: 'HOST', help: 'address of the debug server; default localhost' }),
  debugPort: row('debugPort', {
    parse: parseInteger(0, 65_535),
    placeholder: 'PORT',
    help: 'port of the debug server (CPU profiles, heap snapshots); default, and 0: none',
  }),
  wireguardEnabled: row('wireguardEnabled', flag('pods must fit into WireGuard; default false')),
  wireguardEnabledV6: row('wireguardEnabledV6', flag('the same over IPv6; default false')),
  wireguardHostEncryptionEnabled: row(
    'wireguardHostEncryptionEnabled',
    flag('what nodes send is encrypted too: takes 100 octets more of the MTU in clusters of type aks; default false'),
  ),
  wireguardInterfaceName: row('wireguardInterfaceName', {
    parse: parseName,
    placeholder: 'NAME',
    help: 'interface whose routes ours give way to; default wireguard.cali',
  }),
  wireguardInterfaceNameV6: row('wireguardInterfaceNameV6', {
    parse: parseName,
    placeholder: 'NAME',
    help: 'the same for IPv6; default wg-v6.cali',
  }),
};
