/** The last good state on the host: when it stands in, what it becomes, and when it is written. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/confd/clock.ts';
import { formatIssue } from '../../../src/confd/resources/issue.ts';
import { createStore } from '../../../src/confd/resources/store.ts';
import type { Resource } from '../../../src/confd/resources/types.ts';
import { createMailbox, type Mailbox } from '../../../src/confd/source/mailbox.ts';
import { PATIENCE_MS, SAVE_MS, type SavedState, saveSource } from '../../../src/confd/source/saved.ts';
import type { Change, Source } from '../../../src/confd/source/types.ts';
import { savedFile } from '../../../src/main/saved-state.ts';
import { node, peer, pool, secret } from '../../worlds/build.ts';

const cleanup: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const task of cleanup.splice(0).reverse()) await task();
});

/** Time that passes where the test says so. */
function handClock(): Clock & { pass: (ms: number) => void } {
  const waits: { readonly at: number; readonly resolve: () => void }[] = [];
  let now = 0;
  return {
    now: () => 1_700_000_000_000 + now,
    monotonic: () => now,
    wait: (ms, signal) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve(), { once: true });
        waits.push({ at: now + ms, resolve });
      }),
    pass(ms) {
      now += ms;
      for (const { at, resolve } of waits) if (at <= now) resolve();
    },
  };
}

function scripted(): { source: Source; say: (change: Partial<Change>) => void } {
  let mailbox: Mailbox<Change> | undefined;
  const early: Change[] = [];
  return {
    say(change) {
      const told = { upsert: [], remove: [], issues: [], inSync: false, ...change };
      if (mailbox === undefined) early.push(told);
      else mailbox.put(told);
    },
    source: {
      async *watch(signal) {
        const own = createMailbox<Change>(signal);
        mailbox = own;
        for (const told of early) own.put(told);
        for (let told = await own.next(); told !== undefined; told = await own.next()) yield told;
      },
    },
  };
}

/** `takes`: ms of the clock that each writing takes. */
function start(saved: SavedState | undefined, takes = 0) {
  const clock = handClock();
  const inner = scripted();
  const written: SavedState[] = [];
  const abort = new AbortController();
  const file = {
    read: async () => saved,
    write: async (state: SavedState) => {
      written.push(state);
      clock.pass(takes);
      return undefined;
    },
  };
  const changes = saveSource(inner.source, { file, clock }).watch(abort.signal)[Symbol.asyncIterator]();
  const store = createStore();
  const next = async (): Promise<Change> => {
    const { value }: { value: Change } = await changes.next();
    store.apply(value);
    return value;
  };
  const end = async (): Promise<void> => {
    abort.abort();
    await changes.return?.(undefined);
  };
  cleanup.push(end);
  return { clock, say: inner.say, next, store, written, end };
}

const names = (written: SavedState | undefined): readonly string[] => (written?.resources ?? []).map(({ ref }) => ref.name).sort();
const SAVED: SavedState = { at: 1_700_000_000_000, resources: [node('a'), peer('old'), peer('kept')] };

