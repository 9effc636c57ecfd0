/** What the server needs, handed in by the worker (or by a test), and how a thread is asked. */
import type { ProcessFigures } from '../metrics-view.ts';
import { type HealthState, threadView } from '../state.ts';
import type {
  ErrorDocument,
  LoopView,
  MainAnswer,
  MainQuery,
  PushingThread,
  ReadinessPolicy,
  SpeakerAnswer,
  SpeakerQuery,
} from '../status.ts';
import { refused, stalled, timedOut } from './answer.ts';
import type { Outcome, Queries } from './queries.ts';

/** The last desired document and the question under way, shared by every client: main serialises it once per version. */
export interface DesiredCache {
  held: { readonly version: number; readonly text: string } | undefined;
  asking: Promise<Outcomes<string>> | undefined;
}

/** The world as the server sees it. */
export interface Suppliers {
  readonly state: HealthState;
  /** Live milliseconds. */
  readonly now: () => number;
  readonly policy: ReadinessPolicy;
  readonly main: Queries<MainQuery, MainAnswer>;
  readonly speaker: Queries<SpeakerQuery, SpeakerAnswer>;
  readonly desired: DesiredCache;
  readonly process: () => ProcessFigures;
  /** Loop delay of the serving thread since the last call. */
  readonly loop: () => LoopView;
}

/** A value, or the error to answer with. */
export type Outcomes<Value> = { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly error: ErrorDocument['error'] };

/** Asks main for an answer of the query's own kind. */
export async function askMain<Kind extends MainQuery['kind']>(
  suppliers: Suppliers,
  query: MainQuery & { readonly kind: Kind },
  limitMs?: number,
): Promise<Outcomes<Extract<MainAnswer, { kind: Kind }>>> {
  return ask(suppliers, 'main', suppliers.main, query, limitMs);
}

/** Asks the speaker for an answer of the query's own kind. */
export async function askSpeaker<Kind extends SpeakerQuery['kind']>(
  suppliers: Suppliers,
  query: SpeakerQuery & { readonly kind: Kind },
): Promise<Outcomes<Extract<SpeakerAnswer, { kind: Kind }>>> {
  return ask(suppliers, 'speaker', suppliers.speaker, query);
}

/** Why what a thread pushed must not be shown, or the thread not be asked: stalled, or still starting. Undefined: neither. */
export function absence({ state, now }: Suppliers, thread: PushingThread): ErrorDocument['error'] | undefined {
  const view = threadView(state, thread, now());
  if (view.stalled) return stalled(view);
  return view.ageMs === null ? { code: 'UNAVAILABLE', message: `the ${thread} thread is starting`, thread } : undefined;
}

/** The desired document of the version that main last announced. A stalled main is an error even where the text is held. */
export async function askDesired(suppliers: Suppliers): Promise<Outcomes<string>> {
  const { state, desired } = suppliers;
  const absent = absence(suppliers, 'main');
  if (absent !== undefined) return { ok: false, error: absent };
  if (desired.held !== undefined && desired.held.version === state.main?.desiredVersion) return { ok: true, value: desired.held.text };
  desired.asking ??= fetchDesired(suppliers).finally(() => {
    desired.asking = undefined;
  });
  return desired.asking;
}

async function fetchDesired(suppliers: Suppliers): Promise<Outcomes<string>> {
  const asked = await askMain(suppliers, { kind: 'desired' });
  if (!asked.ok) return asked;
  const { version, text } = asked.value;
  suppliers.desired.held = { version, text };
  return { ok: true, value: text };
}

/** A thread known to be stalled is not asked: the client learns at once which one it is. */
async function ask<Query extends { kind: string }, Reply extends { kind: string }, Wanted extends Reply>(
  suppliers: Suppliers,
  thread: PushingThread,
  queries: Queries<Query, Reply>,
  query: Query,
  limitMs?: number,
): Promise<Outcomes<Wanted>> {
  const absent = absence(suppliers, thread);
  if (absent !== undefined) return { ok: false, error: absent };
  return read(thread, query, await queries.ask(query, limitMs));
}

function read<Reply extends { kind: string }, Wanted extends Reply>(
  thread: PushingThread,
  query: { kind: string },
  outcome: Outcome<Reply>,
): Outcomes<Wanted> {
  if (outcome.kind === 'timeout') return { ok: false, error: timedOut(thread) };
  if (outcome.kind === 'fault') return { ok: false, error: refused(thread, outcome.fault) };
  const isWanted = (reply: Reply): reply is Wanted => reply.kind === query.kind;
  if (isWanted(outcome.answer)) return { ok: true, value: outcome.answer };
  return { ok: false, error: { code: 'INTERNAL', message: `the ${thread} thread answered another question` } };
}
