/** Block affinities (or pod CIDRs) of this node to blackholes, aggregates and the clauses of export policies (control-plane 6). */
import { type BlockFacts, type BlockVerdict, evaluateBlock, isOwnAffinity } from '../../routes/blocks.ts';
import type { BlockAffinityResource, Snapshot } from '../resources/types.ts';
import { sameData } from './compare.ts';
import { objectName } from './issues.ts';
import type { OriginTable } from './origins.ts';
import { compareText, SortedTable } from './tables.ts';
import type { DesireOptions, InstalledRoute } from './types.ts';

/** Keeps the verdict of every own block; writes into origins and installed routes. */
export class BlockStage {
  readonly #node: string;
  readonly #usePodCIDR: boolean;
  readonly #origins: OriginTable;
  readonly #installed: SortedTable<InstalledRoute>;
  readonly #own = new Map<string, BlockAffinityResource>();
  #blocks: readonly BlockVerdict[] = [];
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

  /** Own blocks by prefix; the same array while no verdict changed. */
  get blocks(): readonly BlockVerdict[] {
    return this.#blocks;
  }

  run(snapshot: Snapshot): void {
    if (!this.#due) return;
    this.#due = false;
    const facts = this.#usePodCIDR ? podBlocks(snapshot, this.#node) : [...this.#own.values()].map(affinityBlock);
    this.evaluated += facts.length;
    const blocks = facts.map(evaluateBlock).sort((a, b) => compareText(a.id, b.id) || compareText(a.object, b.object));
    if (sameData(blocks, this.#blocks)) return;
    this.#install(blocks);
    this.#blocks = blocks;
    this.#origins.set(
      'blocks',
      blocks.filter((block) => block.originated).map((block) => ({ id: block.id, prefix: block.prefix, class: 'block', reason: { object: block.object, rule: block.rule } })),
    );
  }

  #install(blocks: readonly BlockVerdict[]): void {
    const wanted = new Map<string, InstalledRoute>();
    for (const { id, prefix, object, rule, originated } of blocks) {
      if (!originated) continue;
      const reasons = [...(wanted.get(id)?.reasons ?? []), { object, rule }];
      wanted.set(id, { id, prefix, kind: 'blackhole', reasons });
    }
    for (const { id } of this.#blocks) if (!wanted.has(id)) this.#installed.delete(id);
    for (const route of wanted.values()) this.#installed.set(route);
  }
}

function affinityBlock(affinity: BlockAffinityResource): BlockFacts {
  return { object: objectName(affinity.ref), cidr: affinity.cidr, state: affinity.state };
}

function podBlocks(snapshot: Snapshot, name: string): BlockFacts[] {
  const node = snapshot.nodes.get(name);
  if (node === undefined) return [];
  return node.podCIDRs.map((cidr) => ({ object: objectName(node.ref), cidr, state: 'confirmed' }));
}