describe('the last good state of a datastore', () => {
  it('is not looked at where the datastore answers', async () => {
    const { say, next, store, clock } = start(SAVED);
    say({ upsert: [peer('new')] });
    expect(await next()).toMatchObject({ inSync: false });
    say({ inSync: true });
    await next();
    clock.pass(PATIENCE_MS);
    say({ upsert: [peer('newer')], inSync: true });
    await next();
    expect([...store.snapshot.peers.keys()]).toEqual(['new', 'newer']);
  });

  it('stands in for one that does not, says so, and gives way to what the datastore has', async () => {
    const { say, next, store, clock } = start(SAVED);
    const first = next();
    clock.pass(PATIENCE_MS);
    expect(await first).toMatchObject({ inSync: false, usable: true });
    expect([...store.snapshot.peers.keys()].sort()).toEqual(['kept', 'old']);
    expect(store.snapshot.issues.map(formatIssue)).toEqual([
      'Datastore/saved: stands in for a datastore that has not answered yet: its last good state, of 2023-11-14T22:13:20.000Z',
    ]);
    say({ upsert: [peer('kept')], inSync: false });
    expect(await next()).toMatchObject({ upsert: [], inSync: false, usable: true });
    expect(store.snapshot.peers.size).toBe(2);
    say({ upsert: [peer('fresh')], inSync: true });
    const last = await next();
    expect(last.remove.map(({ name }) => name).sort()).toEqual(['a', 'old']);
    expect([...store.snapshot.peers.keys()].sort()).toEqual(['fresh', 'kept']);
    expect(store.snapshot.issues).toEqual([]);
    say({ remove: [peer('fresh').ref], inSync: true });
    await next();
    expect([...store.snapshot.peers.keys()]).toEqual(['kept']);
  });

  it('is waited for where there is none', async () => {
    const { say, next, clock } = start(undefined);
    const first = next();
    clock.pass(PATIENCE_MS);
    say({ upsert: [peer('new')], inSync: true });
    expect(await first).toMatchObject({ inSync: true });
  });

  it('is written soon after the first complete view, then now and then, and at the end', async () => {
    const { say, next, clock, written, end } = start(undefined);
    say({ upsert: [peer('a')] });
    await next();
    clock.pass(SAVE_MS.first);
    await Promise.resolve();
    expect(written).toEqual([]);
    say({ upsert: [peer('b')], inSync: true });
    await next();
    clock.pass(SAVE_MS.first);
    await expect.poll(() => written.map(names)).toEqual([['a', 'b']]);
    say({ upsert: [peer('c')], remove: [peer('a').ref], inSync: true });
    await next();
    clock.pass(SAVE_MS.next - 1);
    await Promise.resolve();
    expect(written.length).toBe(1);
    await end();
    expect(written.map(names)).toEqual([
      ['a', 'b'],
      ['b', 'c'],
    ]);
  });

  it('is written less often where writing takes long', async () => {
    const { say, next, clock, written, end } = start(undefined, 500);
    say({ upsert: [peer('a')], inSync: true });
    await next();
    clock.pass(SAVE_MS.first);
    await expect.poll(() => written.length).toBe(1);
    say({ upsert: [peer('b')], inSync: true });
    await next();
    // Two hundred times what it took.
    clock.pass(99_999);
    await new Promise((resolve) => setImmediate(resolve));
    expect(written.length).toBe(1);
    clock.pass(1);
    await expect.poll(() => written.map(names)).toEqual([['a'], ['a', 'b']]);
    await end();
  });
});

describe('the file of the last good state', () => {
  const folder = async (): Promise<string> => {
    const path = await mkdtemp(join(tmpdir(), 'linnet-saved-'));
    cleanup.push(() => rm(path, { recursive: true, force: true }));
    return path;
  };
  const many: readonly Resource[] = [
    ...Array.from({ length: 1200 }, (_, index) => pool(`pool-${index}`, `10.${index >> 8}.${index & 255}.0/24`)),
    secret('bgp', { tor: 'planted-password' }),
  ];

  it('gives back what was written, and is for its owner alone', async () => {
    const path = join(await folder(), 'deep', 'last-good.jsonl');
    const file = savedFile(path, 'n0');
    expect(await file.read()).toBe(undefined);
    expect(await file.write({ at: 7, resources: many })).toBe(undefined);
    const back = await file.read();
    expect([back?.at, back?.resources.length]).toEqual([7, many.length]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readFile(path, 'utf8')).not.toContain('planted-password');
    expect(await savedFile(path, 'n1').read()).toBe(undefined);
  });

  it.each([
    ['nothing', ''],
    ['no JSON', 'hello'],
    ['another schema', '{"schema":"linnet.last-good/v2","node":"n0","at":1,"count":0}\n'],
    ['a part of a file', '{"schema":"linnet.last-good/v1","node":"n0","at":1,"count":2}\n{"apiVersion":"v1"}\n'],
  ])('is none where it holds %s', async (_, text) => {
    const path = join(await folder(), 'last-good.jsonl');
    await writeFile(path, text);
    expect(await savedFile(path, 'n0').read()).toBe(undefined);
  });

  it('leaves out what this version cannot read', async () => {
    const path = join(await folder(), 'last-good.jsonl');
    const lines = [
      { schema: 'linnet.last-good/v1', node: 'n0', at: 1, count: 2, later: true },
      { apiVersion: 'v9', kind: 'Later', metadata: { name: 'x' } },
      { apiVersion: 'projectcalico.org/v3', kind: 'IPPool', metadata: { name: 'p' }, spec: { cidr: '10.0.0.0/8', later: 1 } },
    ];
    await writeFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    expect(names(await savedFile(path, 'n0').read())).toEqual(['p']);
  });

  it('says why it cannot be written', async () => {
    const path = await folder();
    expect(await savedFile(path, 'n0').write({ at: 1, resources: [] })).toMatch(/EISDIR|ENOTEMPTY|EEXIST/);
  });
});
