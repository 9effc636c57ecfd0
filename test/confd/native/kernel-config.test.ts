import { parseAddress, parsePrefix } from 'bgp-ts/net';
import { describe, expect, it } from 'vitest';
import type { Desired, DesiredFamily } from '../../../src/confd/desired/types.ts';
import { kernelConfig } from '../../../src/confd/native/kernel-config.ts';

function parsed<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('does not parse');
  return value;
}

const prefix = (text: string) => parsed(parsePrefix(text));
const address = (text: string) => parsed(parseAddress(text));
const NOTHING = { name: 'none', terms: [], otherwise: 'reject' } as const;
const family = (kernel: DesiredFamily['kernel']): DesiredFamily => ({
  priority: 1024,
  exports: { internal: NOTHING, external: NOTHING },
  kernel,
});

const DESIRED: Desired = {
  node: 'node-1',
  routerId: '10.0.0.1',
  asNumber: 64512,
  addresses: {},
  networks: { ipv4: prefix('10.0.0.0/24') },
  listen: { addresses: [], port: 179 },
  peers: [],
  filters: [],
  advertise: [],
  install: [
    { id: '10.1.0.0/26', prefix: prefix('10.1.0.0/26'), kind: 'blackhole', reasons: [] },
    { id: '192.0.2.9/32', prefix: prefix('192.0.2.9/32'), kind: 'via', gateway: address('10.0.0.9'), reasons: [] },
  ],
  programme: {
    logLevel: 'info',
    ignoredInterfaces: ['docker*'],
    ipv4: family({
      rejected: [prefix('10.96.0.0/12')],
      wireguard: [address('10.0.0.2')],
      pools: [{ prefix: prefix('10.1.0.0/16'), verdict: 'accept', tunnel: 'always', object: 'IPPool/one' }],
    }),
    ipv6: family({ rejected: [], wireguard: [], pools: [] }),
  },
};

describe('what the kernel’s thread is told', () => {
  it('is the routes of the configuration, the rules of each family and what is not learned', () => {
    expect(kernelConfig(DESIRED, 'kernel')).toEqual({
      statics: [{ prefix: prefix('10.1.0.0/26') }, { prefix: prefix('192.0.2.9/32'), gateway: address('10.0.0.9') }],
      rules: {
        ipv4: {
          rejected: [prefix('10.96.0.0/12')],
          wireguard: [address('10.0.0.2')],
          pools: [{ prefix: prefix('10.1.0.0/16'), verdict: 'accept', tunnel: 'always' }],
          ownNetwork: prefix('10.0.0.0/24'),
        },
        ipv6: { rejected: [], wireguard: [], pools: [] },
      },
      learn: { ignoredInterfaces: ['docker*'], normalMetric: { ipv4: 1024, ipv6: 1024 } },
    });
    expect(kernelConfig(DESIRED, 'bird').learn).toEqual({ ignoredInterfaces: ['docker*'], everything: true });
  });
});
