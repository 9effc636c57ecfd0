/**
 * BIRD files of one node in a mesh of 5,000 and of a reflector with 500 clients: the whole, after one changed peer, and the real
 * daemon's check beside them. Targets without the check: 500 ms and 20 ms. Run with
 * `npm run bench:render`; the columns are milliseconds.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bench, describe } from 'vitest';
import { createRenderer, type Flavor, type Renderer } from '../../src/confd/bird/render.ts';
import { alternate, RENDER_WORLDS } from './render-worlds.ts';

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
  describe.each(RENDER_WORLDS)(`${flavor}, %s`, (_name, state) => {
    bench('whole', () => void render({ ...state, peers: state.peers.map((each) => ({ ...each })) }, {}), { iterations: 10, time: 0 });
    const next = alternate(state);
    bench('one changed peer', () => void render(next(), {}), { iterations: 20, time: 0 });
    const text = render(state, {}).files.get('bird.conf');
    if (text === undefined || !existsSync('/usr/sbin/bird')) return;
    bench('bird -p, with writing the file', () => check(text), { iterations: 5, time: 0 });
  });
}
