/** `linnet render`: the files that BIRD would be given, without running anything. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { createRenderer, type Flavor } from '../confd/bird/render.ts';
import { createDesire } from '../confd/desired/desire.ts';
import { formatIssueAt } from '../confd/resources/issue.ts';
import { checkDirectory } from '../confd/source/file/index.ts';
import type { ConfigKey } from '../config/types.ts';
import { birdDesireOptions, birdViewOptions } from '../main/bird-options.ts';
import { REAL_CLOCK } from '../main/clock.ts';
import { essentials, requireManifests } from '../main/options.ts';
import { StartError } from '../main/start-error.ts';
import type { CommandContext } from './command.ts';
import { addConfigFlags, commandConfig } from './config-flags.ts';
import { CommandError, EXIT } from './exit.ts';
import { OFFLINE_KEYS } from './offline.ts';

/** Values that mean nothing to BIRD: its sessions carry the family of their address, and it is no test of several nodes on one machine. */
const FOREIGN: readonly ConfigKey[] = ['sessionFamilies', 'transportMap'];

/** Adds the command. Exit status 1 where the node is not known; what was left out is said on stderr. */
export function define(command: Command, context: CommandContext): void {
  addConfigFlags(command, [...OFFLINE_KEYS.filter((key) => !FOREIGN.includes(key)), 'holdTime']);
  command.addOption(
    new Option('--flavor <flavor>', 'bird1: BIRD 1.6, two daemons; bird2: BIRD 2 and 3').choices(['bird1', 'bird2']).makeOptionMandatory(),
  );
  command.requiredOption('--out <dir>', 'directory for the files; created where it is not there');
  command.action(async (options: { flavor: Flavor; out: string }) => {
    const files = await render(command, context, options.flavor);
    await mkdir(options.out, { recursive: true });
    // Passwords are in them.
    for (const [name, text] of files) await writeFile(join(options.out, name), text, { mode: 0o600 });
  });
}

async function render(command: Command, context: CommandContext, flavor: Flavor): Promise<ReadonlyMap<string, string>> {
  const { config } = commandConfig(command, context);
  const { node, path } = await manifestsOf({ ...config, datastore: 'file' });
  const { snapshot } = await checkDirectory(path, REAL_CLOCK);
  const { desired, issues } = createDesire(birdDesireOptions(config, node)).update(snapshot, { changed: [], issuesChanged: false });
  if (desired === undefined) throw new CommandError(EXIT.negative, 'the node is not among the manifests, or it has no address');
  const renderer = await createRenderer(flavor);
  const rendered = renderer(desired, birdViewOptions(config));
  for (const issue of [...snapshot.issues, ...issues, ...rendered.issues]) process.stderr.write(`${formatIssueAt(issue)}\n`);
  return rendered.files;
}

async function manifestsOf(config: Parameters<typeof essentials>[0]): Promise<ReturnType<typeof essentials>> {
  try {
    const found = essentials(config);
    await requireManifests(found.path);
    return found;
  } catch (error) {
    if (error instanceof StartError) throw new CommandError(error.code === 'UNREACHABLE' ? EXIT.unreachable : EXIT.usage, error.message);
    throw error;
  }
}
