/** The programs in the kernel without any interface: what they make of packets given to them one by one. Needs root; nothing is attached. */
import { readdirSync } from 'node:fs';
import { closeDescriptor } from 'netlink';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadProgram } from '../../../node-agent/ebpf/calls.ts';
import { writeEntry } from '../../../node-agent/ebpf/entries.ts';
import type { Maps } from '../../../node-agent/ebpf/programs.ts';
import { loadPrograms, openMaps } from '../../../node-agent/ebpf/programs.ts';
import { mapOf, readCounters } from '../../../node-agent/ebpf/tables.ts';
import type { IpipReason } from '../../../node-agent/ebpf/types.ts';
import { IPIP_REASONS } from '../../../node-agent/ebpf/types.ts';
import { testRun } from './calls.ts';
import { testObject } from './object.ts';
import { checksum, datagram, ethernet } from './packets.ts';

const LOCAL = 0x7f000001;
const PEER = 0x7f000063;
const STRANGER = 0x0a090909;
const NEXT = -1;
const DROP = 2;
const REDIRECT = 7;
const inner = datagram({ source: 0x0af40201, destination: 0x0af40101, protocol: 17, payload: Buffer.alloc(40, 7) });
const outer = (more: Partial<Parameters<typeof datagram>[0]> = {}): Buffer =>
  ethernet(datagram({ source: PEER, destination: LOCAL, protocol: 4, payload: inner, ...more }));

const root = process.geteuid?.() === 0;

describe.skipIf(!root)('maps', () => {
  it('that cannot all be had are not left open: it is tried again and again', () => {
    const {
      maps: [first],
      ...object
    } = testObject();
    if (first === undefined) throw new Error('the object has no maps');
    const refused = { ...object, maps: [first, { ...first, name: 'refused', type: 9999 }] };
    const descriptors = (): number => readdirSync('/proc/self/fd').length;
    const before = descriptors();
    for (let times = 0; times < 20; times++) expect(() => openMaps(refused, undefined)).toThrow('map refused: EINVAL');
    expect(descriptors()).toBeLessThan(before + 10);
  });
});

