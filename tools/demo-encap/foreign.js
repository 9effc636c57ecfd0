/** State of others on n1 that the agent must not touch: made before the vandals come, compared octet for octet at the end. */
import { ip } from './lab.js';
import { installed, run, within } from './programs.js';

const PROTO = ['proto', '17'];
/** By the first word: what is not ours shows these marks, whatever the family. */
const FOREIGN = /proto 17|protocol 17|foreign/;

/** Makes it: routes, one inside the pool, a nexthop object, rules, a qdisc with a filter, a VXLAN with entries, a firewall table. */
export async function makeForeign({ namespace }) {
  const here = (...words) => ip(namespace, ...words);
  await here('link', 'add', 'foreign0', 'type', 'vxlan', 'id', '77', 'dstport', '8472', 'nolearning');
  await here('link', 'set', 'foreign0', 'up');
  await here('neigh', 'add', '192.0.2.9', 'lladdr', '66:00:00:00:77:09', 'dev', 'foreign0', 'nud', 'permanent');
  await run(['bridge', '-n', namespace, 'fdb', 'add', '66:00:00:00:77:09', 'dev', 'foreign0', 'dst', '192.0.2.1', 'self', 'permanent']);
  await here('route', 'add', '203.0.113.0/24', 'dev', 'foreign0', ...PROTO);
  await here('route', 'add', 'blackhole', '10.244.3.32/27', ...PROTO);
  await here('-6', 'route', 'add', '2001:db8::/48', 'dev', 'foreign0', ...PROTO);
  await here('nexthop', 'add', 'id', '77', 'dev', 'foreign0', ...PROTO);
  await here('route', 'add', '203.0.114.0/24', 'nhid', '77', ...PROTO);
  await here('rule', 'add', 'priority', '111', 'to', '192.0.2.0/24', 'blackhole', 'protocol', '17');
  await here('-6', 'rule', 'add', 'priority', '111', 'to', '2001:db8:1::/48', 'blackhole', 'protocol', '17');
  await run([...within(namespace), 'tc', 'qdisc', 'add', 'dev', 'eth1', 'clsact']);
  const filter = ['ingress', 'prio', '77', 'u32', 'match', 'u32', '0', '0', 'flowid', '1:1'];
  await run([...within(namespace), 'tc', 'filter', 'add', 'dev', 'eth1', ...filter]);
  if (!(await installed('nft'))) return;
  await run([...within(namespace), 'nft', 'add table inet foreign; add chain inet foreign c { type filter hook forward priority 0; }']);
}

/** All of it as text. */
export async function readForeign({ namespace }) {
  const marked = (text) =>
    text
      .split('\n')
      .filter((line) => FOREIGN.test(line))
      .join('\n');
  const parts = [
    ...(await Promise.all(
      [['route', 'show', 'table', 'all'], ['-6', 'route', 'show', 'table', 'all'], ['rule'], ['-6', 'rule'], ['nexthop']].map((words) =>
        ip(namespace, '-d', ...words).then(marked),
      ),
    )),
    await ip(namespace, '-d', 'link', 'show', 'foreign0'),
    await ip(namespace, 'neigh', 'show', 'dev', 'foreign0', 'nud', 'permanent'),
    await run(['bridge', '-n', namespace, 'fdb', 'show', 'dev', 'foreign0']),
    await run([...within(namespace), 'tc', 'qdisc', 'show', 'dev', 'eth1']),
    await run([...within(namespace), 'tc', 'filter', 'show', 'dev', 'eth1', 'ingress']),
    (await installed('nft')) ? await run([...within(namespace), 'nft', '-s', 'list', 'table', 'inet', 'foreign']) : '',
  ];
  return parts.join('\n');
}
