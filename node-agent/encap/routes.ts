/**
 * Routes of the pools (dataplane 3.1): to the blocks of other nodes by what their pool says, to the tunnel addresses of others,
 * and blackholes for the own blocks. One pass over the affinities: what a node and a pool make together is worked out once. Pure.
 */
import type { Prefix } from 'bgp-ts/net';
import { formatAddress, formatPrefix, hostPrefix, prefixContainsAddress } from 'bgp-ts/net';
import type { BlockAffinityResource, NodeResource } from '../../src/confd/resources/types.ts';
import { evaluateBlock, isOwnAffinity } from '../../src/routes/blocks.ts';
import { poolAround } from '../../src/routes/pools.ts';
import { blackholeClass, remoteClass } from './classes.ts';
import type { EncapRoute, IpFamily, Reason, RouteClass, RouteTarget, Vtep } from './types.ts';
import { complainNoVtep } from './vteps.ts';
import type { EncapContext, PoolUse } from './wishes-context.ts';
import { complain } from './wishes-context.ts';

/** How packets to a node's blocks of one pool travel. */
interface Way {
  readonly class: RouteClass;
  readonly target: RouteTarget;
  readonly reasons: readonly Reason[];
}

/** A block of some node: an affinity, or a pod CIDR. */
type Block = Pick<BlockAffinityResource, 'ref' | 'source' | 'node' | 'type' | 'cidr' | 'state'>;

interface Work {
  readonly context: EncapContext;
  readonly vteps: { readonly [family in IpFamily]: ReadonlyMap<string, Vtep> };
  /** By node, then by pool; null: none. */
  readonly ways: Map<string, (Way | null)[]>;
  /** Place in the two lists by prefix. */
  readonly found: Places;
  readonly routes: EncapRoute[];
  readonly blocks: Block[];
  /** Nodes in other networks, of pools without encapsulation: told once a pool. */
  readonly far: Map<PoolUse, string[]>;
}

/** All routes, in no order of note. Adds issues. */
export function routesOf(context: EncapContext, vteps: Work['vteps']): EncapRoute[] {
  const work: Work = { context, vteps, ways: new Map(), found: new Places(), routes: [], blocks: [], far: new Map() };
  for (const block of blocksOf(context)) addBlock(work, block);
  for (const [{ pool }, names] of work.far) {
    const [first] = names.sort();
    const rule = `has blocks on ${names.length} ${names.length === 1 ? 'node' : 'nodes'} outside the own network, such as ${first}: without encapsulation no route leads there`;
    complain(context, pool, { code: 'POOL_NODES_FAR', field: 'spec.cidr', got: formatPrefix(pool.cidr), rule, severity: 'warning' });
  }
  addTunnels(work);
  return work.routes;
}

function* blocksOf({ snapshot, usePodCIDR }: EncapContext): Iterable<Block> {
  if (usePodCIDR !== true) {
    yield* snapshot.affinities.values();
    return;
  }
  for (const { ref, source, podCIDRs } of snapshot.nodes.values()) {
    for (const cidr of podCIDRs)
      yield { ref, ...(source === undefined ? {} : { source }), node: ref.name, type: 'host', cidr, state: 'confirmed' };
  }
}

/** Places in the list of routes by prefix. Numbers of 32 bits, a map for each length: larger ones, and text, cost more than all the rest. */
class Places {
  private readonly maps = new Map<number, Map<number | string, number>>();

  get(prefix: Prefix): number | undefined {
    return this.maps.get(prefix.length)?.get(keyOf(prefix));
  }

  set(prefix: Prefix, place: number): void {
    const map = this.maps.get(prefix.length) ?? new Map<number | string, number>();
    if (map.size === 0) this.maps.set(prefix.length, map);
    map.set(keyOf(prefix), place);
  }
}

function keyOf({ family, words }: Prefix): number | string {
  return family === 'ipv4' ? words[0] | 0 : words.join(' ');
}

function addBlock(work: Work, block: Block): void {
  const { context, found, routes, blocks } = work;
  if (!isOwnAffinity(block, block.node)) return;
  const use = poolAround(block.cidr, context.pools);
  if (use === undefined || !use.ours) return;
  const route = block.node === context.node ? blackhole(use, block) : remote(work, use, block);
  if (route === undefined) return;
  const at = found.get(block.cidr);
  const other = at === undefined ? undefined : blocks[at];
  if (at === undefined || other === undefined) {
    found.set(block.cidr, routes.length);
    routes.push(route);
    blocks.push(block);
  } else if (contest(context, block, other)) {
    routes[at] = route;
    blocks[at] = block;
  }
}

/** Two nodes claim a block: the one that holds it wins over one that gives it up, then the name decides. True: `block` wins. */
function contest(context: EncapContext, block: Block, other: Block): boolean {
  const wins = block.state === other.state ? block.node < other.node : block.state === 'confirmed';
  const [winner, loser] = wins ? [block, other] : [other, block];
  if (winner.state === loser.state && winner.node !== loser.node) {
    const rule = `is claimed by node ${winner.node} as well (${winner.ref.kind}/${winner.ref.name}), which counts`;
    complain(context, loser, { code: 'BLOCK_TWO_NODES', field: 'spec.cidr', got: formatPrefix(loser.cidr), rule, transient: true });
  }
  return wins;
}

function blackhole({ encapsulation, pool }: PoolUse, block: Block): EncapRoute | undefined {
  const verdict = evaluateBlock({ object: block.ref.name, cidr: block.cidr, state: block.state, owned: true });
  // A block of one address has none: it would stand in the way of the pod's own route (A32).
  if (!verdict.installed) return undefined;
  return {
    prefix: block.cidr,
    class: blackholeClass(encapsulation),
    target: { kind: 'blackhole' },
    reasons: [
      { object: block.ref, rule: 'a block of this node: what runs here has a longer route' },
      { object: pool.ref, rule: `encapsulation ${encapsulation}` },
    ],
  };
}

