import fc from 'fast-check';
import type {
  AddressMessage,
  IpTunnelData,
  LinkMessage,
  NeighbourMessage,
  NexthopMessage,
  RouteHop,
  RouteMessage,
  RuleMessage,
  SocketIp,
  VxlanData,
} from 'netlink';
import {
  Arena,
  decodeAddress,
  decodeAnswer,
  decodeDone,
  decodeEvents,
  decodeLink,
  decodeNeighbour,
  decodeNexthop,
  decodeRoute,
  decodeRule,
  eachMessage,
  encodeAddress,
  encodeLink,
  encodeNeighbour,
  encodeNexthop,
  encodeNexthopRemoval,
  encodeRoute,
  encodeRule,
  NLM_F,
  RTM,
} from 'netlink';
import { describe, expect, it } from 'vitest';

const HEADER = 16;
const ip4 = (a: number, b: number, c: number, d: number): SocketIp => ({
  family: 'ipv4',
  words: [((a << 24) | (b << 16) | (c << 8) | d) >>> 0, 0, 0, 0],
});

function written(write: (out: Arena) => void): Buffer {
  const out = new Arena(32);
  write(out);
  return Buffer.from(out.octets.subarray(0, out.length));
}

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

const uint32 = fc.integer({ min: 0, max: 0xffffffff });
const uint8 = fc.integer({ min: 0, max: 255 });
const family = fc.constantFrom('ipv4' as const, 'ipv6' as const);
const address = (of: 'ipv4' | 'ipv6'): fc.Arbitrary<SocketIp> =>
  fc.tuple(uint32, uint32, uint32, uint32).map(([a, b, c, d]) => ({ family: of, words: of === 'ipv4' ? [a, 0, 0, 0] : [a, b, c, d] }));
const prefix = (of: 'ipv4' | 'ipv6'): fc.Arbitrary<RouteMessage['prefix']> =>
  fc.tuple(address(of), fc.integer({ min: 0, max: of === 'ipv4' ? 32 : 128 })).map(([ip, length]) => ({
    ...ip,
    // A default route has no destination attribute.
    words: length === 0 ? [0, 0, 0, 0] : ip.words,
    length,
  }));
const hop: fc.Arbitrary<RouteHop> = fc
  .record({
    gateway: fc.option(family.chain(address), { nil: undefined }),
    interface: fc.integer({ min: 1, max: 9999 }),
    weight: fc.integer({ min: 1, max: 256 }),
    flags: fc.constantFrom(0, 4),
  })
  .map(({ gateway, ...rest }) => ({ ...(gateway === undefined ? {} : { gateway }), ...rest }));
const route: fc.Arbitrary<RouteMessage> = family.chain((of) =>
  fc
    .record({
      prefix: prefix(of),
      table: fc.integer({ min: 1, max: 0xffffffff }),
      protocol: uint8,
      scope: uint8,
      type: uint8,
      tos: uint8,
      flags: uint32.map((value) => (value & ~0xff) >>> 0),
      metric: uint32,
      nexthop: fc.constantFrom(0, 0, 1, 0x4c4e0001),
      hops: fc.array(hop, { maxLength: 3 }),
      source: fc.option(address(of), { nil: undefined }),
    })
    .map(({ source, nexthop, hops, ...rest }) => ({
      ...rest,
      nexthop,
      // A nexthop object stands for the hops; the weight of a single hop is not sent.
      hops: nexthop !== 0 ? [] : hops.length === 1 ? hops.map((one) => ({ ...one, weight: 1 })) : hops,
      ...(source === undefined ? {} : { source }),
    })),
);
const nexthop: fc.Arbitrary<NexthopMessage> = fc
  .record({
    family: fc.option(family, { nil: undefined }),
    id: uint32,
    protocol: uint8,
    scope: uint8,
    flags: uint32,
    interface: fc.integer({ min: 0, max: 9999 }),
    gateway: fc.option(family.chain(address), { nil: undefined }),
    blackhole: fc.boolean(),
    group: fc.array(fc.record({ id: uint32, weight: fc.integer({ min: 1, max: 256 }) }), { maxLength: 4 }),
  })
  .map(({ family: of, gateway, ...rest }) => ({
    ...rest,
    ...(of === undefined ? {} : { family: of }),
    ...(gateway === undefined ? {} : { gateway }),
  }));
