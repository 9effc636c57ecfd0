/** IPAM blocks, one case per clause of control-plane 6. */
import { describe, expect, it } from 'vitest';
import { evaluateBlock, isOwnAffinity } from '../../src/routes/blocks.ts';
import { prefix } from '../worlds/build.ts';

describe('6 blocks', () => {
  it.each<[string, string, 'confirmed' | 'pending' | 'pendingDeletion', boolean, boolean]>([
    ['a confirmed block: blackhole, aggregate and clauses', '192.168.1.0/26', 'confirmed', true, true],
    ['an IPv6 block', 'fd00:1::/122', 'confirmed', true, true],
    ['pending: nothing', '192.168.1.0/26', 'pending', false, false],
    ['pending deletion: blackhole, no clauses', '192.168.1.0/26', 'pendingDeletion', true, false],
    ['a /32: clauses, no blackhole', '192.168.1.1/32', 'confirmed', false, true],
    ['a /128: clauses, no blackhole', 'fd00:1::1/128', 'confirmed', false, true],
    ['a /32 pending deletion: nothing', '192.168.1.1/32', 'pendingDeletion', false, false],
  ])('%s', (_, cidr, state, originated, aggregated) => {
    expect(evaluateBlock({ object: 'BlockAffinity/b', cidr: prefix(cidr), state, owned: true })).toMatchObject({
      id: cidr,
      originated,
      installed: originated,
      aggregated,
      rule: 'control-plane 6',
    });
  });

  it('is not installed where Felix writes the routes of its pool (5.5)', () => {
    expect(evaluateBlock({ object: 'BlockAffinity/b', cidr: prefix('192.168.1.0/26'), state: 'confirmed', owned: false })).toMatchObject({
      originated: true,
      installed: false,
    });
  });

  it.each<[string, string, string, boolean]>([
    ['of this node', 'me', 'host', true],
    ['without a type', 'me', '', true],
    ['of another node', 'you', 'host', false],
    ['of a load balancer', 'load-balancer', 'virtual', false],
    ['virtual, whatever the name', 'me', 'virtual', false],
  ])('affinity %s', (_, node, type, expected) => {
    expect(isOwnAffinity({ node, type }, 'me')).toBe(expected);
  });
});
