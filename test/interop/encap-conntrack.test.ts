/** Forgetting connections of prefixes whose node changed, against the kernel's own table (dataplane 3.1). */
import type { Prefix } from 'bgp-ts/net';
import { parsePrefix } from 'bgp-ts/net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openConntrackKernel } from '../../node-agent/kernel/conntrack-netlink.ts';
import { run } from './harness/exec.ts';
import type { Lab } from './harness/lab.ts';
import { CAN_RUN, makeLab } from './harness/lab.ts';

const prefix = (text: string): Prefix => {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
};

const TCP = ['-p', 'tcp', '--state', 'ESTABLISHED', '-u', 'SEEN_REPLY', '-t', '600'];

/** Translated connections say their replies' ports themselves. */
const NAT = ['--sport', '1002', '--dport', '80', '--reply-port-src', '80', '--reply-port-dst', '1002'];

/** Connections by what is in a prefix of 10.244.1.0/26 or fd44:1::/122, if anything is. */
const CONNECTIONS: readonly (readonly [where: string, ...words: string[]])[] = [
  ['source', ...TCP, '-s', '10.244.1.5', '-d', '192.0.2.1', '--sport', '1000', '--dport', '80'],
  ['destination', '-p', 'udp', '-t', '600', '-s', '192.0.2.1', '-d', '10.244.1.63', '--sport', '1001', '--dport', '53'],
  ['reply source', ...TCP, ...NAT, '-s', '192.0.2.1', '-d', '10.96.0.1', '-r', '10.244.1.9', '-q', '192.0.2.1'],
  ['reply destination', ...TCP, ...NAT, '-s', '10.9.9.9', '-d', '192.0.2.1', '-r', '192.0.2.1', '-q', '10.244.1.9'],
  ['source in a zone', '-w', '7', ...TCP, '-s', '10.244.1.6', '-d', '192.0.2.1', '--sport', '1004', '--dport', '80'],
  [
    'destination',
    '-p',
    'icmp',
    '-t',
    '60',
    '-s',
    '192.0.2.1',
    '-d',
    '10.244.1.1',
    '--icmp-type',
    '8',
    '--icmp-code',
    '0',
    '--icmp-id',
    '9',
  ],
  ['nothing', ...TCP, '-s', '10.244.1.64', '-d', '192.0.2.1', '--sport', '1005', '--dport', '80'],
  ['nothing', '-w', '7', ...TCP, '-s', '10.244.2.5', '-d', '192.0.2.1', '--sport', '1004', '--dport', '80'],
  ['source', ...TCP, '-s', 'fd44:1::5', '-d', 'fd00::1', '--sport', '1006', '--dport', '80'],
  ['nothing', ...TCP, '-s', 'fd44:1::40', '-d', 'fd00::1', '--sport', '1007', '--dport', '80'],
];

describe.skipIf(!CAN_RUN)('connection tracking', () => {
  let lab: Lab;
  let namespace: string;
  const kernel = () => openConntrackKernel({ namespace: `/var/run/netns/${namespace}` });
  const conntrack = (...words: string[]) => run('nsenter', [`--net=/var/run/netns/${namespace}`, 'conntrack', ...words]);
  const left = async (): Promise<string> => (await conntrack('-L', '-f', 'ipv4')) + (await conntrack('-L', '-f', 'ipv6'));

  beforeAll(async () => {
    lab = await makeLab('encap-conntrack');
    namespace = await lab.lan.bare('ct');
    for (const [, ...words] of CONNECTIONS) await conntrack('-I', ...words);
  }, 60_000);
  afterAll(async () => await lab.close(false));

  it('forgets what has an end in a prefix, in either direction and in every zone, and nothing else', async () => {
    const wanted = CONNECTIONS.filter(([where]) => where !== 'nothing').length;
    expect((await left()).trim().split('\n')).toHaveLength(CONNECTIONS.length);
    expect(kernel().forget([])).toEqual({ removed: 0, failed: 0 });
    expect(kernel().forget([prefix('10.244.1.0/26'), prefix('fd44:1::/122'), prefix('10.244.77.0/24')])).toEqual({
      removed: wanted,
      failed: 0,
    });
    const rest = await left();
    expect(
      [...rest.matchAll(/src=(\S+)/g)]
        .map(([, source]) => source)
        .filter((source) => /^(10\.244|fd44)/.test(source ?? ''))
        .sort(),
    ).toEqual(['10.244.1.64', '10.244.2.5', 'fd44:1::40']);
    expect(kernel().forget([prefix('10.244.1.0/26')])).toEqual({ removed: 0, failed: 0 });
  });
});
