/** Octets of requests about devices, neighbours, rules and connections, field by field. The namespace tests show that the kernel takes them. */
import type { SocketIp } from 'netlink';
import {
  Arena,
  decodeConntrack,
  encodeConntrackDump,
  encodeConntrackRemoval,
  encodeLink,
  encodeNeighbour,
  encodeNeighbourDump,
  encodeRule,
  LINK_FLAG,
  NEIGHBOUR_FLAG,
  NEIGHBOUR_STATE,
  NLM_F,
  RTM,
  RULE_ACTION,
} from 'netlink';
import { describe, expect, it } from 'vitest';

const ip4 = (a: number, b: number, c: number, d: number): SocketIp => ({
  family: 'ipv4',
  words: [((a << 24) | (b << 16) | (c << 8) | d) >>> 0, 0, 0, 0],
});
const HOST = ip4(172, 31, 0, 2);
const MAC = '66:00:00:00:00:01';
const SET = NLM_F.create | NLM_F.replace;

const CASES: readonly (readonly [name: string, write: (out: Arena) => void, octets: readonly string[]])[] = [
  [
    'a VXLAN device',
    (out) =>
      encodeLink(out, RTM.newLink, NLM_F.create | NLM_F.exclusive | NLM_F.ack, 2, {
        name: 'vxlan.calico',
        mac: '66:01:02:03:04:05',
        mtu: 1450,
        kind: 'vxlan',
        vxlan: { vni: 4096, port: 4789, local: ip4(172, 31, 0, 1), link: 3, learning: false, gbp: false },
      }),
    [
      '84000000 10000506 02000000 00000000',
      '00000000 00000000 00000000 00000000',
      '0a000100 66010203 04050000', // IFLA_ADDRESS
      '11000300 76786c61 6e2e6361 6c69636f 00000000', // IFLA_IFNAME
      '08000400 aa050000', // IFLA_MTU
      '3c001280 0a000100 76786c61 6e000000', // IFLA_LINKINFO, IFLA_INFO_KIND
      '2c000280', // IFLA_INFO_DATA
      '08000100 00100000', // IFLA_VXLAN_ID
      '08000300 03000000', // IFLA_VXLAN_LINK
      '08000400 ac1f0001', // IFLA_VXLAN_LOCAL
      '05000700 00000000', // IFLA_VXLAN_LEARNING
      '06000f00 12b50000', // IFLA_VXLAN_PORT
    ],
  ],
  [
    'an IPIP device over IPv4',
    (out) => encodeLink(out, RTM.newLink, 0, 1, { name: 't', kind: 'ipip', ipip: { local: HOST, ttl: 64, pmtuDiscovery: false } }),
    [
      '54000000 10000100 01000000 00000000',
      '00000000 00000000 00000000 00000000',
      '06000300 74000000',
      '2c001280 09000100 69706970 00000000',
      '1c000280',
      '08000200 ac1f0002', // IFLA_IPTUN_LOCAL
      '05000400 40000000', // IFLA_IPTUN_TTL
      '05000a00 00000000', // IFLA_IPTUN_PMTUDISC
    ],
  ],
  [
    'a device that comes up',
    (out) => encodeLink(out, RTM.newLink, NLM_F.ack, 4, { index: 4, flags: LINK_FLAG.up, change: LINK_FLAG.up }),
    ['20000000 10000500 04000000 00000000', '00000000 04000000 01000000 01000000'],
  ],
  [
    'a permanent neighbour',
    (out) =>
      encodeNeighbour(out, RTM.newNeighbour, SET, 5, {
        family: 'ipv4',
        interface: 4,
        state: NEIGHBOUR_STATE.permanent,
        flags: 0,
        destination: ip4(10, 244, 1, 0),
        mac: MAC,
      }),
    [
      '30000000 1c000105 05000000 00000000',
      '02000000 04000000 80000000',
      '08000100 0af40100', // NDA_DST
      '0a000200 66000000 00010000', // NDA_LLADDR
    ],
  ],
  [
    'a forwarding entry with a port, VNI and interface of its own',
    (out) =>
      encodeNeighbour(out, RTM.delNeighbour, 0, 6, {
        family: 'bridge',
        interface: 4,
        state: NEIGHBOUR_STATE.permanent,
        flags: NEIGHBOUR_FLAG.self,
        destination: { family: 'ipv6', words: [0xfd000031, 0, 0, 2] },
        mac: MAC,
        port: 4789,
        vni: 7,
        via: 3,
      }),
    [
      '54000000 1d000100 06000000 00000000',
      '07000000 04000000 80000200',
      '14000100 fd000031 00000000 00000000 00000002',
      '0a000200 66000000 00010000',
      '06000600 12b50000', // NDA_PORT
      '08000700 07000000', // NDA_VNI
      '08000800 03000000', // NDA_IFINDEX
    ],
  ],
  [
    'a dump of forwarding entries of one device',
    (out) => encodeNeighbourDump(out, RTM.getNeighbour, 1, 'bridge', 4),
    ['1c000000 1e000103 01000000 00000000', '07000000 04000000 00000000'],
  ],
  [
    'a dump of neighbours of one device',
    (out) => encodeNeighbourDump(out, RTM.getNeighbour, 1, 'ipv6', 4),
    ['24000000 1e000103 01000000 00000000', '0a000000 00000000 00000000', '08000800 04000000'],
  ],
  [
    'a rule that drops what comes by an interface',
    (out) =>
      encodeRule(out, RTM.newRule, NLM_F.create | NLM_F.exclusive | NLM_F.ack, 12, {
        family: 'ipv4',
        action: RULE_ACTION.blackhole,
        priority: 90,
        table: 0,
        protocol: 80,
        flags: 0,
        destination: { ...ip4(10, 96, 0, 0), length: 12 },
        inputInterface: 'd0',
      }),
    [
      '3c000000 20000506 0c000000 00000000',
      '020c0000 00000006 00000000',
      '08000100 0a600000', // FRA_DST
      '07000300 64300000', // FRA_IIFNAME
      '08000600 5a000000', // FRA_PRIORITY
      '05001500 50000000', // FRA_PROTOCOL
    ],
  ],
  ['a dump of connections', (out) => encodeConntrackDump(out, 3, 'ipv6'), ['14000000 01010103 03000000 00000000', '0a000000']],
  [
    'the end of a connection in a zone',
    (out) => encodeConntrackRemoval(out, NLM_F.ack, 4, { family: 'ipv4', tuple: TUPLE, id: 0x01020304, zone: 7 }),
    ['30000000 02010500 04000000 00000000', '02000000', '0c000180 08000380 00000000', '08000c00 01020304', '06001200 00070000'],
  ],
];

