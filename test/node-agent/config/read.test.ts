/** The agent's table of values: precedence, Felix' names, bad values, and what stands above FelixConfiguration. */
import { describe, expect, it } from 'vitest';
import { AGENT_KEYS, AGENT_OPTIONS } from '../../../node-agent/config/options.ts';
import { localFelix, readAgentConfig, showAgentConfig } from '../../../node-agent/config/read.ts';
import { debugListen, healthListen, isLoopbackHost, routeProtocol } from '../../../node-agent/config/settings.ts';
import { type AgentConfigResult, type AgentKey, FIELDS_WITHOUT_EFFECT } from '../../../node-agent/config/types.ts';
import { FELIX_CONFIGURATION_FIELDS } from '../../../src/confd/resources/felix-configuration.ts';
import { readFileOf } from '../../../src/config/file.ts';
import type { Machine } from '../../../src/config/options.ts';
import { formatProblem } from '../../../src/config/read.ts';

const MACHINE: Machine = { uid: 0, temporary: '/tmp', home: '/root', xdgRuntime: '', xdgState: '', networkOf: () => undefined };

interface Given {
  readonly flags?: Partial<Record<AgentKey, string>>;
  readonly env?: Record<string, string>;
  readonly yaml?: string;
  readonly machine?: Partial<Machine>;
}

function read({ flags = {}, env = {}, yaml = '', machine = {} }: Given): AgentConfigResult {
  const file = readFileOf(AGENT_KEYS, yaml, 'agent.yaml');
  const given = AGENT_KEYS.flatMap((key) => (flags[key] === undefined ? [] : [[key, flags[key]] as const]));
  const result = readAgentConfig({
    flags: new Map(given),
    environment: env,
    file: file.values,
    machine: { ...MACHINE, ...machine },
    readFile: () => undefined,
  });
  return { ...result, problems: [...file.problems, ...result.problems] };
}

const shown = (given: Given, key: AgentKey) => showAgentConfig(read(given)).find((row) => row.key === key);

describe('one value, one place', () => {
  const yaml = 'node: from-file\nvxlanVNI: 5000\n';
  it.each<[string, Given, AgentKey, string | null, string]>([
    ['the default', {}, 'logLevel', 'info', 'default'],
    ['nothing said of what FelixConfiguration has', {}, 'vxlanVNI', null, 'FelixConfiguration, else the default'],
    ['the file', { yaml }, 'vxlanVNI', '5000', 'file agent.yaml:2'],
    ["Felix' variable over the file", { yaml, env: { FELIX_VXLANVNI: '6000' } }, 'vxlanVNI', '6000', 'environment FELIX_VXLANVNI'],
    [
      "ours over Felix'",
      { env: { FELIX_VXLANVNI: '6000', LINNET_AGENT_VXLAN_VNI: '7000' } },
      'vxlanVNI',
      '7000',
      'environment LINNET_AGENT_VXLAN_VNI',
    ],
    ['the flag over all', { yaml, env: { LINNET_AGENT_NODE: 'x' }, flags: { node: 'flag' } }, 'node', 'flag', 'flag --node'],
    ["the daemon's name for the same thing", { env: { LINNET_NODE: 'n1', NODENAME: 'n2' } }, 'node', 'n1', 'environment LINNET_NODE'],
    ["the agent's own before it", { env: { LINNET_NODE: 'n1', LINNET_AGENT_NODE: 'n0' } }, 'node', 'n0', 'environment LINNET_AGENT_NODE'],
    ["Felix' last", { env: { FELIX_FELIXHOSTNAME: 'n3' } }, 'node', 'n3', 'environment FELIX_FELIXHOSTNAME'],
    ['IP in IP by its old name', { env: { FELIX_IPINIPMTU: '1400' } }, 'ipipMTU', '1400', 'environment FELIX_IPINIPMTU'],
    ['an implied datastore', { flags: { path: '/m' } }, 'datastore', 'file', 'default, because path is set'],
    [
      'no directory of statuses',
      { flags: { endpointStatusPathPrefix: 'none' } },
      'endpointStatusPathPrefix',
      'none',
      'flag --endpoint-status-path-prefix',
    ],
    [
      'an address',
      { env: { FELIX_DEVICEROUTESOURCEADDRESSIPV6: '2001:DB8::0:1' } },
      'deviceRouteSourceAddressIPv6',
      '2001:db8::1',
      'environment FELIX_DEVICEROUTESOURCEADDRESSIPV6',
    ],
    [
      'networks by the name that Felix has for them',
      { env: { FELIX_EXTERNALNODESCIDRLIST: '192.0.2.1, 198.51.100.0/24' } },
      'externalNodesList',
      '192.0.2.1/32,198.51.100.0/24',
      'environment FELIX_EXTERNALNODESCIDRLIST',
    ],
    ['directories of root', {}, 'stateDir', '/var/lib/linnet-agent', 'default'],
    ['directories of others', { machine: { uid: 7 } }, 'runDir', '/tmp/linnet-agent-7', 'default'],
    ['no secret', { env: { ETCD_PASSWORD: 'hunter2' } }, 'etcdPassword', '[hidden]', 'environment ETCD_PASSWORD'],
  ])('%s', (_what, given, key, value, origin) => {
    expect(shown(given, key)).toEqual({ key, value, origin });
  });

  it('has every field of FelixConfiguration that is read there, each under a flag and two names', () => {
    const without = FELIX_CONFIGURATION_FIELDS.filter((name) => !AGENT_KEYS.some((key) => key === name));
    expect(without.sort()).toEqual(FIELDS_WITHOUT_EFFECT.map(([field]) => String(field)).sort());
    const flags = AGENT_KEYS.map((key) => AGENT_OPTIONS[key].flag).filter((flag) => flag !== '');
    expect(new Set(flags).size).toBe(flags.length);
    const names = AGENT_KEYS.flatMap((key) => AGENT_OPTIONS[key].environment);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => !/^[A-Z][A-Z0-9_]*$/.test(name))).toEqual([]);
  });
});

