/** What the daemon writes to the API server, as far as it is asked to (`write`) and has one: addresses, condition, status, events. */
import { createHash } from 'node:crypto';
import type { IpFamily } from 'bgp-ts/net';
import { formatAddress } from 'bgp-ts/net';
import type { Issue } from '../confd/resources/types.ts';
import type { ClusterWriter, NodeCondition } from '../confd/source/kubernetes/index.ts';
import type { Config, WrittenThing } from '../config/types.ts';
import type { HostAddress } from '../node/detect.ts';
import { createIssueEvents, type IssueEvents } from '../node/issue-events.ts';
import { reportStatus } from '../node/status-report.ts';
import { REAL_CLOCK } from './clock.ts';
import { accessOptions, type DaemonNeeds, namesApiServer } from './datastore.ts';
import type { DaemonLog } from './log.ts';
import type { OwnApi } from './own-api.ts';

/** The writes as the node's lifecycle calls them. */
export interface ClusterWrites {
  /** An address in use that the Node does not say. */
  unsaid(family: IpFamily, address: HostAddress): void;
  issues(issues: readonly Issue[]): void;
  /** Runs until the signal aborts. Never rejects. */
  run(signal: AbortSignal): Promise<void>;
  /** The daemon serves, for the first time in this run: tried until that is written, or the signal aborts. */
  up(signal: AbortSignal): Promise<void>;
  /** The daemon is about to end. */
  down(): Promise<void>;
  close(): Promise<void>;
}

/** Ms between two tries to write an address. */
const ADDRESS_RETRY_MS = 30_000;
/** Ms between two tries to say that the daemon is up: doubles from the first to the last. */
const UP_MS = { first: 1_000, last: 30_000 } as const;
/** Longest that the end of the daemon waits for the API server, ms. */
const DOWN_MS = 3_000;

const ANNOTATIONS = { ipv4: 'projectcalico.org/IPv4Address', ipv6: 'projectcalico.org/IPv6Address' } as const;

/** Makes them; undefined where nothing is to be written, or there is no API server of this datastore to write to. */
export async function createClusterWrites(
  config: Config,
  needs: DaemonNeeds,
  own: OwnApi,
  log: DaemonLog,
): Promise<ClusterWrites | undefined> {
  const wanted = writable(config);
  if (wanted.size === 0) return undefined;
  const { createWriter, proxySettings } = await import('../confd/source/kubernetes/index.ts');
  const writer = createWriter({
    access: accessOptions(config),
    proxies: proxySettings(process.env),
    apiGroup: config.apiGroup,
    clock: REAL_CLOCK,
    random: Math.random,
  });
  const kubernetesNode = config.kubernetesNode ?? needs.node;
  const addresses = createAddressWrites(writer, kubernetesNode, log);
  const events = wanted.has('events') ? makeEvents(writer, kubernetesNode, log) : undefined;
  const tell = async (status: NodeCondition['status'], signal: AbortSignal, known?: string): Promise<string | undefined> => {
    const because = wanted.has('condition') ? await setCondition(writer, kubernetesNode, status, signal) : undefined;
    if (because !== undefined && because !== known) log.warn({ because, status }, 'node condition not written');
    return because;
  };
  return {
    unsaid: (family, address) => {
      if (wanted.has('address')) addresses.put(family, address);
    },
    issues: (issues) => events?.take(issues),
    run: async (signal) => {
      const tasks = [addresses.run(signal)];
      if (events !== undefined) tasks.push(events.run(signal));
      if (wanted.has('status')) tasks.push(reportStatus({ node: needs.node, writer, documents: own, clock: REAL_CLOCK, log }, signal));
      await Promise.all(tasks);
    },
    up: async (signal) => {
      let because: string | undefined;
      // A daemon that begins with what it saved may serve long before the API server does. No pod is scheduled here until then.
      for (let wait: number = UP_MS.first; !signal.aborted; wait = Math.min(UP_MS.last, wait * 2)) {
        because = await tell('False', signal, because);
        if (because === undefined) return;
        await REAL_CLOCK.wait(wait, signal);
      }
    },
    down: async () => void (await tell('True', AbortSignal.timeout(DOWN_MS))),
    close: () => writer.close(),
  };
}

/** With etcd, Calico's objects are not in the API server: there is no Node of Calico's there, and nothing to tell about. */
function writable(config: Config): ReadonlySet<WrittenThing> {
  const { datastore, write } = config;
  if (datastore === 'kubernetes') return new Set(write);
  const condition = datastore === 'etcdv3' && namesApiServer(config) && write.includes('condition');
  return new Set(condition ? ['condition'] : []);
}

function createAddressWrites(writer: ClusterWriter, node: string, log: DaemonLog) {
  const pending = new Map<IpFamily, string>();
  let wake = (): void => undefined;
  return {
    put: (family: IpFamily, { address, network }: HostAddress): void => {
      pending.set(family, `${formatAddress(address)}/${network.length}`);
      wake();
    },
    run: async (signal: AbortSignal): Promise<void> => {
      signal.addEventListener('abort', () => wake(), { once: true });
      while (!signal.aborted) {
        if (pending.size === 0) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        const annotations = Object.fromEntries([...pending].map(([family, text]) => [ANNOTATIONS[family], text]));
        pending.clear();
        const written = await writer.annotateNode(node, annotations, signal);
        if (written.ok) log.info({ annotations }, 'node address written');
        else if (!signal.aborted) {
          // It is put again at the next look.
          log.warn({ because: written.failure.message }, 'node address not written');
          await REAL_CLOCK.wait(ADDRESS_RETRY_MS, signal);
        }
      }
    },
  };
}

function makeEvents(writer: ClusterWriter, node: string, log: DaemonLog): IssueEvents {
  const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);
  return createIssueEvents({ node, writer, clock: REAL_CLOCK, random: Math.random, digest, log });
}

/** NetworkUnavailable with Calico's words (control-plane 8.3); why it was not written, undefined where it was. */
async function setCondition(
  writer: ClusterWriter,
  node: string,
  status: NodeCondition['status'],
  signal: AbortSignal,
): Promise<string | undefined> {
  const now = new Date(REAL_CLOCK.now()).toISOString().replace(/\.\d+Z$/, 'Z');
  const words =
    status === 'False'
      ? { reason: 'CalicoIsUp', message: 'Calico is running on this node' }
      : { reason: 'CalicoIsDown', message: 'Calico is shutting down on this node' };
  const condition: NodeCondition = { type: 'NetworkUnavailable', status, ...words, lastHeartbeatTime: now, lastTransitionTime: now };
  const written = await writer.setNodeCondition(node, condition, signal);
  return written.ok ? undefined : written.failure.message;
}
