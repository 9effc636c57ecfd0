/**
 * What the daemon writes to the API server (control-plane 8.3, 8.4, 10): a Node's annotations and condition, CalicoNodeStatus,
 * Events. Each write is tried three times; a refusal is an answer, never a throw.
 */
import type { Clock } from '../../clock.ts';
import { isRecord, member } from '../../resources/fields.ts';
import type { ObjectRef } from '../../resources/types.ts';
import { backoffMs } from '../backoff.ts';
import { type Answer, broken } from '../failure.ts';
import { createAccess } from './access.ts';
import { API_TIMING, type Api, type ApiTiming, createApi, type Written } from './api.ts';
import type { AccessOptions } from './connection.ts';
import { discover } from './discovery.ts';
import type { CalicoApi, Watched } from './kinds.ts';
import type { ProxySettings } from './proxy.ts';
import { reflect } from './reflector.ts';

/** Attempts of one write (control-plane 10). */
const WRITE_TRIES = 3;

/** What a writer needs. */
export interface WriterOptions {
  readonly access: AccessOptions;
  readonly proxies: ProxySettings;
  /** Calico's API group; undefined: found out. */
  readonly apiGroup: CalicoApi | undefined;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** Default: ten seconds for an answer (control-plane 10). */
  readonly timing?: ApiTiming;
}

/** A condition of a Node, times in RFC 3339. */
export interface NodeCondition {
  readonly type: string;
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
  readonly lastHeartbeatTime: string;
  readonly lastTransitionTime: string;
}

/** A CalicoNodeStatus as its user wrote it. */
export interface StatusRequest {
  readonly name: string;
  readonly node: string;
  readonly classes: readonly string[];
  /** Seconds, 0-86400; 0: nothing is written. */
  readonly period: number;
}

