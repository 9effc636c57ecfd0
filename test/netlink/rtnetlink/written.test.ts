/** Messages octet for octet, and what errors say. */
import type { NexthopMessage, RouteMessage, SocketIp } from 'netlink';
import { decodeAnswer, decodeDone, encodeNexthop, encodeNexthopRemoval, encodeRoute, NLM_F, RTM } from 'netlink';
import { describe, expect, it } from 'vitest';
import { HEADER, written } from './values.ts';

const ip4 = (a: number, b: number, c: number, d: number): SocketIp => ({
  family: 'ipv4',
  words: [((a << 24) | (b << 16) | (c << 8) | d) >>> 0, 0, 0, 0],
});

const hex = (octets: Buffer): string =>
  octets
    .toString('hex')
    .replaceAll(/(.{8})/g, '$1 ')
    .trim();

const PLAIN: RouteMessage = {
  prefix: { ...ip4(10, 244, 1, 0), length: 26 },
  table: 254,
  protocol: 12,
  scope: 0,
  type: 1,
  tos: 0,
  flags: 0,
  metric: 1024,
  nexthop: 0,
  hops: [{ gateway: ip4(192, 0, 2, 7), interface: 3, weight: 1, flags: 0 }],
};

describe('what is written', () => {
  it('is a route with gateway, as `ip -4 route add` sends it', () => {
    const octets = written((out) => encodeRoute(out, RTM.newRoute, NLM_F.create | NLM_F.exclusive | NLM_F.ack, 7, PLAIN));
    expect(hex(octets)).toBe(
      [
        '44000000 18000506 07000000 00000000',
        '021a0000 fe0c0001 00000000',
        '08000100 0af40100', // RTA_DST
        '08000400 03000000', // RTA_OIF
        '08000500 c0000207', // RTA_GATEWAY
        '08000600 00040000', // RTA_PRIORITY
        '08000f00 fe000000', // RTA_TABLE
      ].join(' '),
    );
  });

  it('is a group of two', () => {
    const group = [
      { id: 5, weight: 1 },
      { id: 6, weight: 3 },
    ];
    const message: NexthopMessage = { id: 9, protocol: 12, scope: 0, flags: 0, interface: 0, blackhole: false, group };
    const octets = written((out) => encodeNexthop(out, RTM.newNexthop, NLM_F.create, 1, message));
    expect(hex(octets)).toBe(
      [
        '34000000 68000104 01000000 00000000',
        '00000c00 00000000',
        '08000100 09000000',
        '14000200 05000000 00000000 06000000 02000000',
      ].join(' '),
    );
  });

  it('is the removal of a nexthop by nothing but its id', () => {
    expect(hex(written((out) => encodeNexthopRemoval(out, RTM.delNexthop, NLM_F.ack, 2, 77)))).toBe(
      '20000000 69000500 02000000 00000000 00000000 00000000 08000100 4d000000',
    );
  });
});

describe('errors', () => {
  it('carry the kernel’s words behind a capped request', () => {
    const text = Buffer.from('Nexthop has invalid gateway\0');
    const body = Buffer.alloc(4 + HEADER + 4 + text.length);
    body.writeInt32LE(-101, 0);
    body.writeUInt32LE(60, 4);
    body.writeUInt16LE(4 + text.length, 20);
    body.writeUInt16LE(1, 22);
    text.copy(body, 24);
    const flags = NLM_F.capped | NLM_F.ackAttributes;
    expect(decodeAnswer(body, flags, 0, body.length)).toEqual({ errno: 101, text: 'Nexthop has invalid gateway' });
    expect(decodeAnswer(body, 0, 0, body.length)).toEqual({ errno: 101, text: '' });
    expect(decodeAnswer(body, flags, 0, 12)).toBeUndefined();
  });

  it('end a dump', () => {
    const body = Buffer.alloc(4);
    body.writeInt32LE(-22, 0);
    expect(decodeDone(body, 0, 0, 4)).toEqual({ errno: 22, text: '' });
    expect(decodeDone(body, 0, 0, 0)).toEqual({ errno: 0, text: '' });
  });
});
