/** Picks the datastore that the configuration names. */
import { createFileSource } from '../confd/source/file/index.ts';
import type { Source } from '../confd/source/types.ts';
import type { Config } from '../config/types.ts';
import { REAL_CLOCK } from './clock.ts';
import type { DaemonLog } from './log.ts';
import type { DaemonNeeds } from './options.ts';

/** The source of a daemon. A directory of manifests where there is one among the needs, else the Kubernetes API server. */
export async function createSource(config: Config, { node, path }: DaemonNeeds, log: DaemonLog): Promise<Source> {
  if (path !== undefined) return createFileSource({ path, clock: REAL_CLOCK, log });
  // The HTTP client costs a daemon on manifests nothing.
  const { createKubernetesSource, proxySettings } = await import('../confd/source/kubernetes/index.ts');
  return createKubernetesSource({
    access: {
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
    },
    proxies: proxySettings(process.env),
    node,
    namespace: config.namespace,
    usePodCIDR: config.usePodCIDR,
    advertised: config.advertiseClusterIPs !== undefined,
    apiGroup: config.apiGroup,
    clock: REAL_CLOCK,
    random: Math.random,
    log,
  });
}
