/** How the demo prints what it sees: tables for people. */
import { setTimeout as pause } from 'node:timers/promises';
import type { PeerView } from '../../health/status.ts';
import { printTable } from '../table.ts';
import type { DemoNode } from './cluster.ts';
import { REFLECTOR } from './cluster.ts';
import type { StepResult } from './script.ts';
import type { View } from './view.ts';

/** Prints a section's heading. */
export function printHeading(text: string): void {
  process.stdout.write(`\n${text}\n`);
}

/** One line of progress for one step. */
export function printChange(number: number, result: StepResult): void {
  const { step } = result;
  const left = `${String(number).padStart(2)}. ${step.change}`.padEnd(64);
  if (!result.ok) {
    process.stdout.write(`${left} MISSED: ${result.text}\n`);
    return;
  }
  process.stdout.write(`${left} ${`${result.latency} ms`.padStart(8)}  ${result.text}\n`);
}

interface Seen {
  readonly name: string;
  readonly peers: readonly PeerView[];
}

/** Ms for which the two ends of a session may tell different counts: a daemon tells them some times a second. */
const COUNTS_MS = 5_000;

/** The sessions once what one end has advertised is what the other has accepted; none of the demo's nodes rejects a route. */
async function agreedPeers(nodes: readonly DemoNode[], view: View): Promise<readonly Seen[]> {
  for (const end = performance.now() + COUNTS_MS; ; await pause(50)) {
    const seen = await Promise.all(nodes.map(async ({ name }) => ({ name, peers: await view.peers(name) })));
    const counts = seen.flatMap(({ peers }) => peers.filter(({ type }) => type === 'ibgp').flatMap(({ families }) => families.slice(0, 1)));
    const missing = counts.reduce((sum, { advertised, accepted }) => sum + advertised - accepted, 0);
    const told = counts.every(({ advertised, accepted }) => advertised > 0 && accepted > 0);
    if ((told && missing === 0) || performance.now() >= end) return seen;
  }
}

/** Sessions as each daemon sees them. */
export async function printSessions(nodes: readonly DemoNode[], view: View): Promise<void> {
  printHeading('Sessions, as each daemon sees them');
  const rows: string[][] = [];
  for (const { name, peers } of await agreedPeers(nodes, view)) {
    for (const peer of peers) {
      const family = peer.families[0];
      const role = peer.type === 'ebgp' ? 'external' : peer.reflectorClient ? 'client' : 'internal';
      rows.push([name, peer.id, String(peer.remoteAs), role, peer.state, String(family?.accepted ?? 0), String(family?.advertised ?? 0)]);
    }
  }
  printTable(['NODE', 'PEER', 'AS', 'ROLE', 'STATE', 'ACCEPTED', 'ADVERTISED'], rows);
}

/** The ToR's table. */
export async function printRoutes(view: View, heading: string): Promise<void> {
  printHeading(heading);
  const routes = [...(await view.torRoutes()).values()];
  printTable(
    ['PREFIX', 'NEXT HOP', 'AS PATH', 'FROM'],
    routes.map((route) => [route.prefix, route.nextHop ?? '', route.asPath ?? '', route.from]),
  );
}

/** Load-balancer addresses whose way is told: each with the prefix that carries it. */
const PATHS = [
  { service: 'shop/web, externalTrafficPolicy Local', address: '198.51.100.20', prefix: '198.51.100.20/32', origin: 'node-2' },
  { service: 'shop/api, externalTrafficPolicy Cluster', address: '198.51.100.30', prefix: '198.51.100.0/24', origin: 'node-1' },
];

/** The path of each LoadBalancer IP, told by the records of the daemons it passed. */
export async function printPaths(view: View): Promise<void> {
  printHeading('Path of the LoadBalancer IPs');
  const tor = await view.torRoutes();
  for (const { service, address, prefix, origin } of PATHS) {
    const atOrigin = await view.explain(origin, prefix, undefined);
    const atReflector = await view.explain(REFLECTOR, prefix, undefined);
    process.stdout.write(`  ${address} (${service}), carried by ${prefix}\n`);
    for (const [node, document] of [
      [origin, atOrigin],
      [REFLECTOR, atReflector],
    ] as const) {
      for (const step of document.steps) {
        process.stdout.write(
          `    ${node.padEnd(7)} ${step.stage.padEnd(9)} ${step.verdict.padEnd(5)} ${step.rule} [${step.citation}]${step.objects.length === 0 ? '' : ` ${step.objects.join(', ')}`}\n`,
        );
      }
      for (const peer of document.peers) {
        const why = peer.blockedBy === null ? '' : `: ${peer.blockedBy.rule}`;
        process.stdout.write(`    ${node.padEnd(7)} to ${peer.peer} ${peer.verdict}${why}\n`);
      }
    }
    const route = tor.get(prefix);
    process.stdout.write(`    ToR     has ${prefix} next hop ${route?.nextHop ?? 'none'}, AS path ${route?.asPath ?? ''}\n`);
  }
}
