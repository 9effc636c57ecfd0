/** etcd in Calico's key layout as a Source. */
export type { EtcdAccess } from './client.ts';
export { createEtcdSource, type EtcdSourceOptions } from './etcd-source.ts';
