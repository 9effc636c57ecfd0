/** rtnetlink against the real kernel, in a namespace of its own: routes, nexthop objects, refusals in its words, notifications, overrun. */
import { execFileSync } from 'node:child_process';
import type { NetlinkEvent, NexthopMessage, RouteMessage, SocketIp } from 'netlink';
import {
  decodeAddress,
  decodeLink,
  decodeNexthop,
  decodeRoute,
  encodeAddressDump,
  encodeLinkDump,
  encodeNexthop,
  encodeNexthopDump,
  encodeNexthopRemoval,
  encodeRoute,
  encodeRouteDump,
  GROUP,
  NetlinkSocket,
  NLM_F,
  openMonitor,
  RTM,
} from 'netlink';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { run } from './harness/exec.ts';
import type { Lab } from './harness/lab.ts';
import { CAN_RUN, makeLab } from './harness/lab.ts';
import { until } from './harness/wait.ts';

const PROTOCOL = 199;
const ip4 = (a: number, b: number, c: number, d: number): SocketIp => ({
  family: 'ipv4',
  words: [((a << 24) | (b << 16) | (c << 8) | d) >>> 0, 0, 0, 0],
});
const add = NLM_F.create | NLM_F.exclusive;

describe.skipIf(!CAN_RUN)('rtnetlink', () => {
  let lab: Lab;
  let namespace: string;
  let socket: NetlinkSocket;
  let eth0: number;

  const path = (): string => `/var/run/netns/${namespace}`;
  const route = (index: number, more: Partial<RouteMessage> = {}): RouteMessage => ({
    prefix: { ...ip4(10, 244, index >> 8, index & 255), length: 32 },
    table: 254,
    protocol: PROTOCOL,
    scope: 0,
    type: 1,
    tos: 0,
    flags: 0,
    metric: 1024,
    nexthop: 0,
    hops: [{ gateway: ip4(10, 97, 0, 2), interface: eth0, weight: 1, flags: 0 }],
    ...more,
  });
  const nexthop = (id: number, more: Partial<NexthopMessage> = {}): NexthopMessage => ({
    family: 'ipv4',
    id,
    protocol: PROTOCOL,
    scope: 0,
    flags: 0,
    interface: eth0,
    gateway: ip4(10, 97, 0, 2),
    blackhole: false,
    group: [],
    ...more,
  });
  const ours = (): RouteMessage[] =>
    socket.dump('routes', (out, seq) => encodeRouteDump(out, RTM.getRoute, seq, { family: 'ipv4', protocol: PROTOCOL }), decodeRoute);
  const write = (type: number, flags: number, routes: readonly RouteMessage[]) =>
    socket.batch(routes, (out, item, ack, seq) => encodeRoute(out, type, flags | ack, seq, item));
  const writeHops = (flags: number, hops: readonly NexthopMessage[]) =>
    socket.batch(hops, (out, item, ack, seq) => encodeNexthop(out, RTM.newNexthop, flags | ack, seq, item));

  beforeAll(async () => {
    lab = await makeLab('kernel netlink');
    const host = await lab.lan.host('node', 1);
    namespace = host.namespace;
    socket = new NetlinkSocket({ namespace: path() });
    const links = socket.dump('links', (out, seq) => encodeLinkDump(out, RTM.getLink, seq), decodeLink);
    eth0 = links.find((link) => link.name === 'eth0')?.index ?? 0;
  });
  beforeEach(async () => {
    await run('ip', ['-n', namespace, 'route', 'flush', 'proto', String(PROTOCOL)]);
    await run('ip', ['-n', namespace, 'nexthop', 'flush', 'proto', String(PROTOCOL)]);
  });
  afterAll(async () => {
    socket?.close();
    await lab?.close(false);
  });

  it('sees the namespace it was opened in', () => {
    expect(eth0).toBeGreaterThan(1);
    const addresses = socket.dump('addresses', (out, seq) => encodeAddressDump(out, RTM.getAddress, seq), decodeAddress);
    expect(addresses).toContainEqual(expect.objectContaining({ interface: eth0, length: 24, local: ip4(10, 97, 0, 1) }));
  });

  it('installs 1,203 routes in batches and reads the same back', () => {
    const routes = Array.from({ length: 1203 }, (_, index) => route(index));
    expect(write(RTM.newRoute, add, routes)).toEqual({ failures: [], lost: false });
    expect(ours().sort((a, b) => a.prefix.words[0] - b.prefix.words[0])).toEqual(routes);
    expect(write(RTM.delRoute, 0, routes)).toEqual({ failures: [], lost: false });
    expect(ours()).toEqual([]);
  });

  it('says which of a batch was refused, why in the kernel’s words, and installs the others', () => {
    const wrong = route(2, { hops: [{ gateway: ip4(203, 0, 113, 9), interface: eth0, weight: 1, flags: 0 }] });
    const { failures } = write(RTM.newRoute, add, [route(1), wrong, route(3), route(1)]);
    expect(failures).toEqual([
      { item: wrong, code: 'ENETUNREACH', text: expect.stringContaining('invalid gateway') },
      { item: route(1), code: 'EEXIST', text: '' },
    ]);
    expect(ours()).toHaveLength(2);
  });

  it('writes multipath, blackhole and IPv6 routes that `ip route` understands', async () => {
    const hops = [2, 3].map((last) => ({ gateway: ip4(10, 97, 0, last), interface: eth0, weight: last - 1, flags: 0 }));
    const six: RouteMessage = {
      ...route(0),
      prefix: { family: 'ipv6', words: [0xfd440001, 0, 0, 0], length: 122 },
      hops: [{ gateway: { family: 'ipv6', words: [0xfd970000, 0, 0, 2] }, interface: eth0, weight: 1, flags: 0 }],
    };
    expect(write(RTM.newRoute, add, [route(1, { hops }), route(2, { type: 6, hops: [], metric: 0 }), six]).failures).toEqual([]);
    const text = await run('ip', ['-n', namespace, 'route', 'show', 'proto', String(PROTOCOL)]);
    expect(text).toMatch(
      /10\.244\.0\.1 metric 1024 \n\s+nexthop via 10\.97\.0\.2 dev eth0 weight 1 \n\s+nexthop via 10\.97\.0\.3 dev eth0 weight 2/,
    );
    expect(text).toContain('blackhole 10.244.0.2');
    expect(await run('ip', ['-n', namespace, '-6', 'route', 'show', 'proto', String(PROTOCOL)])).toContain(
      'fd44:1::/122 via fd97::2 dev eth0 metric 1024',
    );
    const six6 = socket.dump(
      'routes',
      (out, seq) => encodeRouteDump(out, RTM.getRoute, seq, { family: 'ipv6', protocol: PROTOCOL }),
      decodeRoute,
    );
    expect(six6).toEqual([six]);
    write(RTM.delRoute, 0, [six]);
  });

  it('moves every route of a nexthop object with one message, and groups them', async () => {
    const group = nexthop(703, {
      interface: 0,
      group: [
        { id: 701, weight: 1 },
        { id: 702, weight: 1 },
      ],
    });
    const { gateway: _gateway, family: _family, ...bare } = group;
    expect(writeHops(add, [nexthop(701), nexthop(702, { gateway: ip4(10, 97, 0, 3) }), bare])).toEqual({ failures: [], lost: false });
    const routes = [1, 2, 3].map((index) => route(index, { nexthop: index === 3 ? 703 : 701, hops: [] }));
    expect(write(RTM.newRoute, add, routes).failures).toEqual([]);
    expect(writeHops(NLM_F.create | NLM_F.replace, [nexthop(701, { gateway: ip4(10, 97, 0, 9) })]).failures).toEqual([]);
    expect(await run('ip', ['-n', namespace, 'route', 'get', '10.244.0.2'])).toContain('via 10.97.0.9');
    const dumped = socket.dump('nexthops', (out, seq) => encodeNexthopDump(out, RTM.getNexthop, seq), decodeNexthop);
    expect(dumped.map(({ id, group: members }) => [id, members.length])).toEqual([
      [701, 0],
      [702, 0],
      [703, 2],
    ]);
    expect(ours().map((one) => one.nexthop)).toEqual([701, 701, 703]);
    socket.batch([703, 702, 701], (out, id, ack, seq) => encodeNexthopRemoval(out, RTM.delNexthop, ack, seq, id));
    expect(ours()).toEqual([]);
  });

  it('hears what others do, and not what it is told to pass over', async () => {
    const events: NetlinkEvent[] = [];
    const monitor = openMonitor({
      namespace: path(),
      groups: [GROUP.ipv4Route, GROUP.link],
      ignorePorts: [socket.portId],
      onEvents: (more) => events.push(...more),
      onLost: () => expect.fail('nothing was lost'),
      onError: (error) => expect.fail(error.message),
    });
    write(RTM.newRoute, add, [route(1)]);
    await run('ip', ['-n', namespace, 'route', 'del', '10.244.0.1', 'proto', String(PROTOCOL)]);
    await run('ip', ['-n', namespace, 'link', 'add', 'dummy0', 'type', 'veth', 'peer', 'name', 'dummy1']);
    await until('both are heard', 5, () =>
      expect(events.some((event) => event.kind === 'link' && event.link.name === 'dummy0')).toBe(true),
    );
    expect(events[0]).toEqual({ kind: 'route', gone: true, route: route(1) });
    monitor.close();
  });

  it('hears another writer in the midst of thousands of its own changes, which take no room in its queue', async () => {
    const events: NetlinkEvent[] = [];
    let lost = 0;
    const monitor = openMonitor({
      namespace: path(),
      groups: [GROUP.ipv4Route],
      receiveBuffer: 4096,
      ignorePorts: [socket.portId],
      onEvents: (more) => events.push(...more),
      onLost: () => {
        lost += 1;
      },
      onError: (error) => expect.fail(error.message),
    });
    const routes = Array.from({ length: 3000 }, (_, index) => route(index));
    // All of it before the loop turns.
    write(RTM.newRoute, add, routes.slice(0, 1500));
    execFileSync('ip', ['-n', namespace, 'route', 'del', '10.244.0.7', 'proto', String(PROTOCOL)]);
    const { failures } = write(RTM.newRoute, add, [route(3), ...routes.slice(1500)]);
    expect(failures.map(({ item, code }) => [item, code])).toEqual([[route(3), 'EEXIST']]);
    await until('the other is heard', 5, () => expect(events).toEqual([{ kind: 'route', gone: true, route: route(7) }]));
    write(
      RTM.delRoute,
      0,
      routes.filter((_, index) => index !== 7),
    );
    await run('sleep', ['0.3']);
    expect([events.length, lost]).toEqual([1, 0]);
    monitor.close();
  });

  it('says once that notifications were lost, and is quiet afterwards', async () => {
    let lost = 0;
    const monitor = openMonitor({
      namespace: path(),
      groups: [GROUP.ipv4Route],
      receiveBuffer: 4096,
      onEvents: () => undefined,
      onLost: () => {
        lost += 1;
      },
      onError: (error) => expect.fail(error.message),
    });
    const routes = Array.from({ length: 3000 }, (_, index) => route(index));
    // All of it before the loop turns, so that the queue of 4 KB overruns thousands of times.
    write(RTM.newRoute, add, routes);
    write(RTM.delRoute, 0, routes);
    await until('the loss is said', 5, () => expect(lost).toBe(1));
    await run('sleep', ['0.3']);
    expect(lost).toBe(1);
    monitor.close();
  });

  it('says it when the queue is through, so that nothing that comes later is lost', async () => {
    const LATER = { ...ip4(10, 245, 0, 1), length: 32 };
    const routes = Array.from({ length: 20_000 }, (_, index) => route(index));
    let lost = 0;
    let heard = 0;
    const monitor = openMonitor({
      namespace: path(),
      groups: [GROUP.ipv4Route],
      // Room for more notifications than are read in one turn of the loop, and for fewer than there are.
      receiveBuffer: 4 * 1024 * 1024,
      onEvents: (events) => {
        heard += events.filter((event) => event.kind === 'route' && event.route.prefix.words[0] === LATER.words[0]).length;
      },
      onLost: () => {
        lost += 1;
        write(RTM.newRoute, add, [route(0, { prefix: LATER })]);
      },
      onError: (error) => expect.fail(error.message),
    });
    write(RTM.newRoute, add, routes);
    await until('the loss is said', 10, () => expect(lost).toBe(1));
    await until('what came after it', 10, () => expect(heard).toBe(1));
    write(RTM.delRoute, 0, [...routes, route(0, { prefix: LATER })]);
    monitor.close();
  });
});
