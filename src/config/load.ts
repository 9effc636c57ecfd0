/** Reads what the configuration is made of from this machine: the file, the environment and the interfaces. */
import { readFileSync } from 'node:fs';
import { homedir, networkInterfaces, tmpdir, userInfo } from 'node:os';
import { addressesEqual, parseAddress, prefixFromAddress } from 'bgp-ts/net';
import type { Address, Prefix } from 'bgp-ts/net';
import { readConfigFile } from './file.ts';
import type { ConfigFile } from './file.ts';
import type { Machine } from './options.ts';
import { readConfig } from './read.ts';
import type { ConfigKey, ConfigResult } from './types.ts';

/** Flags as given on the command line; `file` is --config. */
export interface LoadInputs {
  readonly flags: ReadonlyMap<ConfigKey, string>;
  readonly file: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
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
  return { values: new Map(), problems: [{ origin: { kind: 'file', name: path }, key: 'config', value: path, rule: 'not a readable file' }] };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function thisMachine(environment: LoadInputs['environment']): Machine {
  return {
    uid: userInfo().uid,
    temporary: tmpdir(),
    home: homedir(),
    xdgRuntime: environment['XDG_RUNTIME_DIR'] ?? '',
    xdgState: environment['XDG_STATE_HOME'] ?? '',
    networkOf,
  };
}

/** The network of an address that stands on one of this machine's interfaces (control-plane 8.4: the mask of a bare IP). */
function networkOf(address: Address): Prefix | undefined {
  for (const entries of Object.values(networkInterfaces())) {
    for (const entry of entries ?? []) {
      const own = parseAddress(entry.address);
      if (own !== undefined && addressesEqual(own, address)) return prefixFromAddress(own, Number(entry.cidr?.split('/')[1]));
    }
  }
  return undefined;
}
