/** The node's lifecycle beside the daemon's loop: its addresses, its way out, and what is left on the host for the next start. */
import { join } from 'node:path';
import type { Issue, Snapshot } from '../confd/resources/types.ts';
import type { Source } from '../confd/source/types.ts';
import type { Config } from '../config/types.ts';
import type { DrainRequestView, DrainView } from '../health/status.ts';
import type { Answered } from '../health/thread.ts';
import { MAX_STATUS_ROUTES } from '../node/calico-status.ts';
import type { Drain } from '../node/drain.ts';
import { createDrain } from '../node/drain.ts';
import { drainFile, shutdownFile } from '../node/files.ts';
import { hostNetwork } from '../node/host-network.ts';
import { type OwnNodeOptions, withDetectedAddresses } from '../node/own-node.ts';
import { REAL_CLOCK } from './clock.ts';
import { type ClusterWrites, createClusterWrites } from './cluster-writes.ts';
import type { DaemonNeeds } from './datastore.ts';
import type { Engine } from './engine.ts';
import type { DaemonLog } from './log.ts';
import { createOwnApi, type OwnApi } from './own-api.ts';

/** What the lifecycle needs of the daemon. */
export interface NodeLifeDeps {
  readonly config: Config;
  readonly needs: DaemonNeeds;
  readonly engine: Engine;
  readonly log: DaemonLog;
}

/** The node's lifecycle as the daemon's parts call it. */
export interface NodeLife {
  /** The source with detected addresses in the own Node. */
  wrap(source: Source): Source;
  /** Takes up what the run before left; before the first state is applied. */
  restore(): Promise<void>;
  /** A new view of the cluster. */
  seen(snapshot: Snapshot): void;
  drain(request: DrainRequestView): Promise<Answered<{ readonly kind: 'drain'; readonly drain: DrainView }>>;
  /** Every issue known now. */
  issues(issues: readonly Issue[]): void;
  /** Writes to the cluster and to the host until the signal aborts. Never rejects. */
  run(signal: AbortSignal): Promise<void>;
  /** Before the sessions end. True where they end for good, whatever the configuration says. */
  leave(): Promise<boolean>;
}

/** Ms between two looks whether the daemon is ready for the first time: doubles from the first to the last. */
const READY_MS = { first: 250, last: 4_000 } as const;

/** Makes it. */
export async function createNodeLife({ config, needs, engine, log }: NodeLifeDeps): Promise<NodeLife> {
  const own = createOwnApi(join(config.runDir, 'linnet.sock'), MAX_STATUS_ROUTES);
  const writes = await createClusterWrites(config, needs, own, log);
  const drain = createDrain({ file: drainFile(config.stateDir), engine: engine.drain, now: () => REAL_CLOCK.now(), log });
  const shutdown = shutdownFile(config.shutdownFile ?? join(config.stateDir, 'shutdownTS'));
  const followsCordon = config.drainOnCordon && config.compat !== 'calico';
  const complain = (because: unknown): void =>
    log.error({ because: because instanceof Error ? because.message : String(because) }, 'drain failed');
  return {
    wrap: (source) => withDetectedAddresses(source, detection(config, needs, log, writes)),
    issues: (issues) => writes?.issues(issues),
    run: async (signal) => {
      await Promise.all([
        writes?.run(signal),
        whenReady(own, signal, async () => {
          const problem = await shutdown.remove();
          if (problem !== undefined) log.warn({ because: problem }, 'shutdown file not removed');
          await writes?.up(signal);
        }),
      ]);
    },
    restore: async () => {
      await drain.restore();
    },
    seen: (snapshot) => {
      const cordoned = snapshot.nodes.get(needs.node)?.unschedulable === true;
      if (followsCordon) void drain.cordoned(cordoned).catch(complain);
    },
    drain: async (request) => ({
      ok: true,
      answer: { kind: 'drain', drain: request === 'show' ? drain.state() : await drain.ask(request) },
    }),
    leave: async () => {
      const problem = await shutdown.write(new Date(REAL_CLOCK.now()));
      if (problem !== undefined) log.warn({ because: problem }, 'shutdown file not written');
      await Promise.all([writes?.down(), config.shutdown === 'drain' ? drainThenWait(drain, config.drainWait) : undefined]);
      await writes?.close();
      return drain.state().causes.some((cause) => cause !== 'cordon');
    },
  };
}

/** Once, when the daemon is ready for the first time; never where the signal aborts before. */
async function whenReady(own: OwnApi, signal: AbortSignal, then: () => Promise<void>): Promise<void> {
  for (let wait: number = READY_MS.first; !signal.aborted; wait = Math.min(READY_MS.last, wait * 2)) {
    if (await own.ready()) return then();
    await REAL_CLOCK.wait(wait, signal);
  }
}

/** Nobody has to be given time for other paths twice. */
async function drainThenWait(drain: Drain, seconds: number): Promise<void> {
  if (drain.state().phase !== 'off') return;
  await drain.stopping();
  await REAL_CLOCK.wait(seconds * 1000, new AbortController().signal);
}

function detection(config: Config, { node }: DaemonNeeds, log: DaemonLog, writes: ClusterWrites | undefined): OwnNodeOptions {
  return {
    node,
    methods: {
      ...(config.ipv4 === 'autodetect' ? { ipv4: config.ipv4Detection } : {}),
      ...(config.ipv6 === 'autodetect' ? { ipv6: config.ipv6Detection } : {}),
    },
    intervalMs: config.autodetectInterval * 1000,
    checkConflicts: !config.disableNodeIpCheck,
    network: hostNetwork(),
    clock: REAL_CLOCK,
    log,
    unsaid: (family, address) => writes?.unsaid(family, address),
  };
}
