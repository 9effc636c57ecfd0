/** Reads what the configuration is made of from this machine: the file, the environment and the interfaces. */

import type { ConfigFile } from './file.ts';
import { readConfigFile } from './file.ts';
import type { Environment } from './load-machine.ts';
import { readText, thisMachine } from './load-machine.ts';
import { readConfig } from './read.ts';
import type { ConfigKey, ConfigResult } from './types.ts';

/** Flags as given on the command line; `file` is --config. */
export interface LoadInputs {
  readonly flags: ReadonlyMap<ConfigKey, string>;
  readonly file: string | undefined;
  readonly environment: Environment;
}

/** Loads the effective configuration; the file is --config, else LINNET_CONFIG, else none. */
export function loadConfig(inputs: LoadInputs): ConfigResult {
  const path = inputs.file ?? inputs.environment['LINNET_CONFIG'];
  const file = path === undefined || path === '' ? { values: new Map(), problems: [] } : loadFile(path);
  const result = readConfig({
    flags: inputs.flags,
    environment: inputs.environment,
    file: file.values,
    machine: thisMachine(inputs.environment),
    readFile: readText,
  });
  return { ...result, problems: [...file.problems, ...result.problems] };
}

function loadFile(path: string): ConfigFile {
  const text = readText(path);
  if (text !== undefined) return readConfigFile(text, path);
  return {
    values: new Map(),
    problems: [{ origin: { kind: 'file', name: path }, key: 'config', value: path, rule: 'not a readable file' }],
  };
}
