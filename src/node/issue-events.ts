/**
 * Issues as Kubernetes Events on the objects they are about, so that `kubectl describe` shows them. Every node of a cluster finds the
 * same fault in a shared object: the name of an Event is made of object and fault alone, so the first one to tell is the only one.
 */
import type { Clock } from '../confd/clock.ts';
import type { Log } from '../confd/log.ts';
import { formatIssue, formatRef } from '../confd/resources/issue.ts';
import type { Issue, ObjectRef } from '../confd/resources/types.ts';
import type { ClusterWriter } from '../confd/source/kubernetes/index.ts';

/** Events in one minute at most; the others wait. */
export const EVENTS_A_MINUTE = 30;
/** Events that may wait; with more the cluster has other troubles, and issues are in the log and the API in any case. */
export const MAX_WAITING = 500;
/** Longest wait before the first of several, ms, so that a cluster does not tell all at once. */
const SPREAD_MS = 5_000;
/** An Event lives for an hour in a cluster; what is still wrong then is told again. */
const LIFETIME_MS = 3_600_000;

/** Narrow interfaces that events use. */
export interface EventDeps {
  /** The Kubernetes Node, for issues of the daemon itself. */
  readonly node: string;
  readonly writer: Pick<ClusterWriter, 'uidOf' | 'createEvent'>;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** A short text that is the same for the same words, of lower-case letters and digits. */
  readonly digest: (text: string) => string;
  readonly log: Log;
}

/** Tells events. */
export interface IssueEvents {
  /** The issues as they are now. */
  take(issues: readonly Issue[]): void;
  /** Runs until the signal aborts. Never rejects. */
  run(signal: AbortSignal): Promise<void>;
}

/** Kinds that an API server has; issues of others are about the daemon and go to its Node. */
const KINDS = new Set([
  'Node',
  'IPPool',
  'BGPConfiguration',
  'BGPPeer',
  'BGPFilter',
  'BlockAffinity',
  'Service',
  'EndpointSlice',
  'Secret',
]);

interface Waiting {
  readonly key: string;
  readonly issue: Issue;
}

/** Makes it; nothing is told before `run`. */
export function createIssueEvents(deps: EventDeps): IssueEvents {
  const told = new Map<string, number>();
  const waiting = new Map<string, Waiting>();
  let wake = (): void => undefined;
  return {
    take: (issues) => {
      const now = deps.clock.now();
      const present = new Set<string>();
      for (const issue of issues) {
        const key = [formatRef(issue.object), issue.code, issue.field].join(' ');
        present.add(key);
        const known = told.get(key);
        if ((known !== undefined && now - known < LIFETIME_MS) || waiting.size >= MAX_WAITING) continue;
        waiting.set(key, { key, issue });
      }
      // Healed before it was told: nothing to tell.
      for (const key of waiting.keys()) if (!present.has(key)) waiting.delete(key);
      for (const [key, at] of told) if (now - at >= LIFETIME_MS) told.delete(key);
      if (waiting.size > 0) wake();
    },
    run: async (signal) => {
      signal.addEventListener('abort', () => wake(), { once: true });
      while (!signal.aborted) {
        if (waiting.size === 0) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          await deps.clock.wait(deps.random() * SPREAD_MS, signal);
        }
        const [next] = waiting.values();
        if (next === undefined || signal.aborted) continue;
        waiting.delete(next.key);
        if (await tell(deps, next.issue, signal)) told.set(next.key, deps.clock.now());
        await deps.clock.wait(60_000 / EVENTS_A_MINUTE, signal);
      }
    },
  };
}

/** True where the event is there, or will never be. */
async function tell(deps: EventDeps, issue: Issue, signal: AbortSignal): Promise<boolean> {
  const about = KINDS.has(issue.object.kind) && issue.object.name !== '*' ? issue.object : nodeRef(deps.node);
  const uid = await deps.writer.uidOf(about, signal);
  // An object that is gone has nobody to read about it.
  if (uid.ok && uid.value === undefined) return true;
  const event = eventOf(deps, issue, about, uid.ok ? (uid.value ?? '') : '');
  const created = await deps.writer.createEvent(event.metadata.namespace, event, signal);
  if (created.ok || created.failure.code === 'DATASTORE_CONFLICT') return true;
  if (!signal.aborted) deps.log.debug({ object: formatRef(about), because: created.failure.message }, 'event not written');
  // Without the right to write there is no use in asking again before long.
  return created.failure.code === 'DATASTORE_FORBIDDEN';
}

const nodeRef = (name: string): ObjectRef => ({ apiVersion: 'v1', kind: 'Node', namespace: '', name });

/** Longest message that the API server takes. */
const MAX_MESSAGE = 1024;

function eventOf({ clock, digest, node }: EventDeps, issue: Issue, about: ObjectRef, uid: string) {
  const time = new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
  const hour = Math.floor(clock.now() / LIFETIME_MS);
  // Events of objects without a namespace are in `default`, by the API server's own rule.
  const namespace = about.namespace === '' ? 'default' : about.namespace;
  const name = `${about.name.slice(0, 200)}.${digest([formatRef(about), issue.code, issue.field, hour].join(' '))}`;
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace },
    involvedObject: {
      apiVersion: about.apiVersion,
      kind: about.kind,
      name: about.name,
      ...(about.namespace === '' ? {} : { namespace: about.namespace }),
      ...(uid === '' ? {} : { uid }),
    },
    reason: reasonOf(issue.code),
    message: formatIssue(issue).slice(0, MAX_MESSAGE),
    type: 'Warning',
    source: { component: 'linnet', host: node },
    reportingComponent: 'linnet',
    reportingInstance: node,
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
  };
}

/** `BGPPEER_AS_MISSING` as Kubernetes words reasons: `BgppeerAsMissing`. */
function reasonOf(code: string): string {
  return code
    .split('_')
    .map((word) => word.slice(0, 1) + word.slice(1).toLowerCase())
    .join('');
}
