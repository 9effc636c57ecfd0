/** IPIP where the kernel has none: the eBPF backend on a device that stands in for its tunnel. */
import { parsePrefix } from 'bgp-ts/net';
import { describe, expect, it } from 'vitest';
import type { IpipBackend, IpipWanted } from '../../../node-agent/ebpf/types.ts';
import type { EncapRoute } from '../../../node-agent/encap/types.ts';
import { ip, setUp, tunl, wants } from './device-set-up.ts';

function fakeBackend() {
  const calls: string[] = [];
  const wanted: IpipWanted[] = [];
  let refuse: string | undefined;
  let faults: string[] = [];
  const zero = { packets: 0, octets: 0 };
  const backend: IpipBackend = {
    apply: (now) => {
      if (refuse !== undefined) throw new Error(refuse);
      calls.push('apply');
      wanted.push(now);
      const none = { written: 0, removed: 0 };
      return { blocks: none, sources: none, attached: 0, replaced: 0, detached: 0, faults };
    },
    status: () => ({
      ...{ attachments: [], blocks: 1, sources: 1, sourceHash: '' },
      counters: {
        ...{ encapsulated: zero, decapsulated: zero, 'not-ipv4': zero, 'no-peer': zero, 'no-route': zero, 'too-big': zero },
        ...{ headroom: zero, 'unknown-source': zero, malformed: zero, 'bad-checksum': zero, fragment: zero, ecn: zero },
      },
    }),
    close: () => calls.push('close'),
    remove: () => calls.push('remove'),
  };
  return {
    calls,
    wanted,
    backend,
    refuse: (why: string | undefined) => {
      refuse = why;
    },
    complain: (now: string[]) => {
      faults = now;
    },
  };
}

