import { formatAddress, formatPrefix } from 'bgp-ts/net';
import { describe, expect, it } from 'vitest';
import { readConfigFile } from '../../src/config/file.ts';
import type { Machine } from '../../src/config/options.ts';
import { CONFIG_KEYS, OPTIONS } from '../../src/config/options.ts';
import { formatProblem, readConfig } from '../../src/config/read.ts';
import { showConfig } from '../../src/config/show.ts';
import type { Config, ConfigKey, ConfigResult, NodeAddress } from '../../src/config/types.ts';

const MACHINE: Machine = { uid: 1000, temporary: '/tmp', home: '/home/ann', xdgRuntime: '', xdgState: '', networkOf: () => undefined };

interface Given {
  flags?: Partial<Record<ConfigKey, string>>;
  env?: Record<string, string>;
  yaml?: string;
  files?: Record<string, string>;
  machine?: Partial<Machine>;
}

function read({ flags = {}, env = {}, yaml = '', files = {}, machine = {} }: Given): ConfigResult {
  const file = readConfigFile(yaml, 'linnet.yaml');
  const given = CONFIG_KEYS.flatMap((key) => (flags[key] === undefined ? [] : [[key, flags[key]] as const]));
  const result = readConfig({
    flags: new Map(given),
    environment: env,
    file: file.values,
    machine: { ...MACHINE, ...machine },
    readFile: (path) => files[path],
  });
  return { ...result, problems: [...file.problems, ...result.problems] };
}

const addressText = (value: NodeAddress): string =>
  value === undefined || value === 'none' || value === 'autodetect'
    ? String(value)
    : `${formatAddress(value.address)} in ${formatPrefix(value.network)}`;

