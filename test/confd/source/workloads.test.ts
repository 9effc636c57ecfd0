/** Files of `endpoint-status` in a temporary directory: read, changed, half-written, gone; the directory itself may come late. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { formatAddress } from 'bgp-ts/net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createStore } from '../../../src/confd/resources/store.ts';
import type { Change, Source } from '../../../src/confd/source/types.ts';
import { withWorkloads } from '../../../src/confd/source/workloads.ts';

let directory = '';
let ending: AbortController;
beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), 'linnet-workloads-')), 'endpoint-status');
  ending = new AbortController();
});
afterEach(() => {
  ending.abort();
  rmSync(join(directory, '..'), { recursive: true });
});

/** The datastore beside it: complete at once, then quiet. */
const quiet: Source = {
  async *watch(signal): AsyncGenerator<Change> {
    yield { upsert: [], remove: [], issues: [], inSync: true };
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  },
};

const clock = {
  now: Date.now,
  monotonic: () => performance.now(),
  wait: (ms: number, signal: AbortSignal) => pause(ms, undefined, { signal }).catch(() => undefined),
};

/** A store fed by the source; `becomes` waits for its workloads to be these. */
function follow() {
  const store = createStore();
  let changed = (): void => undefined;
  const done = (async () => {
    for await (const change of withWorkloads(quiet, { directory, clock }).watch(ending.signal)) {
      store.apply(change);
      changed();
    }
  })();
  const shown = (): string[] =>
    [...store.snapshot.workloads.values()].map(({ bgpPeer, ipv4, ipv6 }) =>
      [bgpPeer, ...[ipv4, ipv6].flatMap((one) => (one === undefined ? [] : [formatAddress(one)]))].join(' '),
    );
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise<void>((resolve) => (changed = resolve));
  };
  return { store, done, shown, until, becomes: (...wanted: string[]) => until(() => store.inSync && shown().join() === wanted.join()) };
}

const write = (name: string, content: unknown): void => writeFileSync(join(directory, name), JSON.stringify(content));

it('the directory comes, files come, change and go; only those with a BGPPeer are workloads', async () => {
  const { becomes, shown, done } = follow();
  await becomes();
  mkdirSync(directory);
  write('w1', {
    ifaceName: 'cali1',
    mac: '02:00:00:00:00:01',
    ipv4Nets: ['10.65.0.2/32', '10.65.0.3/32'],
    ipv6Nets: ['fd65::2/128'],
    bgpPeerName: 'app',
  });
  write('w2', { ifaceName: 'cali2', ipv4Nets: ['10.65.0.4/32'] });
  await becomes('app 10.65.0.2 fd65::2');
  write('w2', { ifaceName: 'cali2', ipv4Nets: ['10.65.0.4/32'], bgpPeerName: 'app' });
  await becomes('app 10.65.0.2 fd65::2', 'app 10.65.0.4');
  rmSync(join(directory, 'w1'));
  await becomes('app 10.65.0.4');
  ending.abort();
  await done;
  expect(shown()).toEqual(['app 10.65.0.4']);
});

it('a file that cannot be read keeps its last good form and has an issue until it can', async () => {
  mkdirSync(directory);
  write('w', { ipv4Nets: ['10.65.0.2/32'], bgpPeerName: 'app' });
  const { store, becomes, until, shown } = follow();
  await becomes('app 10.65.0.2');
  writeFileSync(join(directory, 'w'), '{"ipv4Nets": ["10.65.');
  await until(() => store.snapshot.issues.length === 1);
  expect(store.snapshot.issues).toMatchObject([
    { code: 'LOCAL_WORKLOAD_INVALID', object: { kind: 'LocalWorkload', name: 'w' }, rule: 'is not JSON' },
  ]);
  expect(shown()).toEqual(['app 10.65.0.2']);
  write('w', { ipv4Nets: ['fd65::2/128'], bgpPeerName: 'app' });
  await until(() => store.snapshot.issues[0]?.field === 'ipv4Nets');
  write('w', { ipv4Nets: ['10.65.0.9/32'], bgpPeerName: 'app' });
  await becomes('app 10.65.0.9');
  expect(store.snapshot.issues).toEqual([]);
});
