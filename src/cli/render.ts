/** `linnet render`: the files that BIRD would be given, without running anything. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { createRenderer, type Flavor } from '../confd/bird/render.ts';
import { createDesire } from '../confd/desired/desire.ts';
import { formatIssueAt } from '../confd/resources/issue.ts';
import type { Issue } from '../confd/resources/types.ts';
import { checkDirectory } from '../confd/source/file/index.ts';
import type { ConfigKey } from '../config/types.ts';
import { birdDesireOptions, birdViewOptions } from '../main/bird-options.ts';
import { REAL_CLOCK } from '../main/clock.ts';
import { type ConfTemplates, faultIssue, renderConfOnce, watchConf } from '../main/conf-templates.ts';
import { essentials, requireManifests } from '../main/datastore.ts';
import { createIssueLog } from '../main/issue-log.ts';
import { createLog } from '../main/log.ts';
import { StartError } from '../main/start-error.ts';
import type { CommandContext } from './command.ts';
import { addConfigFlags, commandConfig } from './config-flags.ts';
import { CommandError, EXIT } from './exit.ts';
import { interruptSignal } from './interrupt.ts';
import { OFFLINE_KEYS, workloadsOf } from './offline.ts';
import { printLines } from './output.ts';

/** Values that mean nothing to BIRD: its sessions carry the family of their address, and it is no test of several nodes on one machine. */
const FOREIGN: readonly ConfigKey[] = ['sessionFamilies', 'transportMap'];

interface RenderOptions {
  readonly flavor?: Flavor;
  readonly out?: string;
  readonly confdir?: string;
  readonly partials?: string;
  readonly noop?: true;
  readonly keepStageFile?: true;
  readonly syncOnly?: true;
  readonly watch?: true;
  readonly debounce: number;
}

/**
 * Adds the command. Exit status 1 where the node is not known, or where templates of one's own failed; what was left out is said
 * on stderr.
 */
export function define(command: Command, context: CommandContext): void {
  addConfigFlags(command, [...OFFLINE_KEYS.filter((key) => !FOREIGN.includes(key)), 'holdTime']);
  command.addOption(new Option('--flavor <flavor>', 'bird1: BIRD 1.6, two daemons; bird2: BIRD 2 and 3').choices(['bird1', 'bird2']));
  command.option('--out <dir>', 'directory for the files; with --confdir every dest is below it');
  command.option('--confdir <dir>', 'templates of your own: conf.d and templates in this directory, once, with check and reload commands');
  command.option('--partials <dir>', 'folder of partials for --confdir (default: partials in it)');
  command.option('--noop', 'with --confdir: say what would change, write nothing, run nothing');
  command.option('--keep-stage-file', 'with --confdir: leave the staged files');
  command.option('--sync-only', 'with --confdir: run neither check nor reload commands');
  command.option('--watch', 'with --confdir: go on, with a pass for every change');
  command.addOption(new Option('--debounce <ms>', 'with --watch: least time between two passes').default(100).argParser(milliseconds));
  command.action(async (options: RenderOptions) => {
    if (options.confdir !== undefined) await renderConf(command, context, options, options.confdir);
    else await renderOurs(command, context, options);
  });
}

function milliseconds(text: string): number {
  const value = Number(text);
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('a whole number of ms, at most 999999');
  return value;
}

async function renderOurs(command: Command, context: CommandContext, { flavor, out, ...rest }: RenderOptions): Promise<void> {
  const lone = CONFDIR_ONLY.find((name) => rest[name] !== undefined);
  if (lone !== undefined)
    throw new CommandError(EXIT.usage, `--${lone.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} goes with --confdir`);
  if (flavor === undefined || out === undefined)
    throw new CommandError(EXIT.usage, 'give --flavor bird1|bird2 and --out DIR, or --confdir DIR');
  const files = await render(command, context, flavor);
  await mkdir(out, { recursive: true });
  // Passwords are in them.
  for (const [name, text] of files) await writeFile(join(out, name), text, { mode: 0o600 });
}

const CONFDIR_ONLY = ['partials', 'noop', 'keepStageFile', 'syncOnly', 'watch'] as const;

async function renderConf(command: Command, context: CommandContext, options: RenderOptions, confdir: string): Promise<void> {
  const given = commandConfig(command, context);
  const { config } = given;
  const workloads = workloadsOf(given);
  const found = await manifestsOf({ ...config, datastore: 'file' });
  const templates: ConfTemplates = {
    config,
    ...found,
    ...(workloads === undefined ? {} : { workloads }),
    flavor: options.flavor ?? 'bird1',
    set: {
      directory: confdir,
      node: found.node,
      ...(options.partials === undefined ? {} : { partials: options.partials }),
      ...(options.out === undefined ? {} : { root: options.out }),
      noop: options.noop === true,
      keepStage: options.keepStageFile === true,
      syncOnly: options.syncOnly === true,
    },
  };
  if (options.watch === true) await watchUntilInterrupted(templates, options.debounce);
  else context.exit = (await onePass(templates)) ? EXIT.ok : EXIT.negative;
}

async function onePass(templates: ConfTemplates): Promise<boolean> {
  const done = await renderConfOnce(templates).catch((error: unknown) => {
    throw new CommandError(EXIT.usage, error instanceof Error ? error.message : String(error));
  });
  if (done === undefined) throw new CommandError(EXIT.negative, NO_NODE);
  const { changed, written, faults, staged } = done.result;
  printLines(changed.map((path) => `${written ? 'written' : 'differs'} ${path}`));
  printLines(staged.map((path) => `staged ${path}`));
  tell([...done.issues, ...faults.map((fault) => faultIssue(templates.node, fault))]);
  return faults.length === 0;
}

async function watchUntilInterrupted(templates: ConfTemplates, debounceMs: number): Promise<void> {
  const log = createLog(templates.config.logLevel, { node: templates.node });
  await watchConf(templates, debounceMs, { log, issues: createIssueLog(log) }, interruptSignal());
}

const NO_NODE = 'the node is not among the manifests, or it has no address';

function tell(issues: readonly Issue[]): void {
  for (const issue of issues) process.stderr.write(`${formatIssueAt(issue)}\n`);
}

async function render(command: Command, context: CommandContext, flavor: Flavor): Promise<ReadonlyMap<string, string>> {
  const given = commandConfig(command, context);
  const { config } = given;
  const { node, path } = await manifestsOf({ ...config, datastore: 'file' });
  const { snapshot } = await checkDirectory(path, REAL_CLOCK, workloadsOf(given));
  const { desired, issues } = createDesire(birdDesireOptions(config, node)).update(snapshot, { changed: [], issuesChanged: false });
  if (desired === undefined) throw new CommandError(EXIT.negative, NO_NODE);
  const renderer = await createRenderer(flavor);
  const rendered = renderer(desired, birdViewOptions(config));
  tell([...snapshot.issues, ...issues, ...rendered.issues]);
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
