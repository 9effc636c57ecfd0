/** Kernel routes against the real kernel: installed, repaired, adopted, moved; what others wrote stays untouched. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { formatPrefix, parseAddress, parsePrefix } from 'bgp-ts/net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addon } from '../../src/netlink/addon.ts';
import { openNetlinkKernel } from '../../src/routes/kernel/netlink.ts';
import { NO_RULES } from '../../src/routes/kernel/rules.ts';
import type { KernelSync } from '../../src/routes/kernel/sync.ts';
import { createKernelSync } from '../../src/routes/kernel/sync.ts';
import type { LearnedChange } from '../../src/routes/kernel/sync-types.ts';
import { run } from './harness/exec.ts';
import type { Lab } from './harness/lab.ts';
import { CAN_RUN, makeLab } from './harness/lab.ts';
import { until } from './harness/wait.ts';

const PROTOCOL = 12;
const AF_UNIX = 1;
const SOCK_STREAM = 1;

function parsed<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('does not parse');
  return value;
}

/** How the kernel is watched. */
interface Eyes {
  /** Octets that notifications have room in. */
  readonly receiveBuffer?: number;
  /** Every notification is lost, without a word of the loss. */
  readonly blind?: boolean;
  readonly auditMs?: number;
  /** Takes failures; without it there is none. */
  readonly failures?: string[];
}

/** What a descriptor of this process stands for, '' where it is closed already. */
function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
}

const change = (to: string, nextHops: readonly string[], localPref = 2_147_482_623) => ({
  prefix: parsed(parsePrefix(to)),
  ...(nextHops.length === 0 ? {} : { best: { nextHops: nextHops.map((text) => parsed(parseAddress(text))), localPref } }),
});

