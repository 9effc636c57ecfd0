/**
 * The daemon of one node: source → store → desired state → native speaker → sessions, with the health thread beside it. The
 * only place that builds real clocks, logs, threads and sockets.
 */

import { parsePrefix } from 'bgp-ts/net';
import type { ConvergeState, Timing } from './confd/converge.ts';
import { converge, IDLE_STATE } from './confd/converge.ts';
import { createDesire } from './confd/desired/desire.ts';
import type { DesireEngine } from './confd/desired/types.ts';
import { createNativeDriver } from './confd/native/driver.ts';
import { measureLoop } from './confd/native/loop-delay.ts';
import { createStore } from './confd/resources/store.ts';
import type { Issue } from './confd/resources/types.ts';
import { formatSocketAddress, showConfig } from './config/show.ts';
import type { Config, ConfigResult } from './config/types.ts';
import type { MainAnswer, MainQuery } from './health/status.ts';
import type { Answered, HealthThread } from './health/thread.ts';
import { HealthStartError, PUSH_INTERVAL_MS, startHealthThread } from './health/thread.ts';
import { REAL_CLOCK } from './main/clock.ts';
import { computeWith } from './main/compute.ts';
import type { DaemonNeeds } from './main/datastore.ts';
import { daemonNeeds, requireManifests } from './main/datastore.ts';
import { startDebug } from './main/debug.ts';
import { desiredText } from './main/desired-text.ts';
import type { BirdEngineDeps, Engine } from './main/engine.ts';
import { createBirdEngine, engineDesireOptions, requireEngineOptions } from './main/engine.ts';
import { explainSteps } from './main/explain-steps.ts';
import { createIssueLog } from './main/issue-log.ts';
import type { KernelDeps, KernelThread } from './main/kernel.ts';
import { KERNEL_CAPABILITIES, kernelDesireOptions, startKernel, withKernel } from './main/kernel.ts';
import { withDirectories } from './main/lock.ts';
import type { DaemonLog } from './main/log.ts';
import { createLog, screenLevel } from './main/log.ts';
import { memoryLimit } from './main/memory-limit.ts';
import type { NodeLife } from './main/node-life.ts';
import { createNodeLife } from './main/node-life.ts';
import type { OperatorState } from './main/operator-state.ts';
import { openOperatorState } from './main/operator-state.ts';
import { healthOptions, translateOptions } from './main/options.ts';
import { collectOrphans } from './main/orphans.ts';
import { portOwner } from './main/port-owner.ts';
import { createMainPushes } from './main/pushes.ts';
import type { RestartState } from './main/restart-state.ts';
import { openRestartState, readForwarding } from './main/restart-state.ts';
import { createSource } from './main/source.ts';
import { spawnSpeaker } from './main/spawn-speaker.ts';
import { logSpeakerEvent } from './main/speaker-log.ts';
import { StartError } from './main/start-error.ts';
import { programVersion } from './main/version.ts';

/** Text of the Cease that ends the sessions (RFC 9003). */
const GOODBYE = 'linnet is being stopped';

/** What the parts of a running daemon share. */
interface Daemon {
  readonly log: DaemonLog;
  readonly health: HealthThread;
  readonly driver: Engine;
  readonly engine: DesireEngine;
  readonly life: NodeLife;
  state: ConvergeState;
  /** Issues of the state and of the engine since then, one list while nothing changes. */
  issues: readonly Issue[];
  /** Grows whenever the desired document changes: the state or the issues in it. */
  documentVersion: number;
  timings: Timing[];
  readonly noticeIssues: (issues: readonly Issue[]) => void;
  push: () => void;
}

/**
 * Runs until the signal aborts, then ends the sessions as the configuration says. Resolves with the reason of a fault of
 * ours, undefined for a clean end. Rejects with StartError or HealthStartError where the daemon cannot start.
 */
export async function runDaemon(result: ConfigResult, signal: AbortSignal): Promise<Error | undefined> {
  const { config } = result;
  const needs = daemonNeeds(config);
  requireEngineOptions(config);
  if (needs.path !== undefined) await requireManifests(needs.path);
  const directories = [
    { path: config.runDir, flag: 'run-dir' },
    { path: config.stateDir, flag: 'state-dir' },
  ];
  const done = collectOrphans();
  return await withDirectories(directories, () => runLocked(result, needs, signal)).finally(done);
}