/** Some attribute: what a tuple holds is handed back as it came. */
const TUPLE = Buffer.from('0800038000000000', 'hex');

function written(write: (out: Arena) => void): string {
  const out = new Arena(32);
  write(out);
  return out.octets.toString('hex', 0, out.length);
}

describe('what is written', () => {
  it.each(CASES)('is %s', (_name, write, octets) => {
    expect(written(write)).toBe(octets.join('').replaceAll(' ', ''));
  });

  it.each(['66:00:00:00:00', '66:00:00:00:00:0g', '660000000001', '66:00:00:00:00:01:02'])('is no hardware address such as %s', (mac) => {
    expect(() => written((out) => encodeLink(out, RTM.newLink, 0, 1, { index: 1, mac }))).toThrow(`hardware address ${mac}`);
  });
});

/** A TCP connection from 10.244.1.5 to a service, 10.96.0.1, that 10.244.2.7 answers; CTA_ID 0x0a0b0c0d, zone 7. */
const CONNECTION = [
  '02000000',
  '34000180', // CTA_TUPLE_ORIG
  '14000180 08000100 0af40105 08000200 0a600001', // CTA_TUPLE_IP
  '1c000280 05000100 06000000 06000200 03e80000 06000300 00500000', // CTA_TUPLE_PROTO
  '34000280', // CTA_TUPLE_REPLY
  '14000180 08000100 0af40207 08000200 0af40105',
  '1c000280 05000100 06000000 06000200 00500000 06000300 03e80000',
  '08000c00 0a0b0c0d',
  '06001200 00070000',
];

describe('a connection', () => {
  const octets = Buffer.from(CONNECTION.join('').replaceAll(' ', ''), 'hex');

  it('is told by the ends of both directions', () => {
    const ends: unknown[] = [];
    const read = decodeConntrack(octets, 0, octets.length, (seen) => ends.push(seen) > 0);
    expect(ends).toEqual([
      { source: ip4(10, 244, 1, 5), destination: ip4(10, 96, 0, 1), replySource: ip4(10, 244, 2, 7), replyDestination: ip4(10, 244, 1, 5) },
    ]);
    expect(read).toEqual({ family: 'ipv4', tuple: octets.subarray(8, 56), id: 0x0a0b0c0d, zone: 7 });
  });

  it('that nobody asks for is left out, as one that is cut off', () => {
    expect(decodeConntrack(octets, 0, octets.length, () => false)).toBeUndefined();
    for (let end = 0; end < 108; end++) expect(decodeConntrack(octets, 0, end, () => true)).toBeUndefined();
  });
});