describe.skipIf(!CAN_RUN).each(['auto', 'off'] as const)('kernel routes, nexthop objects %s', (nexthopObjects) => {
  let lab: Lab;
  let namespace: string;
  let sync: KernelSync;
  let learned: Map<string, string>;

  const ip = (...words: string[]): Promise<string> => run('ip', ['-n', namespace, ...words]);
  const ours = async (family: '-4' | '-6' = '-4'): Promise<string[]> =>
    (await ip(family, 'route', 'show', 'proto', String(PROTOCOL)))
      .split(/\n(?!\t)/)
      .filter((line) => line !== '')
      .map((line) =>
        line
          .replaceAll(/nhid \d+ ?|weight 1|pref medium|onlink/g, '')
          .replaceAll(/\s+/g, ' ')
          .trim(),
      )
      .sort();
  const becomes = (lines: readonly string[], seconds = 4): Promise<void> =>
    until('routes', seconds, async () => expect(await ours()).toEqual(lines));

  function note({ set, remove }: LearnedChange): void {
    for (const prefix of remove) learned.delete(formatPrefix(prefix));
    for (const route of set) learned.set(formatPrefix(route.prefix), `${route.protocol} ${route.interface}`);
  }

  function begin({ receiveBuffer, blind = false, auditMs = 60_000, failures }: Eyes = {}): void {
    learned = new Map();
    const size = receiveBuffer === undefined ? {} : { receiveBuffer };
    const kernel = openNetlinkKernel({ protocol: PROTOCOL, namespace: `/var/run/netns/${namespace}`, nexthopObjects, ...size });
    sync = createKernelSync({
      kernel: blind ? { ...kernel, watch: (watcher) => kernel.watch({ ...watcher, events: () => undefined }) } : kernel,
      auditMs,
      now: () => performance.now(),
      after: (ms, call) => {
        const timer = setTimeout(call, ms);
        return () => clearTimeout(timer);
      },
      learned: note,
      status: () => undefined,
      failed: (error) => failures?.push(error.message) ?? expect.fail(error.message),
    });
    sync.start();
    sync.configure({ statics: [], rules: NO_RULES, learn: { ignoredInterfaces: [] } });
  }

  beforeAll(async () => {
    lab = await makeLab(`kernel routes ${nexthopObjects}`);
    namespace = (await lab.lan.host('node', 1)).namespace;
  });
  beforeEach(() => begin());
  afterEach(async () => {
    sync.stop();
    // Objects first: iproute2 cannot flush routes over them.
    await ip('nexthop', 'flush', 'proto', String(PROTOCOL));
    for (const family of ['-4', '-6']) await ip(family, 'route', 'flush', 'proto', String(PROTOCOL));
  });
  afterAll(async () => lab?.close(false));

  it('installs hops, equal paths, metrics and blackholes of both families', async () => {
    const statics = ['10.244.1.0/26', 'fd44:1::/122'].map((text) => ({ prefix: parsed(parsePrefix(text)) }));
    sync.configure({ statics, rules: NO_RULES, learn: { ignoredInterfaces: [] } });
    sync.best([
      change('10.244.2.0/26', ['10.97.0.2']),
      change('10.244.3.0/26', ['10.97.0.2', '10.97.0.3']),
      change('10.244.2.9/32', ['10.97.0.3'], 2_147_483_135),
      change('203.0.113.0/24', ['10.97.0.2'], 100),
      change('fd44:2::/122', ['fd97::2']),
      change('fd44:3::/122', ['fd97::2', 'fd97::3']),
    ]);
    await becomes([
      '10.244.2.0/26 via 10.97.0.2 dev eth0 metric 1024',
      '10.244.2.9 via 10.97.0.3 dev eth0 metric 512',
      '10.244.3.0/26 metric 1024 nexthop via 10.97.0.2 dev eth0 nexthop via 10.97.0.3 dev eth0',
      '203.0.113.0/24 via 10.97.0.2 dev eth0 metric 2147483547',
      'blackhole 10.244.1.0/26',
    ]);
    expect(await ours('-6')).toEqual([
      'blackhole fd44:1::/122 dev lo metric 1024',
      'fd44:2::/122 via fd97::2 dev eth0 metric 1024',
      expect.stringMatching(/^fd44:3::\/122 metric 1024 nexthop via fd97::. dev eth0 nexthop via fd97::. dev eth0$/),
    ]);
    expect(sync.status()).toMatchObject({ installed: 8, failed: 0, unreachable: 0, taken: 0 });
    sync.best(
      ['10.244.2.0/26', '10.244.3.0/26', '10.244.2.9/32', '203.0.113.0/24', 'fd44:2::/122', 'fd44:3::/122'].map((to) => change(to, [])),
    );
    await becomes(['blackhole 10.244.1.0/26']);
    expect(await ip('nexthop', 'show')).toBe('');
  });

  it('puts back what others delete, change or flush', async () => {
    sync.best([change('10.244.2.0/26', ['10.97.0.2']), change('10.244.3.0/26', ['10.97.0.2'])]);
    const lines = ['10.244.2.0/26 via 10.97.0.2 dev eth0 metric 1024', '10.244.3.0/26 via 10.97.0.2 dev eth0 metric 1024'];
    await becomes(lines);
    await ip('route', 'del', '10.244.2.0/26', 'proto', String(PROTOCOL));
    await becomes(lines);
    await ip('route', 'replace', '10.244.3.0/26', 'via', '10.97.0.7', 'metric', '1024', 'proto', String(PROTOCOL));
    await becomes(lines);
    await ip(nexthopObjects === 'auto' ? 'nexthop' : 'route', 'flush', 'proto', String(PROTOCOL));
    await becomes(lines);
  });

  it('finds by its audit what no notification told of, and counts it', async () => {
    sync.stop();
    begin({ blind: true, auditMs: 300 });
    sync.best([change('10.244.2.0/26', ['10.97.0.2']), change('10.244.3.0/26', ['10.97.0.2']), change('10.244.4.0/26', ['10.97.0.3'])]);
    const lines = ['2', '3'].map((net) => `10.244.${net}.0/26 via 10.97.0.2 dev eth0 metric 1024`);
    lines.push('10.244.4.0/26 via 10.97.0.3 dev eth0 metric 1024');
    await becomes(lines);
    expect(sync.status().drifted).toBe(0);
    await ip('route', 'del', '10.244.2.0/26', 'proto', String(PROTOCOL));
    await ip('route', 'replace', '10.244.3.0/26', 'via', '10.97.0.7', 'metric', '1024', 'proto', String(PROTOCOL));
    await ip('route', 'add', '10.244.9.0/26', 'via', '10.97.0.7', 'metric', '1024', 'proto', String(PROTOCOL));
    await becomes(lines, 10);
    await until('it is counted', 4, () => expect(sync.status().drifted).toBe(3));
    const { readings } = sync.status();
    await until('two more readings', 10, () => expect(sync.status().readings).toBeGreaterThan(readings + 1));
    expect(sync.status().drifted).toBe(3);
  });

  it('reads everything after a loss of notifications (ENOBUFS), once', async () => {
    sync.stop();
    begin({ receiveBuffer: 4096 });
    sync.best([change('10.244.2.0/26', ['10.97.0.2'])]);
    const lines = ['10.244.2.0/26 via 10.97.0.2 dev eth0 metric 1024'];
    await becomes(lines);
    const before = sync.status();
    const storm = Array.from({ length: 1000 }, (_, at) => `route add 198.18.${at >> 8}.${at & 255}/32 dev lo proto 80`);
    const own = `route del 10.244.2.0/26 proto ${PROTOCOL}`;
    const removed = storm.map((line) => line.replace('add', 'del'));
    // While this runs the loop stands still, so that nobody reads the queue of 4 KB.
    spawnSync('ip', ['-n', namespace, '-batch', '-'], { input: [...storm, own, ...removed].join('\n') });
    await becomes(lines, 10);
    await until('the loss and the drift are counted', 4, () => {
      expect(sync.status().overruns).toBeGreaterThan(before.overruns);
      expect(sync.status().drifted).toBeGreaterThan(0);
    });
    expect(sync.status().readings).toBeLessThan(before.readings + 5);
    // The notifications go on: the next audit is a minute away.
    await ip('route', 'del', lines[0]?.split(' ')[0] ?? '', 'proto', String(PROTOCOL));
    await becomes(lines, 8);
  });

  it('opens its sockets anew where one breaks, and finds what changed meanwhile', async () => {
    sync.stop();
    const sockets = (): Set<string> => new Set(readdirSync('/proc/self/fd').filter((fd) => linkOf(fd).startsWith('socket:')));
    const before = sockets();
    const failures: string[] = [];
    begin({ failures });
    const opened = [...sockets()].filter((fd) => !before.has(fd)).map(Number);
    sync.best([change('10.244.2.0/26', ['10.97.0.2'])]);
    const lines = ['10.244.2.0/26 via 10.97.0.2 dev eth0 metric 1024'];
    await becomes(lines);
    // The first is the one that requests are made through.
    const [request = -1] = opened.sort((a, b) => a - b);
    addon().close(request);
    // Another socket in its place, so that nobody else has the number; nothing can be sent through it.
    const others: number[] = [];
    for (let fd = -1; fd !== request; others.push(fd)) fd = addon().socket(AF_UNIX, SOCK_STREAM, 0);
    for (const fd of others.slice(0, -1)) addon().close(fd);
    sync.best([change('10.244.3.0/26', ['10.97.0.2'])]);
    lines.push('10.244.3.0/26 via 10.97.0.2 dev eth0 metric 1024');
    await becomes(lines, 10);
    expect(failures[0]).toContain('ENOTCONN');
    const count = failures.length;
    await ip('route', 'del', '10.244.2.0/26', 'proto', String(PROTOCOL));
    await becomes(lines);
    expect([failures.length, [...sockets()].filter((fd) => !before.has(fd)).length]).toEqual([count, 2]);
  });

  it('has everything again after the interface was down', async () => {
    sync.best([change('10.244.2.0/26', ['10.97.0.2'])]);
    await becomes(['10.244.2.0/26 via 10.97.0.2 dev eth0 metric 1024']);
    await ip('link', 'set', 'eth0', 'down');
    await becomes([]);
    await until('noticed', 4, () => expect(sync.status().unreachable).toBe(1));
    await ip('link', 'set', 'eth0', 'up');
    await becomes(['10.244.2.0/26 via 10.97.0.2 dev eth0 metric 1024']);
    // IPv6 addresses went with the interface.
    await ip('addr', 'add', 'fd97::1/64', 'dev', 'eth0', 'nodad');
  });

  it('leaves routes of others alone, whatever they are, and waits for a place that is taken', async () => {
    await ip('route', 'add', '10.244.2.0/26', 'via', '10.97.0.9', 'metric', '1024', 'proto', 'static');
    await ip('route', 'add', '10.244.7.0/26', 'via', '10.97.0.9', 'proto', '80');
    await ip('nexthop', 'add', 'id', '7', 'via', '10.97.0.9', 'dev', 'eth0', 'proto', '80');
    const others = async (): Promise<string> =>
      `${await ip('route', 'show', 'proto', 'static')}${await ip('route', 'show', 'proto', '80')}${await ip('nexthop', 'show', 'proto', '80')}`;
    const before = await others();
    sync.best([change('10.244.2.0/26', ['10.97.0.2']), change('10.244.7.0/26', ['10.97.0.2'])]);
    await becomes(['10.244.7.0/26 via 10.97.0.2 dev eth0 metric 1024']);
    expect(await others()).toBe(before);
    expect(sync.status().taken).toBe(1);
    await ip('route', 'replace', '10.244.7.0/26', 'via', '10.97.0.9', 'metric', '1024', 'proto', 'static');
    await until('taken from us', 4, () => expect(sync.status()).toMatchObject({ taken: 2, installed: 0 }));
    await ip('route', 'del', '10.244.7.0/26', 'metric', '1024', 'proto', 'static');
    await becomes(['10.244.7.0/26 via 10.97.0.2 dev eth0 metric 1024']);
    await ip('route', 'del', '10.244.2.0/26', 'proto', 'static');
    await becomes(['10.244.2.0/26 via 10.97.0.2 dev eth0 metric 1024', '10.244.7.0/26 via 10.97.0.2 dev eth0 metric 1024']);
    await ip('route', 'del', '10.244.7.0/26', 'proto', '80');
    await ip('nexthop', 'del', 'id', '7');
  });

  it('leaves its routes when it stops, adopts them when it starts, and the kernel hears nothing of either', async () => {
    sync.best([
      change('10.244.2.0/26', ['10.97.0.2']),
      change('10.244.3.0/26', ['10.97.0.2', '10.97.0.3']),
      change('10.244.4.0/26', ['10.97.0.3']),
    ]);
    await until('all there', 4, async () => expect(await ours()).toHaveLength(3));
    const raw = async (): Promise<string> => `${await ip('route', 'show')}${await ip('nexthop', 'show')}`;
    const before = await raw();
    sync.stop();
    expect(await raw()).toBe(before);
    begin();
    sync.best([change('10.244.2.0/26', ['10.97.0.2']), change('10.244.3.0/26', ['10.97.0.2', '10.97.0.3'])]);
    await until('taken in', 4, () => expect(sync.status()).toMatchObject({ installed: 3, kept: 1 }));
    expect(await raw()).toBe(before);
    sync.settled();
    await until('the rest goes', 4, async () => expect(await ours()).toHaveLength(2));
  });

  it('gives the place of a node that went after a start to the next one, and keeps both apart when it comes back', async () => {
    const two = '10.244.2.0/26 via 10.97.0.2 dev eth0 metric 1024';
    const three = '10.244.3.0/26 via 10.97.0.3 dev eth0 metric 1024';
    sync.best([change('10.244.2.0/26', ['10.97.0.2'])]);
    await becomes([two]);
    sync.stop();
    begin();
    sync.settled();
    await becomes([]);
    sync.best([change('10.244.3.0/26', ['10.97.0.3'])]);
    await becomes([three]);
    sync.best([change('10.244.2.0/26', ['10.97.0.2'])]);
    await becomes([two, three]);
    const { readings } = sync.status();
    // An address that goes is a cause to read.
    for (const word of ['add', 'del']) await ip('addr', word, '198.51.100.1/32', 'dev', 'lo');
    await until('another reading', 4, () => expect(sync.status().readings).toBeGreaterThan(readings));
    expect(await ours()).toEqual([two, three]);
  });

  if (nexthopObjects === 'auto')
    it('gets over a hop in the place of its group, and a group in the place of its hop', async () => {
      sync.best([change('10.244.2.0/26', ['10.97.0.2']), change('10.244.3.0/26', ['10.97.0.2', '10.97.0.3'])]);
      const lines = [
        '10.244.2.0/26 via 10.97.0.2 dev eth0 metric 1024',
        // In the order of the ids.
        expect.stringMatching(/^10\.244\.3\.0\/26 metric 1024 nexthop via 10\.97\.0\.. dev eth0 nexthop via 10\.97\.0\.. dev eth0$/),
      ];
      await becomes(lines);
      const objects = async (): Promise<string[]> => (await ip('nexthop', 'show', 'proto', String(PROTOCOL))).trim().split('\n');
      const idOf = async (is: RegExp): Promise<string> => (await objects()).find((line) => is.test(line))?.split(' ')[1] ?? '';
      const swap = (id: string, ...what: string[]): void => {
        const text = `nexthop del id ${id}\nnexthop add id ${id} ${what.join(' ')} proto ${PROTOCOL}`;
        // Both before the loop turns.
        expect(spawnSync('ip', ['-n', namespace, '-batch', '-'], { input: text }).status).toBe(0);
      };
      swap(await idOf(/ group /), 'via', '10.97.0.9', 'dev', 'eth0');
      await becomes(lines);
      swap(await idOf(/ via 10\.97\.0\.2 /), 'group', await idOf(/ via 10\.97\.0\.3 /));
      await becomes(lines);
      await until('nothing is left over', 4, async () => expect(await objects()).toHaveLength(3));
      for (const gateway of ['10.97.0.2', '10.97.0.3']) expect(await ip('route', 'show', '10.244.3.0/26')).toContain(`via ${gateway} `);
      expect(sync.status().failed).toBe(0);
    });

  it('learns workloads, aliens and interfaces, and forgets them', async () => {
    await ip('link', 'add', 'cali1', 'type', 'veth', 'peer', 'name', 'pod1');
    await ip('link', 'set', 'cali1', 'up');
    await ip('route', 'add', '10.244.1.5', 'dev', 'cali1', 'proto', '80');
    await ip('route', 'add', '10.244.9.0/26', 'via', '10.97.0.9', 'proto', '80');
    await ip('route', 'add', '192.0.2.0/24', 'via', '10.97.0.9', 'proto', 'static');
    const all = {
      '10.97.0.0/24': 'device eth0',
      'fd97::/64': 'device eth0',
      '10.244.1.5/32': 'kernel cali1',
      '192.0.2.0/24': 'kernel eth0',
    };
    await until('learned', 4, () => expect(Object.fromEntries(learned)).toEqual(all));
    await ip('link', 'del', 'cali1');
    await ip('route', 'del', '192.0.2.0/24');
    await until('forgotten', 4, () => expect([...learned.keys()].sort()).toEqual(['10.97.0.0/24', 'fd97::/64']));
    await ip('route', 'del', '10.244.9.0/26');
  });
});
