/**
 * BIRD files of one node in a mesh of 5,000 and of a reflector with 500 clients: the whole, after one changed peer, and the real
 * daemon's check beside them. Targets without the check: 500 ms and 20 ms. Run with
 * `npx vitest bench --run test/bench/bird.bench.ts`; the columns are milliseconds.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bench, describe } from 'vitest';
import { createRenderer, type Flavor, type Renderer } from '../../src/confd/bird/render.ts';
import { desire } from '../../src/confd/desired/desire.ts';
import type { Desired } from '../../src/confd/desired/types.ts';
import type { Resource } from '../../src/confd/resources/types.ts';
import { node, peer, snapshotOf } from '../worlds/build.ts';
import { LARGE_SELF, largeCluster } from '../worlds/large.ts';

function stateOf(resources: readonly Resource[], self: string): Desired {
  const { desired } = desire(snapshotOf(resources), { node: self, programme: true });
  if (desired === undefined) throw new Error('no desired state');
  return desired;
}

const reflector: Resource[] = [
  node('rr', { ipv4: '10.0.0.1/8', cluster: '1.1.1.1' }),
  ...Array.from({ length: 500 }, (_, index) => node(`n${index}`, { ipv4: `10.1.${index >> 8}.${index & 255}/8`, labels: { client: '' } })),
  peer('clients', { node: 'rr', peerSelector: 'client' }),
];

const WORLDS: readonly (readonly [string, Desired])[] = [
  ['mesh of 5,000 nodes', stateOf(largeCluster(5000, 10), LARGE_SELF)],
  ['reflector with 500 clients', stateOf(reflector, 'rr')],
];

/** The state with another AS of one peer, and back. */
function alternate(state: Desired): () => Desired {
  const [first, ...others] = state.peers;
  if (first === undefined) throw new Error('no peers');
  const changed: Desired = { ...state, peers: [{ ...first, remoteAs: first.remoteAs + 1 }, ...others] };
  let round = 0;
  return () => {
    round += 1;
    return round % 2 === 0 ? state : changed;
  };
}

/** Writes the file, asks the daemon, removes it. */
function check(text: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'linnet-bench-'));
  try {
    writeFileSync(join(folder, 'bird.conf'), text);
    if (spawnSync('/usr/sbin/bird', ['-p', '-c', join(folder, 'bird.conf')]).status !== 0) throw new Error('bird -p rejects the file');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const renderers = new Map<Flavor, Renderer>([
  ['bird1', await createRenderer('bird1')],
  ['bird2', await createRenderer('bird2')],
]);

for (const [flavor, render] of renderers) {
  describe.each(WORLDS)(`${flavor}, %s`, (_name, state) => {
    bench('whole', () => void render({ ...state, peers: state.peers.map((each) => ({ ...each })) }, {}), { iterations: 10, time: 0 });
    const next = alternate(state);
    bench('one changed peer', () => void render(next(), {}), { iterations: 20, time: 0 });
    const text = render(state, {}).files.get('bird.conf');
    if (text === undefined || !existsSync('/usr/sbin/bird')) return;
    bench('bird -p, with writing the file', () => check(text), { iterations: 5, time: 0 });
  });
}
