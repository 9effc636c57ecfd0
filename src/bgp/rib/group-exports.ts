/** From a best path to what a group is told of it, remembered per attribute set. */
import type { PolicyOutcome } from '../policy/index.ts';
import { type Block, exportAttributes, findBlock, type GroupRules, sourceKey } from './export-rules.ts';
import type { ExportTable } from './export-table.ts';
import { float64, grow, int32, uint32 } from './grow.ts';
import type { PolicyRun } from './policies.ts';
import { smallestUpdate } from './route-writer.ts';
import type { FamilyTables, Stores } from './tables.ts';

const BLOCKED = 1;
const OPEN = 2;
const NO_EXPORT_YET = -1;

/** Why a route is not told, or the policy outcome that told it. */
export interface ExportVerdict {
  readonly block?: Block;
  readonly outcome?: PolicyOutcome;
  /** Export id; 0 where not told. */
  readonly id: number;
}

const TOO_LONG: Block = { rule: 'attributes do not fit a message', citation: 'RFC 8654 section 4' };

/** One group's exports under its current rules and policy. */
export class GroupExports {
  readonly table: ExportTable;
  readonly rules: GroupRules;
  readonly policy: PolicyRun;
  /** Exports made from an attribute set so far, each some times the work of one that is remembered. */
  derived = 0;
  private readonly stores: Stores;
  private readonly tables: FamilyTables;
  // One remembered export per attribute set: that of the last source key and modifications.
  private keys = new Float64Array(0);
  private states = new Int32Array(0);
  private mods = new Int32Array(0);
  private ids = new Int32Array(0);
  private generations = new Uint32Array(0);

  constructor(stores: Stores, tables: FamilyTables, rules: GroupRules, policy: PolicyRun, table: ExportTable) {
    this.stores = stores;
    this.tables = tables;
    this.rules = rules;
    this.policy = policy;
    this.table = table;
  }

  /** Export id of a prefix's path, not yet held; 0 where the group is not told. */
  idOf(prefix: number, set: number, source: number): number {
    this.stores.work.exportEvaluations++;
    const key = sourceKey(this.rules, this.stores.sources, source);
    if (set >= this.keys.length) this.makeRoom();
    if (this.keys[set] !== key) this.open(set, source, key);
    if (this.states[set] === BLOCKED) return 0;
    const outcome = this.policy.evaluate(set, this.tables.prefixes, prefix);
    if (!outcome.accept) return 0;
    const id = this.ids[set] ?? 0;
    if (this.mods[set] === outcome.modifications.id && (id === 0 || this.table.generationOf(id) === this.generations[set])) return id;
    return this.derive(set, source, outcome);
  }

  /** True where the rules of BGP keep the set from members, whatever the policy says; of the last call of `idOf` with it. */
  isBlocked(set: number): boolean {
    return this.states[set] === BLOCKED;
  }

  /** The same decision with its grounds, for explain. */
  verdict(prefix: number, set: number, source: number): ExportVerdict {
    const { attributes, sources } = this.stores;
    const block = findBlock(this.rules, attributes, sources, { set, source });
    if (block !== undefined) return { block, id: 0 };
    const outcome = this.policy.evaluate(set, this.tables.prefixes, prefix);
    if (!outcome.accept) return { outcome, id: 0 };
    const id = this.idOf(prefix, set, source);
    if (id === 0) return { block: TOO_LONG, outcome, id };
    this.table.releaseUnused(id);
    return { outcome, id };
  }

  /** The attribute set's id will be reused. */
  forget(set: number): void {
    if (set < this.keys.length) this.keys[set] = 0;
  }

  private open(set: number, source: number, key: number): void {
    const block = findBlock(this.rules, this.stores.attributes, this.stores.sources, { set, source });
    this.keys[set] = key;
    this.states[set] = block === undefined ? OPEN : BLOCKED;
    this.mods[set] = NO_EXPORT_YET;
  }

  private derive(set: number, source: number, outcome: PolicyOutcome): number {
    this.derived++;
    const { attributes, sources, work } = this.stores;
    const exported = exportAttributes(this.rules, attributes, sources, { set, source }, outcome.modifications);
    let id = this.table.intern(exported);
    if (smallestUpdate(this.rules, this.table.wireLength(id)) > this.rules.maxMessage) {
      work.tooLong++;
      this.table.releaseUnused(id);
      id = 0;
    }
    this.mods[set] = outcome.modifications.id;
    this.ids[set] = id;
    this.generations[set] = this.table.generationOf(id);
    return id;
  }

  private makeRoom(): void {
    this.keys = grow(this.keys, this.stores.attributes.top, float64);
    const size = this.keys.length;
    this.states = grow(this.states, size, int32);
    this.mods = grow(this.mods, size, int32);
    this.ids = grow(this.ids, size, int32);
    this.generations = grow(this.generations, size, uint32);
  }
}
