/**
 * The way out of a node, told to its peers before it is taken (RFC 8326): who asked for it, how far it is, what survives a
 * restart. Phases: `off`; `draining`, every path goes out with GRACEFUL_SHUTDOWN and, inside the AS, LOCAL_PREF 0; `left`, the
 * sessions are ended. An operator's word is kept on the host; a cordon is read from the Node; the end of the process is neither.
 */
import type { DrainPhase } from '../confd/driver.ts';
import type { Log } from '../confd/log.ts';

/** Who asks for it. */
export type DrainCause = 'operator' | 'cordon' | 'shutdown';

/** What an operator may ask for. */
export type DrainRequest = 'on' | 'leave' | 'off';

/** What is kept on the host: the operator's word and when it was given, wall-clock ms. */
export interface DrainMemory {
  readonly phase: Exclude<DrainPhase, 'off'>;
  readonly since: number;
}

/** Where it is kept. `write` of undefined removes it; both reject where the host does not let them. */
export interface DrainFile {
  read(): Promise<DrainMemory | undefined>;
  write(memory: DrainMemory | undefined): Promise<void>;
}

/** The present state. `since` is wall-clock ms, 0 where nobody asks. */
export interface DrainState {
  readonly phase: DrainPhase;
  readonly since: number;
  readonly causes: readonly DrainCause[];
}

/** Narrow interfaces that draining uses. */
export interface DrainDeps {
  readonly file: DrainFile;
  /** Brings the engine into a phase; resolves when it is. */
  readonly engine: (phase: DrainPhase) => Promise<void>;
  /** Wall-clock ms. */
  readonly now: () => number;
  readonly log: Log;
}

/** The node's way out. */
export interface Drain {
  state(): DrainState;
  /** Takes up what the run before was told. */
  restore(): Promise<void>;
  ask(request: DrainRequest): Promise<DrainState>;
  /** The Node is cordoned, or no longer. */
  cordoned(on: boolean): Promise<void>;
  /** The process is about to end. */
  stopping(): Promise<void>;
}

/** Makes it; nothing is asked before `restore`. */
export function createDrain({ file, engine, now, log }: DrainDeps): Drain {
  let memory: DrainMemory | undefined;
  const others = new Map<Exclude<DrainCause, 'operator'>, number>();
  let phase: DrainPhase = 'off';
  const state = (): DrainState => {
    const begun = [...(memory === undefined ? [] : [memory.since]), ...others.values()];
    const causes: DrainCause[] = [...(memory === undefined ? [] : (['operator'] as const)), ...others.keys()];
    return { phase, since: begun.length === 0 ? 0 : Math.min(...begun), causes };
  };
  const settle = async (): Promise<void> => {
    const next = memory?.phase ?? (others.size > 0 ? 'draining' : 'off');
    if (next === phase) return;
    phase = next;
    log.info({ phase, because: state().causes.join(', ') }, 'drain');
    await engine(phase);
  };
  const because = async (cause: Exclude<DrainCause, 'operator'>, on: boolean): Promise<void> => {
    if (on === others.has(cause)) return;
    if (on) others.set(cause, now());
    else others.delete(cause);
    await settle();
  };
  return {
    state,
    restore: async () => {
      memory = await file.read();
      await settle();
    },
    ask: async (request) => {
      const next =
        request === 'off' ? undefined : ({ phase: request === 'on' ? 'draining' : 'left', since: memory?.since ?? now() } as const);
      // On the host first: what was promised must hold after a crash in the next moment.
      if (next?.phase !== memory?.phase) await file.write(next);
      memory = next;
      await settle();
      return state();
    },
    cordoned: (on) => because('cordon', on),
    stopping: () => because('shutdown', true),
  };
}
