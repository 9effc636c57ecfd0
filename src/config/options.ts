/**
 * The table of configuration values: one row each with its flag, its variables, its default and its parser. The key is also
 * the key in the YAML file. Precedence, documented once here: default < YAML file < environment < flag; among variables
 * LINNET_* comes first, then Calico's names in the order of the row (contracts.md, Command line; control-plane 8.5).
 */
import type { Prefix } from 'bgp-ts/net';
import { parseAddress } from 'bgp-ts/net';
import { ENGINE_OPTIONS } from './engine-options.ts';
import { ETCD_OPTIONS } from './etcd-options.ts';
import { KUBERNETES_OPTIONS } from './kubernetes-options.ts';
import { NODE_OPTIONS } from './node-options.ts';
import type { Config, ConfigKey } from './types.ts';
import type { NetworkOf, Parsed } from './values.ts';
import {
  parseAsNumber,
  parseBoolean,
  parseCidr,
  parseHoldTime,
  parseInteger,
  parseListener,
  parseLogLevel,
  parseLoopbackListener,
  parseName,
  parseNodeAddress,
  parsePrefixLimits,
  parseReadiness,
  parseRouterId,
  parseText,
  parseTransportMap,
  parseWord,
  READINESS,
} from './values.ts';

/** What the defaults and parsers need of the machine; filled by load.ts, faked by tests. */
export interface Machine {
  readonly uid: number;
  /** The system's temporary directory. */
  readonly temporary: string;
  readonly home: string;
  /** XDG_RUNTIME_DIR and XDG_STATE_HOME, '' where unset. */
  readonly xdgRuntime: string;
  readonly xdgState: string;
  readonly networkOf: NetworkOf;
}

/** One configuration value. */
export interface OptionRow<T> {
  /** Long flag without its dashes; '' for a secret, which has none. */
  readonly flag: string;
  /** Placeholder in help; '' for a switch. */
  readonly placeholder: string;
  readonly help: string;
  /** LINNET_* first, then Calico's names. */
  readonly environment: readonly string[];
  readonly parse: (text: string, machine: Machine) => Parsed<T>;
  readonly fallback: (machine: Machine) => T;
  /** A name of a file may stand in the text's place; its contents are parsed instead. */
  readonly orFile?: true;
}

/** Every row, by key. */
export type OptionTable = { readonly [K in ConfigKey]: OptionRow<Config[K]> };

const LOOPBACK = parseAddress('127.0.0.1');

/** Run directory of a program: `system` for root, else one of the user's own. */
export function runDirectory(program: string, system: string): (machine: Machine) => string {
  return ({ uid, xdgRuntime, temporary }) => {
    if (uid === 0) return system;
    return xdgRuntime === '' ? `${temporary}/${program}-${uid}` : `${xdgRuntime}/${program}`;
  };
}

/** State directory of a program. */
export function stateDirectory(program: string): (machine: Machine) => string {
  return ({ uid, xdgState, home }) => {
    if (uid === 0) return `/var/lib/${program}`;
    return xdgState === '' ? `${home}/.local/state/${program}` : `${xdgState}/${program}`;
  };
}

const absent = (): undefined => undefined;

