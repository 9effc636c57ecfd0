/** The pure parts of `npm run parity`: what a difference is, what an entry explains, what counts as a failure. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ENGINES, readArguments } from '../../tools/parity/arguments.js';
import { type Difference, differences } from '../../tools/parity/compare.js';
import { explain, globOf, idle, readEntries, type Seen } from '../../tools/parity/entries.js';
import { documentOf, tableOf, tally } from '../../tools/parity/report.js';

const kernel = (protocol: string): object => ({ added: { 'P/24': [{ metric: 7, protocol, to: [], type: 'unicast' }] }, removed: {} });
const behaviour = (rib: object, protocol = '12', session: object = { established: true, open: { hold_time: 240 } }): object => ({
  sessions: { 4: { A: session } },
  phases: { steady: { 4: { rib: { A: rib }, kernel: kernel(protocol) } } },
  problems: [],
});

const route = (parts: object): object => ({ as_path: '1', origin: 'igp', ...parts });

describe('differences', () => {
  it.each<[string, object, object, Pick<Difference, 'section' | 'field' | 'recorded' | 'ours'>[]]>([
    ['none, whoever wrote a kernel route', behaviour({}), behaviour({}, '99'), []],
    [
      'a field of a session',
      behaviour({}),
      behaviour({}, '12', { established: true, open: { hold_time: 90 } }),
      [{ section: 'sessions', field: 'open.hold_time', recorded: '240', ours: '90' }],
    ],
    [
      'a session that is down says nothing else',
      behaviour({}),
      behaviour({}, '12', { established: false }),
      [{ section: 'sessions', field: 'established', recorded: 'true', ours: 'false' }],
    ],
    [
      'an attribute',
      behaviour({ P: [route({ med: 0 })] }),
      behaviour({ P: [route({})] }),
      [{ section: 'rib', field: 'med', recorded: '0', ours: '-' }],
    ],
    [
      'a route that is missing and one too many',
      behaviour({ P: [route({})] }),
      behaviour({ Q: [route({})] }),
      [
        { section: 'rib', field: 'route', recorded: 'as_path=1 origin=igp', ours: '-' },
        { section: 'rib', field: 'route', recorded: '-', ours: 'as_path=1 origin=igp' },
      ],
    ],
    [
      'one of two equal paths',
      behaviour({ P: [route({}), route({})] }),
      behaviour({ P: [route({})] }),
      [{ section: 'rib', field: 'route', recorded: 'as_path=1 origin=igp', ours: '-' }],
    ],
  ])('%s', (_, recorded, ours, expected) => {
    expect(differences(recorded, ours)).toMatchObject(expected);
    expect(differences(recorded, ours)).toHaveLength(expected.length);
  });
});

const seen = (parts: Partial<Seen>): Seen => ({
  scenario: 'x/y',
  phase: 'steady',
  section: 'rib',
  family: '4',
  peer: 'A',
  prefix: 'P/26',
  field: 'med',
  recorded: '0',
  ours: '-',
  kernelRoute: '',
  ...parts,
});

const LISTED = readEntries(`
differences:
  - { name: med, engines: [native], scenario: 'x/*', phase: '*', section: rib, prefix: '*/26|*/32', field: med, reason: r, switch: s }
  - { name: other, engines: [native, bird2], scenario: 'z', phase: '*', section: rib, prefix: '*', reason: r, switch: s }
  - { name: chance, engines: [native], scenario: 'z', phase: '*', section: sessions, prefix: '', race: true, reason: r, switch: s }
`);

describe('entries', () => {
  it('patterns have stars and alternatives, all else stands for itself', () => {
    const test = globOf('a.*c|b');
    expect(['a.c', 'a.xxc', 'b', 'axc', 'bb'].map(test)).toEqual([true, true, true, false, false]);
  });

  it('explain what fits in every field and engine, and leave the rest', () => {
    const rest = [seen({ prefix: 'P/27' }), seen({ field: 'origin' }), seen({ scenario: 'q/x' })];
    const { used, left } = explain(LISTED, 'native', [seen({}), seen({ prefix: 'P/32' }), ...rest]);
    expect([...used]).toEqual([['med', 2]]);
    expect(left).toEqual(rest);
    expect(explain(LISTED, 'bird2', [seen({})]).left).toHaveLength(1);
  });

  it('are idle where they explain nothing although their scenario was run, unless they are chance', () => {
    expect(idle(LISTED, 'native', ['x/y', 'z'], new Map([['med', 1]])).map((entry) => entry.name)).toEqual(['other']);
    expect(idle(LISTED, 'native', ['x/y'], new Map([['med', 1]]))).toEqual([]);
  });

  it.each([
    ['differences: 7', 'no list'],
    ['differences: [{ name: a }]', 'engines is missing'],
    [
      'differences: [{ name: a, engines: [], scenario: x, phase: x, section: x, prefix: x, reason: x, switch: x, why: x }]',
      'why is not known',
    ],
    [
      'differences: [{ name: a, engines: [], scenario: x, phase: x, section: x, prefix: x, reason: x, switch: x, race: yes }]',
      'race yes: true or nothing',
    ],
  ])('that are none are refused: %s', (text, message) => {
    expect(() => readEntries(text)).toThrow(message);
  });

  it('of this tree are entries for known engines, with a reason and a switch', () => {
    const entries = readEntries(readFileSync(new URL('../../docs/parity-differences.yaml', import.meta.url), 'utf8'));
    expect(entries.length).toBeGreaterThan(0);
    for (const entry of entries) {
      expect(entry.engines.filter((engine) => !ENGINES.includes(engine))).toEqual([]);
      expect([entry.reason, entry.switch].every((text) => typeof text === 'string' && text !== '')).toBe(true);
    }
  });
});

describe('report', () => {
  const engines = [{ name: 'native', seconds: 3, used: new Map([['med', 2]]), idle: ['other'] }];
  const results = [
    { engine: 'native', scenario: 'a', differences: 2, left: [], again: false },
    { engine: 'native', scenario: 'b', differences: 1, left: [seen({})], again: true },
  ];

  it('counts scenarios that differ and idle entries as failures', () => {
    expect(tally({ results, engines })).toEqual({ passed: 1, failed: 2 });
  });

  it('says what is not explained, and by what the rest is', () => {
    const text = tableOf({ results, engines, entries: LISTED, skipped: [] });
    expect(text).toContain('| native | b | 1 | 1 | FAILED, 2nd run |');
    expect(text).toContain('recorded 0, ours -');
    expect(text).toContain('native: 2 scenarios, 0 the same, 1 explained, 1 not; 3 s');
    expect(text).toContain('the entry other explains nothing');
    expect(documentOf({ results, engines, skipped: [] })).toMatchObject({ schema: 'linnet.parity/v1' });
  });
});

describe('arguments', () => {
  it('are read', () => {
    const found = readArguments(['--engine', 'native,bird2', '--only', 'a*', '--only', 'b', '-o', 'json', '--jobs', '2']);
    expect(found).toMatchObject({ engines: ['native', 'bird2'], only: ['a*', 'b'], json: true, jobs: 2, retries: 1, build: true });
    expect(readArguments([]).engines).toBeUndefined();
  });

  it.each([['--engine=frr'], ['--jobs=0'], ['-o=xml']])('%s is refused', (argument) => {
    expect(() => readArguments([argument])).toThrow();
  });
});
