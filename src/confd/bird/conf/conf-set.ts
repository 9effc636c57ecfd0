/**
 * Templates that people bring: a folder with conf.d and templates, as confd reads it (control-plane 7), with differences that
 * it lacks: the files of a folder are one set, checked together and changed together or not at all, a reload command runs once
 * however many files changed, and what went wrong is told.
 */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { createCompiler, type Template } from '../templates.ts';
import { readConf, type TemplateConf } from './conf-file.ts';
import { confHelpers, HELPER_NAMES, type Helper } from './helpers.ts';
import { keyStore } from './key-store.ts';
import type { KeyView } from './key-view.ts';
import { compareFile, type Staged, stageFiles } from './staging.ts';

/** Where the set is, and how passes over it go. */
export interface ConfOptions {
  /** Has `conf.d` (searched through), `templates` and, where used, `partials`. */
  readonly directory: string;
  /** Folder of partials; absent: `partials` of the directory. */
  readonly partials?: string;
  /** Destinations are below it; absent: relative ones are below the directory. */
  readonly root?: string;
  readonly node: string;
  /** Compare only: nothing is written, nothing runs. */
  readonly noop?: boolean;
  /** Leave the staged files of a pass that wrote or failed, for a look at them. */
  readonly keepStage?: boolean;
  /** Neither check nor reload commands run. */
  readonly syncOnly?: boolean;
}

/** Something that did not work, about a conf.d file or the whole set (''). */
export interface ConfFault {
  readonly name: string;
  readonly message: string;
}

/** What a pass did. */
export interface PassResult {
  /** Destinations that differed; written unless there is a fault of rendering, checking or writing, or it was a noop. */
  readonly changed: readonly string[];
  readonly written: boolean;
  readonly faults: readonly ConfFault[];
  /** Folders left by keepStage. */
  readonly staged: readonly string[];
}

/** A loaded set. Passes must not overlap. */
export interface ConfSet {
  /** Renders everything and brings the files there; `view` is the typed object, `keys` the key view. */
  pass(view: object, keys: KeyView): Promise<PassResult>;
}

interface Entry {
  readonly conf: TemplateConf;
  readonly path: string;
  readonly render: (view: object, keys: KeyView) => string;
  readonly check: Template | undefined;
}

const COMMAND_MS = 30_000;

/** Reads conf.d and the templates. Rejects with an error that names the file at fault. */
export async function openConfSet(options: ConfOptions): Promise<ConfSet> {
  const entries = await readEntries(options);
  const pending = new Set<string>();
  return {
    pass: async (view, keys) => {
      const rendered = entries.map((entry) => attempt(entry, () => entry.render(view, keys)));
      const faults = rendered.flatMap(({ fault }) => fault ?? []);
      if (faults.length > 0) return { changed: [], written: false, faults, staged: [] };
      try {
        return await bring(await Promise.all(rendered.map(compared)), { options, pending });
      } catch (error) {
        return { changed: [], written: false, faults: [{ name: '', message: messageOf(error) }], staged: [] };
      }
    },
  };
}

async function compared({ entry, text = '' }: { readonly entry: Entry; readonly text?: string }): Promise<ComparedFile> {
  return { entry, path: entry.path, ...(await compareFile({ ...entry.conf, path: entry.path, text })) };
}

interface Surroundings {
  readonly options: ConfOptions;
  /** Reload commands that have not succeeded yet. */
  readonly pending: Set<string>;
}

async function bring(files: readonly ComparedFile[], surroundings: Surroundings): Promise<PassResult> {
  const { options, pending } = surroundings;
  const changed = files.filter(({ differs }) => differs).map(({ path }) => path);
  const result = { changed, written: false, faults: [], staged: [] };
  if (options.noop === true) return result;
  if (changed.length === 0) return { ...result, faults: await reload([], pending, options) };
  return await write(files, surroundings);
}

interface ComparedFile {
  readonly entry: Entry;
  readonly path: string;
  readonly whole: Awaited<ReturnType<typeof compareFile>>['whole'];
  readonly differs: boolean;
}

