/** From raw inputs to the agent's effective configuration, and what of it stands above FelixConfiguration. Pure. */
import { formatAddress, formatPrefix } from 'bgp-ts/net';
import type { FelixFields } from '../../src/confd/resources/types.ts';
import type { OptionRow } from '../../src/config/options.ts';
import { type RowInputs, readRow } from '../../src/config/read.ts';
import type { ConfigProblem, Origin } from '../../src/config/types.ts';
import { AGENT_KEYS, AGENT_OPTIONS, isFelixKey } from './options.ts';
import type { AgentConfig, AgentConfigResult, AgentKey } from './types.ts';

/** Computes every value with its origin and lists every value that breaks its rule. */
export function readAgentConfig(inputs: RowInputs<AgentKey>): AgentConfigResult {
  const origins = new Map<AgentKey, Origin>();
  const problems: ConfigProblem[] = [];
  const get = <K extends AgentKey>(key: K): AgentConfig[K] => {
    const row: OptionRow<AgentConfig[K]> = AGENT_OPTIONS[key];
    const found = readRow(key, row, inputs);
    if (found.problem !== undefined) problems.push(found.problem);
    const silent = found.origin.kind === 'default' && isFelixKey(key);
    origins.set(key, silent ? { kind: 'default', name: 'FelixConfiguration, else the default' } : found.origin);
    return found.value;
  };
  // The table's keys and rows made it; TypeScript cannot follow a mapped type through the loop.
  const config = Object.fromEntries(AGENT_KEYS.map((key) => [key, get(key)])) as unknown as AgentConfig;
  return { config: withImpliedDatastore(config, origins), origins, problems };
}

/** As the daemon has it: a directory of manifests is a datastore, and so are members of etcd (control-plane 8.5). */
function withImpliedDatastore(config: AgentConfig, origins: Map<AgentKey, Origin>): AgentConfig {
  if (origins.get('datastore')?.kind !== 'default') return config;
  const implied = config.path !== undefined ? 'path' : config.etcdEndpoints.length > 0 ? 'etcdEndpoints' : undefined;
  if (implied === undefined) return config;
  origins.set('datastore', { kind: 'default', name: `default, because ${implied} is set` });
  return { ...config, datastore: implied === 'path' ? 'file' : 'etcdv3' };
}

/** What was said here of Felix' values: it stands above FelixConfiguration. */
export function localFelix(config: AgentConfig): FelixFields {
  return Object.fromEntries(AGENT_KEYS.filter(isFelixKey).flatMap((key) => (config[key] === undefined ? [] : [[key, config[key]]])));
}

/** One line of `node-agent config show`. */
export interface ShownAgentValue {
  readonly key: AgentKey;
  /** In a form that its flag takes; null where nothing is set. */
  readonly value: string | null;
  readonly origin: string;
}

/** Lists every value in the order of the table. */
export function showAgentConfig({ config, origins }: AgentConfigResult): readonly ShownAgentValue[] {
  return AGENT_KEYS.map((key) => {
    const origin = origins.get(key) ?? { kind: 'default', name: 'default' };
    return { key, value: valueText(key, config[key]), origin: origin.kind === 'default' ? origin.name : `${origin.kind} ${origin.name}` };
  });
}

function valueText(key: AgentKey, value: AgentConfig[AgentKey]): string | null {
  if (value === undefined) return null;
  if (key === 'endpointStatusPathPrefix' && value === '') return 'none';
  if (typeof value !== 'object') return value === '' ? null : String(value);
  if ('words' in value) return formatAddress(value);
  if (!isList(value)) return String(value);
  return value.length === 0 ? null : value.map(entryText).join(',');
}

type Entry = NonNullable<FelixFields['healthTimeoutOverrides'] | FelixFields['externalNodesList'] | readonly string[]>[number];

const isList = (value: object): value is readonly Entry[] => Array.isArray(value);

function entryText(entry: Entry): string {
  if (typeof entry === 'string') return entry;
  return 'words' in entry ? formatPrefix(entry) : `${entry.name}=${entry.timeout}s`;
}
