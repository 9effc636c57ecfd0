/**
 * The table of the agent's values. Precedence: default < FelixConfiguration < YAML file < environment < flag; among variables
 * LINNET_AGENT_* comes first, then the daemon's LINNET_* where the value is the same thing, then Calico's names.
 */
import { OPTIONS, type OptionRow, runDirectory, stateDirectory } from '../../src/config/options.ts';
import type { Config } from '../../src/config/types.ts';
import { type Parsed, parseBoolean, parseText, parseWord } from '../../src/config/values.ts';
import { FELIX_OPTIONS } from './felix-options.ts';
import type { AgentConfig, AgentKey, OwnValues, SharedKey } from './types.ts';

/** Every row, by key. */
export type AgentTable = { readonly [K in AgentKey]: OptionRow<AgentConfig[K]> };

function shared<K extends SharedKey>(key: K, ...felix: readonly string[]): OptionRow<Config[K]> {
  const row: OptionRow<Config[K]> = OPTIONS[key];
  const own = row.environment.filter((name) => name.startsWith('LINNET_')).map((name) => name.replace('LINNET_', 'LINNET_AGENT_'));
  return { ...row, environment: [...own, ...row.environment, ...felix] };
}

const parseInstance = (text: string): Parsed<string> =>
  /^[a-z0-9][a-z0-9-]{0,31}$/.test(text) ? { ok: true, value: text } : { ok: false, rule: 'not 1-32 lower-case letters, digits and -' };

const OWN_OPTIONS: { readonly [K in keyof OwnValues]: OptionRow<OwnValues[K]> } = {
  logLevel: { ...OPTIONS.logLevel, environment: ['LINNET_AGENT_LOG_LEVEL', 'FELIX_LOGSEVERITYSCREEN'] },
  runDir: {
    ...OPTIONS.runDir,
    environment: ['LINNET_AGENT_RUN_DIR'],
    fallback: runDirectory('linnet-agent', '/var/run/linnet-agent'),
  },
  stateDir: { ...OPTIONS.stateDir, environment: ['LINNET_AGENT_STATE_DIR'], fallback: stateDirectory('linnet-agent') },
  takeOver: {
    flag: 'take-over',
    placeholder: 'BOOL',
    help: 'devices that Felix owns become ours; without it they are left alone and the agent is not ready',
    environment: ['LINNET_AGENT_TAKE_OVER'],
    parse: parseBoolean,
    fallback: () => false,
  },
  ipipBackend: {
    flag: 'ipip-backend',
    placeholder: 'NAME',
    help: "what carries IPIP: auto (the kernel's module where it has one, else eBPF), kernel, or ebpf",
    environment: ['LINNET_AGENT_IPIP_BACKEND'],
    parse: parseWord('auto', 'kernel', 'ebpf'),
    fallback: () => 'auto',
  },
  mtuFile: {
    flag: 'mtu-file',
    placeholder: 'FILE',
    help: 'file that tells the CNI plugin the MTU for pods, or none',
    environment: ['LINNET_AGENT_MTU_FILE'],
    parse: parseText,
    fallback: ({ uid }) => (uid === 0 ? '/var/lib/calico/mtu' : 'none'),
  },
  requireMtuFile: {
    flag: 'require-mtu-file',
    placeholder: 'BOOL',
    help: 'the agent ends where that file cannot be written',
    environment: ['LINNET_AGENT_REQUIRE_MTU_FILE', 'FELIX_REQUIREMTUFILE'],
    parse: parseBoolean,
    fallback: () => false,
  },
  clusterType: {
    flag: 'cluster-type',
    placeholder: 'WORD,...',
    help: "words on the cluster, as Felix' ClusterType; aks, Azure's service, is the one that counts (wireguardHostEncryptionEnabled)",
    environment: ['LINNET_AGENT_CLUSTER_TYPE', 'FELIX_CLUSTERTYPE'],
    parse: parseText,
    fallback: () => '',
  },
  instance: {
    flag: 'instance',
    placeholder: 'NAME',
    help: 'name that keeps what is pinned in the kernel apart where several agents share one',
    environment: ['LINNET_AGENT_INSTANCE'],
    parse: parseInstance,
    fallback: () => '',
  },
};

/** Every value of the agent. */
export const AGENT_OPTIONS: AgentTable = {
  node: { ...shared('node', 'FELIX_FELIXHOSTNAME'), help: 'Calico node this agent works for; never assumed' },
  datastore: shared('datastore', 'FELIX_DATASTORETYPE'),
  path: shared('path'),
  usePodCIDR: { ...shared('usePodCIDR'), help: 'pod CIDRs of the Nodes stand for blocks' },
  kubeconfig: shared('kubeconfig'),
  kubeContext: shared('kubeContext'),
  apiEndpoint: shared('apiEndpoint'),
  apiCaFile: shared('apiCaFile'),
  apiCertFile: shared('apiCertFile'),
  apiKeyFile: shared('apiKeyFile'),
  apiTokenFile: shared('apiTokenFile'),
  apiInsecure: shared('apiInsecure'),
  apiServiceHost: shared('apiServiceHost'),
  apiServicePort: shared('apiServicePort'),
  apiGroup: shared('apiGroup'),
  etcdEndpoints: shared('etcdEndpoints', 'FELIX_ETCDENDPOINTS'),
  etcdDiscoverySrv: shared('etcdDiscoverySrv'),
  etcdUsername: shared('etcdUsername'),
  etcdPassword: shared('etcdPassword'),
  etcdCaFile: shared('etcdCaFile', 'FELIX_ETCDCAFILE'),
  etcdCertFile: shared('etcdCertFile', 'FELIX_ETCDCERTFILE'),
  etcdKeyFile: shared('etcdKeyFile', 'FELIX_ETCDKEYFILE'),
  ...OWN_OPTIONS,
  ...FELIX_OPTIONS,
};

const isAgentKey = (text: string): text is AgentKey => Object.hasOwn(AGENT_OPTIONS, text);

/** Keys in the order of the table. */
export const AGENT_KEYS: readonly AgentKey[] = Object.keys(AGENT_OPTIONS).filter(isAgentKey);

/** True for what FelixConfiguration may say too. */
export function isFelixKey(key: AgentKey): boolean {
  return Object.hasOwn(FELIX_OPTIONS, key);
}
