/** Picks the datastore that the configuration names. */
import { join } from 'node:path';
import { createFileSource } from '../confd/source/file/index.ts';
import type { KubernetesSourceOptions } from '../confd/source/kubernetes/index.ts';
import { saveSource } from '../confd/source/saved.ts';
import type { Source } from '../confd/source/types.ts';
import type { Demand } from '../confd/source/wanted.ts';
import { withWorkloads } from '../confd/source/workloads.ts';
import type { Config } from '../config/types.ts';
import { REAL_CLOCK } from './clock.ts';
import { accessOptions, type DaemonNeeds, etcdAccess, namesApiServer } from './datastore.ts';
import type { DaemonLog } from './log.ts';
import { SAVED_NAME, savedFile } from './saved-state.ts';

// What a datastore's client costs, daemons on others do not pay: they are loaded where they are used.

/**
 * The source of a daemon: a directory of manifests where there is one among the needs, the Kubernetes API server, or etcd with
 * the API server's Services and Secrets beside it. The last good state of the two latter is kept in the state directory.
 */
export async function createSource(config: Config, needs: DaemonNeeds, log: DaemonLog): Promise<Source> {
  const source = await createDatastore(config, needs, log);
  if (config.endpointStatusPrefix === 'none') return source;
  return withWorkloads(source, { directory: join(config.endpointStatusPrefix, 'endpoint-status'), clock: REAL_CLOCK });
}

async function createDatastore(config: Config, needs: DaemonNeeds, log: DaemonLog): Promise<Source> {
  if (needs.path !== undefined) return createFileSource({ path: needs.path, clock: REAL_CLOCK, log });
  const remote = await (config.datastore === 'etcdv3' ? createEtcd(config, needs, log) : createKubernetes(config, needs, log));
  return saveSource(remote, { file: savedFile(join(config.stateDir, SAVED_NAME), needs.node), clock: REAL_CLOCK, log });
}

async function createKubernetes(config: Config, { node }: DaemonNeeds, log: DaemonLog, demand?: Demand): Promise<Source> {
  const { createKubernetesSource, proxySettings } = await import('../confd/source/kubernetes/index.ts');
  const options: KubernetesSourceOptions = {
    access: accessOptions(config),
    proxies: proxySettings(process.env),
    node,
    namespace: config.namespace,
    usePodCIDR: config.usePodCIDR,
    advertised: config.advertiseClusterIPs !== undefined,
    apiGroup: config.apiGroup,
    clock: REAL_CLOCK,
    random: Math.random,
    log,
  };
  return createKubernetesSource(demand === undefined ? options : { ...options, demand });
}

async function createEtcd(config: Config, needs: DaemonNeeds, log: DaemonLog): Promise<Source> {
  const { createEtcdSource } = await import('../confd/source/etcd/index.ts');
  const { createDemand } = await import('../confd/source/wanted.ts');
  const { createNoServices } = await import('../confd/source/no-services.ts');
  const { joinSources } = await import('../confd/source/joined.ts');
  const calico = createEtcdSource({
    access: etcdAccess(config),
    node: needs.node,
    usePodCIDR: config.usePodCIDR,
    clock: REAL_CLOCK,
    random: Math.random,
    log,
  });
  const demand = createDemand(config.advertiseClusterIPs !== undefined);
  const services = namesApiServer(config) ? await createKubernetes(config, needs, log, demand) : createNoServices(demand);
  return joinSources(calico, services, demand);
}
