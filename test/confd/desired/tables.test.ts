/** The stores behind the desired state, against naive twins. */
import { describe, expect, it } from 'vitest';
import { sameData } from '../../../src/confd/desired/compare.ts';
import { issueAbout } from '../../../src/confd/desired/issues.ts';
import { IssueTable, NameIndex, SortedTable } from '../../../src/confd/desired/tables.ts';
import { peer } from '../../worlds/build.ts';
import { forSeeds } from '../../worlds/random.ts';

interface Entry {
  readonly id: string;
  readonly value: number;
}

describe('SortedTable', () => {
  it('lists by id after any changes, few (patched) or many (sorted anew), and keeps equal entries', () => {
    forSeeds(300, (random) => {
      const table = new SortedTable<Entry>();
      const naive = new Map<string, Entry>();
      let listed = new Map<string, Entry>();
      for (let round = 0; round < 8; round += 1) {
        const changes = random.pick([0, 1, 2, 3, 150]);
        for (let change = 0; change < changes; change += 1) {
          const id = `k${random.below(200)}`;
          if (random.oneIn(3)) {
            table.delete(id);
            naive.delete(id);
          } else {
            const entry = { id, value: random.below(3) };
            table.set(entry);
            naive.set(id, entry);
          }
        }
        const list = table.list();
        expect(list).toEqual([...naive.values()].sort((a, b) => (a.id < b.id ? -1 : 1)));
        for (const entry of list) if (listed.get(entry.id)?.value === entry.value) expect(entry).toBe(listed.get(entry.id));
        expect(table.list()).toBe(list);
        listed = new Map(list.map((entry) => [entry.id, entry]));
      }
    });
  });
});

describe('NameIndex', () => {
  it('holds what a map of sets holds', () => {
    forSeeds(200, (random) => {
      const index = new NameIndex();
      const naive = new Map<string, Set<string>>();
      for (let step = 0; step < 60; step += 1) {
        const [key, name] = [`k${random.below(3)}`, `n${random.below(4)}`];
        const names = naive.get(key) ?? new Set();
        naive.set(key, names);
        if (random.oneIn(2)) {
          index.add(key, name);
          names.add(name);
        } else {
          index.remove(key, name);
          names.delete(name);
        }
        expect([...index.get(key)].sort()).toEqual([...names].sort());
        expect(index.has(key)).toBe(names.size > 0);
      }
    });
  });
});

describe('IssueTable', () => {
  const issue = (name: string, code: string) => issueAbout(peer(name), { code, field: 'spec', got: '1', rule: 'is wrong' });

  it('lists each issue once, by object, and the same array until something changes', () => {
    const table = new IssueTable();
    table.set('two', [issue('b', 'X')]);
    table.set('one', [issue('a', 'Y'), issue('b', 'X')]);
    const list = table.list();
    expect(list.map((entry) => `${entry.object.name} ${entry.code}`)).toEqual(['a Y', 'b X']);
    table.set('one', [issue('a', 'Y'), issue('b', 'X')]);
    expect(table.list()).toBe(list);
    table.set('one', []);
    expect(table.list().map((entry) => entry.object.name)).toEqual(['b']);
  });
});

describe('sameData', () => {
  const shared = () => 1;

  it.each<[string, unknown, unknown, boolean]>([
    ['equal records', { a: 1, b: [1, { c: 2 }] }, { b: [1, { c: 2 }], a: 1 }, true],
    ['a missing key is undefined', { a: 1, b: undefined }, { a: 1 }, true],
    ['another value', { a: 1 }, { a: 2 }, false],
    ['one key more on the right', { a: 1 }, { a: 1, b: 2 }, false],
    ['lists of other lengths', [1], [1, 2], false],
    ['a list and a record', [], {}, false],
    ['null and a record', null, {}, false],
    ['maps', new Map([['a', [1]]]), new Map([['a', [1]]]), true],
    ['maps of other values', new Map([['a', 1]]), new Map([['a', 2]]), false],
    ['functions by identity', { f: shared }, { f: shared }, true],
    ['other functions', { f: () => 1 }, { f: () => 1 }, false],
    ['objects of a class by identity', new Date(0), new Date(0), false],
  ])('%s', (_, a, b, expected) => {
    expect(sameData(a, b)).toBe(expected);
    expect(sameData(b, a)).toBe(expected);
  });
});
