/** What needs no privileges: dumps of this process's own namespace, and how the kernel says no. */
import {
  decodeLink,
  decodeRoute,
  encodeLinkDump,
  encodeRoute,
  encodeRouteDump,
  inNamespace,
  NetlinkError,
  NetlinkSocket,
  NLM_F,
  openMonitor,
  RTM,
} from 'netlink';
import { describe, expect, it } from 'vitest';

describe.skipIf(process.platform !== 'linux')('a request socket', () => {
  it('dumps interfaces: there is always lo', () => {
    const socket = new NetlinkSocket();
    const links = socket.dump('interfaces', (out, seq) => encodeLinkDump(out, RTM.getLink, seq), decodeLink);
    socket.close();
    expect(links.find((link) => link.name === 'lo')).toMatchObject({ index: 1, type: 772 });
  });

  it('has a port id of its own', () => {
    const sockets = [new NetlinkSocket(), new NetlinkSocket()];
    expect(new Set(sockets.map((socket) => socket.portId)).size).toBe(2);
    for (const socket of sockets) socket.close();
  });

  it('gives the item and the errno of what the kernel refuses, and goes on', () => {
    const socket = new NetlinkSocket();
    // Nobody may write a route through an interface that does not exist, whatever the privileges.
    const items = [1, 2, 3].map((last) => ({
      prefix: { family: 'ipv4' as const, words: [0xc6336400 + last, 0, 0, 0] as const, length: 32 },
      table: 254,
      protocol: 199,
      scope: 253,
      type: 1,
      tos: 0,
      flags: 0,
      metric: 0,
      nexthop: 0,
      hops: [{ interface: 0x7ffffffe, weight: 1, flags: 0 }],
    }));
    const { failures, lost } = socket.batch(items, (out, item, flags, seq) =>
      encodeRoute(out, RTM.newRoute, flags | NLM_F.create, seq, item),
    );
    socket.close();
    expect(lost).toBe(false);
    expect(failures.map((failure) => failure.item)).toEqual(items);
    for (const { code } of failures) expect(['ENODEV', 'EPERM']).toContain(code);
  });

  it('throws by name where a dump is refused', () => {
    const socket = new NetlinkSocket();
    // Strict checking refuses a protocol filter in a request that is too short to hold one.
    const dump = (): unknown =>
      socket.dump(
        'nonsense',
        (out, seq) => {
          out.begin(RTM.getRoute, NLM_F.request | NLM_F.dump, seq, 4);
          out.octets[16] = 2;
          out.octets[17] = 99;
          out.end();
        },
        decodeRoute,
      );
    expect(dump).toThrow(NetlinkError);
    expect(
      socket.dump('routes', (out, seq) => encodeRouteDump(out, RTM.getRoute, seq, { family: 'ipv4', protocol: 200 }), decodeRoute),
    ).toEqual([]);
    socket.close();
  });

  it('sends nothing once it is closed: its number may be another descriptor by then', () => {
    const socket = new NetlinkSocket();
    socket.close();
    const next = new NetlinkSocket();
    const ask = (): unknown =>
      socket.dump('routes', (out, seq) => encodeRouteDump(out, RTM.getRoute, seq, { family: 'ipv4', protocol: 200 }), decodeRoute);
    expect(ask).toThrow('netlink socket: it is closed');
    next.close();
    socket.close();
  });
});

describe.skipIf(process.platform !== 'linux')('namespaces and monitors', () => {
  it('come back from a namespace that does not exist', () => {
    expect(() => inNamespace('/proc/thread-self/ns/none', () => 1)).toThrow(/ENOENT/);
    const socket = new NetlinkSocket();
    socket.close();
  });

  it('close without a sound, twice', () => {
    const monitor = openMonitor({ groups: [1], onEvents: () => undefined, onLost: () => undefined, onError: () => undefined });
    monitor.close();
    monitor.close();
    expect(() => openMonitor({ groups: [9999], onEvents: () => undefined, onLost: () => undefined, onError: () => undefined })).toThrow(
      /EINVAL/,
    );
  });
});
