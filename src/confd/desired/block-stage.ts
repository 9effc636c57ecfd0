/** Block affinities (or pod CIDRs) of this node to blackholes, aggregates and the clauses of export policies (control-plane 6). */
import { type BlockFacts, type BlockVerdict, evaluateBlock, isOwnAffinity } from '../../routes/blocks.ts';
import { type ClusterRoutes, ownsPrefix } from '../../routes/pools.ts';
import type { BlockAffinityResource, IPPoolResource, Snapshot } from '../resources/types.ts';
import { sameData } from './compare.ts';
import { objectName } from './issues.ts';
import type { OriginTable } from './origins.ts';
import type { Aggregate } from './policies.ts';
import { compareText, type SortedTable } from './tables.ts';
import type { DesireOptions, InstalledRoute } from './types.ts';

/** Keeps the verdict of every own block; writes into origins and installed routes. */
export class BlockStage {
  readonly #node: string;
  readonly #usePodCIDR: boolean;
  readonly #origins: OriginTable;
  readonly #installed: SortedTable<InstalledRoute>;
  readonly #own = new Map<string, BlockAffinityResource>();
  #blocks: readonly BlockVerdict[] = [];
  #aggregates: readonly Aggregate[] = [];
  #pools: readonly IPPoolResource[] | undefined;
  #mode: ClusterRoutes | undefined;
  #due = true;
  evaluated = 0;

  constructor(options: DesireOptions, origins: OriginTable, installed: SortedTable<InstalledRoute>) {
    this.#node = options.node;
    this.#usePodCIDR = options.usePodCIDR === true;
    this.#origins = origins;
    this.#installed = installed;
  }

  /** Reads an affinity again; those of other nodes cost nothing. */
  affinity(snapshot: Snapshot, key: string): void {
    const after = snapshot.affinities.get(key);
    const own = after !== undefined && isOwnAffinity(after, this.#node) ? after : undefined;
    if (own === undefined && !this.#own.has(key)) return;
    if (own === undefined) this.#own.delete(key);
    else this.#own.set(key, own);
    this.#due = true;
  }

  /** The own Node changed: its pod CIDRs may have. */
  node(): void {
    if (this.#usePodCIDR) this.#due = true;
  }

  /** Blocks that keep their addresses in; the same array while these stay the same. */
  get aggregates(): readonly Aggregate[] {
    return this.#aggregates;
  }

  /** Own blocks by prefix; the same array while no verdict changed. */
  get blocks(): readonly BlockVerdict[] {
    return this.#blocks;
  }

  /** Evaluates the own blocks where anything about them changed. `pools` are sorted and keep their identity. */
  run(snapshot: Snapshot, pools: readonly IPPoolResource[], mode: ClusterRoutes): void {
    if (!this.#due && pools === this.#pools && mode === this.#mode) return;
    this.#due = false;
    this.#pools = pools;
    this.#mode = mode;
    const facts = this.#usePodCIDR ? podBlocks(snapshot, this.#node) : [...this.#own.values()].map(affinityBlock);
    this.evaluated += facts.length;
    const blocks = facts
      .map((block) => evaluateBlock({ ...block, owned: ownsPrefix(block.cidr, pools, mode) }))
      .sort((a, b) => compareText(a.id, b.id) || compareText(a.object, b.object));
    if (sameData(blocks, this.#blocks)) return;
    this.#install(blocks);
    this.#blocks = blocks;
    const aggregates = blocks.filter((block) => block.aggregated).map(({ prefix, object }) => ({ prefix, object }));
    if (!sameData(aggregates, this.#aggregates)) this.#aggregates = aggregates;
    this.#origins.set(
      'blocks',
      blocks
        .filter((block) => block.originated)
        .map((block) => ({ id: block.id, prefix: block.prefix, class: 'block', reason: { object: block.object, rule: block.rule } })),
    );
  }

  #install(blocks: readonly BlockVerdict[]): void {
    const wanted = new Map<string, InstalledRoute>();
    for (const { id, prefix, object, rule, installed } of blocks) {
      if (!installed) continue;
      const reasons = [...(wanted.get(id)?.reasons ?? []), { object, rule }];
      wanted.set(id, { id, prefix, kind: 'blackhole', reasons });
    }
    for (const { id } of this.#blocks) if (!wanted.has(id)) this.#installed.delete(id);
    for (const route of wanted.values()) this.#installed.set(route);
  }
}

function affinityBlock(affinity: BlockAffinityResource): Omit<BlockFacts, 'owned'> {
  return { object: objectName(affinity.ref), cidr: affinity.cidr, state: affinity.state };
}

function podBlocks(snapshot: Snapshot, name: string): Omit<BlockFacts, 'owned'>[] {
  const node = snapshot.nodes.get(name);
  if (node === undefined) return [];
  return node.podCIDRs.map((cidr) => ({ object: objectName(node.ref), cidr, state: 'confirmed' }));
}
