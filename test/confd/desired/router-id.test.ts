/** BGP Identifiers (control-plane 7 and 12, the clamp) and the hash they may come from. */
import { createHash } from 'node:crypto';
import { parseAddress } from 'bgp-ts/net';
import { describe, expect, it } from 'vitest';
import { desire } from '../../../src/confd/desired/desire.ts';
import { chooseRouterId, hashedRouterId, isLegalRouterId } from '../../../src/confd/desired/router-id.ts';
import { sha256 } from '../../../src/confd/desired/sha256.ts';
import { address, node, snapshotOf } from '../../worlds/build.ts';

const reference = (text: string): Buffer => createHash('sha256').update(text).digest();

describe('sha256', () => {
  it.each(['', 'abc', 'node-1', 'x'.repeat(55), 'x'.repeat(56), 'x'.repeat(64), 'x'.repeat(1000), 'nœud-ü-節'])('of %j', (text) => {
    expect(Buffer.from(sha256(text)).toString('hex')).toBe(reference(text).toString('hex'));
  });
});

/** First name whose hash starts with an octet in the range. */
function nameHashedTo(low: number, high: number): string {
  for (let index = 0; ; index += 1) {
    const first = reference(`n${index}`)[0] ?? 0;
    if (first >= low && first <= high) return `n${index}`;
  }
}

describe('CALICO_ROUTER_ID', () => {
  it('hash: the first four octets of SHA-256 of the node name', () => {
    const name = nameHashedTo(1, 126);
    expect(hashedRouterId(name)).toBe([...reference(name).subarray(0, 4)].join('.'));
  });

  it('hash: a first octet above 223 is lowered by 32', () => {
    const name = nameHashedTo(224, 255);
    const [first = 0, ...rest] = [...reference(name).subarray(0, 4)];
    expect(hashedRouterId(name)).toBe([first - 32, ...rest].join('.'));
  });

  it.each([
    ['0', 0, 0],
    ['127', 127, 127],
  ])('hash: a first octet of %s is never used; the next four octets are [Q]', (_, low, high) => {
    const name = nameHashedTo(low, high);
    const second = reference(name).readUInt32BE(4);
    expect(hashedRouterId(name)).not.toMatch(/^(?:0|127)\./);
    if (isLegalRouterId(second)) expect(hashedRouterId(name)).toBe([...reference(name).subarray(4, 8)].join('.'));
  });

  it('is legal for any name', () => {
    for (let index = 0; index < 3000; index += 1) {
      const value = parseAddress(hashedRouterId(`node-${index}`))?.words[0] ?? 0;
      expect(isLegalRouterId(value)).toBe(true);
    }
  });

  it.each<[string, string | undefined, string | undefined, string, string | undefined]>([
    ['absent: the node address', undefined, '10.0.0.1', '10.0.0.1', undefined],
    ['empty: the node address', '', '10.0.0.1', '10.0.0.1', undefined],
    ['absent, IPv6 only: the hash [Q]', undefined, undefined, hashedRouterId('n'), undefined],
    ['a node address that is none: the hash', undefined, '127.0.0.1', hashedRouterId('n'), undefined],
    ['another value verbatim', '192.0.2.7', '10.0.0.1', '192.0.2.7', undefined],
    ['an illegal value is refused', '0.0.0.7', '10.0.0.1', '10.0.0.1', '0.0.0.7'],
    ['224 and above is refused', '224.0.0.1', '10.0.0.1', '10.0.0.1', '224.0.0.1'],
    ['text is refused', 'auto', undefined, hashedRouterId('n'), 'auto'],
  ])('%s', (_, configured, ipv4, id, refused) => {
    expect(chooseRouterId('n', configured, ipv4 === undefined ? undefined : address(ipv4))).toEqual(
      refused === undefined ? { id } : { id, refused },
    );
  });

  it('a refused value and an id of two nodes are reported', () => {
    const world = [node('a', { ipv4: '10.0.0.1/24' }), node('b', { ipv4: '10.0.0.2/24' }), node('c', { ipv6: 'fd00::3/64' })];
    expect(desire(snapshotOf(world), { node: 'a', routerId: 'x' }).issues).toMatchObject([
      { code: 'NODE_ROUTER_ID', got: '"x"', object: { name: 'a' } },
    ]);
    const twice = desire(snapshotOf(world), { node: 'a', routerId: '10.0.0.2' });
    expect(twice.desired?.routerId).toBe('10.0.0.2');
    expect(twice.issues).toMatchObject([
      {
        code: 'NODE_ROUTER_ID_SHARED',
        got: '"10.0.0.2"',
        object: { name: 'a' },
        rule: 'is the BGP Identifier of Node/b too; the two cannot peer',
      },
      {
        code: 'NODE_ROUTER_ID_SHARED',
        got: '"10.0.0.2"',
        object: { name: 'b' },
        rule: 'is the BGP Identifier of Node/a too; the two cannot peer',
      },
    ]);
    expect(desire(snapshotOf(world), { node: 'a', routerId: 'hash' }).issues).toEqual([]);
  });
});
