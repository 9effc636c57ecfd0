/** What is left out when BIRD rejects a file: the peers of the line it names, found by halves where it names none. */
import { describe, expect, it } from 'vitest';
import { type Accepted, type CheckSet, findAccepted, peersAt } from '../../../src/confd/bird/accept.ts';
import { type CheckFault, parseFault } from '../../../src/confd/bird/check.ts';
import { createRenderer, type Rendered } from '../../../src/confd/bird/render.ts';
import type { Desired } from '../../../src/confd/desired/types.ts';
import { address, desired, peer } from '../native/fixtures.ts';

const renderer = await createRenderer('bird2');
const accept = { name: 'accept', terms: [], otherwise: 'accept' as const };
const cluster = (size: number): Desired =>
  desired({
    peers: Array.from({ length: size }, (_, index) => {
      const text = `192.0.2.${index + 1}`;
      return peer({ id: `Node_${index + 1}`, address: address(text), importPolicy: { ...accept, name: index % 2 === 0 ? 'even' : 'odd' } });
    }),
  });

const FAULT: CheckFault = { message: 'syntax error' };

/** Rejects while one of the texts is in a file; names the line where `told`. */
const rejecting =
  (texts: readonly string[], told: boolean, seen: number[] = []): CheckSet =>
  async (files) => {
    seen.push(1);
    const lines = (files.get('bird.conf') ?? '').split('\n');
    const line = lines.findIndex((entry) => texts.some((text) => entry.includes(text)));
    if (line < 0) return undefined;
    return told ? { ...FAULT, file: '/x/bird.conf', line: line + 1 } : FAULT;
  };

const find = (state: Desired, check: CheckSet): Promise<Accepted> =>
  findAccepted(state, (without): Rendered => renderer(state, {}, without), check);
const left = (accepted: Accepted): readonly string[] => accepted.rendered?.view.ipv4.peers.map(({ id }) => id) ?? [];

describe.each([true, false])('BIRD names the line: %s', (told) => {
  it('costs the peers it is about and no other', async () => {
    const accepted = await find(cluster(8), rejecting(['neighbor 192.0.2.3 ', 'neighbor 192.0.2.6 '], told));
    expect(left(accepted)).toEqual(['Node_1', 'Node_2', 'Node_4', 'Node_5', 'Node_7', 'Node_8']);
    expect(accepted.left.map(({ issue: { code, got } }) => `${code} ${got}`).sort()).toEqual([
      'PEER_REJECTED_BY_BIRD "Node_3"',
      'PEER_REJECTED_BY_BIRD "Node_6"',
    ]);
  });

  it('costs the peers of a filter', async () => {
    expect(left(await find(cluster(4), rejecting(['filter Policy_odd {'], told)))).toEqual(['Node_1', 'Node_3']);
  });

  it('gives up where no peer is to blame', async () => {
    const accepted = await find(cluster(4), rejecting(['router id'], told));
    expect([accepted.rendered, accepted.fault?.message, accepted.left]).toEqual([undefined, 'syntax error', []]);
  });
});

it('asks few times for one among many', async () => {
  const seen: number[] = [];
  await find(cluster(200), rejecting(['neighbor 192.0.2.77 '], false, seen));
  expect(seen.length).toBeLessThan(25);
});

it('blames nobody for a line outside of peers', () => {
  const rendered = renderer(cluster(2), {});
  expect([
    peersAt(rendered, { message: '', file: '/x/bird.conf', line: 1 }),
    peersAt(rendered, { message: '' }),
    peersAt(rendered, { message: '', file: '/x/other', line: 3 }),
  ]).toEqual([[], [], []]);
});

it.each<[string, CheckFault | undefined]>([
  [
    'bird: /a/bird.conf:12:5 syntax error, unexpected EXPORT\n',
    { file: '/a/bird.conf', line: 12, message: 'syntax error, unexpected EXPORT' },
  ],
  [
    'warning\nbird: /a/bird.cfg, line 7: Local AS number must be set\n',
    { file: '/a/bird.cfg', line: 7, message: 'Local AS number must be set' },
  ],
  ['bird: Unable to open configuration file\n', undefined],
])('reads %j', (text, fault) => {
  expect(parseFault(text)).toEqual(fault);
});
