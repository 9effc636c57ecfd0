/**
 * Entry of the health thread: answers although main is blocked, and then says so. Started by thread.ts. The unix socket stands as
 * long as the agent runs; the listener for probes goes where FelixConfiguration says, if it must while running.
 */
import { chmodSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { performance } from 'node:perf_hooks';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { ROUTE_CLASSES } from '../encap/types.ts';
import type { AgentPush, FromHealth, HealthListen, HealthStart, ToHealth } from './figures.ts';
import { renderAgentMetrics } from './metrics.ts';
import { createReporters } from './reporters.ts';
import { type Answers, createHealthServer } from './server.ts';

const PROCESS_START_S = (Date.now() - process.uptime() * 1000) / 1000;

function listenOn(server: Server, where: { readonly path: string } | HealthListen): Promise<string | undefined> {
  return new Promise((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(where, () => resolve(undefined));
  });
}

async function close(server: Server | undefined): Promise<void> {
  if (server === undefined) return;
  server.closeAllConnections();
  await new Promise<void>((resolve) => void server.close(() => resolve()));
}

function createState(names: readonly string[]) {
  const reporters = createReporters(names, performance.now());
  let last: AgentPush | undefined;
  let status: string | undefined;
  const health = () => reporters.summary(performance.now());
  const answers: Answers = {
    health,
    metrics: () => {
      const { user, system } = process.cpuUsage();
      const found = health();
      const silent = found.rows.some(({ name, overdue }) => name === 'main' && overdue);
      return renderAgentMetrics({
        figures: silent ? undefined : last?.figures,
        health: found,
        routeClasses: ROUTE_CLASSES,
        own: { residentOctets: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6, startedAt: PROCESS_START_S },
      });
    },
    status: () => status,
  };
  const take = (push: AgentPush): void => {
    last = push;
    status = push.status ?? status;
    for (const report of push.reports) reporters.report(report, performance.now());
  };
  return { reporters, answers, take };
}

async function run(port: MessagePort, start: HealthStart): Promise<void> {
  const state = createState(start.reporters);
  const socket = createHealthServer(state.answers, true);
  let listener: Server | undefined;
  const say = (message: FromHealth): void => port.postMessage(message);
  const listen = async (where: HealthListen | null): Promise<void> => {
    await close(listener);
    listener = undefined;
    if (where === null) return say({ type: 'listening', address: null, refused: undefined });
    const server = createHealthServer(state.answers, false);
    const text = `${where.host.includes(':') ? `[${where.host}]` : where.host}:${where.port}`;
    const code = await listenOn(server, where);
    if (code === undefined) listener = server;
    say({ type: 'listening', address: code === undefined ? text : null, refused: code === undefined ? undefined : `${text}: ${code}` });
  };
  // The lock of the directory is held: what lies there is of a life before.
  rmSync(start.socket, { force: true });
  const refused = await listenOn(socket, { path: start.socket });
  if (refused !== undefined) {
    say({ type: 'listening', address: null, refused: `socket ${start.socket}: ${refused}` });
    return;
  }
  chmodSync(start.socket, 0o660);
  await listen(start.listen);
  // One after the other: a listener is closed before the next one opens.
  let queue = Promise.resolve();
  port.on('message', (message: ToHealth) => {
    if (message.type === 'push') state.take(message.push);
    else if (message.type === 'timeouts') state.reporters.setTimeouts(message.overrides);
    else if (message.type === 'listen') queue = queue.then(() => listen(message.listen));
    else queue = queue.then(() => Promise.all([close(socket), close(listener)])).then(() => process.exit(0));
  });
}

if (parentPort === null) throw new Error('this file is the entry of a worker thread');
await run(parentPort, workerData);
