/**
 * The laboratory of encapsulation: nodes n1, n2, n3 on a bridge (172.31.0.0/24 and fd00:31::/64) and pods behind them as a CNI
 * plugin leaves them, each with an address of its node's block in both families. Nothing connects the pods: that is the agent's work.
 */
import type { Running } from './exec.ts';
import { run, start } from './exec.ts';
import type { Lab } from './lab.ts';
import { makeLab } from './lab.ts';
import type { Host } from './lan.ts';

/** Nodes of the lab. */
export const ENCAP_NODES = ['n1', 'n2', 'n3'] as const;
export type EncapNode = (typeof ENCAP_NODES)[number];

/** Pods of the lab and the nodes they are on. */
export const ENCAP_PODS = { p1a: 'n1', p1b: 'n1', p2a: 'n2', p3a: 'n3' } as const;
export type EncapPodName = keyof typeof ENCAP_PODS;

/** A pod behind its node. */
export interface EncapPod {
  readonly name: EncapPodName;
  readonly node: Host;
  readonly namespace: string;
  readonly ipv4: string;
  readonly ipv6: string;
  /** The node's end of its veth, `cali1a`. */
  readonly device: string;
}

/** The IPAM block of a node. */
export interface EncapBlock {
  readonly ipv4: string;
  readonly ipv6: string;
}

/** The whole laboratory. */
export interface EncapLab {
  readonly lab: Lab;
  readonly nodes: { readonly [name in EncapNode]: Host };
  readonly pods: { readonly [name in EncapPodName]: EncapPod };
  /** Blocks inside 10.244.0.0/16 and fd44::/16, by node: 10.244.1.0/26 and fd44:1::/122 on n1. */
  readonly blocks: { readonly [name in EncapNode]: EncapBlock };
  /** `ip` in a namespace. */
  ip(namespace: string, ...words: readonly string[]): Promise<string>;
  /** Any program in a namespace; /sys stays that of the machine, so that bpffs is there (dataplane section 2). Limit 30 s by default. */
  in(namespace: string, command: readonly string[], limitMs?: number): Promise<string>;
  /** A daemon in a namespace, its output in `log` of the lab's directory; stopped with the lab. */
  daemon(namespace: string, command: readonly string[], log: string, env?: NodeJS.ProcessEnv): Running;
  /** Packets of `count` pings that came back. */
  ping(from: EncapPod, to: EncapPod, family: 'ipv4' | 'ipv6', count?: number): Promise<number>;
  /** Another interface of a node on the bridge, up and without addresses. */
  uplink(node: Host, device: string): Promise<void>;
  close(failed?: boolean): Promise<void>;
}

/** A namespace's file. */
export const namespaceFile = (namespace: string): string => `/var/run/netns/${namespace}`;

const POD_GATEWAY = '169.254.1.1';
const POD_GATEWAY_MAC = 'ee:ee:ee:ee:ee:ee';
/** What the kernel makes of that MAC on the node's end. */
const POD_GATEWAY_V6 = 'fe80::ecee:eeff:feee:eeee';

const within = (namespace: string): readonly string[] => [`--net=${namespaceFile(namespace)}`, '--'];

async function forwarding(namespace: string): Promise<void> {
  const switches = [
    'ipv4/ip_forward=1',
    'ipv4/conf/all/rp_filter=0',
    'ipv4/conf/default/rp_filter=0',
    'ipv6/conf/all/forwarding=1',
    'ipv6/conf/default/accept_dad=0',
    'ipv6/conf/all/accept_dad=0',
  ];
  const script = switches.map((entry) => `echo ${entry.split('=')[1]} > /proc/sys/net/${entry.split('=')[0]}`).join('; ');
  await run('nsenter', [...within(namespace), 'sh', '-c', script]);
}

