/**
 * What stands around the dataplane and follows FelixConfiguration while the agent runs: the listener of the probes, the timeouts of
 * reporters, the debug server, the directory of endpoints' status. One change at a time; what fails is told and tried with the next.
 */

import type { Log } from '../src/confd/log.ts';
import type { FelixFields } from '../src/confd/resources/types.ts';
import type { DebugServer } from '../src/debug/server.ts';
import { debugListen, type HostPort, healthListen, isLoopbackHost, STATUS_PREFIX } from './config/settings.ts';
import { type EndpointStatus, openEndpointStatus } from './endpoint-status.ts';
import type { HealthThread } from './health/thread.ts';

/** What it needs. */
export interface SurroundingsDeps {
  readonly health: Pick<HealthThread, 'listen' | 'setTimeouts'>;
  readonly log: Log;
  /** Where heap snapshots are written on their way. */
  readonly runDir: string;
  /** What the debug server shows of the work that waits. */
  readonly queues: () => Readonly<Record<string, number>>;
}

/** The surroundings of a running agent. */
export interface Surroundings {
  /** Brings them in line; `felix` as in force now. */
  follow(felix: FelixFields): void;
  /** Looks at the modes of the directory again; one that could not be had is tried again. */
  audit(): void;
  /** What is wrong at present, one sentence each. */
  faults(): readonly string[];
  /** Where the debug server listens now; null: nowhere. */
  debug(): HostPort | null;
  /** Resolves when everything asked for is done. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const textOf = (value: unknown): string => JSON.stringify(value) ?? '';

interface State extends SurroundingsDeps {
  readonly followed: Map<string, string>;
  readonly faults: Map<string, string>;
  queue: Promise<void>;
  debug: { readonly where: HostPort; readonly server: DebugServer } | undefined;
  /** Directory above that of statuses; '': none is wanted. */
  statusPrefix: string;
  status: EndpointStatus | undefined;
}

/** Begins; the listener already stands where `listening` says. */
export function createSurroundings(deps: SurroundingsDeps, listening: HostPort | null): Surroundings {
  const state: State = {
    ...deps,
    followed: new Map([['health', textOf(listening)]]),
    faults: new Map(),
    queue: Promise.resolve(),
    debug: undefined,
    statusPrefix: '',
    status: undefined,
  };
  const audit = (): void => enqueue(state, 'endpoint-status', async () => auditStatus(state));
  return {
    follow(felix) {
      const listen = healthListen(felix);
      if (isNew(state, 'health', listen)) deps.health.listen(listen);
      const overrides = felix.healthTimeoutOverrides ?? [];
      if (isNew(state, 'timeouts', overrides)) deps.health.setTimeouts(overrides);
      const debug = debugListen(felix);
      if (isNew(state, 'debug', debug)) enqueue(state, 'debug', () => moveDebug(state, debug));
      const prefix = felix.endpointStatusPathPrefix ?? STATUS_PREFIX;
      if (isNew(state, 'endpoint-status', prefix)) enqueue(state, 'endpoint-status', () => moveStatus(state, prefix));
    },
    audit,
    faults: () => [...state.faults.values()],
    debug: () => state.debug?.where ?? null,
    settled: () => state.queue,
    async stop() {
      await state.queue;
      await state.debug?.server.stop();
      state.debug = undefined;
    },
  };
}

function isNew(state: State, what: string, value: unknown): boolean {
  const text = textOf(value);
  if (state.followed.get(what) === text) return false;
  state.followed.set(what, text);
  return true;
}

function enqueue(state: State, what: string, work: () => Promise<void>): void {
  state.queue = state.queue.then(work).then(
    () => void state.faults.delete(what),
    (error: unknown) => {
      const because = messageOf(error);
      state.faults.set(what, `${what}: ${because}`);
      state.log.error({ what, because }, 'surroundings cannot be had');
      // Asked for again, it is tried again.
      state.followed.delete(what);
    },
  );
}

async function moveDebug(state: State, where: HostPort | null): Promise<void> {
  await state.debug?.server.stop();
  state.debug = undefined;
  if (where === null) return;
  const { startDebugServer } = await import('../src/debug/server.ts');
  const beyondLoopback = !isLoopbackHost(where.host);
  const server = await startDebugServer({ ...where, beyondLoopback, directory: state.runDir, queues: state.queues });
  state.debug = { where, server };
  state.log.warn({ debug: `${where.host}:${where.port}`, beyondLoopback }, 'debug server: whoever reaches it can read passwords');
}

async function moveStatus(state: State, prefix: string): Promise<void> {
  // What lies in a directory that is no longer wanted is left: others may read it still.
  state.status = undefined;
  state.statusPrefix = prefix;
  if (prefix !== '') state.status = await openEndpointStatus(prefix);
}

async function auditStatus(state: State): Promise<void> {
  const { status, statusPrefix, log } = state;
  if (status === undefined) return moveStatus(state, statusPrefix);
  for (const wrong of await status.audit()) log.warn({ wrong }, 'endpoint-status put right');
}
