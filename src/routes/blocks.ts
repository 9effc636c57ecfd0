/**
 * What an IPAM block of this node means for routes (control-plane 6): a blackhole for what is not running yet, one
 * aggregate instead of its addresses, and the clauses that keep those addresses inside. Pure.
 */
import { formatPrefix, type Prefix } from 'bgp-ts/net';
import { isHostPrefix } from './services.ts';

/** A block affinity of this node, or one of its pod CIDRs. */
export interface BlockFacts {
  /** `Kind/name` of the resource it comes from. */
  readonly object: string;
  readonly cidr: Prefix;
  readonly state: 'confirmed' | 'pending' | 'pendingDeletion';
  /** This daemon writes the kernel routes of its pool. */
  readonly owned: boolean;
}

/** The decision about one block. `id` is the prefix as text. */
export interface BlockVerdict {
  readonly id: string;
  readonly object: string;
  readonly prefix: Prefix;
  /** Offered to peers. */
  readonly originated: boolean;
  /** Held in the kernel as a blackhole; not where Felix writes the routes of the pool (control-plane 5.5). */
  readonly installed: boolean;
  /** Addresses inside stay inside, but for those of raised priority. */
  readonly aggregated: boolean;
  readonly rule: string;
  readonly detail: string;
}

/** True for an affinity that counts on `node`: affinities of load balancers and other virtual hosts do not. */
export function isOwnAffinity(affinity: { readonly node: string; readonly type: string }, node: string): boolean {
  return affinity.node === node && (affinity.type === 'host' || affinity.type === '');
}

/** Decides one block. */
export function evaluateBlock(block: BlockFacts): BlockVerdict {
  const verdict = (originated: boolean, aggregated: boolean, detail: string): BlockVerdict => ({
    id: formatPrefix(block.cidr),
    object: block.object,
    prefix: block.cidr,
    originated,
    installed: originated && block.owned,
    aggregated,
    rule: 'control-plane 6',
    detail,
  });
  if (block.state === 'pending') return verdict(false, false, 'the affinity is pending');
  // The addresses of a block that is going away may already be routed elsewhere one by one, so nothing is held back.
  if (block.state === 'pendingDeletion')
    return verdict(!isHostPrefix(block.cidr), false, 'the affinity is pending deletion: blackhole without aggregation');
  if (isHostPrefix(block.cidr)) return verdict(false, true, 'a block of one address is its own route');
  return verdict(true, true, 'confirmed block');
}