describe('precedence: default < file < environment < flag, LINNET_ before Calico', () => {
  const yaml = 'node: from-file\nlogLevel: error\n';
  it.each<[string, Given, ConfigKey, unknown, string]>([
    ['default', {}, 'logLevel', 'info', 'default'],
    ['file over default', { yaml }, 'logLevel', 'error', 'linnet.yaml:2'],
    ['Calico variable over file', { yaml, env: { NODENAME: 'from-env' } }, 'node', 'from-env', 'NODENAME'],
    ['LINNET_ over Calico', { yaml, env: { NODENAME: 'calico', LINNET_NODE: 'ours' } }, 'node', 'ours', 'LINNET_NODE'],
    ['flag over LINNET_', { env: { LINNET_NODE: 'ours' }, flags: { node: 'flag' } }, 'node', 'flag', '--node'],
    ['empty variable is unset', { yaml, env: { NODENAME: '' } }, 'node', 'from-file', 'linnet.yaml:1'],
    [
      'CALICO_ prefix before the bare name',
      { env: { CALICO_DATASTORE_TYPE: 'etcdv3', DATASTORE_TYPE: 'file' } },
      'datastore',
      'etcdv3',
      'CALICO_DATASTORE_TYPE',
    ],
    ['bare datastore name', { env: { DATASTORE_TYPE: 'file' } }, 'datastore', 'file', 'DATASTORE_TYPE'],
    [
      'members of etcd are a datastore',
      { env: { ETCD_ENDPOINTS: 'https://a:2379,https://b:2379' } },
      'datastore',
      'etcdv3',
      'default, because etcdEndpoints is set',
    ],
    ['limits by kind', { flags: { maxPrefix: 'client=5, external=0' } }, 'maxPrefix', { client: 5, external: 0 }, '--max-prefix'],
    ['no limit said', {}, 'maxPrefix', {}, 'default'],
    ['memory', { env: { LINNET_MEMORY_LIMIT: '512' } }, 'memoryLimit', 512, 'LINNET_MEMORY_LIMIT'],
    ['a path is a file datastore', { flags: { path: '/m' } }, 'datastore', 'file', 'default, because path is set'],
    [
      'a named datastore beats the path',
      { flags: { path: '/m' }, env: { DATASTORE_TYPE: 'kubernetes' } },
      'datastore',
      'kubernetes',
      'DATASTORE_TYPE',
    ],
    ['BGP_LOGSEVERITYSCREEN', { env: { BGP_LOGSEVERITYSCREEN: 'Warning' } }, 'logLevel', 'warn', 'BGP_LOGSEVERITYSCREEN'],
    [
      'BGP_LOGSEVERITYSCREEN before the startup level',
      { env: { BGP_LOGSEVERITYSCREEN: 'None', CALICO_STARTUP_LOGLEVEL: 'DEBUG' } },
      'logLevel',
      'silent',
      'BGP_LOGSEVERITYSCREEN',
    ],
    ['CALICO_K8S_NODE_REF', { env: { CALICO_K8S_NODE_REF: 'k8s-1' } }, 'kubernetesNode', 'k8s-1', 'CALICO_K8S_NODE_REF'],
    ['NAMESPACE', { env: { NAMESPACE: 'calico-system' } }, 'namespace', 'calico-system', 'NAMESPACE'],
    ['AS dotted', { env: { AS: '1.10' } }, 'asNumber', 65_546, 'AS'],
    ['AS in YAML keeps its digits', { yaml: 'asNumber: 1.10' }, 'asNumber', 65_546, 'linnet.yaml:1'],
    ['CALICO_ROUTER_ID hash', { env: { CALICO_ROUTER_ID: 'hash' } }, 'routerId', 'hash', 'CALICO_ROUTER_ID'],
    ['USE_POD_CIDR', { env: { USE_POD_CIDR: 'True' } }, 'usePodCIDR', true, 'USE_POD_CIDR'],
    ['IP6=none', { env: { IP6: 'none' } }, 'ipv6', 'none', 'IP6'],
    ['IP=autodetect', { env: { IP: 'autodetect' } }, 'ipv4', 'autodetect', 'IP'],
    [
      'IP_AUTODETECTION_METHOD',
      { env: { IP_AUTODETECTION_METHOD: 'interface=eth.*, ens' } },
      'ipv4Detection',
      { kind: 'interface', patterns: ['eth.*', 'ens'] },
      'IP_AUTODETECTION_METHOD',
    ],
    ['AUTODETECT_POLL_INTERVAL', { env: { AUTODETECT_POLL_INTERVAL: '2m' } }, 'autodetectInterval', 120, 'AUTODETECT_POLL_INTERVAL'],
    ['DISABLE_NODE_IP_CHECK', { env: { DISABLE_NODE_IP_CHECK: 'true' } }, 'disableNodeIpCheck', true, 'DISABLE_NODE_IP_CHECK'],
    ['what is written', { flags: { write: 'events, address' } }, 'write', ['address', 'events'], '--write'],
    ['nothing is written', { flags: { write: 'none' } }, 'write', [], '--write'],
  ])('%s', (_name, given, key, value, origin) => {
    const result = read(given);
    expect(result.problems).toEqual([]);
    expect(result.config[key]).toEqual(value);
    expect(result.origins.get(key)?.name).toBe(origin);
  });
});

describe('the node is told, never assumed', () => {
  it.each<[string, Given, string | undefined]>([
    ['HOSTNAME does not count', { env: { HOSTNAME: 'Host-1' } }, undefined],
    ['a named nodename file does', { env: { CALICO_NODENAME_FILE: '/n' }, files: { '/n': 'from-file\n' } }, 'from-file'],
    ['but after NODENAME', { env: { CALICO_NODENAME_FILE: '/n', NODENAME: 'a' }, files: { '/n': 'b' } }, 'a'],
    ['an unreadable one says nothing', { env: { CALICO_NODENAME_FILE: '/n' } }, undefined],
  ])('%s', (_name, given, node) => {
    expect(read(given).config.node).toBe(node);
  });
});

