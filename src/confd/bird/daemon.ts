/**
 * One running BIRD as the driver sees it: it is kept up (or waited for), asked to read its files again, and left or ended. A
 * connection to its control socket is held open all the time, so its death is noticed at once, whoever started it.
 */
import { realpath } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Log } from '../log.ts';
import { type BirdControl, BirdControlError, openControl } from './control.ts';
import { isRefusal, type Reply, replyText } from './control-reply.ts';
import { type BirdProcess, killByFile, pidFile, startProcess } from './process.ts';

/** One daemon of a flavour and where its things are. */
export interface DaemonSpec {
  /** For logs and issues: `bird` or `bird6`. */
  readonly name: string;
  /** Program with leading arguments. */
  readonly command: readonly string[];
  /** Its main file, by the path under which it is always found. */
  readonly file: string;
  /** Its control socket. */
  readonly socket: string;
  /** `start`: keep it running, taking over one that answers already. `attach`: somebody else does. */
  readonly mode: 'start' | 'attach';
}

/** What a reconfiguration came to. */
export type Configured = { readonly kind: 'done' } | { readonly kind: 'refused' | 'unreachable'; readonly message: string };

/** A daemon being looked after. */
export interface Daemon {
  readonly spec: DaemonSpec;
  /** Begins to look after it; `recovery` says that sessions of a run before may still be held by peers. Idempotent. */
  start(recovery: boolean): void;
  /** Makes it read its files and waits until it did; a daemon that dies meanwhile is tried again. Never rejects. */
  configure(signal: AbortSignal): Promise<Configured>;
  /** What is wrong with it now; undefined while it answers. */
  fault(): string | undefined;
  /** Ends it where it is ours: `planned` so that graceful restart helpers keep its routes. Idempotent. */
  stop(planned: boolean): Promise<void>;
}

/** What a daemon needs of its surroundings. */
export interface DaemonDeps {
  readonly log: Log;
  /** Called when `fault` may say something else. */
  readonly changed: () => void;
}

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;
/** Longest wait for a configuration to be in force, with the daemon's start where it is not running. */
const CONFIGURE_MS = 10_000;
const POLL_MS = 25;
const STOP_MS = 5_000;

/** Makes the looking-after; nothing happens before `start`. */
export function createDaemon(spec: DaemonSpec, deps: DaemonDeps): Daemon {
  return new KeptDaemon(spec, deps);
}

class KeptDaemon implements Daemon {
  readonly spec: DaemonSpec;
  readonly #deps: DaemonDeps;
  readonly #stopped = new AbortController();
  #control: BirdControl | undefined;
  /** The connection of a daemon that is known to read our files. */
  #own: BirdControl | undefined;
  #process: BirdProcess | undefined;
  #fault: string | undefined;
  #recovery = false;
  #running: Promise<void> | undefined;

  constructor(spec: DaemonSpec, deps: DaemonDeps) {
    this.spec = spec;
    this.#deps = deps;
  }

  start(recovery: boolean): void {
    if (this.#stopped.signal.aborted) return;
    this.#recovery ||= recovery;
    this.#running ??= this.#keep();
  }

  fault(): string | undefined {
    return this.#fault;
  }

  async configure(signal: AbortSignal): Promise<Configured> {
    const deadline = performance.now() + CONFIGURE_MS;
    let message = this.#fault ?? 'it is not up yet';
    while (performance.now() < deadline && !signal.aborted && !this.#stopped.signal.aborted) {
      const control = this.#control;
      if (control === undefined) {
        message = this.#fault ?? message;
        await pause(POLL_MS);
        continue;
      }
      try {
        return await this.#reconfigure(control, deadline);
      } catch (error) {
        if (!(error instanceof BirdControlError)) throw error;
        message = error.message;
        await pause(POLL_MS);
      }
    }
    return { kind: 'unreachable', message };
  }

  async stop(planned: boolean): Promise<void> {
    if (!this.#stopped.signal.aborted) {
      this.#stopped.abort();
      if (this.spec.mode === 'start') await this.#end(planned);
      this.#control?.close();
    }
    await this.#running;
  }

  async #reconfigure(control: BirdControl, deadline: number): Promise<Configured> {
    const foreign = await this.#foreign(control);
    if (foreign !== undefined) return { kind: 'refused', message: foreign };
    const reply = await control.command('configure', Math.max(1, deadline - performance.now()));
    if (isRefusal(reply)) return { kind: 'refused', message: replyText(reply) };
    while (reply.code !== RECONFIGURED && (await isReconfiguring(control))) {
      if (performance.now() > deadline) return { kind: 'unreachable', message: 'the reconfiguration does not end' };
      await pause(POLL_MS);
    }
    return { kind: 'done' };
  }

