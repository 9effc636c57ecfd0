/** The Kubernetes API server as a Source. */
export type { AccessOptions } from './connection.ts';
export type { CalicoApi } from './kinds.ts';
export { createKubernetesSource, type KubernetesSourceOptions } from './kubernetes-source.ts';
export { type ProxySettings, proxySettings } from './proxy.ts';
export { type ClusterWriter, createWriter, type NodeCondition, type StatusRequest, type WriterOptions } from './writer.ts';