describe('addresses', () => {
  const networkOf: Machine['networkOf'] = (address) =>
    formatAddress(address) === '10.1.2.3' ? { family: 'ipv4', words: [0x0a010000, 0, 0, 0], length: 16 } : undefined;
  it.each<[string, string, string]>([
    ['10.0.0.1/24', 'ipv4', '10.0.0.1 in 10.0.0.0/24'],
    ['10.0.0.1', 'ipv4', '10.0.0.1 in 10.0.0.1/32'],
    ['10.1.2.3', 'ipv4', '10.1.2.3 in 10.1.0.0/16'],
    ['none', 'ipv4', 'none'],
    ['fd00::5/64', 'ipv6', 'fd00::5 in fd00::/64'],
    ['fd00::5', 'ipv6', 'fd00::5 in fd00::5/128'],
  ])('%s', (text, family, expected) => {
    const result = read({ env: { [family === 'ipv4' ? 'IP' : 'IP6']: text }, machine: { networkOf } });
    expect(result.problems).toEqual([]);
    expect(addressText(family === 'ipv4' ? result.config.ipv4 : result.config.ipv6)).toBe(expected);
  });
});

describe('a bad value names origin, key, value and rule', () => {
  it.each<[string, Given, string]>([
    ['flag', { flags: { http: '10.0.0.1' } }, '--http: http "10.0.0.1" is not ADDRESS:PORT or [IPV6]:PORT with a port of 1-65535, or none'],
    [
      'not loopback',
      { flags: { http: '0.0.0.0:80' } },
      '--http: http "0.0.0.0:80" is not a loopback address: elsewhere this listener would need TLS and a token, which this version does not have (--metrics-listen serves metrics and probes)',
    ],
    ['environment', { env: { AS: '0' } }, 'AS: asNumber "0" is not an AS number 1-4294967295 or x.y'],
    ['AS over 32 bits', { env: { AS: '4294967296' } }, 'AS: asNumber "4294967296" is not an AS number 1-4294967295 or x.y'],
    [
      'detection method',
      { env: { IP_AUTODETECTION_METHOD: 'fastest' } },
      'IP_AUTODETECTION_METHOD: ipv4Detection "fastest" is not first-found, can-reach=HOST, interface=REGEX,..., skip-interface=REGEX,..., cidr=CIDR,... or kubernetes-internal-ip',
    ],
    [
      'pattern of interfaces',
      { env: { IP_AUTODETECTION_METHOD: 'interface=eth0,e(' } },
      'IP_AUTODETECTION_METHOD: ipv4Detection "interface=eth0,e(" is not a list of regular expressions at "e("',
    ],
    [
      'CIDRs of a method',
      { env: { IP6_AUTODETECTION_METHOD: 'cidr=fd00::1/64' } },
      'IP6_AUTODETECTION_METHOD: ipv6Detection "cidr=fd00::1/64" is not a list of CIDRs with the host bits 0 at "fd00::1/64"',
    ],
    [
      'interval of detection',
      { env: { AUTODETECT_POLL_INTERVAL: '1d' } },
      'AUTODETECT_POLL_INTERVAL: autodetectInterval "1d" is not 1-86400 seconds, such as 90s or 2m',
    ],
    [
      'what is written',
      { flags: { write: 'status,all' } },
      '--write: write "status,all" is not a list of address, condition, status, events, or none, at "all"',
    ],
    [
      'family',
      { env: { IP6: '10.0.0.1' } },
      'IP6: ipv6 "10.0.0.1" is not an IPv6 address, an IPv6 address with a mask, autodetect or none',
    ],
    [
      'router id',
      { env: { CALICO_ROUTER_ID: '127.0.0.1' } },
      'CALICO_ROUTER_ID: routerId "127.0.0.1" is not "hash" or an IPv4 address other than 0.x, 127.x and 224.x or above',
    ],
    [
      'cluster CIDR',
      { env: { CALICO_ADVERTISE_CLUSTER_IPS: '10.96.0.1/12' } },
      'CALICO_ADVERTISE_CLUSTER_IPS: advertiseClusterIPs "10.96.0.1/12" is not a CIDR with the host bits 0',
    ],
    ['hold time', { flags: { holdTime: '2' } }, '--hold-time: holdTime "2" is not 0 or 3-65535 seconds'],
    ['YAML value', { yaml: '# first\nlistenPort: 70000' }, 'linnet.yaml:2: listenPort "70000" is not a whole number 1-65535'],
    ['YAML key', { yaml: 'nod: a' }, `linnet.yaml:1: nod "a" is not a known key; known are ${CONFIG_KEYS.join(', ')}`],
    ['YAML twice', { yaml: 'node: a\nnode: b' }, 'linnet.yaml:2:  "node: b" is no YAML: Map keys must be unique at line 2, column 1:'],
    [
      'YAML beside a path below secrets',
      { yaml: 'etcdCaFile: /calico-secrets/etcd-ca\nnode: a: b' },
      'linnet.yaml:2:  "a: b" is no YAML: Nested mappings are not allowed in compact mappings at line 2, column 7:',
    ],
    ['YAML beside a password', { yaml: 'etcdPassword: a\nnode: a: b' }, 'linnet.yaml:2:  "[hidden]" is no YAML: block as implicit key'],
    ['YAML list', { yaml: '- a' }, 'linnet.yaml:1:  "- a" is not a mapping of configuration keys'],
    [
      'transport map',
      { flags: { transportMap: '10.0.0.1=127.0.0.1' } },
      '--transport-map: transportMap "10.0.0.1=127.0.0.1" is not NODE_ADDRESS=ADDRESS:PORT at "10.0.0.1=127.0.0.1"',
    ],
    [
      'transport map file',
      { flags: { transportMap: '/nowhere' } },
      '--transport-map: transportMap "/nowhere" is neither entries nor a readable file',
    ],
    [
      'etcd',
      { env: { ETCD_ENDPOINTS: 'https://a:2379,b:2379' } },
      'ETCD_ENDPOINTS: etcdEndpoints "https://a:2379,b:2379" is a list with "b:2379", which is not an http:// or https:// URL',
    ],
    ['node', { flags: { node: 'No_Name' } }, '--node: node "No_Name" is not a name of lower-case letters, digits, - and . (at most 253)'],
  ])('%s', (_name, given, message) => {
    expect(read(given).problems.map(formatProblem)).toEqual([message]);
  });
});