function remote(work: Work, use: PoolUse, block: Block): EncapRoute | undefined {
  if (block.state === 'pending') return undefined;
  const way = wayTo(work, use, block);
  if (way === null) return undefined;
  // As long as every route has the same shape, a hundred thousand of them cost milliseconds.
  return { prefix: block.cidr, class: way.class, target: way.target, node: block.node, block: block.ref, reasons: way.reasons };
}

function wayTo(work: Work, use: PoolUse, block: Block): Way | null {
  const { ways, context } = work;
  const known = ways.get(block.node) ?? [];
  if (known.length === 0) ways.set(block.node, known);
  const before = known[use.index];
  if (before !== undefined) return before;
  const node = context.snapshot.nodes.get(block.node);
  let way: Way | null = null;
  if (node !== undefined) way = makeWay(work, use, node);
  else {
    const rule = 'is no known Node: no route leads to its blocks';
    complain(context, block, {
      code: 'BLOCK_NODE_UNKNOWN',
      field: 'spec.node',
      got: block.node,
      rule,
      severity: 'warning',
      transient: true,
    });
  }
  known[use.index] = way;
  return way;
}

function makeWay(work: Work, use: PoolUse, node: NodeResource): Way | null {
  const { context } = work;
  const { family } = use.pool.cidr;
  const own = context.own[family];
  const host = node.bgp[family]?.address;
  // Without an own address there is no way at all, which is said once.
  if (own === undefined) return null;
  if (host === undefined) {
    noAddress(work, use, node);
    return null;
  }
  const near = prefixContainsAddress(own.network, host);
  const parent: RouteTarget = { kind: 'via', device: family === 'ipv4' ? 'parent-v4' : 'parent-v6', gateway: host };
  if (use.encapsulation === 'none' && !near) {
    work.far.set(use, [...(work.far.get(use) ?? []), node.ref.name]);
    return null;
  }
  if (near && (use.crossSubnet || use.encapsulation === 'none')) {
    return makeReasons(use, node, true, parent, `${formatAddress(host)} is in the own network ${formatPrefix(own.network)}`);
  }
  if (use.encapsulation === 'ipip') {
    return makeReasons(use, node, false, { kind: 'via', device: 'ipip', gateway: host }, `tunnel to ${formatAddress(host)}`);
  }
  const vtep = work.vteps[family].get(node.ref.name);
  if (vtep === undefined) {
    complainNoVtep(context, node, family);
    return null;
  }
  const target: RouteTarget = { kind: 'via', device: family === 'ipv4' ? 'vxlan-v4' : 'vxlan-v6', gateway: vtep.tunnel };
  return makeReasons(use, node, false, target, `tunnel endpoint ${formatAddress(vtep.tunnel)} at ${formatAddress(host)}`);
}

function makeReasons(use: PoolUse, node: NodeResource, direct: boolean, target: RouteTarget, where: string): Way {
  const { pool, encapsulation, crossSubnet } = use;
  const mode = encapsulation === 'none' ? 'no encapsulation' : `${encapsulation} ${crossSubnet ? 'CrossSubnet' : 'Always'}`;
  return {
    class: remoteClass(encapsulation, direct),
    target,
    reasons: [
      { object: node.ref, rule: where },
      { object: pool.ref, rule: mode },
    ],
  };
}

function noAddress({ context }: Work, { encapsulation, pool }: PoolUse, node: NodeResource): void {
  const { family } = pool.cidr;
  if (encapsulation === 'vxlan') {
    complainNoVtep(context, node, family);
    return;
  }
  const field = family === 'ipv4' ? 'spec.bgp.ipv4Address' : 'spec.bgp.ipv6Address';
  const rule = `is missing, and the node has blocks in IPPool/${pool.ref.name}: no route leads there`;
  complain(context, node, { code: 'NODE_NO_ADDRESS', field, got: undefined, rule, severity: 'warning', transient: true });
}

/**
 * Tunnel addresses of others: VXLAN's stand directly on the device, where a neighbour entry leads on; IPIP has no neighbours, so
 * the outer destination comes from a gateway.
 */
function addTunnels({ context, vteps, routes, found }: Work): void {
  const add = (route: EncapRoute): void => {
    // A block of this one address may be there too: the address says more.
    routes[found.get(route.prefix) ?? routes.length] = route;
  };
  for (const family of ['ipv4', 'ipv6'] as const) {
    const target: RouteTarget = { kind: 'link', device: family === 'ipv4' ? 'vxlan-v4' : 'vxlan-v6' };
    for (const vtep of vteps[family].values()) {
      const node = context.snapshot.nodes.get(vtep.node);
      const reasons = node === undefined ? [] : [{ object: node.ref, rule: 'the address of its VXLAN device' }];
      const prefix = hostPrefix(vtep.tunnel);
      add({ prefix, class: 'vxlan-tunnel', target, node: vtep.node, reasons });
    }
  }
  if (context.own.ipv4 === undefined || !context.enabled.ipip) return;
  for (const { ref, tunnels, bgp } of context.others) {
    if (tunnels?.ipip === undefined || bgp.ipv4 === undefined) continue;
    const prefix = hostPrefix(tunnels.ipip);
    if (poolAround(prefix, context.pools)?.ours !== true) continue;
    const target: RouteTarget = { kind: 'via', device: 'ipip', gateway: bgp.ipv4.address };
    const reasons = [{ object: ref, rule: `the address of its IPIP device, at ${formatAddress(bgp.ipv4.address)}` }];
    add({ prefix, class: 'ipip-tunnel', target, node: ref.name, reasons });
  }
}