const name = fc.string({ minLength: 1, maxLength: 15, unit: fc.constantFrom(...'abcxyz0189.-') });
const mac = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .map((octets) => Array.from(octets, (octet) => octet.toString(16).padStart(2, '0')).join(':'));
const optional = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(values, { nil: undefined });
/** A record without the properties that are undefined. */
const compact = <T extends object>(value: T): Compact<T> => JSON.parse(JSON.stringify(value));
type Compact<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};
const port = fc.integer({ min: 0, max: 65535 });
const flag = fc.constantFrom(true, undefined);
const switched = optional(fc.boolean());
const vxlan: fc.Arbitrary<VxlanData> = fc
  .record({
    vni: optional(uint32),
    local: optional(family.chain(address)),
    remote: optional(family.chain(address)),
    link: optional(fc.integer({ min: 1, max: 9999 })),
    port: optional(port),
    learning: switched,
    ttl: optional(uint8),
    tos: optional(uint8),
    l2miss: switched,
    l3miss: switched,
    proxy: switched,
    shortCircuit: switched,
    checksum: switched,
    zeroChecksum6Tx: switched,
    zeroChecksum6Rx: switched,
    external: switched,
    gbp: flag,
    gpe: flag,
  })
  .map(compact);
const ipip: fc.Arbitrary<IpTunnelData> = fc
  .record({
    link: optional(fc.integer({ min: 1, max: 9999 })),
    local: optional(address('ipv4')),
    remote: optional(address('ipv4')),
    ttl: optional(uint8),
    tos: optional(uint8),
    pmtuDiscovery: switched,
  })
  .map(compact);
const kindOfLink: fc.Arbitrary<Pick<LinkMessage, 'kind' | 'vxlan' | 'ipip'>> = fc.oneof(
  fc.constant({ kind: '' }),
  name.map((kind) => ({ kind })),
  vxlan.map((data) => ({ kind: 'vxlan', vxlan: data })),
  ipip.map((data) => ({ kind: 'ipip', ipip: data })),
);
const link: fc.Arbitrary<LinkMessage> = fc
  .record({
    index: fc.integer({ min: 1, max: 0x7fffffff }),
    name,
    flags: uint32,
    type: fc.integer({ min: 0, max: 65535 }),
    mtu: uint32,
    master: uint32,
    parent: uint32,
    mac: fc.oneof(fc.constant(''), mac),
    alias: fc.oneof(fc.constant(''), name),
    operState: uint8,
    carrier: fc.boolean(),
    info: kindOfLink,
  })
  .map(({ info, ...rest }) => ({ ...rest, ...info }));
const neighbour: fc.Arbitrary<NeighbourMessage> = fc
  .record({
    family: fc.constantFrom('ipv4' as const, 'ipv6' as const, 'bridge' as const),
    interface: fc.integer({ min: 1, max: 0x7fffffff }),
    state: port,
    flags: uint8,
    destination: optional(family.chain(address)),
    mac: optional(mac),
    port: optional(port),
    vni: optional(uint32),
    via: optional(uint32),
    sourceVni: optional(uint32),
    nexthop: optional(uint32),
    protocol: optional(uint8),
  })
  .map(compact);
const rule: fc.Arbitrary<RuleMessage> = family.chain((of) =>
  fc
    .record({
      family: fc.constant(of),
      action: uint8,
      priority: uint32,
      table: uint32,
      protocol: uint8,
      flags: uint32,
      destination: optional(prefix(of).filter((one) => one.length > 0)),
      source: optional(prefix(of).filter((one) => one.length > 0)),
      inputInterface: optional(name),
      outputInterface: optional(name),
      mark: optional(uint32),
      mask: optional(uint32),
      target: optional(uint32),
      suppressPrefixLength: optional(fc.integer({ min: 0, max: 128 })),
    })
    .map(compact),
);
const interfaceAddress: fc.Arbitrary<AddressMessage> = family.chain((of) =>
  fc.record({
    family: fc.constant(of),
    interface: uint32,
    length: fc.integer({ min: 0, max: of === 'ipv4' ? 32 : 128 }),
    scope: uint8,
    flags: uint32,
    address: address(of),
    local: address(of),
  }),
);

