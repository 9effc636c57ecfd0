/**
 * The agent of one node: source → snapshot → wishes → dataplane, with the health thread beside it. The only place that builds real
 * clocks, logs, threads and sockets. What it leaves in the kernel stays when it ends: a restart finds everything as it was.
 */
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { type ConvergeState, converge, IDLE_STATE } from '../src/confd/converge.ts';
import { createStore } from '../src/confd/resources/store.ts';
import { REAL_CLOCK } from '../src/main/clock.ts';
import { daemonNeeds, requireManifests } from '../src/main/datastore.ts';
import { createIssueLog } from '../src/main/issue-log.ts';
import { withDirectories } from '../src/main/lock.ts';
import { createLog, type DaemonLog } from '../src/main/log.ts';
import { collectOrphans } from '../src/main/orphans.ts';
import { portOwner } from '../src/main/port-owner.ts';
import { StartError } from '../src/main/start-error.ts';
import { programVersion } from '../src/main/version.ts';
import { createCompute } from './compute.ts';
import { localFelix } from './config/read.ts';
import { type HostPort, healthListen } from './config/settings.ts';
import type { AgentConfigResult } from './config/types.ts';
import { createDataplane } from './dataplane.ts';
import type { AgentWanted, Dataplane } from './dataplane-types.ts';
import { type HealthThread, PUSH_MS, startHealth } from './health/thread.ts';
import { type LimitedLog, limitLog } from './log-limit.ts';
import { createAgentSource } from './source.ts';
import { createView } from './status.ts';
import { createSurroundings, type Surroundings } from './surroundings.ts';

/** Name of the unix socket in the run directory. */
export const SOCKET_NAME = 'agent.sock';
/** Who reports on the agent's health. */
const REPORTERS = ['main', 'datastore', 'dataplane'] as const;
/** Ms in which changes of the dataplane are told together. */
const CHANGED_MS = 50;
/** Ms between two looks at what others may have done to the surroundings. */
const SURROUNDINGS_AUDIT_MS = 60_000;

/** Files for others to read are so whatever the umask of whoever started the agent. */
const UMASK = 0o022;

/**
 * V8 lets the heap grow by a multiple of what is in use before it collects, and gives little of that back. Once an agent runs little changes: a
 * node's memory is worth more than the collector's time (test/bench/encap-memory.js).
 */
const SPARING = '--heap-growing-percent=10';

/** What the parts of a running agent share. */
interface Agent {
  readonly result: AgentConfigResult;
  readonly node: string;
  readonly log: LimitedLog & Pick<DaemonLog, 'flush'>;
  readonly health: HealthThread;
  readonly dataplane: Dataplane;
  readonly surroundings: Surroundings;
  state: ConvergeState<AgentWanted>;
  push: () => void;
}

/**
 * Runs until the signal aborts. Resolves with the reason of a fault of ours, undefined for a clean end. Rejects with StartError where
 * the agent cannot start.
 */
export async function runAgent(result: AgentConfigResult, signal: AbortSignal): Promise<Error | undefined> {
  const { config } = result;
  const needs = daemonNeeds(config);
  if (needs.path !== undefined) await requireManifests(needs.path);
  process.umask(UMASK);
  setFlagsFromString(SPARING);
  const directories = [
    { path: config.runDir, flag: 'run-dir' },
    { path: config.stateDir, flag: 'state-dir' },
  ];
  const done = collectOrphans();
  return await withDirectories(directories, () => runLocked(result, needs, signal)).finally(done);
}

