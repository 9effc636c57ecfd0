/** Where the servers are that the suites run against. */

/** Set by build.ts for the suites. */
export const SERVERS_VARIABLE = 'LINNET_CLUSTER_SERVERS';

/** Folder of etcd and kube-apiserver; undefined: there is none, suites skip. */
export function serversFolder(): string | undefined {
  return process.env[SERVERS_VARIABLE];
}

/** The title of a suite that needs the servers: says why it is skipped where it is. */
export function clusterTitle(title: string): string {
  return serversFolder() === undefined ? `${title} (skipped: neither KUBEBUILDER_ASSETS nor Go)` : title;
}
