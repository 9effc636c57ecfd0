/** Questions to a pushing thread over its port: numbered, bounded in number and in time. */
import { MAX_QUERIES, QUERY_TIMEOUT_MS } from '../limits.ts';
import type { PushMessage, QueryFault, QueryMessage } from '../status.ts';

/** What became of a query: the answer, the thread's refusal, or no answer in time. */
export type Outcome<Answer> =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'fault'; readonly fault: QueryFault }
  | { readonly kind: 'timeout' };

/** Queries of one thread. */
export interface Queries<Query, Answer> {
  /** Never rejects; MAX_QUERIES in flight is an `unavailable` fault at once. `limitMs`: longest wait for the answer, default that of all. */
  ask(query: Query, limitMs?: number): Promise<Outcome<Answer>>;
  /** An answer came; unknown ids (too late) are dropped. */
  settle(message: Exclude<PushMessage<unknown, Answer>, { readonly type: 'push' }>): void;
  /** The thread went away: everything in flight ends as `unavailable`. */
  abandon(): void;
}

/** `post` sends to the thread; `timeoutMs` default QUERY_TIMEOUT_MS. */
export function createQueries<Query, Answer>(
  post: (message: QueryMessage<Query>) => void,
  timeoutMs = QUERY_TIMEOUT_MS,
): Queries<Query, Answer> {
  const waiting = new Map<number, (outcome: Outcome<Answer>) => void>();
  let nextId = 1;
  const finish = (id: number, outcome: Outcome<Answer>): void => {
    const resolve = waiting.get(id);
    waiting.delete(id);
    resolve?.(outcome);
  };
  return {
    ask: (query, limitMs = timeoutMs) => {
      if (waiting.size >= MAX_QUERIES) return Promise.resolve(unavailable('too many queries are waiting for an answer'));
      const id = nextId;
      nextId += 1;
      const answered = new Promise<Outcome<Answer>>((resolve) => {
        const timer = setTimeout(() => finish(id, { kind: 'timeout' }), limitMs);
        waiting.set(id, (outcome) => {
          clearTimeout(timer);
          resolve(outcome);
        });
      });
      post({ type: 'query', id, query });
      return answered;
    },
    settle: (message) => {
      finish(message.id, message.type === 'answer' ? { kind: 'answer', answer: message.answer } : { kind: 'fault', fault: message.fault });
    },
    abandon: () => {
      for (const id of [...waiting.keys()]) finish(id, unavailable('the thread was replaced'));
    },
  };
}

function unavailable(message: string): Outcome<never> {
  return { kind: 'fault', fault: { code: 'unavailable', message } };
}
