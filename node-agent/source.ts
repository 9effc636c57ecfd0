/** Picks the datastore that the configuration names, as the daemon does, but reads it for encapsulation. */
import { join } from 'node:path';
import type { Log } from '../src/confd/log.ts';
import { createFileSource } from '../src/confd/source/file/index.ts';
import { saveSource } from '../src/confd/source/saved.ts';
import type { Source } from '../src/confd/source/types.ts';
import { REAL_CLOCK } from '../src/main/clock.ts';
import { accessOptions, type DaemonNeeds, etcdAccess } from '../src/main/datastore.ts';
import { SAVED_NAME, savedFile } from '../src/main/saved-state.ts';
import type { AgentConfig } from './config/types.ts';

// What a datastore's client costs, agents on others do not pay: they are loaded where they are used.

/** The datastore itself, without the last good state. */
export async function createDatastore(config: AgentConfig, needs: DaemonNeeds, log: Log): Promise<Source> {
  if (needs.path !== undefined) return createFileSource({ path: needs.path, clock: REAL_CLOCK, log });
  const common = {
    node: needs.node,
    usePodCIDR: config.usePodCIDR,
    readFor: 'encapsulation',
    clock: REAL_CLOCK,
    random: Math.random,
    log,
  } as const;
  if (config.datastore === 'etcdv3') {
    const { createEtcdSource } = await import('../src/confd/source/etcd/index.ts');
    return createEtcdSource({ ...common, access: etcdAccess(config) });
  }
  const { createKubernetesSource, proxySettings } = await import('../src/confd/source/kubernetes/index.ts');
  return createKubernetesSource({
    ...common,
    access: accessOptions(config),
    proxies: proxySettings(process.env),
    // No Secrets are read for encapsulation.
    namespace: 'kube-system',
    advertised: false,
    apiGroup: config.apiGroup,
  });
}

/**
 * The source of an agent: the last good state of a remote datastore is kept in the state directory, so that a start while the
 * datastore is away goes on with what was known.
 */
export async function createAgentSource(config: AgentConfig, needs: DaemonNeeds, log: Log): Promise<Source> {
  const source = await createDatastore(config, needs, log);
  if (needs.path !== undefined) return source;
  return saveSource(source, { file: savedFile(join(config.stateDir, SAVED_NAME), needs.node), clock: REAL_CLOCK, log });
}
