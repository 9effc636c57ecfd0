/** A node of the BIRD engine on its way out: what its filters say, in the text that real daemons take. */
import { beforeAll, describe, expect, it } from 'vitest';
import { createDraining } from '../../../src/confd/bird/draining.ts';
import { createRenderer, type FileSet, type Flavor, type Renderer } from '../../../src/confd/bird/render.ts';
import type { Desired } from '../../../src/confd/desired/types.ts';
import type { DrainPhase } from '../../../src/confd/driver.ts';
import { daemons, daemonTitle, realVerdict } from './daemons.ts';
import { fullWorld } from './worlds.ts';

const WORDS = ['bgp_community.add((65535, 0));', 'bgp_local_pref = 0;'];
/** Filters of exports, and the function that they share. */
const EXPORT = /^(?:function calico_export_to_bgp_peers\S*|filter Policy_export\S*)/;

describe.each(['bird1', 'bird2'] as const)('%s', (flavor: Flavor) => {
  let render: Renderer;
  beforeAll(async () => {
    render = await createRenderer(flavor);
  });
  const state = fullWorld();
  const draining = createDraining();
  const filesOf = (phase: DrainPhase, of: Desired = state): FileSet => render(draining(of, phase), {}).files;

  /** Lines of filters and functions by their heads. */
  const blocks = (phase: DrainPhase): ReadonlyMap<string, readonly string[]> => {
    const text = [...filesOf(phase).values()].join('\n');
    return new Map(
      [...text.matchAll(/^((?:filter|function) [^\n{]+?)\s*\{\n([\s\S]*?)^\}/gm)].map(([, head = '', body = '']) => [
        head,
        body.split('\n').map((line) => line.trim()),
      ]),
    );
  };

  it('says farewell before each verdict that lets a route out to a peer, and nowhere else', () => {
    const before = blocks('off');
    let accepts = 0;
    for (const [head, lines] of blocks('draining')) {
      if (!EXPORT.test(head)) {
        expect([head, lines]).toEqual([head, before.get(head)]);
        continue;
      }
      for (const [index, line] of lines.entries()) {
        if (line !== 'accept;') continue;
        accepts += 1;
        expect([head, lines.slice(index - 2, index)]).toEqual([head, WORDS]);
      }
      expect(lines.filter((line) => !WORDS.includes(line))).toEqual(before.get(head)?.filter((line) => !WORDS.includes(line)));
    }
    expect(accepts).toBeGreaterThan(5);
  });

  it('has no session once it left, and is as before when it came back', () => {
    expect([...filesOf('left').values()].join('\n')).not.toContain('protocol bgp');
    expect([...filesOf('off')]).toEqual([...render(state, {}).files]);
  });

  it('gives the same peers for the same state, so that nothing is made anew', () => {
    expect(draining(state, 'draining').peers.every((peer, index) => peer === draining({ ...state }, 'draining').peers[index])).toBe(true);
  });

  it.skipIf(daemons(flavor).length === 0)(daemonTitle('real daemons take it', flavor), () => {
    expect([realVerdict(flavor, filesOf('draining')), realVerdict(flavor, filesOf('left'))]).toEqual(['', '']);
  });
});
