/** What a program over a datastore cannot do without, and how the configuration names the datastore. Shared by the daemon and the node agent. */
import { stat } from 'node:fs/promises';
import type { EtcdAccess } from '../confd/source/etcd/index.ts';
import type { KubernetesSourceOptions } from '../confd/source/kubernetes/index.ts';
import type { EtcdKey } from '../config/etcd-options.ts';
import type { KubernetesKey } from '../config/kubernetes-options.ts';
import type { Config } from '../config/types.ts';
import { StartError } from './start-error.ts';

/** The values that name the node and the datastore. */
export type DatastoreConfig = Pick<Config, 'node' | 'datastore' | 'path' | 'usePodCIDR' | KubernetesKey | EtcdKey>;

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

function nodeOf(config: DatastoreConfig): string {
  if (config.node !== undefined) return config.node;
  throw new StartError('NODE', 'no node name: give --node, LINNET_NODE or NODENAME; the host name is not assumed to be it');
}

/** Checks what has no default and must be there for datastore `file`. Throws StartError `NODE` or `DATASTORE`. */
export function essentials(config: DatastoreConfig): Essentials {
  const node = nodeOf(config);
  if (config.path === undefined) throw new StartError('DATASTORE', 'datastore file needs --path DIR, the directory of manifests');
  return { node, path: config.path };
}

const NO_SERVER =
  'no API server: give --kubeconfig or --api-endpoint, or run in a pod (KUBERNETES_SERVICE_HOST); for manifests --datastore file --path DIR';

/** True where an API server is named, or this is a pod. */
export function namesApiServer({
  kubeconfig,
  apiEndpoint,
  apiServiceHost,
}: Pick<Config, 'kubeconfig' | 'apiEndpoint' | 'apiServiceHost'>): boolean {
  return kubeconfig !== undefined || apiEndpoint !== undefined || apiServiceHost !== undefined;
}

/** Checks what a daemon has no default for. Throws StartError `NODE` or `DATASTORE`. */
export function daemonNeeds(config: DatastoreConfig): DaemonNeeds {
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

/** What names the API server and the account. */
export function accessOptions(config: DatastoreConfig): KubernetesSourceOptions['access'] {
  return {
    kubeconfig: config.kubeconfig,
    context: config.kubeContext,
    endpoint: config.apiEndpoint,
    caFile: config.apiCaFile,
    certFile: config.apiCertFile,
    keyFile: config.apiKeyFile,
    tokenFile: config.apiTokenFile,
    insecure: config.apiInsecure,
    serviceHost: config.apiServiceHost,
    servicePort: config.apiServicePort,
  };
}

/** What names etcd and the account. */
export function etcdAccess(config: DatastoreConfig): EtcdAccess {
  return {
    endpoints: config.etcdEndpoints,
    discoverySrv: config.etcdDiscoverySrv,
    username: config.etcdUsername,
    password: config.etcdPassword,
    caFile: config.etcdCaFile,
    certFile: config.etcdCertFile,
    keyFile: config.etcdKeyFile,
    insecure: false,
  };
}
