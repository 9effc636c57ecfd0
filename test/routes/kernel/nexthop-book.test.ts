/** Which objects found in the kernel a name takes over, and which it leaves. */
import { describe, expect, it } from 'vitest';
import { firstNexthopId, NexthopBook } from '../../../src/routes/kernel/nexthop-book.ts';
import type { OwnNexthop } from '../../../src/routes/kernel/table.ts';

const ID = firstNexthopId(80);
const held = (...nexthops: readonly OwnNexthop[]): ReadonlyMap<number, OwnNexthop> => new Map(nexthops.map((one) => [one.id, one]));
const link = (family: 'ipv4' | 'ipv6', index = 2) => ({ hop: { interface: index, onlink: false }, family, group: [] });

describe('an object found in the kernel', () => {
  it('is taken over by a name that does the same, once', () => {
    const book = new NexthopBook(80);
    const found = { id: ID + 7, ...link('ipv4') };
    book.notice([found], []);
    expect(book.claim('a', link('ipv4'), held(found))).toBe(ID + 7);
    expect(book.claim('b', link('ipv4'), held(found))).toBe(ID);
    expect([book.nameOf(ID + 7), book.nameOf(ID)]).toEqual(['a', 'b']);
  });

  it('is left where it leads to a link for the other family', () => {
    const book = new NexthopBook(80);
    const found = { id: ID + 7, ...link('ipv6') };
    book.notice([found], []);
    expect(book.claim('a', link('ipv4'), held(found))).toBe(ID);
    expect(book.claim('b', link('ipv6'), held(found))).toBe(ID + 7);
  });

  it('is left where it is gone, its id is that of another name, or it does something else now', () => {
    const book = new NexthopBook(80);
    const found = { id: ID, ...link('ipv4') };
    book.notice([found], []);
    expect(book.claim('a', link('ipv4', 3), held())).toBe(ID);
    expect(book.claim('b', link('ipv4'), held(found))).toBe(ID + 1);
    book.notice([{ id: ID + 7, ...link('ipv4', 4) }], []);
    expect(book.claim('c', link('ipv4', 4), held())).toBe(ID + 2);
    book.notice([{ id: ID + 7, ...link('ipv4', 5) }], []);
    expect(book.claim('d', link('ipv4', 5), held({ id: ID + 7, ...link('ipv4', 6) }))).toBe(ID + 3);
  });
});