describe('IPIP without ipip', () => {
  const absent = (kinds: string[]) => (words: string) => (kinds.some((kind) => words === `create tunl0 ${kind}`) ? 'ENOTSUP' : undefined);
  const block = parsePrefix('10.244.2.0/26');
  const routes: EncapRoute[] = [
    ...(block === undefined
      ? []
      : [
          { prefix: block, class: 'ipip-tunnel', target: { kind: 'via', device: 'ipip', gateway: ip('172.31.0.2') }, reasons: [] } as const,
        ]),
  ];

  it('is said once, in the words of the kernel, where there is nothing else', () => {
    const { clock, kernel, sync, log } = setUp();
    kernel.refuse = absent(['ipip']);
    sync.configure(wants([tunl]));
    clock.pass(30_000);
    expect(sync.status()).toMatchObject({
      devices: [{ state: 'refused', detail: 'kernel has no ipip, and no eBPF backend is available' }],
    });
    expect(log.filter((line) => line.startsWith('kernel has no ipip '))).toHaveLength(1);
    expect(kernel.diary).toEqual(['create tunl0 ipip']);
  });

  it('goes over to the eBPF backend, which is told blocks, device and parent', () => {
    const { backend, wanted, calls } = fakeBackend();
    const { clock, kernel, sync } = setUp({ openIpip: () => backend });
    kernel.refuse = absent(['ipip']);
    sync.configure(wants([tunl], { routes }));
    clock.pass(100);
    expect(sync.status()).toMatchObject({ ready: true, devices: [{ backend: 'ebpf', state: 'ready', mtu: 1480 }], roles: { ipip: 10 } });
    expect(kernel.links.get('tunl0')).toMatchObject({ kind: 'ifb', flags: 0x81 });
    expect(wanted.at(-1)).toEqual({
      ...{ peers: [{ block, host: ip('172.31.0.2') }], sources: [], local: ip('172.31.0.1') },
      ...{ device: 10, mac: '02:00:00:00:00:01', parents: [2] },
    });
    sync.configure(wants([]));
    clock.pass(100);
    expect(calls.at(-1)).toBe('remove');
    expect(kernel.links.has('tunl0')).toBe(false);
  });

  it('takes the next kind of stand-in where the kernel has not the first, with its other end up', () => {
    const { backend } = fakeBackend();
    const { clock, kernel, sync } = setUp({ openIpip: () => backend });
    kernel.refuse = absent(['ipip', 'ifb']);
    sync.configure(wants([tunl], { routes }));
    clock.pass(100);
    expect(kernel.diary.slice(0, 4)).toEqual(['create tunl0 ipip', 'create tunl0 ifb', 'create tunl0 veth', 'change #0 set 1']);
    expect(sync.status()?.ready).toBe(true);
  });

  it('keeps a stand-in that works after a restart, without asking the kernel for ipip again', () => {
    const first = setUp({ openIpip: () => fakeBackend().backend });
    first.kernel.refuse = absent(['ipip']);
    first.sync.configure(wants([tunl], { routes }));
    first.clock.pass(100);
    const second = setUp({ kernel: first.kernel, openIpip: () => fakeBackend().backend });
    first.kernel.diary.length = 0;
    second.sync.configure(wants([tunl], { routes }));
    second.clock.pass(100);
    expect(first.kernel.diary).toEqual([]);
    expect(second.sync.status()).toMatchObject({ ready: true, steps: 0, devices: [{ backend: 'ebpf' }] });
  });

  it('is what the option says', () => {
    const { backend } = fakeBackend();
    const forced = setUp({ ipipBackend: 'ebpf', openIpip: () => backend });
    forced.sync.configure(wants([tunl], { routes }));
    forced.clock.pass(100);
    expect(forced.kernel.diary[0]).toBe('create tunl0 ifb');
    const kernelOnly = setUp({ ipipBackend: 'kernel', openIpip: () => backend });
    kernelOnly.kernel.refuse = absent(['ipip']);
    kernelOnly.sync.configure(wants([tunl], { routes }));
    kernelOnly.clock.pass(100);
    expect(kernelOnly.sync.status()?.faults).toEqual(['kernel has no ipip, and ipipBackend is kernel']);
  });

  it('is not ready while the backend is refused, and tries again', () => {
    const { backend, refuse } = fakeBackend();
    refuse('program encapsulate: EINVAL');
    const { clock, kernel, sync } = setUp({ openIpip: () => backend });
    kernel.refuse = absent(['ipip']);
    sync.configure(wants([tunl], { routes }));
    clock.pass(100);
    expect(sync.status()).toMatchObject({ ready: false, faults: ['eBPF backend of IPIP: program encapsulate: EINVAL'] });
    refuse(undefined);
    clock.pass(2_000);
    expect(sync.status()).toMatchObject({ ready: true, ipip: { blocks: 1 } });
    refuse('map ipip_blocks: ENOMEM');
    clock.pass(15_000);
    expect(sync.status()).toMatchObject({ ready: false, faults: ['eBPF backend of IPIP: map ipip_blocks: ENOMEM'] });
    // What it had is not known to be there any more.
    expect(sync.status()).not.toHaveProperty('ipip');
  });

  it('is not ready while an interface cannot be served', () => {
    const { backend, complain } = fakeBackend();
    complain(['eth0: no Ethernet header']);
    const { clock, kernel, sync } = setUp({ openIpip: () => backend });
    kernel.refuse = absent(['ipip']);
    sync.configure(wants([tunl], { routes }));
    clock.pass(100);
    expect(sync.status()).toMatchObject({ ready: false, faults: ['eBPF backend of IPIP: eth0: no Ethernet header'] });
    complain([]);
    clock.pass(5_000);
    expect(sync.status()).toMatchObject({ ready: true, faults: [] });
  });

  it('applies what did not change once a second at most, and a change at once', () => {
    const { backend, calls } = fakeBackend();
    const { clock, kernel, sync, touch } = setUp({ openIpip: () => backend });
    kernel.refuse = absent(['ipip']);
    sync.configure(wants([tunl], { routes }));
    clock.pass(100);
    for (let ms = 0; ms < 1_000; ms += 10) {
      touch();
      clock.pass(10);
    }
    expect(calls.length).toBeLessThanOrEqual(2);
    const before = calls.length;
    sync.configure(wants([tunl], { routes: [...routes] }));
    clock.pass(0);
    expect(calls).toHaveLength(before + 1);
  });

  it('keeps the backend while the cluster does not know the node', () => {
    const { backend, calls } = fakeBackend();
    const { clock, kernel, sync } = setUp({ openIpip: () => backend });
    kernel.refuse = absent(['ipip']);
    sync.configure(wants([tunl], { routes }));
    clock.pass(100);
    const object = { apiVersion: 'v1', kind: 'Node', namespace: '', name: 'n1' };
    const issue = { code: 'NODE_MISSING', severity: 'error', object, field: '', got: '', rule: '', source: null, transient: true } as const;
    sync.configure(wants([], { issues: [issue] }));
    clock.pass(30_000);
    expect(calls).not.toContain('remove');
    expect(kernel.links.has('tunl0')).toBe(true);
  });
});
