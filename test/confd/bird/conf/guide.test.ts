/** The example of docs/templates.md does what it says. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { openConfSet } from '../../../../src/confd/bird/conf/conf-set.ts';
import { HELPER_NAMES } from '../../../../src/confd/bird/conf/helpers.ts';
import { keyView } from '../../../../src/confd/bird/conf/key-view.ts';
import { buildView } from '../../../../src/confd/bird/view.ts';
import { node, peer, secret, snapshotOf } from '../../../worlds/build.ts';
import { desiredOf, fullWorld } from '../worlds.ts';

const GUIDE = readFileSync(new URL('../../../../docs/templates.md', import.meta.url), 'utf8');

it('the example renders', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'linnet-guide-'));
  try {
    const files = [...GUIDE.matchAll(/^```\w+ (\S+)\n([\s\S]*?)^```$/gm)];
    expect(files.map(([, name]) => name)).toEqual(['conf.d/hosts.toml', 'templates/hosts.hbs']);
    for (const [, name = '', text = ''] of files) {
      mkdirSync(join(folder, dirname(name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    const world = [
      node('me', { ipv4: '10.0.0.1/24' }),
      node('bare'),
      secret('key', { word: 'geheim' }),
      peer('tor', { peerIP: '10.0.0.9', asNumber: 65001, password: { name: 'key', key: 'word' } }),
    ];
    const set = await openConfSet({ directory: folder, node: 'me' });
    const result = await set.pass(buildView(desiredOf(world), 'bird1', {}).view, keyView(snapshotOf(world), desiredOf(world)));
    expect(result.faults).toEqual([]);
    expect(readFileSync(join(folder, 'hosts.conf'), 'utf8')).toBe(
      '# for me, router id 10.0.0.1\nhost me {address 10.0.0.1;}\npeer 10.0.0.9 as 65001 password "geheim";\n',
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it('names every helper and every field of the typed object', () => {
  const { view } = buildView(fullWorld(), 'bird2', {});
  const { statics, kernel, peers, ...family } = view.ipv4;
  const fields = [view, family, statics[0], kernel, kernel.pools[0], peers[0], view.ipv4.exportFunction].flatMap((entry) =>
    Object.keys(entry ?? {}),
  );
  const missing = [...HELPER_NAMES, ...fields].filter((name) => !new RegExp(`\\b${name}\\b`).test(GUIDE));
  expect(missing).toEqual([]);
});
