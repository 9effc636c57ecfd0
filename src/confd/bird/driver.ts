/**
 * BIRD as a Driver: the whole desired state becomes a set of files, the real daemon checks it before it is swapped in, and
 * one reconfiguration per change is confirmed over the control socket. The last good set stays in force where a new one fails.
 */
import { join } from 'node:path';
import { sameData } from '../desired/compare.ts';
import type { Desired } from '../desired/types.ts';
import type { ApplyResult, DrainPhase, Driver } from '../driver.ts';
import type { Log } from '../log.ts';
import type { Issue } from '../resources/types.ts';
import { findAccepted } from './accept.ts';
import { type CheckFault, checkFile } from './check.ts';
import { createDaemon, type Daemon } from './daemon.ts';
import { createDraining } from './draining.ts';
import { type FileSets, openFileSets } from './file-sets.ts';
import { objectIssue } from './peer-issue.ts';
import type { LeftOut } from './peer-view.ts';
import { createRenderer, type FileSet, type Flavor, type Rendered, type Renderer } from './render.ts';
import { touchedBetween, UNTOUCHED } from './touched.ts';
import type { BirdView, ViewOptions } from './view.ts';

/** Where BIRD's things are and how it is run. */
export interface BirdOptions {
  readonly flavor: Flavor;
  /** Program of each daemon, with leading arguments. */
  readonly commands: { readonly bird: readonly string[]; readonly bird6: readonly string[] };
  /** `start`: this process runs BIRD. `attach`: it is run elsewhere, with its files in `configDirectory`/current. */
  readonly mode: 'start' | 'attach';
  readonly configDirectory: string;
  /** Every start of BIRD is a recovery, as in Calico; else only where a run before may have left routes with peers. Default false. */
  readonly alwaysRecover?: boolean;
  /** Of `bird.ctl` and `bird6.ctl`. */
  readonly socketDirectory: string;
  readonly view: ViewOptions;
}

/** What the driver needs beside. */
export interface BirdDeps {
  readonly options: BirdOptions;
  readonly log: Log;
  /** Called when the engine's issues between two applies changed. */
  readonly issuesChanged: () => void;
}

/** The driver, and the engine's issues between two applies. */
export interface BirdDriver extends Driver {
  readonly engineIssues: () => readonly Issue[];
  /** Peers of the last state that are not started. */
  readonly held: () => readonly LeftOut[];
  /** Brings the last state, and those to come, into a phase; resolves when BIRD has been told. */
  readonly drain: (phase: DrainPhase) => Promise<void>;
}

const NAMES: Readonly<Record<Flavor, readonly ('bird' | 'bird6')[]>> = { bird1: ['bird', 'bird6'], bird2: ['bird'] };
const MAIN: Readonly<Record<Flavor, Readonly<Record<'bird' | 'bird6', string>>>> = {
  bird1: { bird: 'bird.cfg', bird6: 'bird6.cfg' },
  bird2: { bird: 'bird.conf', bird6: 'bird.conf' },
};

/** Wait before a daemon that was not reached is told again, ms. */
const RETRY_MS = 2_000;

/** Makes the driver; `start` brings BIRD up with the last good files where there are some. */
export function createBirdDriver(deps: BirdDeps): BirdDriver {
  return new FileDriver(deps);
}

interface Parts {
  readonly sets: FileSets;
  readonly render: Renderer;
  readonly daemons: readonly Daemon[];
}

/** What was last brought to BIRD. `confirmed` false: it is in the files, but not every daemon said so. */
interface Applied {
  readonly wanted: FileSet;
  readonly view: BirdView;
  readonly issues: readonly Issue[];
  readonly confirmed: boolean;
}

class FileDriver implements BirdDriver {
  readonly #deps: BirdDeps;
  #parts: Promise<Parts> | undefined;
  #daemons: readonly Daemon[] = [];
  #applied: Applied | undefined;
  #work: Promise<unknown> = Promise.resolve();
  #stopped: Promise<void> | undefined;
  #engineIssues: readonly Issue[] = [];
  /** Daemons that the last state has not reached yet. */
  #outstanding: readonly DaemonFault[] = [];
  /** The last set that was staged and found good. */
  #ready: { readonly files: FileSet; readonly folder: string } | undefined;
  #retry: NodeJS.Timeout | undefined;
  readonly #ending = new AbortController();
  #held: readonly LeftOut[] = [];
  /** Of the last state, for issues that come between two. */
  #node = '';
  #last: Desired | undefined;
  #phase: DrainPhase = 'off';
  readonly #draining = createDraining();