async function runLocked(result: ConfigResult, needs: DaemonNeeds, signal: AbortSignal): Promise<Error | undefined> {
  const { config } = result;
  const log = createLog(config.logLevel, { node: needs.node });
  const fault = new AbortController();
  const ended = AbortSignal.any([signal, fault.signal]);
  const daemon = await assemble(result, needs, log, (error) => fault.abort(error));
  const listening = daemon.health.listening.map((entry) => entry.text);
  log.info({ version: programVersion(), listening, datastore: config.datastore, path: needs.path }, 'started');
  const debug = await startDebug(config, log, () => queues(daemon)).catch(async (error: unknown) => {
    await shutDown(daemon, false, signal);
    throw error;
  });
  try {
    await daemon.driver.start(ended);
    await daemon.life.restore();
    const store = createStore();
    const source = daemon.life.wrap(await createSource(config, needs, log));
    // The resource decides where nobody else did (control-plane 1.2, logSeverityScreen).
    const leveled = result.origins.get('logLevel')?.kind === 'default';
    const compute = computeWith(daemon.engine, needs.node);
    const heartbeat = setInterval(daemon.push, PUSH_INTERVAL_MS);
    daemon.push();
    const living = daemon.life.run(ended);
    await converge(
      {
        source,
        store,
        compute: (snapshot, delta) => {
          if (leveled) log.setLevel(screenLevel(snapshot, needs.node) ?? config.logLevel);
          daemon.life.seen(snapshot);
          return compute(snapshot, delta);
        },
        driver: daemon.driver,
        clock: REAL_CLOCK,
        log,
        report: (state, timing) => record(daemon, state, timing),
      },
      ended,
    ).finally(() => clearInterval(heartbeat));
    await living;
  } catch (error) {
    fault.abort(error);
  }
  const error: unknown = fault.signal.reason;
  await debug?.stop();
  await shutDown(daemon, config.shutdown === 'planned', signal);
  if (!fault.signal.aborted) return undefined;
  return error instanceof Error ? error : new Error(String(error));
}

async function assemble(result: ConfigResult, needs: DaemonNeeds, log: DaemonLog, fail: (error: Error) => void): Promise<Daemon> {
  const { config } = result;
  const startedAt = REAL_CLOCK.now();
  const parts: { daemon: Daemon | undefined } = { daemon: undefined };
  const health = await startHealthThread(healthOptions(config), {
    answer: async (query) => answer(parts.daemon, query),
    failed: (error) => fail(error),
  }).catch(async (error: unknown) => {
    throw await namedOwner(config, error);
  });
  const kernel = await kernelBeside(config, health, { log, issuesChanged: () => issuesChanged(), failed: fail });
  const desire = engineDesireOptions(config, needs.node);
  const restart = await openRestartState(config.stateDir, await readForwarding());
  const operators = await openOperatorState(config.stateDir, log);
  const loop = measureLoop();
  const issuesChanged = (): void => {
    if (parts.daemon !== undefined) record(parts.daemon, parts.daemon.state, undefined);
  };
  const driver: Engine =
    config.engine === 'native'
      ? withKernel(createNativeEngine(config, { health, log, issuesChanged, kernel, restart, operators }), kernel)
      : createBirdEngine(config, config.engine, {
          health,
          log,
          issuesChanged,
          loop: measureLoop(),
          desired: () => parts.daemon?.state.desired,
        });
  const pushes = createMainPushes({
    version: programVersion(),
    node: needs.node,
    source: config.datastore,
    engine: config.engine,
    startedAt,
    settings: showConfig(result).map((row) => ({ name: row.key, value: row.value ?? '', origin: row.origin })),
  });
  const daemon: Daemon = {
    log,
    health,
    driver,
    engine: createDesire(kernel === undefined ? desire : kernelDesireOptions(desire)),
    life: await createNodeLife({ config, needs, engine: driver, log }),
    state: IDLE_STATE,
    issues: [],
    documentVersion: 0,
    timings: [],
    noticeIssues: createIssueLog(log),
    push: () => undefined,
  };
  daemon.push = () => {
    const { state, issues, documentVersion, timings } = daemon;
    daemon.timings = [];
    health.push(
      pushes({ now: REAL_CLOCK.now(), state, documentVersion, issues, held: driver.held(), timings, loop: loop(), kernel: kernel?.view() }),
    );
  };
  parts.daemon = daemon;
  return daemon;
}

/** The kernel's thread, where the configuration wants one; the health thread must not outlive a refusal. */
async function kernelBeside(config: Config, health: HealthThread, deps: KernelDeps): Promise<KernelThread | undefined> {
  try {
    return await startKernel(config, deps);
  } catch (error) {
    await health.stop();
    throw error;
  }
}

