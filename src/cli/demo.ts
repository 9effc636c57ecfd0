/** `linnet demo`: a cluster of real speakers on loopback, what the ToR sees of it, and a script of changes with their latency. */

import { createServer, isIPv4 } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { DemoCluster } from './demo/cluster.ts';
import { NODES, PORT, REFLECTOR, startCluster, TOR_AS } from './demo/cluster.ts';
import { printChange, printHeading, printPaths, printRoutes, printSessions } from './demo/report.ts';
import type { Step, StepResult } from './demo/script.ts';
import { BRING_UP, CHANGES, runStep } from './demo/script.ts';
import type { View } from './demo/view.ts';
import { openView } from './demo/view.ts';

/** Arguments of the command. */
export interface DemoArguments {
  /** Stop after the script. Exit status 0 only if every step was observed. */
  readonly once: boolean;
  /** First three octets of the loopback network; default `127.0.64`. */
  readonly network: string;
  /** HTTP listener of the reflector: `ADDRESS:PORT` or `none`; default 127.0.0.1:9178. */
  readonly http: string;
}

async function runSteps(
  steps: readonly Step[],
  cluster: DemoCluster,
  view: View,
  signal: AbortSignal,
  first: number,
): Promise<StepResult | undefined> {
  for (const [index, step] of steps.entries()) {
    const result = await runStep(step, cluster, view, signal);
    printChange(first + index, result);
    if (!result.ok) return result;
  }
  return undefined;
}

async function perform(cluster: DemoCluster, view: View, signal: AbortSignal): Promise<StepResult | undefined> {
  printHeading('Coming up');
  const early = await runSteps(BRING_UP, cluster, view, signal, 1);
  if (early !== undefined) return early;
  await countsSettled(view);
  await printSessions(NODES, view);
  await printRoutes(view, `Routes at the ToR (AS ${TOR_AS}), read from its own process`);
  await printPaths(view);
  printHeading('Changes to the manifests, each timed from the rename of its file');
  const failed = await runSteps(CHANGES, cluster, view, signal, BRING_UP.length + 1);
  if (failed === undefined) await printRoutes(view, 'Routes at the ToR now');
  return failed;
}

/** Daemons push their counts once a second: what is printed beside the ToR's table should agree with it. */
async function countsSettled(view: View): Promise<void> {
  for (const end = Date.now() + 2_500; Date.now() < end; await pause(50)) {
    const [peers, routes] = await Promise.all([view.peers(REFLECTOR), view.torRoutes()]);
    const external = peers.find((peer) => peer.type === 'ebgp');
    const fromClients = peers.every((peer) => peer.type === 'ebgp' || (peer.families[0]?.accepted ?? 0) > 0);
    if (fromClients && external?.families[0]?.advertised === routes.size) return;
  }
}

async function serve(cluster: DemoCluster, signal: AbortSignal): Promise<void> {
  const api =
    cluster.http === undefined
      ? `curl --unix-socket ${cluster.api(REFLECTOR)} http://localhost/api/v1/status`
      : `curl ${cluster.http}/api/v1/status`;
  process.stdout.write(`\nServing until Ctrl-C. Edit the manifests in ${cluster.manifests}, or ask:\n`);
  process.stdout.write(`  ${api}\n  node bin/linnet.js peers --api ${cluster.api(REFLECTOR)}\n`);
  process.stdout.write(`  node bin/linnet.js explain 198.51.100.40/32 --api ${cluster.api(REFLECTOR)}\n`);
  await Promise.race([pause(2 ** 31 - 1, undefined, { signal }).catch(() => undefined), cluster.failed]);
}

/** True where nobody listens there; a demo beside a running daemon must not fail for its port. */
function isFree(listener: string): Promise<boolean> {
  const at = listener.lastIndexOf(':');
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once('error', () => resolve(false));
    probe.listen({ host: listener.slice(0, at), port: Math.min(65_535, Number(listener.slice(at + 1))) }, () =>
      probe.close(() => resolve(true)),
    );
  });
}

async function usableHttp(http: string): Promise<string | undefined> {
  if (http === 'none') return undefined;
  if (await isFree(http)) return http;
  process.stdout.write(`${http} is taken or not ours to listen on: the HTTP API of this demo is on its unix sockets alone.\n`);
  return undefined;
}

/**
 * Runs the demo. Exit status 0: every step observed; 1: a step was missed, it is named on stderr; 2: bad arguments;
 * 3: a process of the cluster ended by itself.
 */
export async function demoCommand(args: DemoArguments, signal: AbortSignal): Promise<number> {
  if (!isIPv4(`${args.network}.1`) || !args.network.startsWith('127.')) {
    process.stderr.write(`linnet demo: --network: ${args.network} is not the first three octets of a loopback network, such as 127.0.64\n`);
    return 2;
  }
  if (args.http !== 'none' && !/^127\.[\d.]+:[1-9]\d{0,4}$/.test(args.http)) {
    process.stderr.write(`linnet demo: --http: ${args.http} is not none or a loopback ADDRESS:PORT, such as 127.0.0.1:9178\n`);
    return 2;
  }
  process.stdout.write(
    `Linnet demo: ${NODES.length} nodes in AS 64512, one of them a route reflector without endpoints, and a ToR in AS ${TOR_AS}.\n`,
  );
  process.stdout.write(
    `Each is a process with its own TCP sessions on ${args.network}.N port ${PORT}; next hops are the nodes' documentation addresses.\n`,
  );
  const cluster = await startCluster({ network: args.network, http: await usableHttp(args.http) });
  const view = openView(cluster);
  try {
    const failed = await perform(cluster, view, signal);
    if (failed !== undefined) {
      process.stderr.write(`linnet demo: step "${failed.step.name}" was not observed: expected ${failed.step.expected}\n`);
      return 1;
    }
    process.stdout.write(`\nEvery step was observed at the ToR.\n`);
    if (!args.once) await serve(cluster, signal);
    return 0;
  } catch (error) {
    if (signal.aborted) return 0;
    process.stderr.write(`linnet demo: ${error instanceof Error ? error.message : String(error)}\n`);
    return 3;
  } finally {
    view.close();
    await cluster.stop();
  }
}