async function write(files: readonly ComparedFile[], { options, pending }: Surroundings): Promise<PassResult> {
  const changed = files.filter(({ differs }) => differs);
  const paths = changed.map(({ path }) => path);
  const staged = await stageFiles(files);
  const left = options.keepStage === true ? staged.folders : [];
  try {
    const faults = options.syncOnly === true ? [] : await checkAll(files, staged);
    if (faults.length > 0) return { changed: paths, written: false, faults, staged: left };
    await staged.swap(paths);
    const reloads = await reload(
      changed.map(({ entry }) => entry.conf),
      pending,
      options,
    );
    return { changed: paths, written: true, faults: reloads, staged: left };
  } catch (error) {
    return { changed: paths, written: false, faults: [{ name: '', message: messageOf(error) }], staged: left };
  } finally {
    if (options.keepStage !== true) await staged.remove();
  }
}

/** A file that did not change is checked too where one beside it did: it may include it. */
async function checkAll(files: readonly ComparedFile[], staged: Staged): Promise<readonly ConfFault[]> {
  const touched = new Set(files.filter(({ differs }) => differs).map(({ path }) => dirname(path)));
  const faults: ConfFault[] = [];
  for (const { entry, path } of files) {
    if (entry.check === undefined || !touched.has(dirname(path))) continue;
    const failure = await shell(entry.check.render({ src: staged.pathOf(path) }));
    if (failure !== undefined) faults.push({ name: entry.conf.name, message: `check_cmd: ${failure}` });
  }
  return faults;
}

/** Each command once; one that failed runs again in the next pass, even where no file changes. */
async function reload(changed: readonly TemplateConf[], pending: Set<string>, { syncOnly }: ConfOptions): Promise<readonly ConfFault[]> {
  if (syncOnly === true) return [];
  for (const { reloadCommand } of changed) if (reloadCommand !== undefined) pending.add(reloadCommand);
  const faults: ConfFault[] = [];
  for (const command of [...pending]) {
    const failure = await shell(command);
    if (failure === undefined) pending.delete(command);
    else faults.push({ name: '', message: `reload_cmd ${JSON.stringify(command)}: ${failure}` });
  }
  return faults;
}

function attempt(entry: Entry, render: () => string): { readonly entry: Entry; readonly text?: string; readonly fault?: ConfFault } {
  try {
    return { entry, text: render() };
  } catch (error) {
    return { entry, fault: { name: entry.conf.name, message: messageOf(error) } };
  }
}

async function readEntries(options: ConfOptions): Promise<readonly Entry[]> {
  const { directory, node } = options;
  const folder = join(directory, 'conf.d');
  const names = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((file) => !file.isDirectory() && file.name.endsWith('toml'))
    .map((file) => relative(folder, join(file.parentPath, file.name)))
    .sort();
  const entries = await Promise.all(
    names.map(async (name) => await readEntry(readConf(name, await readFile(join(folder, name), 'utf8'), node), options)),
  );
  const twice = entries.find((entry, index) => entries.findIndex((other) => other.path === entry.path) !== index);
  if (twice !== undefined) throw new Error(`${twice.conf.name}: dest ${twice.conf.dest} is another file's dest too`);
  return entries;
}

async function readEntry(conf: TemplateConf, { directory, partials, root }: ConfOptions): Promise<Entry> {
  let helpers: ReadonlyMap<string, Helper> | undefined;
  const live =
    (name: string): Helper =>
    (...args) =>
      helpers?.get(name)?.(...args);
  const compile = await createCompiler(partials ?? join(directory, 'partials'), new Map(HELPER_NAMES.map((name) => [name, live(name)])));
  const template = compile(conf.src, await readFile(join(directory, 'templates', conf.src), 'utf8'));
  return {
    conf,
    path: root === undefined ? resolve(directory, conf.dest) : join(resolve(root), conf.dest),
    check: conf.checkCommand === undefined ? undefined : compile(`check_cmd of ${conf.name}`, conf.checkCommand),
    render: (view, keys) => {
      helpers = confHelpers(keyStore(keys, conf.prefix, conf.keys));
      return template.render(view);
    },
  };
}

/** Runs a command line; what went wrong, undefined where nothing did. */
async function shell(command: string): Promise<string | undefined> {
  return await new Promise((done) => {
    execFile('/bin/sh', ['-c', command], { timeout: COMMAND_MS }, (error, stdout, stderr) => {
      if (error === null) done(undefined);
      else
        done(
          [
            error.killed === true ? `not done in ${COMMAND_MS / 1000} s` : `exit status ${error.code ?? error.signal ?? '?'}`,
            stderr.trim(),
            stdout.trim(),
          ]
            .filter((part) => part !== '')
            .join(': '),
        );
    });
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
