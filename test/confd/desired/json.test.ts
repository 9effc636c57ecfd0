/** The `linnet.desired/v1` document. */
import { describe, expect, it } from 'vitest';
import { desire } from '../../../src/confd/desired/desire.ts';
import { desiredToJson } from '../../../src/confd/desired/json.ts';
import { affinity, node, peer, pool, secret, snapshotOf } from '../../worlds/build.ts';
import { forSeeds } from '../../worlds/random.ts';
import { createWorld, SELF } from '../../worlds/world.ts';

const world = [
  node('me', { ipv4: '10.0.0.1/24', ipv6: 'fd00::1/64', cluster: '1.1.1.1' }),
  pool('p', '192.168.0.0/16'),
  affinity('me', '192.168.1.0/26'),
  secret('s', { k: 'not to be seen' }),
  peer('tor', { peerIP: '[fd00::9]:1790', asNumber: 65001, password: { name: 's', key: 'k' }, reachableBy: 'fd00::fe' }),
];

describe('desiredToJson', () => {
  it('writes addresses and prefixes as text, hides passwords and names policies once', () => {
    const { desired, issues } = desire(snapshotOf(world), { node: 'me', engine: { password: true, reachableBy: true } });
    expect(desiredToJson(desired, issues)).toMatchObject({
      schema: 'linnet.desired/v1',
      node: 'me',
      clusterId: '1.1.1.1',
      addresses: { ipv4: '10.0.0.1', ipv6: 'fd00::1' },
      networks: { ipv4: '10.0.0.0/24', ipv6: 'fd00::/64' },
      peers: [
        {
          id: 'Global_fd00__9_port_1790',
          address: 'fd00::9',
          port: 1790,
          password: '[hidden]',
          source: 'fd00::1',
          exportPolicy: 'export ipv6 external',
          importPolicy: 'import ipv6',
        },
      ],
      policies: [{ name: 'export ipv6 external' }, { name: 'import ipv6' }],
      advertise: [{ id: '192.168.1.0/26', prefix: '192.168.1.0/26', class: 'block' }],
      install: [
        { id: '192.168.1.0/26', prefix: '192.168.1.0/26', kind: 'blackhole' },
        { id: 'fd00::9/128', prefix: 'fd00::9/128', kind: 'via', gateway: 'fd00::fe' },
      ],
      issues: [],
    });
  });

  it('shows no password anywhere', () => {
    const { desired, issues } = desire(snapshotOf(world), { node: 'me' });
    expect(JSON.stringify(desiredToJson(desired, issues))).not.toContain('not to be seen');
  });

  it('says that the own node is unknown', () => {
    expect(desiredToJson(undefined, [])).toMatchObject({ schema: 'linnet.desired/v1', node: null, peers: [], advertise: [] });
  });

  it('gives the same octets whatever the order in which objects arrived', () => {
    forSeeds(200, (random) => {
      const snapshot = createWorld(random).snapshot();
      const reversed = {
        nodes: new Map([...snapshot.nodes].reverse()),
        pools: new Map([...snapshot.pools].reverse()),
        configurations: new Map([...snapshot.configurations].reverse()),
        peers: new Map([...snapshot.peers].reverse()),
        filters: new Map([...snapshot.filters].reverse()),
        affinities: new Map([...snapshot.affinities].reverse()),
        services: new Map([...snapshot.services].reverse()),
        slices: new Map([...snapshot.slices].reverse()),
        secrets: new Map([...snapshot.secrets].reverse()),
        workloads: new Map([...snapshot.workloads].reverse()),
        felix: snapshot.felix,
        issues: [],
      };
      const text = (of: typeof snapshot): string => {
        const { desired, issues } = desire(of, { node: SELF });
        return JSON.stringify(desiredToJson(desired, issues));
      };
      expect(text(reversed)).toBe(text(snapshot));
    });
  });
});