describe('transport map', () => {
  const shown = (result: ConfigResult): string[] =>
    result.config.transportMap.map(
      (entry) => `${formatAddress(entry.node)}>${formatAddress(entry.transport.address)}:${entry.transport.port}`,
    );
  it.each<[string, Given]>([
    ['entries', { flags: { transportMap: '192.0.2.1=127.0.64.1:1790,fd00::1=[::1]:1791' } }],
    ['a file', { flags: { transportMap: '/map' }, files: { '/map': '# two nodes\n192.0.2.1=127.0.64.1:1790\nfd00::1=[::1]:1791\n' } }],
    ['YAML', { yaml: "transportMap:\n  192.0.2.1: 127.0.64.1:1790\n  'fd00::1': '[::1]:1791'\n" }],
  ])('%s', (_name, given) => {
    const result = read(given);
    expect(result.problems).toEqual([]);
    expect(shown(result)).toEqual(['192.0.2.1>127.0.64.1:1790', 'fd00::1>::1:1791']);
  });
});

describe('directories', () => {
  it.each<[string, Partial<Machine>, string, string]>([
    ['root', { uid: 0 }, '/var/run/calico', '/var/lib/linnet'],
    ['a user', {}, '/tmp/linnet-1000', '/home/ann/.local/state/linnet'],
    ['a user with XDG', { xdgRuntime: '/run/user/1000', xdgState: '/s' }, '/run/user/1000/linnet', '/s/linnet'],
  ])('%s', (_name, machine, runDir, stateDir) => {
    const { config } = read({ machine });
    expect([config.runDir, config.stateDir]).toEqual([runDir, stateDir]);
  });
});

