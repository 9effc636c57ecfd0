import type { Address, IpFamily } from 'bgp-ts/net';
import { formatAddress, formatPrefix, parseAddress, parseAddressWithLength, prefixFromAddress } from 'bgp-ts/net';
import { describe, expect, it } from 'vitest';
import { parseDetection } from '../../src/config/node-options.ts';
import type { DetectionMethod } from '../../src/config/types.ts';
import type { Detected, HostAddress, HostInterface, HostNetwork } from '../../src/node/detect.ts';
import { detect } from '../../src/node/detect.ts';

function hostAddress(text: string): HostAddress {
  const parts = parseAddressWithLength(text);
  const network = parts === undefined ? undefined : prefixFromAddress(parts.address, parts.length);
  if (parts === undefined || network === undefined) throw new Error(text);
  return { address: parts.address, network };
}

const link = (index: number, name: string, ...addresses: readonly string[]): HostInterface => ({
  index,
  name,
  addresses: addresses.map(hostAddress),
});

const HOST = [
  link(1, 'lo', '127.0.0.1/8', '198.51.100.1/32', '::1/128'),
  link(2, 'eth0', '192.0.2.7/24', 'fe80::7/64', '2001:db8:1::7/64'),
  link(3, 'eth1', '169.254.1.1/16', '10.1.0.7/16', 'fd00:1::7/64'),
  link(4, 'docker0', '172.17.0.1/16'),
  link(9, 'cali123', '10.244.0.1/32'),
  link(10, 'ens1', 'fe80::1/64'),
];

const network = (reached?: string): HostNetwork => ({
  interfaces: () => HOST,
  reach: async (host, family) => {
    const found = host === 'gateway' ? parseAddress(reached ?? '') : undefined;
    return found?.family === family ? found : undefined;
  },
});

function method(text: string): DetectionMethod {
  const parsed = parseDetection(text);
  if (!parsed.ok) throw new Error(parsed.rule);
  return parsed.value;
}

function textOf(detected: Detected): string {
  return detected.ok
    ? `${formatAddress(detected.found.address)} in ${formatPrefix(detected.found.network)} on ${detected.where}`
    : detected.because;
}

describe('the methods of control-plane 8.4', () => {
  it.each<[string, IpFamily, string]>([
    ['first-found', 'ipv4', '10.1.0.7 in 10.1.0.0/16 on eth1'],
    ['first-found', 'ipv6', 'fd00:1::7 in fd00:1::/64 on eth1'],
    ['skip-interface=^eth1$', 'ipv4', '192.0.2.7 in 192.0.2.0/24 on eth0'],
    ['skip-interface=eth.*', 'ipv4', 'no IPv4 address on an interface that is not skipped'],
    ['interface=ens.*,eth0', 'ipv4', '192.0.2.7 in 192.0.2.0/24 on eth0'],
    ['interface=docker.*', 'ipv4', '172.17.0.1 in 172.17.0.0/16 on docker0'],
    ['interface=wlan,ens', 'ipv6', 'no IPv6 address on an interface like wlan, ens'],
    ['cidr=192.0.2.0/24,10.0.0.0/8', 'ipv4', '10.244.0.1 in 10.244.0.1/32 on cali123'],
    ['cidr=198.51.100.0/24', 'ipv4', '198.51.100.1 in 198.51.100.1/32 on lo'],
    ['cidr=203.0.113.0/24', 'ipv4', 'no IPv4 address inside 203.0.113.0/24'],
    ['can-reach=gateway', 'ipv4', '192.0.2.7 in 192.0.2.0/24 on eth0'],
    ['can-reach=gateway', 'ipv6', 'no IPv6 way to gateway'],
    ['can-reach=nowhere', 'ipv4', 'no IPv4 way to nowhere'],
    ['kubernetes-internal-ip', 'ipv4', '192.0.2.7 in 192.0.2.0/24 on eth0'],
    ['kubernetes-internal-ip', 'ipv6', '2001:db8:9::9 is on no interface of this machine'],
  ])('%s %s', async (text, family, expected) => {
    const internal = ['192.0.2.7', '2001:db8:9::9'].map((one) => parseAddress(one)).filter((one): one is Address => one !== undefined);
    expect(textOf(await detect(method(text), family, { network: network('192.0.2.7'), internal }))).toBe(expected);
  });

  it('kubernetes-internal-ip without one says so', async () => {
    expect(textOf(await detect(method('kubernetes-internal-ip'), 'ipv4', { network: network(), internal: [] }))).toBe(
      'the Kubernetes Node has no IPv4 address',
    );
  });
});
