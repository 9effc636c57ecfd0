/** The effective configuration as text, each value in the form that its flag takes. */

import { formatAddress, formatPrefix } from 'bgp-ts/net';
import { CONFIG_KEYS } from './options.ts';
import type { Config, ConfigKey, ConfigResult, DetectionMethod, NodeAddress, Origin, SocketAddress } from './types.ts';

/** One line of `linnet config show`. `value` is null where nothing is set; `origin` such as `flag --node`. */
export interface ShownValue {
  readonly key: ConfigKey;
  readonly value: string | null;
  readonly origin: string;
}

/** `NAME=VALUE` with commas between. */
function entriesText(entries: object): string {
  return Object.entries(entries)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(',');
}

/** Lists every value in the order of the option table. */
export function showConfig(result: ConfigResult): readonly ShownValue[] {
  const texts = valueTexts(result.config);
  return CONFIG_KEYS.map((key) => ({ key, value: texts[key], origin: formatOrigin(result.origins.get(key)) }));
}

function formatOrigin(origin: Origin | undefined): string {
  if (origin === undefined) return 'default';
  return origin.kind === 'default' ? origin.name : `${origin.kind} ${origin.name}`;
}

/** `ADDRESS:PORT`, with brackets around IPv6. */
export function formatSocketAddress(socket: SocketAddress): string {
  const host = formatAddress(socket.address);
  return socket.address.family === 'ipv6' ? `[${host}]:${socket.port}` : `${host}:${socket.port}`;
}

const listener = (value: SocketAddress | 'none'): string => (value === 'none' ? value : formatSocketAddress(value));
const nodeAddress = (value: NodeAddress): string | null => {
  if (value === undefined || value === 'none' || value === 'autodetect') return value ?? null;
  return `${formatAddress(value.address)}/${value.network.length}`;
};

function detection(method: DetectionMethod): string {
  switch (method.kind) {
    case 'first-found':
    case 'kubernetes-internal-ip':
      return method.kind;
    case 'can-reach':
      return `can-reach=${method.host}`;
    case 'interface':
    case 'skip-interface':
      return `${method.kind}=${method.patterns.join(',')}`;
    case 'cidr':
      return `cidr=${method.cidrs.map(formatPrefix).join(',')}`;
    default: {
      const never: never = method;
      return never;
    }
  }
}

/** What the daemon watches of itself, and where it is asked. */
function watchingTexts(config: Config) {
  return {
    maxPrefix: Object.keys(config.maxPrefix).length === 0 ? null : entriesText(config.maxPrefix),
    memoryLimit: config.memoryLimit?.toString() ?? null,
    auditInterval: String(config.auditInterval),
    readiness: entriesText(config.readiness),
    readinessThreshold: String(config.readinessThreshold),
    endpointStatusPrefix: config.endpointStatusPrefix,
    birdSockets: config.birdSockets,
    http: listener(config.http),
    metricsListen: listener(config.metricsListen),
    debugListen: listener(config.debugListen),
  };
}

/** The node's lifecycle. */
function lifecycleTexts(config: Config) {
  return {
    ipv4Detection: detection(config.ipv4Detection),
    ipv6Detection: detection(config.ipv6Detection),
    autodetectInterval: String(config.autodetectInterval),
    disableNodeIpCheck: String(config.disableNodeIpCheck),
    write: config.write.length === 0 ? 'none' : config.write.join(','),
    shutdownFile: config.shutdownFile ?? null,
    drainOnCordon: String(config.drainOnCordon),
    drainWait: String(config.drainWait),
  };
}

function valueTexts(config: Config): Readonly<Record<ConfigKey, string | null>> {
  return {
    node: config.node ?? null,
    kubernetesNode: config.kubernetesNode ?? null,
    namespace: config.namespace,
    asNumber: config.asNumber?.toString() ?? null,
    ipv4: nodeAddress(config.ipv4),
    ipv6: nodeAddress(config.ipv6),
    ...lifecycleTexts(config),
    routerId: config.routerId ?? null,
    advertiseClusterIPs: config.advertiseClusterIPs === undefined ? null : formatPrefix(config.advertiseClusterIPs),
    foreignClusterIPs: config.foreignClusterIPs?.toString() ?? null,
    usePodCIDR: String(config.usePodCIDR),
    datastore: config.datastore,
    path: config.path ?? null,
    engine: config.engine,
    kernel: config.kernel,
    kernelProtocol: String(config.kernelProtocol),
    birdMode: config.birdMode,
    birdProgram: config.birdProgram,
    bird6Program: config.bird6Program,
    kubeconfig: config.kubeconfig ?? null,
    kubeContext: config.kubeContext ?? null,
    apiEndpoint: config.apiEndpoint ?? null,
    apiCaFile: config.apiCaFile ?? null,
    apiCertFile: config.apiCertFile ?? null,
    apiKeyFile: config.apiKeyFile ?? null,
    apiTokenFile: config.apiTokenFile ?? null,
    apiInsecure: String(config.apiInsecure),
    apiServiceHost: config.apiServiceHost ?? null,
    apiServicePort: String(config.apiServicePort),
    apiGroup: config.apiGroup ?? null,
    etcdEndpoints: config.etcdEndpoints.length === 0 ? null : config.etcdEndpoints.join(','),
    etcdDiscoverySrv: config.etcdDiscoverySrv ?? null,
    etcdUsername: config.etcdUsername ?? null,
    etcdPassword: config.etcdPassword === undefined ? null : String(config.etcdPassword),
    etcdCaFile: config.etcdCaFile ?? null,
    etcdCertFile: config.etcdCertFile ?? null,
    etcdKeyFile: config.etcdKeyFile ?? null,
    runDir: config.runDir,
    stateDir: config.stateDir,
    listenPort: config.listenPort?.toString() ?? null,
    ...watchingTexts(config),
    compat: config.compat,
    logLevel: config.logLevel,
    sessionFamilies: config.sessionFamilies,
    holdTime: config.holdTime?.toString() ?? null,
    shutdown: config.shutdown,
    transportMap: config.transportMap.map((entry) => `${formatAddress(entry.node)}=${formatSocketAddress(entry.transport)}`).join(','),
  };
}
