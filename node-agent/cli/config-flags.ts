/** The configuration flags of every command, made from the one table of values. */
import type { Command } from 'commander';
import type { CommandContext } from '../../src/cli/command.ts';
import { CommandError, EXIT } from '../../src/cli/exit.ts';
import { formatProblem } from '../../src/config/read.ts';
import { AGENT_KEYS, AGENT_OPTIONS } from '../config/options.ts';
import type { AgentConfigResult, AgentKey } from '../config/types.ts';
import { loadAgentConfig } from '../config-load.ts';

/** Adds --config and a flag for each key that may stand on a command line. `--take-over` alone means yes. */
export function addConfigFlags(command: Command): void {
  command.option('--config <file>', 'YAML configuration file (or LINNET_AGENT_CONFIG)');
  for (const key of AGENT_KEYS) {
    const { flag, placeholder, help, environment } = AGENT_OPTIONS[key];
    if (flag === '') continue;
    const word = placeholder.toLowerCase();
    const value = key === 'takeOver' ? `[${word}]` : `<${word}>`;
    command.option(`--${flag} ${value}`, `${help} (${environment.join(', ')})`);
  }
}

/** The name under which commander keeps a flag. */
function camelCase(flag: string): string {
  return flag.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function givenFlags(options: Readonly<Record<string, unknown>>): ReadonlyMap<AgentKey, string> {
  const given = new Map<AgentKey, string>();
  for (const key of AGENT_KEYS) {
    const value = options[camelCase(AGENT_OPTIONS[key].flag)];
    if (typeof value === 'string' || value === true) given.set(key, String(value));
  }
  return given;
}

/** Loads the configuration of a command; a value that breaks its rule ends it with a usage error that lists them all. */
export function commandConfig(command: Command, context: CommandContext): AgentConfigResult {
  const options: Record<string, unknown> = command.opts();
  const file = options['config'];
  const result = loadAgentConfig({
    flags: givenFlags(options),
    file: typeof file === 'string' ? file : undefined,
    environment: context.environment,
  });
  if (result.problems.length > 0) throw new CommandError(EXIT.usage, result.problems.map(formatProblem).join('\nnode-agent: '));
  return result;
}
