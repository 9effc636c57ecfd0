/** From the configuration to what each part of the daemon takes. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { formatAddress } from 'bgp-ts/net';
import type { DesireOptions } from '../confd/desired/types.ts';
import type { TranslateOptions } from '../confd/native/translate.ts';
import { CALICO_SESSION_DEFAULTS, SESSION_DEFAULTS } from '../confd/native/translate.ts';
import { transportMap } from '../confd/native/transport.ts';
import { NATIVE_CAPABILITIES } from '../confd/native/unsupported.ts';
import type { Config } from '../config/types.ts';
import type { HealthOptions } from '../health/status.ts';
import { StartError } from './start-error.ts';

/** What a command over manifests cannot do without. */
export interface Essentials {
  readonly node: string;
  readonly path: string;
}

/** What a daemon cannot do without. `path` is there for datastore `file` alone. */
export interface DaemonNeeds {
  readonly node: string;
  readonly path: string | undefined;
}

function nodeOf(config: Config): string {
  if (config.node !== undefined) return config.node;
  throw new StartError('NODE', 'no node name: give --node, LINNET_NODE or NODENAME; the host name is not assumed to be it');
}

/** Checks what has no default and must be there for datastore `file`. Throws StartError `NODE` or `DATASTORE`. */
export function essentials(config: Config): Essentials {
  const node = nodeOf(config);
  if (config.path === undefined) throw new StartError('DATASTORE', 'datastore file needs --path DIR, the directory of manifests');
  return { node, path: config.path };
}

const NO_SERVER =
  'no API server: give --kubeconfig or --api-endpoint, or run in a pod (KUBERNETES_SERVICE_HOST); for manifests --datastore file --path DIR';

/** True where an API server is named, or this is a pod. */
export function namesApiServer({ kubeconfig, apiEndpoint, apiServiceHost }: Config): boolean {
  return kubeconfig !== undefined || apiEndpoint !== undefined || apiServiceHost !== undefined;
}

/** Checks what a daemon has no default for. Throws StartError `NODE` or `DATASTORE`. */
export function daemonNeeds(config: Config): DaemonNeeds {
  if (config.datastore === 'file') return essentials(config);
  const node = nodeOf(config);
  if (config.datastore === 'kubernetes') {
    if (!namesApiServer(config)) throw new StartError('DATASTORE', NO_SERVER);
    return { node, path: undefined };
  }
  if (config.etcdEndpoints.length === 0 && config.etcdDiscoverySrv === undefined) {
    throw new StartError('DATASTORE', 'datastore etcdv3 needs --etcd-endpoints URLS or --etcd-discovery-srv DOMAIN');
  }
  return { node, path: undefined };
}

/** Throws StartError `UNREACHABLE` where there are no manifests to read: neither a directory nor a file. */
export async function requireManifests(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw new StartError('UNREACHABLE', `--path ${path} does not exist or cannot be read`);
}

/** Options of the desired-state engine. */
export function desireOptions(config: Config, node: string): DesireOptions {
  return {
    node,
    ...(config.kubernetesNode === undefined ? {} : { kubernetesNode: config.kubernetesNode }),
    ...(config.routerId === undefined ? {} : { routerId: config.routerId }),
    ...(config.advertiseClusterIPs === undefined ? {} : { advertiseClusterIPs: config.advertiseClusterIPs }),
    ...(config.foreignClusterIPs === undefined ? {} : { foreignClusterIPs: config.foreignClusterIPs }),
    sessionFamilies: config.sessionFamilies,
    usePodCIDR: config.usePodCIDR,
    secretNamespace: config.namespace,
    ...(config.asNumber === undefined ? {} : { asNumber: config.asNumber }),
    // A detected address comes with the own Node (main/node.ts); offline that Node decides.
    ...(config.ipv4 === undefined || config.ipv4 === 'autodetect' ? {} : { ipv4: config.ipv4 }),
    ...(config.ipv6 === undefined || config.ipv6 === 'autodetect' ? {} : { ipv6: config.ipv6 }),
    compatCalico: config.compat === 'calico',
    engine: NATIVE_CAPABILITIES,
  };
}

/** Options of the native engine's translation. */
export function translateOptions(config: Config): TranslateOptions {
  const defaults = config.compat === 'calico' ? CALICO_SESSION_DEFAULTS : SESSION_DEFAULTS;
  return {
    session: { ...defaults, ...(config.holdTime === undefined ? {} : { holdTime: config.holdTime }) },
    sessionFamilies: config.sessionFamilies,
    listenPort: config.listenPort,
    transport: transportMap(config.transportMap),
    maxPrefix: config.maxPrefix,
  };
}

/** Where the health thread listens. */
export function healthOptions(config: Config): HealthOptions {
  const endpoint = (socket: Config['http']) => (socket === 'none' ? null : { address: formatAddress(socket.address), port: socket.port });
  const bird = config.engine === 'native' && config.birdSockets === 'on' ? config.runDir : null;
  return {
    listen: { api: endpoint(config.http), socket: join(config.runDir, 'linnet.sock'), metrics: endpoint(config.metricsListen), bird },
    readiness: { thresholdMs: config.readinessThreshold * 1000, classes: { ...config.readiness, other: 'pooled' } },
  };
}
