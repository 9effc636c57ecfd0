/** `linnet diags`: a support bundle of one node, without secrets. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Command } from 'commander';
import { isRecord } from '../confd/resources/fields.ts';
import { readText, thisMachine } from '../config/load-machine.ts';
import { CONFIG_KEYS, OPTIONS } from '../config/options.ts';
import { readConfig } from '../config/read.ts';
import type { ConfigKey } from '../config/types.ts';
import { addApiOptions, apiOf } from './client.ts';
import type { CommandContext } from './command.ts';
import { daemonAnswers, debugThreads, kernelRoutes, logTail, versions } from './diags/collect.ts';
import { scrubber } from './diags/scrub.ts';
import { readStateFiles } from './diags/state-files.ts';
import { type TarEntry, tar } from './diags/tar.ts';
import { EXIT } from './exit.ts';

interface DiagsOptions {
  readonly out?: string;
  readonly stateDir?: string;
  readonly log?: string;
  readonly debug?: string;
  readonly api?: string;
  readonly runDir?: string;
}

/** Adds the command. Exit status 0: written; 3: written, but no daemon answered. */
export function define(command: Command, context: CommandContext): void {
  command
    .option('--out <path>', 'where to: an archive where it ends in .tar.gz, else a directory (default linnet-diags-TIME.tar.gz here)')
    .option('--state-dir <dir>', 'state directory (default what the daemon says)')
    .option('--log <file>', 'its end is taken along')
    .option('--debug <address:port>', 'debug server of the daemon, for its threads');
  addApiOptions(command);
  command.action(async (options: DiagsOptions) => {
    const now = Date.now();
    const daemon = await daemonAnswers(await apiOf(options, context));
    const state = await readStateFiles(options.stateDir ?? stateDirectory(daemon.files, context));
    const clean = scrubber([...state.secrets, ...ownSecrets(daemon.files, context)]);
    const files = [
      versions(now),
      ...daemon.files,
      await kernelRoutes(),
      ...state.files.map(({ name, content }) => ({ name: `state/${name}`, content })),
      ...(options.log === undefined ? [] : [await logTail(options.log)]),
      ...(options.debug === undefined ? [] : [await debugThreads(options.debug)]),
    ].map(({ name, content }) => ({ name, content: clean(content) }));
    const out = options.out ?? `linnet-diags-${new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, '')}.tar.gz`;
    await write(out, files, now);
    process.stdout.write(`${out}\n`);
    if (!daemon.reached) process.stderr.write('no daemon answered: the bundle has only what its host tells\n');
    context.exit = daemon.reached ? EXIT.ok : EXIT.unreachable;
  });
}

/** A setting as the daemon tells it; undefined where none answers or it is not set. */
function setting(files: readonly TarEntry[], name: ConfigKey): string | undefined {
  const status: unknown = JSON.parse(files.find((file) => file.name === 'status.json')?.content ?? '{}');
  const settings = isRecord(status) ? status['settings'] : undefined;
  const row = Array.isArray(settings) ? settings.find((one) => isRecord(one) && one['name'] === name) : undefined;
  return isRecord(row) && typeof row['value'] === 'string' && row['value'] !== '' ? row['value'] : undefined;
}

/** Secrets that are not Kubernetes': passwords in the environment, which a command in the daemon's container shares, and its token. */
function ownSecrets(files: readonly TarEntry[], { environment }: CommandContext): readonly string[] {
  const names = CONFIG_KEYS.filter((key) => OPTIONS[key].flag === '').flatMap((key) => OPTIONS[key].environment);
  const token = setting(files, 'apiTokenFile');
  const found = [...names.map((name) => environment[name]), token === undefined ? undefined : readText(token)?.trim()];
  return found.filter((text) => text !== undefined);
}

/** As the daemon says among its settings; of this command's own environment where none answers. */
function stateDirectory(files: readonly TarEntry[], { environment }: CommandContext): string {
  const told = setting(files, 'stateDir');
  if (told !== undefined) return told;
  return readConfig({ flags: new Map(), environment, file: new Map(), machine: thisMachine(environment), readFile: readText }).config
    .stateDir;
}

/** Readable by its owner only: addresses and names of a cluster are in it. */
async function write(out: string, files: readonly TarEntry[], now: number): Promise<void> {
  if (/\.(tar\.gz|tgz)$/.test(out)) {
    const named = files.map(({ name, content }) => ({ name: `linnet-diags/${name}`, content }));
    await writeFile(out, gzipSync(tar(named, now)), { mode: 0o600 });
    return;
  }
  for (const { name, content } of files) {
    const path = join(out, name);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(path, content, { mode: 0o600 });
  }
}
