/** The agent's configuration in typed form. Defaults stand in options.ts beside each row, those of Felix' values in felix-options.ts. */
import type { FelixFields } from '../../src/confd/resources/types.ts';
import type { Config, ConfigProblem, Origin } from '../../src/config/types.ts';

/** Values that the daemon has too: what names the node and the datastore, and the log. */
const SHARED_KEYS = [
  'node',
  'datastore',
  'path',
  'usePodCIDR',
  'kubeconfig',
  'kubeContext',
  'apiEndpoint',
  'apiCaFile',
  'apiCertFile',
  'apiKeyFile',
  'apiTokenFile',
  'apiInsecure',
  'apiServiceHost',
  'apiServicePort',
  'apiGroup',
  'etcdEndpoints',
  'etcdDiscoverySrv',
  'etcdUsername',
  'etcdPassword',
  'etcdCaFile',
  'etcdCertFile',
  'etcdKeyFile',
] as const satisfies readonly (keyof Config)[];

/** One of them. */
export type SharedKey = (typeof SHARED_KEYS)[number];

/** Values of the agent alone. */
export interface OwnValues {
  readonly logLevel: Config['logLevel'];
  /** Directory of the socket and the lock. */
  readonly runDir: string;
  /** Directory of persistent state. */
  readonly stateDir: string;
  /** Devices that Felix owns become ours. */
  readonly takeOver: boolean;
  /** What carries IPIP: the kernel's module where it has one (`auto`), only that, or eBPF in any case. */
  readonly ipipBackend: 'auto' | 'kernel' | 'ebpf';
  /** File of the MTU for pods, or `none`. */
  readonly mtuFile: string;
  /** The agent does not start where that file cannot be written. */
  readonly requireMtuFile: boolean;
  /** Words on the cluster with commas between, as Felix' ClusterType: `aks` among them is Azure's service. */
  readonly clusterType: string;
  /** Names what several agents of one kernel have apart (eBPF pins); '' for the only one. */
  readonly instance: string;
}

/** Fields of FelixConfiguration that say nothing to this agent, and why: setting one there is told as an issue, and no flag has its name. */
export const FIELDS_WITHOUT_EFFECT = [
  ['netlinkTimeout', 'the kernel answers within the call that asks it: nothing waits'],
  ['removeExternalRoutes', 'it is about routes to pods on this node, which the agent neither writes nor removes'],
] as const satisfies readonly (readonly [keyof FelixFields, string])[];

type UsedField = Exclude<keyof FelixFields, (typeof FIELDS_WITHOUT_EFFECT)[number][0]>;

/** What stands in FelixConfiguration as well; a value here beats it. */
export type FelixValues = { readonly [K in UsedField]-?: FelixFields[K] | undefined };

/** The effective configuration of one agent. */
export type AgentConfig = Pick<Config, SharedKey> & OwnValues & FelixValues;

/** Name of a value; also its key in the YAML file. */
export type AgentKey = keyof AgentConfig;

/** What `readAgentConfig` made of its inputs. `config` is usable only where `problems` is empty. */
export interface AgentConfigResult {
  readonly config: AgentConfig;
  readonly origins: ReadonlyMap<AgentKey, Origin>;
  readonly problems: readonly ConfigProblem[];
}
