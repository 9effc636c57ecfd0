/**
 * Keeps the CalicoNodeStatus objects of this node up to date (control-plane 10): each at its own period, only where something
 * changed, and at least now and then so that its time is believed. A class that cannot be had keeps what it said.
 */
import type { Clock } from '../confd/clock.ts';
import type { Log } from '../confd/log.ts';
import type { ClusterWriter, StatusRequest } from '../confd/source/kubernetes/index.ts';
import type { PeersDocument, RouteJson, StatusDocument } from '../health/status.ts';
import { agentStatus, bgpStatus, routesStatus } from './calico-status.ts';

/** The daemon's own documents; each rejects where it cannot be had. */
export interface OwnDocuments {
  status(): Promise<StatusDocument>;
  peers(): Promise<PeersDocument>;
  /** Paths of both families, best ones and the others. */
  routes(): Promise<readonly RouteJson[]>;
}

/** Narrow interfaces that reporting uses. */
export interface ReportDeps {
  readonly node: string;
  readonly writer: Pick<ClusterWriter, 'followStatuses' | 'writeNodeStatus'>;
  readonly documents: OwnDocuments;
  readonly clock: Clock;
  readonly log: Log;
}

/** Ms after which an unchanged status is written once more. */
const REFRESH_MS = 300_000;

/** Classes and the field of the status that each fills. */
const FIELDS: Readonly<Record<string, 'agent' | 'bgp' | 'routes'>> = { Agent: 'agent', BGP: 'bgp', Routes: 'routes' };

/** Runs until the signal aborts. Never rejects. */
export async function reportStatus(deps: ReportDeps, signal: AbortSignal): Promise<void> {
  const running = new Map<string, { readonly text: string; readonly end: AbortController; readonly done: Promise<void> }>();
  await deps.writer.followStatuses((requests) => {
    const own = new Map(requests.filter(({ node, period }) => node === deps.node && period > 0).map((one) => [one.name, one]));
    for (const [name, { text, end }] of running) {
      const request = own.get(name);
      if (request !== undefined && JSON.stringify(request) === text) continue;
      end.abort();
      running.delete(name);
    }
    for (const [name, request] of own) {
      if (running.has(name)) continue;
      const end = new AbortController();
      running.set(name, { text: JSON.stringify(request), end, done: keep(deps, request, AbortSignal.any([signal, end.signal])) });
    }
  }, signal);
  await Promise.all([...running.values()].map(({ done }) => done));
}

/** One object, at its period. */
async function keep(deps: ReportDeps, request: StatusRequest, signal: AbortSignal): Promise<void> {
  let before = '';
  let writtenAt = 0;
  while (!signal.aborted) {
    const status = await gather(deps, request);
    const text = JSON.stringify(status);
    const now = deps.clock.now();
    if (text !== before || now - writtenAt >= REFRESH_MS) {
      const written = await deps.writer.writeNodeStatus(request.name, { ...status, lastUpdated: new Date(now).toISOString() }, signal);
      if (written.ok) [before, writtenAt] = [text, now];
      else if (!signal.aborted) deps.log.warn({ object: request.name, because: written.failure.message }, 'CalicoNodeStatus not written');
    }
    await deps.clock.wait(request.period * 1000, signal);
  }
}

/** Classes that are not asked for are removed (null); one that cannot be had is left out, and keeps what it said. */
async function gather({ documents, log }: ReportDeps, { name, classes }: StatusRequest): Promise<Readonly<Record<string, unknown>>> {
  const status: Record<string, unknown> = {};
  for (const [word, field] of Object.entries(FIELDS)) {
    try {
      status[field] = classes.includes(word) ? await gatherClass(documents, field) : null;
    } catch (error) {
      log.debug({ object: name, class: word, because: error instanceof Error ? error.message : String(error) }, 'class left as it was');
    }
  }
  return status;
}

async function gatherClass(documents: OwnDocuments, field: 'agent' | 'bgp' | 'routes'): Promise<unknown> {
  switch (field) {
    case 'agent':
      return agentStatus(await documents.status());
    case 'bgp':
      return bgpStatus(await documents.peers());
    case 'routes':
      return routesStatus(await documents.routes(), await documents.peers());
    default: {
      const never: never = field;
      return never;
    }
  }
}
