import { formatAddress, formatPrefix, parseAddressWithLength, prefixFromAddress } from 'bgp-ts/net';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/confd/clock.ts';
import { SILENT_LOG } from '../../src/confd/log.ts';
import { formatIssue } from '../../src/confd/resources/issue.ts';
import { parseObject } from '../../src/confd/resources/parse-object.ts';
import { createStore } from '../../src/confd/resources/store.ts';
import type { Resource } from '../../src/confd/resources/types.ts';
import type { Change, Source } from '../../src/confd/source/types.ts';
import type { HostAddress, HostInterface } from '../../src/node/detect.ts';
import { withDetectedAddresses } from '../../src/node/own-node.ts';

function hostAddress(text: string): HostAddress {
  const parts = parseAddressWithLength(text);
  const network = parts === undefined ? undefined : prefixFromAddress(parts.address, parts.length);
  if (parts === undefined || network === undefined) throw new Error(text);
  return { address: parts.address, network };
}

const eth0 = (...addresses: readonly string[]): HostInterface[] => [{ index: 2, name: 'eth0', addresses: addresses.map(hostAddress) }];

function node(name: string, address: string | undefined, internal: readonly string[] = []): Resource {
  const { outcome } = parseObject({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, annotations: address === undefined ? {} : { 'projectcalico.org/IPv4Address': address } },
    status: { addresses: internal.map((one) => ({ type: 'InternalIP', address: one })) },
  });
  if (outcome.type !== 'resource') throw new Error(name);
  return outcome.resource;
}

/** A clock whose waits end when the test says so. */
function handClock(): Clock & { readonly ring: () => void } {
  const waiting = new Set<() => void>();
  return {
    now: () => 0,
    monotonic: () => 0,
    wait: (_ms, signal) =>
      new Promise((resolve) => {
        waiting.add(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      }),
    ring: () => {
      for (const resolve of [...waiting]) resolve();
      waiting.clear();
    },
  };
}

function world(nodes: readonly Resource[], interfaces: HostInterface[], checkConflicts = true) {
  const state = { interfaces, fail: false };
  const clock = handClock();
  const written: string[] = [];
  const source: Source = {
    async *watch(signal): AsyncGenerator<Change> {
      yield { upsert: nodes, remove: [], issues: [], inSync: true };
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    },
  };
  const wrapped = withDetectedAddresses(source, {
    node: 'a',
    methods: { ipv4: { kind: 'first-found' } },
    intervalMs: 1,
    checkConflicts,
    network: {
      interfaces: () => {
        if (state.fail) throw new Error('no netlink');
        return state.interfaces;
      },
      reach: async () => undefined,
    },
    clock,
    log: SILENT_LOG,
    unsaid: (family, { address }) => written.push(`${family} ${formatAddress(address)}`),
  });
  const abort = new AbortController();
  const changes = wrapped.watch(abort.signal)[Symbol.asyncIterator]();
  const store = createStore();
  return {
    state,
    written,
    clock,
    async next(): Promise<string> {
      const step = await changes.next();
      if (step.done === true) throw new Error('ended');
      store.apply(step.value);
      const found = store.snapshot.nodes.get('a')?.bgp.ipv4;
      return found === undefined ? 'none' : `${formatAddress(found.address)} in ${formatPrefix(found.network)}`;
    },
    issues: () => store.snapshot.issues.map(formatIssue),
    async stop() {
      abort.abort();
      await changes.next();
    },
  };
}

describe('the own Node with what is found on the machine', () => {
  it('an address that moves is told again, one that vanishes stays with a warning', async () => {
    const here = world([node('a', '10.9.9.9/24')], eth0('192.0.2.7/24'));
    expect(await here.next()).toBe('192.0.2.7 in 192.0.2.0/24');
    here.state.interfaces = eth0('192.0.2.8/24');
    const moved = here.next();
    here.clock.ring();
    expect(await moved).toBe('192.0.2.8 in 192.0.2.0/24');
    here.state.interfaces = [];
    const gone = here.next();
    here.clock.ring();
    expect(await gone).toBe('192.0.2.8 in 192.0.2.0/24');
    expect(here.issues()).toEqual([
      'Node/a spec.bgp.ipv4Address: "first-found" finds nothing: no IPv4 address outside of the excluded interfaces; what was known before stays',
    ]);
    expect([...new Set(here.written)]).toEqual(['ipv4 192.0.2.7', 'ipv4 192.0.2.8']);
    await here.stop();
  });

  it('what was found before comes before what Kubernetes knows', async () => {
    const here = world([node('a', undefined, ['192.0.2.3'])], eth0('192.0.2.7/24'));
    expect(await here.next()).toBe('192.0.2.7 in 192.0.2.0/24');
    here.state.fail = true;
    const gone = here.next();
    here.clock.ring();
    expect(await gone).toBe('192.0.2.7 in 192.0.2.0/24');
    await here.stop();
  });

  it.each<[string, readonly Resource[], HostInterface[], boolean, string, readonly string[]]>([
    ['nothing found: what the Node says stays', [node('a', '10.9.9.9/24')], [], true, '10.9.9.9 in 10.9.9.0/24', ['finds nothing']],
    [
      'nothing found, nothing said: what Kubernetes knows',
      [node('a', undefined, ['192.0.2.3'])],
      [],
      true,
      '192.0.2.3 in 192.0.2.3/32',
      ['finds nothing'],
    ],
    ['nothing at all', [node('a', undefined)], [], true, 'none', ['finds nothing']],
    [
      'another node has it',
      [node('b', '192.0.2.7/24'), node('a', undefined)],
      eth0('192.0.2.7/24'),
      true,
      'none',
      ['is the address of Node/b: it is not used'],
    ],
    [
      'another node has it, unchecked',
      [node('b', '192.0.2.7/24'), node('a', undefined)],
      eth0('192.0.2.7/24'),
      false,
      '192.0.2.7 in 192.0.2.0/24',
      [],
    ],
  ])('%s', async (_name, nodes, interfaces, check, expected, issues) => {
    const here = world(nodes, interfaces, check);
    expect(await here.next()).toBe(expected);
    const found = here.issues();
    expect(found).toHaveLength(issues.length);
    for (const [index, text] of issues.entries()) expect(found[index]).toContain(text);
    await here.stop();
  });

  it('a kernel that does not answer is a failure like any other', async () => {
    const here = world([node('a', '10.9.9.9/24')], []);
    here.state.fail = true;
    expect(await here.next()).toBe('10.9.9.9 in 10.9.9.0/24');
    expect(here.issues().join()).toContain('no netlink');
    await here.stop();
  });
});