/** Writes to one API server. Paths and rights: deploy/rbac. */
export interface ClusterWriter {
  /** Sets annotations of a Node; through its status, for which a daemon's rights suffice. */
  annotateNode(name: string, annotations: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Answer<void>>;
  setNodeCondition(name: string, condition: NodeCondition, signal: AbortSignal): Promise<Answer<void>>;
  /** Replaces fields of the status; null removes one. */
  writeNodeStatus(name: string, status: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<Answer<void>>;
  /** Identity of an object, which events about it carry; undefined where it is not there. */
  uidOf(ref: ObjectRef, signal: AbortSignal): Promise<Answer<string | undefined>>;
  createEvent(namespace: string, event: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<Answer<void>>;
  /** Follows the CalicoNodeStatus objects until the signal aborts; calls with all of them whenever one changed. */
  followStatuses(changed: (requests: readonly StatusRequest[]) => void, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

const PLURALS: Readonly<Record<string, string>> = { BlockAffinity: 'blockaffinities', CalicoNodeStatus: 'caliconodestatuses' };

const pluralOf = (kind: string): string => PLURALS[kind] ?? `${kind.toLowerCase()}s`;

/** Ms between looks for Calico's API group while it is not there. */
const GROUP_MS = 15_000;

/** Makes the writer; it connects when it is first used. */
export function createWriter(options: WriterOptions): ClusterWriter {
  const timing = options.timing ?? { ...API_TIMING, answerMs: 10_000 };
  const api = createApi(createAccess(options.access), options.proxies, timing);
  let group = options.apiGroup;
  const groupOf = async (signal: AbortSignal): Promise<CalicoApi> => {
    while (group === undefined && !signal.aborted) {
      const found = await discover(api, signal);
      if (found.ok && found.value.present) group = found.value.api;
      else await options.clock.wait(GROUP_MS, signal);
    }
    return group ?? 'crd.projectcalico.org/v1';
  };
  const write = (path: string, written: Written, signal: AbortSignal): Promise<Answer<void>> =>
    attempt(api, options, path, written, signal);
  const patch = (path: string, body: unknown, signal: AbortSignal): Promise<Answer<void>> =>
    write(path, { method: 'PATCH', type: 'application/merge-patch+json', body }, signal);
  return {
    annotateNode: (name, annotations, signal) => patch(nodeStatusPath(name), { metadata: { annotations } }, signal),
    setNodeCondition: (name, condition, signal) =>
      write(
        nodeStatusPath(name),
        { method: 'PATCH', type: 'application/strategic-merge-patch+json', body: { status: { conditions: [condition] } } },
        signal,
      ),
    writeNodeStatus: async (name, status, signal) => {
      const path = `/apis/${await groupOf(signal)}/caliconodestatuses/${encodeURIComponent(name)}`;
      // Where the definition has a status of its own, it is written there and ignored elsewhere; Calico's definition has none.
      const own = await patch(`${path}/status`, { status }, signal);
      return own.ok || own.failure.code !== 'DATASTORE_KIND_MISSING' ? own : patch(path, { status }, signal);
    },
    uidOf: (ref, signal) => readUid(api, ref, signal),
    createEvent: (namespace, body, signal) =>
      write(`/api/v1/namespaces/${encodeURIComponent(namespace)}/events`, { method: 'POST', type: 'application/json', body }, signal),
    followStatuses: async (changed, signal) => followStatuses(api, options, timing.idleMs, await groupOf(signal), changed, signal),
    close: () => api.close(),
  };
}

const nodeStatusPath = (name: string): string => `/api/v1/nodes/${encodeURIComponent(name)}/status`;

/** Only what may heal is tried again: an unreachable server, one that asks for patience, a conflict of a patch. */
async function attempt(
  api: Api,
  { clock, random }: WriterOptions,
  path: string,
  written: Written,
  signal: AbortSignal,
): Promise<Answer<void>> {
  for (let tries = 1; ; tries += 1) {
    const answer = await api.send(path, written, signal);
    if (answer.ok) return { ok: true, value: undefined };
    const { code, retryAfter } = answer.failure;
    const mayHeal =
      code === 'DATASTORE_UNREACHABLE' || code === 'DATASTORE_ERROR' || (code === 'DATASTORE_CONFLICT' && written.method === 'PATCH');
    if (!mayHeal || tries === WRITE_TRIES || signal.aborted) return answer;
    await clock.wait(backoffMs(tries, random(), retryAfter), signal);
  }
}

async function readUid(
  api: Api,
  { apiVersion, kind, namespace, name }: ObjectRef,
  signal: AbortSignal,
): Promise<Answer<string | undefined>> {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const within = namespace === '' ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  // A list by name: the right to list is there anyway.
  const answer = await api.get(`${root}${within}/${pluralOf(kind)}?fieldSelector=${encodeURIComponent(`metadata.name=${name}`)}`, signal);
  if (!answer.ok) return answer;
  const value = parseJson(answer.value);
  const items = isRecord(value) ? member(value, 'items') : undefined;
  if (!Array.isArray(items)) return { ok: false, failure: broken('a list that is none') };
  const [item]: unknown[] = items;
  const metadata = isRecord(item) ? member(item, 'metadata') : undefined;
  const uid = isRecord(metadata) ? member(metadata, 'uid') : undefined;
  return { ok: true, value: typeof uid === 'string' ? uid : undefined };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function followStatuses(
  api: Api,
  { clock, random }: WriterOptions,
  idleMs: number,
  group: CalicoApi,
  changed: (requests: readonly StatusRequest[]) => void,
  signal: AbortSignal,
): Promise<void> {
  const kind = 'CalicoNodeStatus';
  const watched: Watched = { id: kind, kind, apiVersion: group, path: `/apis/${group}/${pluralOf(kind)}` };
  let known = new Map<string, StatusRequest>();
  const take = (into: Map<string, StatusRequest>, object: unknown): void => {
    const request = readStatusRequest(object);
    if (request !== undefined) into.set(request.name, request);
  };
  const tell = (): void => changed([...known.values()]);
  await reflect(
    watched,
    { api, clock, random, idleMs },
    {
      list: () => {
        const next = new Map<string, StatusRequest>();
        return {
          add: (items) => {
            for (const item of items) take(next, item);
          },
          remove: (item) => void next.delete(nameOf(item)),
          commit: () => {
            known = next;
          },
        };
      },
      event: ({ type, object }) => {
        if (type === 'changed') take(known, object);
        else known.delete(nameOf(object));
        return true;
      },
      pause: tell,
      reached: tell,
      relisting: () => undefined,
      failed: () => undefined,
    },
    signal,
  );
}

function nameOf(object: unknown): string {
  const metadata = isRecord(object) ? member(object, 'metadata') : undefined;
  const name = isRecord(metadata) ? member(metadata, 'name') : undefined;
  return typeof name === 'string' ? name : '';
}

/** Seconds where the object says nothing: Calico's default. */
const DEFAULT_PERIOD = 10;

function readStatusRequest(object: unknown): StatusRequest | undefined {
  const spec = isRecord(object) ? member(object, 'spec') : undefined;
  if (!isRecord(spec)) return undefined;
  const { node, classes, updatePeriodSeconds = DEFAULT_PERIOD } = spec;
  if (typeof node !== 'string' || !Array.isArray(classes)) return undefined;
  const period =
    typeof updatePeriodSeconds === 'number' && updatePeriodSeconds >= 0 ? Math.min(updatePeriodSeconds, 86_400) : DEFAULT_PERIOD;
  return { name: nameOf(object), node, classes: classes.filter((word) => typeof word === 'string'), period };
}
