/** Reads what the agent's configuration is made of from this machine: the file, the environment, user and directories. */
import { readFileOf } from '../src/config/file.ts';
import { type Environment, readText, thisMachine } from '../src/config/load-machine.ts';
import { AGENT_KEYS } from './config/options.ts';
import { readAgentConfig } from './config/read.ts';
import type { AgentConfigResult, AgentKey } from './config/types.ts';

/** Flags as given on the command line; `file` is --config. */
export interface AgentLoadInputs {
  readonly flags: ReadonlyMap<AgentKey, string>;
  readonly file: string | undefined;
  readonly environment: Environment;
}

/** Loads the effective configuration; the file is --config, else LINNET_AGENT_CONFIG, else none. */
export function loadAgentConfig({ flags, file, environment }: AgentLoadInputs): AgentConfigResult {
  const path = file ?? environment['LINNET_AGENT_CONFIG'] ?? '';
  const text = path === '' ? '' : readText(path);
  const read = readFileOf(AGENT_KEYS, text ?? '', path);
  const result = readAgentConfig({ flags, environment, file: read.values, machine: thisMachine(environment), readFile: readText });
  const missing = { origin: { kind: 'file', name: path }, key: 'config', value: path, rule: 'not a readable file' } as const;
  return { ...result, problems: [...(text === undefined ? [missing] : []), ...read.problems, ...result.problems] };
}
