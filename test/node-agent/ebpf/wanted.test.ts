/** From what is wanted to entries of maps: pure tables. */
import { parseAddress, parsePrefix } from 'bgp-ts/net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { IpipWanted } from '../../../node-agent/ebpf/types.ts';
import { blockKey, changeOf, settingOf, tablesOf } from '../../../node-agent/ebpf/wanted.ts';

function address(text: string): NonNullable<ReturnType<typeof parseAddress>> {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
}
function peer(block: string, host: string): IpipWanted['peers'][number] {
  const prefix = parsePrefix(block);
  if (prefix === undefined) throw new Error(block);
  return { block: prefix, host: address(host) };
}
const wanted = (more: Partial<IpipWanted> = {}): IpipWanted => ({
  ...{ peers: [peer('10.244.2.0/26', '172.31.0.2')], local: address('172.31.0.1'), device: 7, mac: '0a:1b:2c:3d:4e:5f', parents: [2, 3] },
  ...more,
});

describe('the tables', () => {
  it('hold each block with its node, and every node as a source once', () => {
    const peers = [peer('10.244.2.0/26', '172.31.0.2'), peer('10.244.2.64/26', '172.31.0.2'), peer('255.255.255.255/32', '172.31.0.3')];
    const { blocks, sources } = tablesOf(wanted({ peers, sources: [address('172.31.0.9'), address('172.31.0.2')] }));
    expect([...blocks]).toEqual([
      [blockKey(0x0af40200, 26), 0xac1f0002],
      [blockKey(0x0af40240, 26), 0xac1f0002],
      [blockKey(0xffffffff, 32), 0xac1f0003],
    ]);
    expect([...sources].sort()).toEqual([0xac1f0002, 0xac1f0003, 0xac1f0009]);
  });

  it('hold networks of others apart from nodes, and refuse those of the other family', () => {
    const network = (text: string) => peer(text, '1.1.1.1').block;
    const { sources, externals } = tablesOf(wanted({ externals: [network('198.51.100.0/24'), network('0.0.0.0/0')] }));
    expect([...externals]).toEqual([blockKey(0xc6336400, 24), blockKey(0, 0)]);
    expect(sources.size).toBe(1);
    expect(() => tablesOf(wanted({ externals: [network('fd00::/8')] }))).toThrow('network fd00::/8 is not IPv4');
  });

  it('take the last of two nodes for one block', () => {
    const { blocks } = tablesOf(wanted({ peers: [peer('10.0.0.0/24', '1.1.1.1'), peer('10.0.0.0/24', '2.2.2.2')] }));
    expect([...blocks.values()]).toEqual([0x02020202]);
  });

  it('are changed by what differs, and then nothing does', () => {
    const table = fc
      .dictionary(fc.nat(40).map(String), fc.nat(3))
      .map((entries) => new Map(Object.entries(entries).map(([key, value]) => [Number(key), value])));
    fc.assert(
      fc.property(table, table, (now, then) => {
        const { remove, write } = changeOf(now, then);
        const result = new Map(now);
        for (const [key, value] of write) result.set(key, value);
        for (const key of remove) result.delete(key);
        expect(new Map([...result].sort())).toEqual(new Map([...then].sort()));
        expect(changeOf(result, then)).toEqual({ write: [], remove: [] });
        for (const [key, value] of write) expect(now.get(key)).not.toBe(value);
      }),
    );
  });
});

describe('the setting', () => {
  it('is laid out as struct setting', () => {
    expect(Buffer.from(settingOf(wanted())).toString('hex')).toBe('ac1f000107000000020000000a1b2c3d4e5f0000');
  });

  it.each([
    ['a MAC that is none', { mac: '0a1b2c3d4e5f' }, 'MAC 0a1b2c3d4e5f is not six octets'],
    ['no way in', { parents: [] }, 'no parent interface'],
    ['a node address of the other family', { local: address('fd00::1') }, 'local address fd00::1 is not IPv4'],
  ])('refuses %s', (_name, more, error) => {
    expect(() => settingOf(wanted(more))).toThrow(error);
  });

  it('and blocks and nodes of the other family are refused by name', () => {
    expect(() => tablesOf(wanted({ peers: [peer('fd44::/122', '172.31.0.2')] }))).toThrow('block fd44::/122 is not IPv4');
    expect(() => tablesOf(wanted({ peers: [peer('10.0.0.0/24', 'fd00::2')] }))).toThrow('node fd00::2 is not IPv4');
  });
});