/** A taken port is told with the process that holds it. */
async function namedOwner(config: Config, error: unknown): Promise<unknown> {
  if (!(error instanceof HealthStartError)) return error;
  for (const socket of [config.http, config.metricsListen]) {
    if (socket === 'none' || !error.message.includes(formatSocketAddress(socket))) continue;
    const owner = await portOwner(socket.port);
    if (owner !== undefined) return new HealthStartError(error.code, `${error.message}; ${owner} listens there`);
  }
  return error;
}

function createNativeEngine(
  config: Config,
  {
    health,
    log,
    issuesChanged,
    kernel,
    restart,
    operators,
  }: Pick<BirdEngineDeps, 'health' | 'log' | 'issuesChanged'> & {
    readonly kernel: KernelThread | undefined;
    readonly restart: RestartState;
    readonly operators: OperatorState;
  },
): Engine {
  let lives = 0;
  // Of this process or of one before it: what peers keep from that life is still forwarded (bgp-speaker 4.6).
  const recovery = (): boolean => lives++ > 0 || restart.restarted || config.compat === 'calico';
  const driver = createNativeDriver({
    options: { ...translateOptions(config), ...(kernel === undefined ? {} : { abilities: KERNEL_CAPABILITIES }) },
    goodbye: GOODBYE,
    spawn: (events) =>
      spawnSpeaker(
        events,
        health.connectSpeaker(),
        {
          recovery: recovery(),
          auditMs: config.auditInterval * 1000,
          memoryLimit: memoryLimit(config.memoryLimit),
          remembered: operators.latest(),
        },
        kernel?.connectSpeaker(),
      ),
    clock: REAL_CLOCK,
    log,
    portOwner,
    issuesChanged,
    event: (event) => logSpeakerEvent(log, event),
    remember: operators.remember,
  });
  return {
    ...driver,
    stop: async (planned) => {
      await operators.close(planned);
      await driver.stop(planned);
      if (!planned) await restart.forget();
    },
  };
}

function record(daemon: Daemon, state: ConvergeState, timing: Timing | undefined): void {
  const before = { desired: daemon.state.desired, issues: daemon.issues };
  daemon.state = state;
  daemon.issues = keepSame(daemon.issues, [...state.issues, ...daemon.driver.engineIssues()]);
  if (before.desired !== state.desired || before.issues !== daemon.issues) daemon.documentVersion += 1;
  if (timing !== undefined) {
    daemon.timings.push(timing);
    daemon.log.debug({ totalMs: timing.total, desireMs: timing.desire, applyMs: timing.apply }, 'applied');
  }
  daemon.noticeIssues(daemon.issues);
  daemon.life.issues(daemon.issues);
  daemon.push();
}

/** What the debug server shows of the main thread's work. */
function queues({ state, issues, timings, driver }: Daemon): Readonly<Record<string, number>> {
  const { changes, coalesced } = state;
  return { changes, coalesced, timingsToPush: timings.length, issues: issues.length, peersHeld: driver.held().length };
}

/** The former list where the new one has the same entries, so that it is neither sent nor logged again. */
function keepSame(before: readonly Issue[], after: readonly Issue[]): readonly Issue[] {
  return before.length === after.length && before.every((issue, index) => issue === after[index]) ? before : after;
}

async function answer(daemon: Daemon | undefined, query: MainQuery): Promise<Answered<MainAnswer>> {
  if (daemon === undefined) return { ok: false, fault: { code: 'unavailable', message: 'the daemon is starting' } };
  switch (query.kind) {
    case 'desired': {
      const { state, issues, documentVersion } = daemon;
      return { ok: true, answer: { kind: 'desired', version: documentVersion, text: desiredText(state.desired, issues) } };
    }
    case 'explain': {
      const prefix = parsePrefix(query.prefix);
      if (prefix === undefined) return { ok: false, fault: { code: 'bad-request', message: `${query.prefix} is not a prefix` } };
      return { ok: true, answer: { kind: 'explain', steps: explainSteps(daemon.engine.explain(prefix)) } };
    }
    case 'drain':
      return daemon.life.drain(query.request);
    default: {
      const never: never = query;
      return never;
    }
  }
}

async function shutDown(daemon: Daemon, planned: boolean, signal: AbortSignal): Promise<void> {
  daemon.log.info({ because: String(signal.reason ?? 'fault'), planned }, 'stopping');
  // Peers are given time to choose other paths, and meanwhile the daemon is as alive as before.
  const heartbeat = setInterval(daemon.push, PUSH_INTERVAL_MS);
  const forGood = await daemon.life.leave().finally(() => clearInterval(heartbeat));
  await daemon.driver.stop(planned && !forGood);
  await daemon.health.stop();
  daemon.log.info({}, 'stopped');
  daemon.log.flush();
}

export { HealthStartError, StartError };