  /** A daemon that this process did not start may be anybody's: it must read our files. Why it is not ours, undefined where it is. */
  async #foreign(control: BirdControl): Promise<string | undefined> {
    if (this.#own === control) return undefined;
    if (this.#process === undefined) {
      const reply = await control.command('configure check');
      const reads = reply.lines.find(({ code }) => code === READING)?.text ?? '';
      const ours = await sameFile(reads.slice(reads.indexOf('/')), this.spec.file);
      if (!ours) return `it answers ${JSON.stringify(replyText(reply))}; it must be started with -c ${this.spec.file}`;
    }
    this.#own = control;
    return undefined;
  }

  /** Connects, waits for the end of the connection, and again, until stopped. */
  async #keep(): Promise<void> {
    let wait = FIRST_RETRY_MS;
    while (!this.#stopped.signal.aborted) {
      const control = await this.#connect();
      if (control === undefined) {
        await pause(wait, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
        wait = Math.min(wait * 2, LAST_RETRY_MS);
        continue;
      }
      wait = FIRST_RETRY_MS;
      this.#control = control;
      this.#say(undefined);
      this.#deps.log.info({ daemon: this.spec.name, greeting: control.greeting }, 'BIRD answers');
      await control.ended;
      this.#control = undefined;
      // Whoever starts again after a crash finds peers that still hold the routes.
      this.#recovery = true;
      if (!this.#stopped.signal.aborted) this.#say('the connection to its control socket ended');
    }
  }

  async #connect(): Promise<BirdControl | undefined> {
    const { spec } = this;
    const first = await openControl(spec.socket).catch((error: unknown) => messageOf(error));
    if (typeof first !== 'string') return first;
    if (spec.mode === 'attach' || this.#stopped.signal.aborted) return this.#failed(first);
    this.#process ??= startProcess(spec, this.#recovery, this.#deps.log, () => {
      this.#process = undefined;
    });
    const child = this.#process;
    const deadline = performance.now() + CONFIGURE_MS;
    let message = first;
    while (performance.now() < deadline && child.ending() === undefined && !this.#stopped.signal.aborted) {
      await pause(POLL_MS);
      const control = await openControl(spec.socket).catch((error: unknown) => messageOf(error));
      if (typeof control !== 'string') return control;
      message = control;
    }
    return this.#failed(child.ending() ?? message);
  }

  #failed(message: string): undefined {
    this.#say(message);
    return undefined;
  }

  #say(fault: string | undefined): void {
    if (fault === this.#fault) return;
    this.#fault = fault;
    if (fault !== undefined) this.#deps.log.warn({ daemon: this.spec.name, fault }, 'BIRD does not answer');
    this.#deps.changed();
  }

  /** `graceful restart` leaves without a Cease; a daemon that does not know the word is killed, which peers see alike. */
  async #end(planned: boolean): Promise<void> {
    const control = this.#control;
    const foreign = control === undefined || (await this.#foreign(control).catch(() => 'no answer')) !== undefined;
    if (foreign && this.#process === undefined) return;
    const reply = control === undefined ? undefined : await control.command(planned ? 'graceful restart' : 'down').catch(() => undefined);
    if (reply === undefined || isRefusal(reply)) await this.#kill(planned ? 'SIGKILL' : 'SIGTERM');
    const ended = Promise.all([control?.ended, this.#process?.ended]);
    await Promise.race([ended, pause(STOP_MS, undefined, { ref: false })]);
    this.#process?.kill('SIGKILL');
    await this.#process?.ended;
  }

  /** One that a process before us started is known by its pid file, as long as it answers. */
  async #kill(signal: NodeJS.Signals): Promise<void> {
    if (this.#process !== undefined) this.#process.kill(signal);
    else if (this.#control !== undefined) await killByFile(pidFile(this.spec), signal);
  }
}

/** Codes of BIRD's replies. */
const READING = 2;
const RECONFIGURED = 3;
const DAEMON_STATE = 13;

async function isReconfiguring(control: BirdControl): Promise<boolean> {
  const reply: Reply = await control.command('show status');
  return reply.lines.some(({ code, text }) => code === DAEMON_STATE && /reconfiguration in progress/i.test(text));
}

/** The same file by its names: the folder of sets may be reached by another path, the set behind `current` changes. */
async function sameFile(a: string, b: string): Promise<boolean> {
  if (a === b) return true;
  const place = async (path: string): Promise<string> => await realpath(dirname(dirname(path))).catch(() => '');
  const tail = (path: string): string => `${basename(dirname(path))}/${basename(path)}`;
  const [one, other] = await Promise.all([place(a), place(b)]);
  return one !== '' && one === other && tail(a) === tail(b);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