describe('round trips', () => {
  it('of routes', () => {
    fc.assert(
      fc.property(route, (value) => {
        const octets = written((out) => encodeRoute(out, RTM.newRoute, 0, 1, value));
        expect(octets.readUInt32LE(0)).toBe(octets.length);
        expect(decodeRoute(octets, HEADER, octets.length)).toEqual(value);
      }),
      { numRuns: 2000 },
    );
  });
  it('of nexthop objects', () => {
    fc.assert(
      fc.property(nexthop, (value) => {
        const octets = written((out) => encodeNexthop(out, RTM.newNexthop, 0, 1, value));
        expect(decodeNexthop(octets, HEADER, octets.length)).toEqual(value);
      }),
    );
  });
  it('of interfaces and addresses', () => {
    fc.assert(
      fc.property(link, interfaceAddress, (one, other) => {
        const octets = written((out) => {
          encodeLink(out, RTM.newLink, 0, 1, one);
          encodeAddress(out, RTM.newAddress, 0, 2, other);
        });
        const end = octets.readUInt32LE(0);
        expect(decodeLink(octets, HEADER, end)).toEqual(one);
        expect(decodeAddress(octets, end + HEADER, octets.length)).toEqual(other);
      }),
    );
  });
  it('of neighbours, forwarding entries and rules', () => {
    fc.assert(
      fc.property(neighbour, rule, (one, other) => {
        const octets = written((out) => {
          encodeNeighbour(out, RTM.newNeighbour, 0, 1, one);
          encodeRule(out, RTM.delRule, 0, 2, other);
        });
        const end = octets.readUInt32LE(0);
        expect(decodeNeighbour(octets, HEADER, end)).toEqual(one);
        expect(decodeRule(octets, end + HEADER, octets.length)).toEqual(other);
        expect(decodeEvents(octets, octets.length)).toEqual([
          { kind: 'neighbour', gone: false, neighbour: one },
          { kind: 'rule', gone: true, rule: other },
        ]);
      }),
    );
  });
  it('of many messages in one buffer, through a notification', () => {
    fc.assert(
      fc.property(fc.array(route, { maxLength: 20 }), (values) => {
        const octets = written((out) => {
          for (const [index, value] of values.entries()) encodeRoute(out, index % 2 === 0 ? RTM.newRoute : RTM.delRoute, 0, index, value);
        });
        expect(decodeEvents(octets, octets.length)).toEqual(
          values.map((value, index) => ({ kind: 'route', gone: index % 2 === 1, route: value })),
        );
      }),
      { numRuns: 200 },
    );
  });
});

const DECODERS = [decodeRoute, decodeNexthop, decodeLink, decodeAddress, decodeNeighbour, decodeRule];

describe('whatever octets come', () => {
  it('are read without a throw, and every message once at most', () => {
    const good = fc.array(route, { minLength: 1, maxLength: 4 }).map((values) =>
      written((out) => {
        for (const value of values) encodeRoute(out, RTM.newRoute, 0, 1, value);
      }),
    );
    const damage = fc.array(fc.tuple(fc.nat(), uint8), { maxLength: 6 });
    fc.assert(
      fc.property(
        fc.oneof(
          good,
          fc.uint8Array({ maxLength: 400 }).map((octets) => Buffer.from(octets)),
        ),
        damage,
        fc.nat(),
        (octets, changes, cut) => {
          for (const [at, value] of changes) if (octets.length > 0) octets[at % octets.length] = value;
          const length = octets.length - (cut % 7 === 0 ? cut % (octets.length + 1) : 0);
          let seen = 0;
          eachMessage(octets, length, (_type, flags, _seq, _port, at, end) => {
            expect(end).toBeLessThanOrEqual(length);
            for (const decode of DECODERS) decode(octets, at, end);
            decodeAnswer(octets, flags, at, end);
            decodeDone(octets, flags, at, end);
            return ++seen < 1000;
          });
          expect(seen).toBeLessThanOrEqual(length / HEADER);
          decodeEvents(octets, length);
        },
      ),
      { numRuns: 5000 },
    );
  });
});
