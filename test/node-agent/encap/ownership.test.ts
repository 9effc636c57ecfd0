/** The two writers of kernel routes never write one pool, by what the BGP daemon itself computes (control-plane 5.5, dataplane 3.1). */
import { formatPrefix, prefixContains } from 'bgp-ts/net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encapWishes } from '../../../node-agent/encap/wishes.ts';
import { desire } from '../../../src/confd/desired/desire.ts';
import { kernelConfig } from '../../../src/confd/native/kernel-config.ts';
import type { IPPoolResource, Resource } from '../../../src/confd/resources/types.ts';
import { verdict } from '../../../src/routes/kernel/rules.ts';
import { address, affinity, configuration, node, pool, prefix, snapshotOf } from '../../worlds/build.ts';

const MODES = ['Enabled', 'Disabled', 'EnabledIPIPOnly', 'EnabledNoEncapOnly', undefined] as const;
const ENCAPS = [{}, { ipipMode: 'Always' }, { ipipMode: 'CrossSubnet' }, { vxlanMode: 'Always' }, { vxlanMode: 'CrossSubnet' }] as const;

const NODES: readonly Resource[] = [1, 2].map((at) => ({
  ...node(`n${at}`, { ipv4: `172.31.0.${at}/24`, ipv6: `fd00:31::${at}/64` }),
  tunnels: { vxlanV4: address(`10.200.0.${at}`), vxlanV6: address(`fd20::${at}`), ipip: address(`10.201.0.${at}`) },
}));

/** Pools side by side and some within others, and a block of each node in each. */
const POOLS = fc.array(
  fc.record({ place: fc.integer({ min: 0, max: 5 }), long: fc.boolean(), encap: fc.constantFrom(...ENCAPS), six: fc.boolean() }),
  {
    minLength: 1,
    maxLength: 5,
  },
);

const cidrOf = (place: number, long: boolean, six: boolean): string => {
  if (six) return long ? `fd10:${place}:8000::/33` : `fd10:${place}::/32`;
  return long ? `10.${place}.128.0/17` : `10.${place}.0.0/16`;
};

const blocksOf = (place: number, six: boolean): Resource[] =>
  [1, 2].map((at) => affinity(`n${at}`, six ? `fd10:${place}:8000:${at}::/122` : `10.${place}.200.${at * 64}/26`));

describe('writers of kernel routes', () => {
  it('are never two for one block, and where there is none that is an issue', () => {
    fc.assert(
      fc.property(POOLS, fc.constantFrom(...MODES), fc.constantFrom(...MODES), (drawn, bgp, felix) => {
        const pools = new Map<string, IPPoolResource>();
        for (const { place, long, encap, six } of drawn) {
          const cidr = cidrOf(place, long, six);
          const modes = six && 'ipipMode' in encap ? {} : encap;
          pools.set(cidr, pool(`p-${cidr.replaceAll(/[.:/]/g, '-')}`, cidr, modes));
        }
        const blocks = drawn.flatMap(({ place, six }) => blocksOf(place, six));
        const settings = configuration('default', bgp === undefined ? {} : { programClusterRoutes: bgp });
        const snapshot = snapshotOf([...NODES, ...pools.values(), ...blocks, settings]);
        const { desired } = desire(snapshot, { node: 'n1', programme: true });
        const agent = encapWishes({ snapshot, felix: felix === undefined ? {} : { programClusterRoutes: felix }, node: 'n1' });
        if (desired === undefined) throw new Error('no desired state');
        const { rules, statics } = kernelConfig(desired, 'kernel');
        for (const block of blocks) {
          if (block.kind !== 'BlockAffinity') continue;
          const around = [...pools.values()].filter((one) => prefixContains(one.cidr, block.cidr));
          const key = formatPrefix(block.cidr);
          const isOwn = block.node === 'n1';
          const nextHop = address(block.cidr.family === 'ipv4' ? '172.31.0.2' : 'fd00:31::2');
          const daemon = isOwn
            ? statics.some((route) => formatPrefix(route.prefix) === key)
            : verdict(rules, { prefix: block.cidr, nextHops: [nextHop], localPref: 100 }) !== 'reject';
          const written = agent.routes.some((route) => formatPrefix(route.prefix) === key);
          expect(daemon && written, `${key} has two writers`).toBe(false);
          const told = agent.issues.some(
            ({ code, object }) => code.startsWith('POOL_') && around.some((one) => one.ref.name === object.name),
          );
          expect(daemon || written || told || around.length === 0, `${key} has no writer and nobody says so`).toBe(true);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('are both told of where the two settings contradict each other', () => {
    const both = [
      ...NODES,
      pool('p', '10.1.0.0/16'),
      affinity('n2', '10.1.2.0/26'),
      configuration('default', { programClusterRoutes: 'Enabled' }),
    ];
    const { issues, routes } = encapWishes({ snapshot: snapshotOf(both), felix: { programClusterRoutes: 'Enabled' }, node: 'n1' });
    expect(routes).toEqual([]);
    expect(issues).toMatchObject([
      { code: 'POOL_TWO_WRITERS', field: 'spec.cidr', got: JSON.stringify(formatPrefix(prefix('10.1.0.0/16'))) },
    ]);
  });
});