async function makePod(lab: Lab, name: EncapPodName, node: Host, ipv4: string, ipv6: string): Promise<EncapPod> {
  const device = `cali${name.slice(1)}`;
  const namespace = await lab.lan.bare(name);
  const pod = (...words: string[]): Promise<string> => run('ip', ['-n', namespace, ...words]);
  const host = (...words: string[]): Promise<string> => run('ip', ['-n', node.namespace, ...words]);
  await forwarding(namespace);
  await run('ip', ['link', 'add', device, 'netns', node.namespace, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace]);
  await host('link', 'set', device, 'address', POD_GATEWAY_MAC, 'up');
  await pod('addr', 'add', `${ipv4}/32`, 'dev', 'eth0');
  await pod('addr', 'add', `${ipv6}/128`, 'dev', 'eth0', 'nodad');
  await pod('link', 'set', 'eth0', 'up');
  for (const [family, gateway] of [
    ['-4', POD_GATEWAY],
    ['-6', POD_GATEWAY_V6],
  ] as const) {
    await pod(family, 'neigh', 'replace', gateway, 'lladdr', POD_GATEWAY_MAC, 'dev', 'eth0');
    await pod(family, 'route', 'add', 'default', 'via', gateway, 'dev', 'eth0', 'onlink');
  }
  // As a CNI plugin leaves them: of protocol boot, so nobody's but the administrator's.
  await host('route', 'add', `${ipv4}/32`, 'dev', device, 'scope', 'link');
  await host('-6', 'route', 'add', `${ipv6}/128`, 'dev', device, 'metric', '1024');
  return { name, node, namespace, ipv4, ipv6, device };
}

const PINGS = /(\d+) (?:packets )?received/;

async function ping(from: EncapPod, target: string, count: number): Promise<number> {
  // A loss is an answer here, not a failure: only the summary counts.
  const words = ['ping', '-n', '-q', '-i', '0.05', '-W', '1', '-c', String(count), target].join(' ');
  const text = await run('nsenter', [...within(from.namespace), 'sh', '-c', `${words} || true`], 30_000);
  const received = PINGS.exec(text)?.[1];
  if (received === undefined) throw new Error(`ping ${target} said ${text}`);
  return Number(received);
}

/** Makes the laboratory. `name` is used for the directory that keeps its logs. */
export async function makeEncapLab(name: string): Promise<EncapLab> {
  const lab = await makeLab(name, { ipv4: '172.31.0.', ipv6: 'fd00:31::' });
  try {
    return await furnish(lab);
  } catch (error) {
    await lab.close(true);
    throw error;
  }
}

async function furnish(lab: Lab): Promise<EncapLab> {
  const node = async (number: number): Promise<Host> => {
    const host = await lab.lan.host(`n${number}`, number);
    await forwarding(host.namespace);
    return host;
  };
  const nodes = { n1: await node(1), n2: await node(2), n3: await node(3) };
  const pod = (which: EncapPodName, last: number): Promise<EncapPod> => {
    const number = which.slice(1, 2);
    return makePod(lab, which, nodes[ENCAP_PODS[which]], `10.244.${number}.${last}`, `fd44:${number}::${last}`);
  };
  const block = (number: number): EncapBlock => ({ ipv4: `10.244.${number}.0/26`, ipv6: `fd44:${number}::/122` });
  let ports = 0;
  return {
    lab,
    nodes,
    pods: { p1a: await pod('p1a', 1), p1b: await pod('p1b', 2), p2a: await pod('p2a', 1), p3a: await pod('p3a', 1) },
    blocks: { n1: block(1), n2: block(2), n3: block(3) },
    ip: (namespace, ...words) => run('ip', ['-n', namespace, ...words]),
    in: (namespace, command, limitMs = 30_000) => run('nsenter', [...within(namespace), ...command], limitMs),
    daemon: (namespace, command, log, env) =>
      lab.adopt(start('nsenter', [...within(namespace), ...command], `${lab.directory}/${log}`, env)),
    ping: (from, to, family, count = 3) => ping(from, to[family], count),
    uplink: (host, device) => lab.lan.uplink(host, device, `u${++ports}`),
    close: (failed = false) => lab.close(failed),
  };
}