describe('what breaks its rule is named', () => {
  it.each<[string, Given, string]>([
    ['a number', { env: { FELIX_VXLANPORT: '0' } }, 'FELIX_VXLANPORT: vxlanPort "0" is not a whole number 1-65535'],
    [
      'a duration',
      { flags: { routeRefreshInterval: 'soon' } },
      '--route-refresh-interval: routeRefreshInterval "soon" is not seconds or a duration such as 1m30s',
    ],
    [
      'an address of the other family',
      { flags: { deviceRouteSourceAddress: 'fd00::1' } },
      '--device-route-source-address: deviceRouteSourceAddress "fd00::1" is not an IPv4 address',
    ],
    [
      'a list of networks',
      { flags: { externalNodesList: '192.0.2.1,here' } },
      '--external-nodes-list: externalNodesList "192.0.2.1,here" is not an IP address or prefix at "here"',
    ],
    [
      'a protocol number of others',
      { env: { FELIX_DEVICEROUTEPROTOCOL: '2' } },
      'FELIX_DEVICEROUTEPROTOCOL: deviceRouteProtocol "2" is the number of the kernel, an administrator, DHCP or the BGP daemon',
    ],
    ['a pattern', { flags: { mtuIfacePattern: '(' } }, '--mtu-iface-pattern: mtuIfacePattern "(" is not a regular expression'],
    ['an unknown key', { yaml: 'vxlanMtu: 1\n' }, 'agent.yaml:1: vxlanMtu "1" is not a known key'],
    [
      'a path',
      { flags: { endpointStatusPathPrefix: 'here' } },
      '--endpoint-status-path-prefix: endpointStatusPathPrefix "here" is not an absolute path or none',
    ],
    [
      'a timeout',
      { flags: { healthTimeoutOverrides: 'main' } },
      '--health-timeout-overrides: healthTimeoutOverrides "main" is not NAME=DURATION at "main"',
    ],
    ['a prefix of names', { flags: { interfacePrefix: 'cali,' } }, '--interface-prefix: interfacePrefix "cali," is not 1-15 of letters'],
    ['an instance', { flags: { instance: 'A/B' } }, '--instance: instance "A/B" is not 1-32 lower-case letters, digits and -'],
  ])('%s', (_what, given, expected) => {
    expect(read(given).problems.map(formatProblem)).toEqual([expect.stringContaining(expected)]);
  });
});

describe('what stands above FelixConfiguration', () => {
  it('is what was said here and nothing else, in typed form', () => {
    expect(localFelix(read({}).config)).toEqual({});
    const { config } = read({
      env: {
        FELIX_VXLANENABLED: 'true',
        FELIX_ROUTEREFRESHINTERVAL: '90',
        FELIX_INTERFACEPREFIX: 'cali,tap',
        FELIX_HEALTHTIMEOUTOVERRIDES: 'dataplane=90s,main=20',
        FELIX_ENDPOINTSTATUSPATHPREFIX: 'none',
      },
    });
    const felix = localFelix(config);
    expect(felix).toMatchObject({ vxlanEnabled: true, routeRefreshInterval: 90, interfacePrefix: ['cali', 'tap'] });
    expect(felix).toMatchObject({
      healthTimeoutOverrides: [
        { name: 'dataplane', timeout: 90 },
        { name: 'main', timeout: 20 },
      ],
      endpointStatusPathPrefix: '',
    });
  });

  it.each([
    [{}, { host: 'localhost', port: 9099 }, null],
    [{ healthEnabled: false, debugPort: 0 }, null, null],
    [{ healthHost: '0.0.0.0', healthPort: 1 }, { host: '0.0.0.0', port: 1 }, null],
    [
      { debugPort: 9, debugHost: '::1' },
      { host: 'localhost', port: 9099 },
      { host: '::1', port: 9 },
    ],
  ])('decides where to listen: %o', (felix, health, debug) => {
    expect(healthListen(felix)).toEqual(health);
    expect(debugListen(felix)).toEqual(debug);
  });

  it.each([
    [undefined, 80],
    [81, 81],
    // Felix' default of long ago, which administrators' routes have.
    [3, 80],
    ...[1, 2, 4, 9, 12, 16].map((number): [number, number] => [number, 80]),
  ])('the number of routes %o is %o', (number, used) => {
    expect(routeProtocol(number === undefined ? {} : { deviceRouteProtocol: number })).toBe(used);
  });

  it.each([
    ['localhost', true],
    ['127.0.0.53', true],
    ['::1', true],
    ['0.0.0.0', false],
    ['10.0.0.1', false],
    ['example.org', false],
  ])('%s is loopback: %s', (host, loopback) => {
    expect(isLoopbackHost(host)).toBe(loopback);
  });
});