  constructor(deps: BirdDeps) {
    this.#deps = deps;
  }

  async start(signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#stopped !== undefined) return;
    this.#parts ??= this.#open();
    await this.#parts;
  }

  async apply(desired: Desired, signal: AbortSignal): Promise<ApplyResult> {
    const parts = await this.#parts;
    if (parts === undefined || this.#stopped !== undefined) throw new Error('the BIRD engine is not running');
    this.#last = desired;
    return await unlessAborted(this.#enqueue(parts, desired, signal), signal);
  }

  stop(planned: boolean): Promise<void> {
    this.#ending.abort();
    clearTimeout(this.#retry);
    this.#stopped ??= Promise.all(this.#daemons.map((daemon) => daemon.stop(planned))).then(() => undefined);
    return this.#stopped;
  }

  readonly drain = async (phase: DrainPhase): Promise<void> => {
    this.#phase = phase;
    const parts = await this.#parts;
    if (parts !== undefined && this.#last !== undefined) await this.#enqueue(parts, this.#last, this.#ending.signal);
  };

  readonly engineIssues = (): readonly Issue[] => this.#engineIssues;

  readonly held = (): readonly LeftOut[] => this.#held;

  async #open(): Promise<Parts> {
    const { options, log } = this.#deps;
    const [sets, render] = await Promise.all([openFileSets(options.configDirectory), createRenderer(options.flavor)]);
    this.#daemons = NAMES[options.flavor].map((name) =>
      createDaemon(
        {
          name,
          command: options.commands[name],
          file: join(sets.current, MAIN[options.flavor][name]),
          socket: join(options.socketDirectory, `${name}.ctl`),
          mode: options.mode,
        },
        { log, changed: () => this.#noticeFaults() },
      ),
    );
    if ((await sets.read()) !== undefined) for (const daemon of this.#daemons) daemon.start(true);
    return { sets, render, daemons: this.#daemons };
  }

  #enqueue(parts: Parts, desired: Desired, signal: AbortSignal): Promise<ApplyResult> {
    const work = this.#work.then(async () => {
      clearTimeout(this.#retry);
      const result = await this.#bring(parts, desired, signal);
      this.#noticeFaults();
      // A daemon that could not be told then is told when it can be, without waiting for the next change.
      const again = (): void =>
        void this.#enqueue(parts, desired, this.#ending.signal).catch((error: unknown) =>
          this.#deps.log.warn({ error: String(error) }, 'retry failed'),
        );
      if (this.#outstanding.length > 0 && !this.#ending.signal.aborted) this.#retry = setTimeout(again, RETRY_MS);
      return result;
    });
    this.#work = work.catch(() => undefined);
    return work;
  }

  async #bring(parts: Parts, wanted: Desired, signal: AbortSignal): Promise<ApplyResult> {
    const desired = this.#draining(wanted, this.#phase);
    this.#node = desired.node;
    const { view: options } = this.#deps.options;
    const whole = parts.render(desired, options);
    const before = this.#applied;
    if (before?.confirmed === true && sameFiles(before.wanted, whole.files)) {
      this.#outstanding = [];
      return { issues: before.issues, touched: UNTOUCHED };
    }
    const check = (files: FileSet): Promise<CheckFault | undefined> => this.#check(parts.sets, files);
    const render = (without: ReadonlySet<string>): Rendered => (without.size === 0 ? whole : parts.render(desired, options, without));
    const accepted = await findAccepted(desired, render, check);
    if (accepted.rendered === undefined) return { issues: [...whole.issues, rejected(desired, accepted.fault)], touched: UNTOUCHED };
    const issues = [...accepted.rendered.issues, ...accepted.left.map(({ issue }) => issue)];
    this.#held = [...heldOf(desired), ...accepted.rendered.left, ...accepted.left];
    this.#outstanding = await this.#swap(parts, accepted.rendered.files, signal);
    if (this.#outstanding.some(({ refused }) => refused)) return { issues, touched: UNTOUCHED };
    const { view } = accepted.rendered;
    this.#applied = { wanted: whole.files, view, issues, confirmed: this.#outstanding.length === 0 };
    return { issues, touched: touchedBetween(before?.view, view) };
  }

  async #check(sets: FileSets, files: FileSet): Promise<CheckFault | undefined> {
    const { flavor, commands } = this.#deps.options;
    const staged = await sets.stage(files);
    let fault: CheckFault | undefined;
    try {
      for (const name of NAMES[flavor]) fault ??= await checkFile(commands[name], join(staged, MAIN[flavor][name]));
    } catch (error) {
      await sets.discard(staged);
      throw error;
    }
    const unwanted = fault === undefined ? this.#ready?.folder : staged;
    if (fault === undefined) this.#ready = { files, folder: staged };
    if (unwanted !== undefined) await sets.discard(unwanted);
    return fault;
  }

  /** Puts the files in force and tells the daemons whose files changed; where one refuses, the set before comes back. */
  async #swap(parts: Parts, files: FileSet, signal: AbortSignal): Promise<readonly DaemonFault[]> {
    const old = await parts.sets.read();
    const ready = this.#ready?.files === files ? this.#ready.folder : await parts.sets.stage(files);
    this.#ready = undefined;
    await parts.sets.commit(ready);
    const whole = this.#applied?.confirmed !== true;
    const concerned = parts.daemons.filter((daemon) => whole || daemon.fault() !== undefined || differs(old, files, daemon.spec.name));
    for (const daemon of concerned) daemon.start(this.#deps.options.alwaysRecover === true);
    const faults = await tell(concerned, signal);
    if (!faults.some(({ refused }) => refused)) return faults;
    if (await parts.sets.rollBack()) await tell(concerned, signal);
    return faults;
  }

  #noticeFaults(): void {
    const down = this.#daemons.flatMap((daemon): readonly DaemonFault[] => {
      const message = daemon.fault();
      return message === undefined ? [] : [{ name: daemon.spec.name, message, refused: false }];
    });
    const named = new Set(down.map(({ name }) => name));
    const next = [...down, ...this.#outstanding.filter(({ name }) => !named.has(name))].map((fault) => engineIssue(this.#node, fault));
    if (sameData(next, this.#engineIssues)) return;
    this.#engineIssues = next;
    this.#deps.issuesChanged();
  }
}

function heldOf({ peers }: Desired): readonly LeftOut[] {
  return peers.flatMap((peer) => (peer.heldBy === undefined ? [] : [{ peer, issue: peer.heldBy }]));
}

interface DaemonFault {
  readonly name: string;
  readonly message: string;
  readonly refused: boolean;
}

async function tell(daemons: readonly Daemon[], signal: AbortSignal): Promise<readonly DaemonFault[]> {
  const faults = await Promise.all(
    daemons.map(async (daemon): Promise<readonly DaemonFault[]> => {
      const outcome = await daemon.configure(signal);
      return outcome.kind === 'done' ? [] : [{ name: daemon.spec.name, message: outcome.message, refused: outcome.kind === 'refused' }];
    }),
  );
  return faults.flat();
}

function differs(before: FileSet | undefined, after: FileSet, daemon: string): boolean {
  const own = [...after.keys()].filter((name) => name.startsWith('bird6') === (daemon === 'bird6'));
  return own.some((name) => before?.get(name) !== after.get(name));
}

function sameFiles(a: FileSet, b: FileSet): boolean {
  return a.size === b.size && [...a].every(([name, text]) => b.get(name) === text);
}

function rejected({ node }: Desired, fault: CheckFault | undefined): Issue {
  const rule = `BIRD rejects the configuration even without peers (${fault?.message ?? 'no reason given'}); the last good one stays in force`;
  return objectIssue(`Node/${node}`, { code: 'BIRD_CONFIG_REJECTED', field: '', got: '', rule });
}

function engineIssue(node: string, { name, message, refused }: DaemonFault): Issue {
  const rule = refused ? `refuses the configuration (${message}); the last good one stays in force` : `does not answer (${message})`;
  return objectIssue(`Node/${node}`, {
    code: refused ? 'BIRD_REFUSED' : 'BIRD_UNREACHABLE',
    field: name,
    got: '',
    rule: `${name} ${rule}`,
    transient: !refused,
  });
}

/** The work, or nothing done as soon as the signal aborts; the work goes on by itself then. */
function unlessAborted(work: Promise<ApplyResult>, signal: AbortSignal): Promise<ApplyResult> {
  const nothing: ApplyResult = { issues: [], touched: UNTOUCHED };
  if (signal.aborted) return Promise.resolve(nothing);
  return new Promise((resolve, reject) => {
    const leave = (): void => resolve(nothing);
    signal.addEventListener('abort', leave, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}