/** Every configuration value of this program. */
export const OPTIONS: OptionTable = {
  node: {
    flag: 'node',
    placeholder: 'NAME',
    help: 'Calico node this daemon speaks for; never assumed',
    environment: ['LINNET_NODE', 'NODENAME'],
    parse: parseName,
    fallback: absent,
  },
  kubernetesNode: {
    flag: 'kubernetes-node',
    placeholder: 'NAME',
    help: 'Kubernetes node name where it differs',
    environment: ['LINNET_KUBERNETES_NODE', 'CALICO_K8S_NODE_REF'],
    parse: parseName,
    fallback: absent,
  },
  namespace: {
    flag: 'namespace',
    placeholder: 'NAME',
    help: 'namespace of the password secrets',
    environment: ['LINNET_NAMESPACE', 'NAMESPACE'],
    parse: parseName,
    fallback: () => 'kube-system',
  },
  asNumber: {
    flag: 'as',
    placeholder: 'NUMBER',
    help: 'AS number, overrides the Node resource',
    environment: ['LINNET_AS', 'AS'],
    parse: parseAsNumber,
    fallback: absent,
  },
  ipv4: {
    flag: 'ip',
    placeholder: 'ADDRESS',
    help: 'IPv4 address, address/mask, autodetect or none; overrides the Node resource',
    environment: ['LINNET_IP', 'IP'],
    parse: (text, machine) => parseNodeAddress('ipv4', machine.networkOf)(text),
    fallback: absent,
  },
  ipv6: {
    flag: 'ip6',
    placeholder: 'ADDRESS',
    help: 'IPv6 address, address/mask, autodetect or none; overrides the Node resource',
    environment: ['LINNET_IP6', 'IP6'],
    parse: (text, machine) => parseNodeAddress('ipv6', machine.networkOf)(text),
    fallback: absent,
  },
  routerId: {
    flag: 'router-id',
    placeholder: 'ID',
    help: 'BGP Identifier: a dotted quad, or hash',
    environment: ['LINNET_ROUTER_ID', 'CALICO_ROUTER_ID'],
    parse: parseRouterId,
    fallback: absent,
  },
  ...NODE_OPTIONS,
  advertiseClusterIPs: {
    flag: 'advertise-cluster-ips',
    placeholder: 'CIDR',
    help: 'cluster CIDR to announce, replaces serviceClusterIPs',
    environment: ['LINNET_ADVERTISE_CLUSTER_IPS', 'CALICO_ADVERTISE_CLUSTER_IPS'],
    parse: (text): Parsed<Prefix | undefined> => parseCidr(text),
    fallback: absent,
  },
  foreignClusterIPs: {
    flag: 'foreign-cluster-ips',
    placeholder: 'BOOL',
    help: "pass on other nodes' cluster IPs as host routes (default only with --compat calico)",
    environment: ['LINNET_FOREIGN_CLUSTER_IPS'],
    parse: parseBoolean,
    fallback: absent,
  },
  usePodCIDR: {
    flag: 'use-pod-cidr',
    placeholder: 'BOOL',
    help: 'announce the pod CIDRs of the Node instead of block affinities',
    environment: ['LINNET_USE_POD_CIDR', 'CALICO_USE_POD_CIDR', 'USE_POD_CIDR'],
    parse: parseBoolean,
    fallback: () => false,
  },
  datastore: {
    flag: 'datastore',
    placeholder: 'TYPE',
    help: 'kubernetes, etcdv3 or file',
    environment: ['LINNET_DATASTORE', 'CALICO_DATASTORE_TYPE', 'DATASTORE_TYPE'],
    parse: parseWord('file', 'kubernetes', 'etcdv3'),
    fallback: () => 'kubernetes',
  },
  path: {
    flag: 'path',
    placeholder: 'DIR',
    help: 'directory of manifests, for --datastore file',
    environment: ['LINNET_PATH'],
    parse: parseText,
    fallback: absent,
  },
  ...ENGINE_OPTIONS,
  ...KUBERNETES_OPTIONS,
  ...ETCD_OPTIONS,
  runDir: {
    flag: 'run-dir',
    placeholder: 'DIR',
    help: 'directory of sockets and lock',
    environment: ['LINNET_RUN_DIR'],
    parse: parseText,
    fallback: runDirectory('linnet', '/var/run/calico'),
  },
  stateDir: {
    flag: 'state-dir',
    placeholder: 'DIR',
    help: 'directory of persistent state',
    environment: ['LINNET_STATE_DIR'],
    parse: parseText,
    fallback: stateDirectory('linnet'),
  },
  listenPort: {
    flag: 'listen-port',
    placeholder: 'PORT',
    help: 'BGP port to listen on, overrides BGPConfiguration.listenPort',
    environment: ['LINNET_LISTEN_PORT'],
    parse: parseInteger(1, 65_535),
    fallback: absent,
  },
  maxPrefix: {
    flag: 'max-prefix',
    placeholder: 'KIND=NUMBER,...',
    help: 'prefixes of a family that a session may bring before it is ended for two minutes: client (of this reflector), internal, external; 0: any number. A kind that is not named is only warned of at 10000, 200000 and 2000000',
    environment: ['LINNET_MAX_PREFIX'],
    parse: parsePrefixLimits,
    fallback: () => ({}),
  },
  memoryLimit: {
    flag: 'memory-limit',
    placeholder: 'MIB',
    help: 'resident memory above which the peer that grows the table is dropped, never the process; default: 80 % of what the control group or machine has',
    environment: ['LINNET_MEMORY_LIMIT'],
    parse: parseInteger(1, 999_999_999),
    fallback: absent,
  },
  auditInterval: {
    flag: 'audit-interval',
    placeholder: 'SECONDS',
    help: 'between two audits of what the peers were told and what the kernel holds; what differs is put right',
    environment: ['LINNET_AUDIT_INTERVAL'],
    parse: parseInteger(1, 86_400),
    fallback: () => 60,
  },
  readiness: {
    flag: 'readiness',
    placeholder: 'CLASS=RULE,...',
    help: 'what sessions readiness asks for: mesh, node, global and local-workload, each pooled, all, one or ignored',
    environment: ['LINNET_READINESS'],
    parse: parseReadiness,
    fallback: () => READINESS,
  },
  readinessThreshold: {
    flag: 'readiness-threshold',
    placeholder: 'SECONDS',
    help: 'so long after the start every pooled session must be established, after that one of them',
    environment: ['LINNET_READINESS_THRESHOLD'],
    parse: parseInteger(0, 3600),
    fallback: () => 30,
  },
  endpointStatusPrefix: {
    flag: 'endpoint-status-prefix',
    placeholder: 'DIR',
    help: 'directory whose endpoint-status holds the local workloads that peer with this node; none: they are not read',
    environment: ['LINNET_ENDPOINT_STATUS_PREFIX', 'CALICO_ENDPOINT_STATUS_PATH_PREFIX'],
    parse: parseText,
    fallback: () => '/var/run/calico',
  },
  birdSockets: {
    flag: 'bird-sockets',
    placeholder: 'on|off',
    help: 'control sockets bird.ctl and bird6.ctl in the run directory, for what asks BIRD; native engine only',
    environment: ['LINNET_BIRD_SOCKETS'],
    parse: parseWord('on', 'off'),
    fallback: () => 'on',
  },
  http: {
    flag: 'http',
    placeholder: 'ADDRESS:PORT',
    help: 'HTTP listener on loopback beside the unix socket, or none',
    environment: ['LINNET_HTTP'],
    parse: parseLoopbackListener,
    fallback: () => (LOOPBACK === undefined ? 'none' : { address: LOOPBACK, port: 9178 }),
  },
  metricsListen: {
    flag: 'metrics-listen',
    placeholder: 'ADDRESS:PORT',
    help: 'second HTTP listener for metrics and probes only, or none',
    environment: ['LINNET_METRICS_LISTEN'],
    parse: parseListener,
    fallback: () => 'none',
  },
  debugListen: {
    flag: 'debug-listen',
    placeholder: 'ADDRESS:PORT',
    help: 'debug server on loopback (CPU profiles, heap snapshots, threads); whoever reaches it can read passwords',
    environment: ['LINNET_DEBUG_LISTEN'],
    parse: parseLoopbackListener,
    fallback: () => 'none',
  },
  compat: {
    flag: 'compat',
    placeholder: 'WHAT',
    help: "calico: Calico's choices where ours differ; none",
    environment: ['LINNET_COMPAT'],
    parse: parseWord('none', 'calico'),
    fallback: () => 'none',
  },
  logLevel: {
    flag: 'log-level',
    placeholder: 'LEVEL',
    help: 'trace, debug, info, warn, error, fatal or none',
    environment: ['LINNET_LOG_LEVEL', 'BGP_LOGSEVERITYSCREEN', 'CALICO_STARTUP_LOGLEVEL'],
    parse: parseLogLevel,
    fallback: () => 'info',
  },
  sessionFamilies: {
    flag: 'session-families',
    placeholder: 'WHICH',
    help: "peer: only the family of the peer's address, as Calico's sessions; both",
    environment: ['LINNET_SESSION_FAMILIES'],
    parse: parseWord('peer', 'both'),
    fallback: () => 'peer',
  },
  holdTime: {
    flag: 'hold-time',
    placeholder: 'SECONDS',
    help: 'hold time to propose (default 90; 240 with --compat calico)',
    environment: ['LINNET_HOLD_TIME'],
    parse: parseHoldTime,
    fallback: absent,
  },
  shutdown: {
    flag: 'shutdown',
    placeholder: 'HOW',
    help: 'on SIGTERM: planned (a restart: peers keep routes for the graceful restart time), cease (for good: peers are told and drop them), or drain (as cease, after peers were told to prefer other paths)',
    environment: ['LINNET_SHUTDOWN'],
    parse: parseWord('cease', 'planned', 'drain'),
    fallback: () => 'planned',
  },
  transportMap: {
    flag: 'transport-map',
    placeholder: 'MAP',
    help: 'NODE_ADDRESS=ADDRESS:PORT,... or a file of them: where sessions with these nodes really go (several nodes on one machine)',
    environment: ['LINNET_TRANSPORT_MAP'],
    parse: parseTransportMap,
    fallback: () => [],
    orFile: true,
  },
};

/** True for the name of a configuration value. */
function isConfigKey(text: string): text is ConfigKey {
  return Object.hasOwn(OPTIONS, text);
}

/** Keys in the order of the table. */
export const CONFIG_KEYS: readonly ConfigKey[] = Object.keys(OPTIONS).filter(isConfigKey);
