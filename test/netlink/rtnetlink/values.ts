/** Random messages of every kind, and their octets. */
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
import { Arena } from 'netlink';

/** Octets of a message's header. */
export const HEADER = 16;

/** What is written, from an arena that has to grow. */
export function written(write: (out: Arena) => void): Buffer {
  const out = new Arena(32);
  write(out);
  return Buffer.from(out.octets.subarray(0, out.length));
}

const uint32 = fc.integer({ min: 0, max: 0xffffffff });
/** An octet. */
export const uint8 = fc.integer({ min: 0, max: 255 });
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
/** Any route. */
export const route: fc.Arbitrary<RouteMessage> = family.chain((of) =>
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
/** Any nexthop object. */
export const nexthop: fc.Arbitrary<NexthopMessage> = fc
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
/** Any interface. */
export const link: fc.Arbitrary<LinkMessage> = fc
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
/** Any neighbour or forwarding entry. */
export const neighbour: fc.Arbitrary<NeighbourMessage> = fc
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
/** Any rule. */
export const rule: fc.Arbitrary<RuleMessage> = family.chain((of) =>
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
/** Any address of an interface. */
export const interfaceAddress: fc.Arbitrary<AddressMessage> = family.chain((of) =>
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