async function runLocked(
  result: AgentConfigResult,
  needs: ReturnType<typeof daemonNeeds>,
  signal: AbortSignal,
): Promise<Error | undefined> {
  const { config } = result;
  const fault = new AbortController();
  const ended = AbortSignal.any([signal, fault.signal]);
  const agent = await assemble(result, needs.node, (error) => fault.abort(error));
  const { log, dataplane, surroundings } = agent;
  log.info({ version: programVersion(), health: agent.health.address, datastore: config.datastore, path: needs.path }, 'started');
  const heartbeat = setInterval(agent.push, PUSH_MS);
  const auditing = setInterval(() => surroundings.audit(), SURROUNDINGS_AUDIT_MS);
  const compute = createCompute({ node: needs.node, usePodCIDR: config.usePodCIDR, local: localFelix(config) });
  const noticeIssues = createIssueLog(log);
  try {
    agent.push();
    surroundings.follow(localFelix(config));
    const store = createStore();
    await converge<AgentWanted>(
      {
        source: await createAgentSource(config, needs, log),
        store,
        compute: (snapshot, delta) => {
          const computed = compute(snapshot, delta);
          surroundings.follow(computed.desired.felix);
          return computed;
        },
        driver: dataplane,
        clock: REAL_CLOCK,
        log,
        report: (state) => {
          agent.state = state;
          noticeIssues([...state.issues, ...dataplane.issues()]);
          agent.push();
        },
      },
      ended,
    );
  } catch (error) {
    fault.abort(error);
  } finally {
    clearInterval(heartbeat);
    clearInterval(auditing);
  }
  await shutDown(agent, String(signal.aborted ? signal.reason : 'fault'));
  const error: unknown = fault.signal.reason;
  if (!fault.signal.aborted) return undefined;
  return error instanceof Error ? error : new Error(String(error));
}

async function assemble(result: AgentConfigResult, node: string, fail: (error: Error) => void): Promise<Agent> {
  const { config } = result;
  const raw = createLog(config.logLevel, { node });
  const log = { ...limitLog(raw, () => performance.now()), flush: raw.flush };
  const parts: { agent: Agent | undefined } = { agent: undefined };
  const soon = coalesced();
  const listen = healthListen(localFelix(config));
  let unheard: readonly string[] = [];
  const health = await openHealth(config.runDir, listen, {
    listening: (address, refused) => {
      unheard = refused === undefined ? [] : [`probes cannot be answered: ${refused}`];
      if (refused === undefined) log.info({ health: address }, 'probes are answered here now');
      else log.error({ because: refused }, 'probes cannot be answered');
    },
    failed: fail,
  });
  try {
    const dataplane = await createDataplane(config, { log, fail, changed: () => soon(() => parts.agent?.push()) });
    const surroundings = createSurroundings({ health, log, runDir: config.runDir, queues: () => queues(parts.agent) }, listen);
    const agent: Agent = { result, node, log, health, dataplane, surroundings, state: IDLE_STATE, push: () => undefined };
    const view = createView({ result, node, version: programVersion(), startedAt: REAL_CLOCK.now() });
    agent.push = () => {
      const { state } = agent;
      health.push(
        view({
          state,
          dataplane: dataplane.status(),
          issues: dataplane.issues(),
          faults: [...unheard, ...surroundings.faults()],
          suppressed: log.suppressed(),
        }),
      );
    };
    parts.agent = agent;
    return agent;
  } catch (error) {
    // The thread must not outlive a refusal.
    await health.stop();
    throw error;
  }
}

async function openHealth(runDir: string, listen: HostPort | null, seams: Parameters<typeof startHealth>[1]): Promise<HealthThread> {
  const health = await startHealth({ listen, socket: join(runDir, SOCKET_NAME), reporters: REPORTERS }, seams).catch((error: unknown) => {
    throw new StartError('HEALTH', error instanceof Error ? error.message : String(error));
  });
  if (listen === null || health.address !== null) return health;
  await health.stop();
  const owner = await portOwner(listen.port);
  const where = `${listen.host}:${listen.port}`;
  throw new StartError(
    'HEALTH',
    `probes cannot be answered on ${where}${owner === undefined ? '' : `: ${owner} listens there`}; --health-port or --health-enabled false`,
  );
}

/** One call a moment, however often it is asked for. */
function coalesced(): (call: () => void) => void {
  let waiting = false;
  return (call) => {
    if (waiting) return;
    waiting = true;
    setTimeout(() => {
      waiting = false;
      call();
    }, CHANGED_MS);
  };
}

/** What the debug server shows of main's work. */
function queues(agent: Agent | undefined): Readonly<Record<string, number>> {
  if (agent === undefined) return {};
  const { changes, coalesced, issues } = agent.state;
  return { changes, coalesced, issues: issues.length };
}

/** Nothing is taken out of the kernel: packets go on while nobody looks after their ways. */
async function shutDown({ log, dataplane, surroundings, health }: Agent, because: string): Promise<void> {
  log.info({ because }, 'stopping; devices, entries and routes stay');
  await dataplane.stop();
  await surroundings.stop();
  await health.stop();
  log.info({}, 'stopped');
  log.flush();
}

export { StartError };