describe('the table', () => {
  it('gives every flag and variable one meaning', () => {
    const rows = CONFIG_KEYS.map((key) => OPTIONS[key]);
    const names = rows.flatMap((row) => [row.flag, ...row.environment]);
    expect(new Set(names).size).toBe(names.length);
    expect(rows.every((row) => row.environment[0]?.startsWith('LINNET_'))).toBe(true);
  });

  it('has no flag for a secret and never shows one', () => {
    const result = read({ env: { ETCD_PASSWORD: 'planted' }, flags: { etcdPassword: 'planted' } });
    expect(result.config.etcdPassword?.reveal()).toBe('planted');
    expect(result.origins.get('etcdPassword')).toEqual({ kind: 'environment', name: 'ETCD_PASSWORD' });
    expect(JSON.stringify([showConfig(result), result.config])).not.toContain('planted');
    expect(read({ flags: { etcdPassword: 'planted' } }).config.etcdPassword).toBe(undefined);
  });

  it.each<[string, Given]>([
    ['a URL with an account', { flags: { etcdEndpoints: 'https://root:planted@10.0.0.1:2379,x' } }],
    ['the same for the API server', { env: { K8S_API_ENDPOINT: 'https://root:planted@10.0.0.1' } }],
    ['a misspelt key', { yaml: 'etcdPasword: planted\n' }],
    ['no plain value', { yaml: 'etcdPassword: &a planted\nnode: *a\nlogLevel: planted@\n' }],
    [
      'a URL with an account that should have been escaped',
      { flags: { etcdEndpoints: 'https://root:plan@planted/planted@10.0.0.1:2379' } },
    ],
    ['an account and no URL', { flags: { etcdEndpoints: 'root:planted@10.0.0.1:2379' } }],
    ['an unknown mapping', { yaml: 'etcd: { user: a b, password: planted }\n' }],
    ['a line that is no YAML', { yaml: 'etcdPassword: planted\netcdPassword: planted\n' }],
    ['a value that is no YAML', { yaml: 'etcdPassword: @planted\n' }],
    ['a value that is one half YAML', { yaml: 'etcdPassword: planted: planted\n' }],
    ['a value of several lines', { yaml: 'etcdPassword: "x\n  plan" planted\n' }],
    ['a value that the parser quotes', { yaml: 'etcdPassword: |planted\n  x\n' }],
    ['a value with an escape that is none', { yaml: 'etcdPassword: "\\Uplanted1"\n' }],
    ['a value that is a tag', { yaml: 'etcdPassword: !<!planted> x\n' }],
    ['a value that is a tag without a suffix', { yaml: 'etcdPassword: !planted! x\n' }],
    ['no mapping', { yaml: '- etcdPassword: planted\n' }],
    ['no colon', { yaml: 'etcdPassword planted\n' }],
  ])('never names a secret in a problem: %s', (_what, given) => {
    const { problems } = read(given);
    expect(problems.length).toBeGreaterThan(0);
    const text = problems.map(formatProblem).join(' ');
    expect(text).not.toMatch(/planted(?!@")/);
    expect(text).toMatch(/\[hidden\]|plain value/);
  });

  it('shows every value with its origin', () => {
    const result = read({ env: { NODENAME: 'a', IP: '10.0.0.1/24' }, flags: { transportMap: '192.0.2.1=127.0.64.1:1790' } });
    const shown = new Map(showConfig(result).map((row) => [row.key, row]));
    expect([...shown.keys()]).toEqual(CONFIG_KEYS);
    expect(shown.get('ipv4')).toEqual({ key: 'ipv4', value: '10.0.0.1/24', origin: 'environment IP' });
    expect(shown.get('http')).toEqual({ key: 'http', value: '127.0.0.1:9178', origin: 'default' });
    expect(shown.get('transportMap')?.value).toBe('192.0.2.1=127.0.64.1:1790');
    expect(shown.get('holdTime')).toEqual({ key: 'holdTime', value: null, origin: 'default' });
  });

  it('reads back what it shows', () => {
    const first = read({
      env: { NODENAME: 'a', IP: '10.0.0.1/24', CALICO_ADVERTISE_CLUSTER_IPS: '10.96.0.0/12' },
      flags: { transportMap: '192.0.2.1=127.0.64.1:1790' },
    });
    const flags: Partial<Record<ConfigKey, string>> = {};
    for (const row of showConfig(first)) if (row.value !== null && row.value !== '') flags[row.key] = row.value;
    const second: Config = read({ flags }).config;
    expect(second).toEqual(first.config);
  });
});
