import { describe, expect, it } from 'vitest';
import { MAX_QUERIES } from '../../../src/health/limits.ts';
import { createQueries } from '../../../src/health/server/queries.ts';
import type { QueryMessage } from '../../../src/health/status.ts';

describe('queries', () => {
  it('gives each question its own answer, in any order', async () => {
    const posted: QueryMessage<string>[] = [];
    const queries = createQueries<string, string>((message) => posted.push(message));
    const outcomes = [queries.ask('a'), queries.ask('b')];
    for (const { id, query } of posted.reverse()) queries.settle({ type: 'answer', id, answer: query.toUpperCase() });
    expect(await Promise.all(outcomes)).toEqual([
      { kind: 'answer', answer: 'A' },
      { kind: 'answer', answer: 'B' },
    ]);
  });

  it('ends in a timeout when nobody answers; a late answer is dropped', async () => {
    const posted: QueryMessage<string>[] = [];
    const queries = createQueries<string, string>((message) => posted.push(message), 5);
    expect(await queries.ask('a')).toEqual({ kind: 'timeout' });
    queries.settle({ type: 'answer', id: posted[0]?.id ?? 0, answer: 'late' });
    const second = queries.ask('b');
    queries.settle({ type: 'fault', id: posted[1]?.id ?? 0, fault: { code: 'not-found', message: 'no' } });
    expect(await second).toEqual({ kind: 'fault', fault: { code: 'not-found', message: 'no' } });
  });

  it('waits for one answer longer where that is asked for', async () => {
    const posted: QueryMessage<string>[] = [];
    const queries = createQueries<string, string>((message) => posted.push(message), 5);
    const slow = queries.ask('slow', 60_000);
    expect(await queries.ask('quick')).toEqual({ kind: 'timeout' });
    queries.settle({ type: 'answer', id: posted[0]?.id ?? 0, answer: 'done' });
    expect(await slow).toEqual({ kind: 'answer', answer: 'done' });
  });

  it('refuses beyond its bound, and takes new ones when answers came', async () => {
    let posted = 0;
    const queries = createQueries<string, string>(() => {
      posted += 1;
    });
    const waiting = Array.from({ length: MAX_QUERIES }, () => queries.ask('x'));
    expect(await queries.ask('one more')).toMatchObject({ kind: 'fault', fault: { code: 'unavailable' } });
    expect(posted).toBe(MAX_QUERIES);
    queries.abandon();
    expect((await Promise.all(waiting)).every((outcome) => outcome.kind === 'fault')).toBe(true);
    const next = queries.ask('again');
    queries.abandon();
    expect([posted, (await next).kind]).toEqual([MAX_QUERIES + 1, 'fault']);
  });
});