describe.skipIf(!root)('the programs', () => {
  let maps: Maps;
  let programs: ReturnType<typeof loadPrograms>;
  const run = (name: string, packet: Buffer): ReturnType<typeof testRun> => testRun(programs.get(name)?.fd ?? -1, packet);
  /** Reasons whose counters a run moved, and the run. */
  const counted = (name: string, packet: Buffer): { verdict: number; packet: Buffer; reasons: readonly IpipReason[] } => {
    const before = readCounters(maps);
    const { verdict, packet: out } = run(name, packet);
    const after = readCounters(maps);
    return { verdict, packet: out, reasons: IPIP_REASONS.filter((reason) => after[reason].packets > before[reason].packets) };
  };

  beforeAll(() => {
    const object = testObject();
    maps = openMaps(object, undefined);
    programs = loadPrograms(object, maps, new Map());
    const setting = Buffer.alloc(20);
    setting.writeUInt32BE(LOCAL, 0);
    setting.writeUInt32LE(1, 4);
    setting.writeUInt32LE(1, 8);
    setting.write('0a0b0c0d0e0f', 12, 'hex');
    writeEntry(mapOf(maps, 'ipip_setting'), Buffer.alloc(4), setting);
    const word = (value: number): Buffer => Buffer.from(Uint32Array.of(value).buffer);
    const network = (value: number): Buffer => {
      const octets = Buffer.alloc(4);
      octets.writeUInt32BE(value, 0);
      return octets;
    };
    writeEntry(mapOf(maps, 'ipip_sources'), network(PEER), word(1));
    writeEntry(mapOf(maps, 'ipip_externals'), Buffer.concat([word(24), network(0x0a0a0a00)]), word(1));
    writeEntry(mapOf(maps, 'ipip_blocks'), Buffer.concat([word(26), network(0x0af40100)]), network(PEER));
  });
  afterAll(() => {
    for (const { fd } of [...(maps?.values() ?? []), ...(programs?.values() ?? [])]) closeDescriptor(fd);
  });

  it.each<[string, Buffer]>([
    ['not IP', Buffer.concat([Buffer.alloc(12), Buffer.from('0806', 'hex'), Buffer.alloc(46)])],
    ['not IPIP', ethernet(datagram({ source: PEER, destination: LOCAL, protocol: 17, payload: inner }))],
    ['for another address', outer({ destination: STRANGER })],
  ])('what comes in and is %s goes on as it is', (_name, packet) => {
    const { verdict, packet: out, reasons } = counted('ipip_decap', packet);
    expect([verdict, reasons]).toEqual([NEXT, []]);
    expect(out).toEqual(packet);
  });

  it.each<[string, Buffer, IpipReason]>([
    ['of an unknown node', outer({ source: STRANGER }), 'unknown-source'],
    ['a first fragment', outer({ fragment: 0x2000 }), 'fragment'],
    ['a later fragment', outer({ fragment: 3 }), 'fragment'],
    ['with a wrong checksum', outer({ checksum: 0x1234 }), 'bad-checksum'],
    ['longer than it is', outer({ total: 4000 }), 'malformed'],
    ['too short for a header inside', outer({ payload: inner.subarray(0, 12) }), 'malformed'],
    ['with something else inside', outer({ payload: Buffer.alloc(40, 0x60) }), 'malformed'],
    [
      'shorter than what is inside',
      outer({ payload: datagram({ source: 1, destination: 2, protocol: 17, total: 90, payload: Buffer.alloc(9) }) }),
      'malformed',
    ],
    ['marked for one who knows no marks', outer({ tos: 3 }), 'ecn'],
  ])('what comes in %s is dropped and counted', (_name, packet, reason) => {
    const { verdict, reasons } = counted('ipip_decap', packet);
    expect([verdict, reasons]).toEqual([DROP, [reason]]);
  });

  it('what comes in from a known node is unwrapped, for the device that stands in', () => {
    const { verdict, packet, reasons } = counted('ipip_decap', outer());
    expect([verdict, reasons]).toEqual([REDIRECT, ['decapsulated']]);
    expect(packet.subarray(0, 6).toString('hex')).toBe('0a0b0c0d0e0f');
    expect(packet.subarray(14)).toEqual(inner);
  });

  it('what comes in from a network of others that may send is unwrapped as well', () => {
    expect(counted('ipip_decap', outer({ source: 0x0a0a0a17 }))).toMatchObject({ verdict: REDIRECT, reasons: ['decapsulated'] });
    expect(counted('ipip_decap', outer({ source: 0x0a0a0b17 }))).toMatchObject({ verdict: DROP, reasons: ['unknown-source'] });
  });

  it('options outside are taken off as well', () => {
    const { verdict, packet } = counted('ipip_decap', outer({ options: Buffer.from('9404000001010100', 'hex') }));
    expect(verdict).toBe(REDIRECT);
    expect(packet.subarray(14)).toEqual(inner);
  });

  // RFC 6040 4.2, figure 4: [outer, inner, what goes on].
  it.each([
    [0, 0, 0],
    [0, 1, 1],
    [0, 2, 2],
    [0, 3, 3],
    [1, 0, 0],
    [1, 1, 1],
    [1, 2, 1],
    [1, 3, 3],
    [2, 0, 0],
    [2, 1, 1],
    [2, 2, 2],
    [2, 3, 3],
    [3, 1, 3],
    [3, 2, 3],
    [3, 3, 3],
  ])('mark %i outside and %i inside gives %i, and a right checksum', (out, mark, expected) => {
    const marked = datagram({ source: 0x0af40201, destination: 0x0af40101, protocol: 17, tos: 0x28 | mark, payload: Buffer.alloc(40) });
    const { packet } = counted('ipip_decap', outer({ tos: out, payload: marked }));
    expect(packet[15]).toBe(0x28 | expected);
    expect(checksum(packet.subarray(14, 34))).toBe(0);
  });

  it('what goes out without a node behind it is dropped and counted', () => {
    const packet = ethernet(datagram({ source: 0x0af40201, destination: 0x0af40901, protocol: 17, payload: Buffer.alloc(9) }));
    expect(counted('ipip_encap', packet)).toMatchObject({ verdict: DROP, reasons: ['no-peer'] });
  });

  it('what goes out and is not IPv4 is dropped and counted', () => {
    const packet = Buffer.concat([Buffer.alloc(12), Buffer.from('86dd', 'hex'), Buffer.alloc(60)]);
    expect(counted('ipip_encap', packet)).toMatchObject({ verdict: DROP, reasons: ['not-ipv4'] });
  });

  it('a program the verifier refuses is an error with its words', () => {
    const [first] = testObject().programs;
    const instructions = Buffer.from(first?.instructions ?? []);
    // No map where one is used: a number is dereferenced.
    expect(() => loadProgram({ name: 'broken', license: 'Dual MIT/GPL', instructions })).toThrow(/program broken: E[A-Z]+.*\n?.*/s);
    expect(() => loadProgram({ name: 'broken', license: 'Dual MIT/GPL', instructions: Buffer.from('9500000000000000', 'hex') })).toThrow(
      'R0 !read_ok',
    );
  });
});
