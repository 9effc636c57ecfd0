/** The configuration flags of `run`, `config` and the commands that compute offline, made from the one table of values. */
import type { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import { CONFIG_KEYS, OPTIONS } from '../config/options.ts';
import { formatProblem } from '../config/read.ts';
import type { ConfigKey, ConfigResult } from '../config/types.ts';
import type { CommandContext } from './command.ts';
import { CommandError, EXIT } from './exit.ts';

/** Adds --config and a flag for each of the keys (default: all). */
export function addConfigFlags(command: Command, keys: readonly ConfigKey[] = CONFIG_KEYS): void {
  command.option('--config <file>', 'YAML configuration file (or LINNET_CONFIG)');
  for (const key of keys) {
    const row = OPTIONS[key];
    if (row.flag === '') continue;
    command.option(`--${row.flag} <${row.placeholder.toLowerCase()}>`, `${row.help} (${row.environment.join(', ')})`);
  }
}

/** The flags that were given, by key. `options` is what commander parsed. */
export function givenFlags(options: Readonly<Record<string, unknown>>): ReadonlyMap<ConfigKey, string> {
  const given = new Map<ConfigKey, string>();
  for (const key of CONFIG_KEYS) {
    const value = options[camelCase(OPTIONS[key].flag)];
    if (typeof value === 'string') given.set(key, value);
  }
  return given;
}

/** The name under which commander keeps a flag. */
function camelCase(flag: string): string {
  return flag.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** Loads the configuration of a command; a value that breaks its rule ends it with a usage error that lists them all. */
export function commandConfig(command: Command, context: CommandContext): ConfigResult {
  const result = readCommandConfig(command, context);
  if (result.problems.length > 0) throw new CommandError(EXIT.usage, result.problems.map(formatProblem).join('\nlinnet: '));
  return result;
}

/** Loads the configuration of a command with its problems. */
function readCommandConfig(command: Command, context: CommandContext): ConfigResult {
  const options: Record<string, unknown> = command.opts();
  const file = options['config'];
  return loadConfig({ flags: givenFlags(options), file: typeof file === 'string' ? file : undefined, environment: context.environment });
}
