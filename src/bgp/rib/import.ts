/**
 * From a received attribute set to the one routes are chosen by: loop checks (RFC 4271 section 9.1.2, RFC 4456 section 8) and
 * the import policy. Peers with the same rules share an import class and what it remembers.
 */

import { type Modifications, type PolicyOutcome, policyId } from '../policy/index.ts';
import type { PeerConfig } from '../speaker-types.ts';
import { containsCluster, countAs, leftmostAs } from '../wire/index.ts';
import { type AttributeStore, HAS_ORIGINATOR } from './attribute-store.ts';
import { applyModifications } from './edit.ts';
import { factsOf } from './facts.ts';
import { LOOPED, REJECTED } from './path-table.ts';
import type { PolicyRegistry, PolicyRun } from './policies.ts';
import type { PrefixTable } from './prefix-table.ts';
import type { WorkCounters } from './work.ts';

/** What the checks compare with. */
export interface ImportRules {
  readonly localAs: number;
  /** AS that every AS_PATH must begin with; 0: any (RFC 4271 section 6.3). */
  readonly firstAs: number;
  readonly allowLocalAs: number;
  readonly routerId: number;
  /** Every CLUSTER_ID this speaker reflects with, ascending. */
  readonly clusterIds: readonly number[];
}

/** Why a received set is treated as withdrawn: it loops, or did not come from the peer's AS (RFC 7606 section 7.2). */
export type Loop = 'firstAsMismatch' | 'asLoop' | 'originatorLoop' | 'clusterLoop';

/** Each of them in words, with the section that asks for it. */
export const LOOP_RULES: { readonly [loop in Loop]: { readonly rule: string; readonly citation: string } } = {
  firstAsMismatch: { rule: 'AS_PATH does not begin with the AS of the peer', citation: 'RFC 4271 section 6.3' },
  asLoop: { rule: 'AS_PATH has our own AS more often than is allowed', citation: 'RFC 4271 section 9.1.2' },
  originatorLoop: { rule: 'ORIGINATOR_ID is our own BGP Identifier', citation: 'RFC 4456 section 8' },
  clusterLoop: { rule: 'CLUSTER_LIST has a cluster id of ours', citation: 'RFC 4456 section 8' },
};

const UNKNOWN = 0;
const LOOPS: readonly Loop[] = ['firstAsMismatch', 'asLoop', 'originatorLoop', 'clusterLoop'];
const AS_IS = 1;
const MODIFIED = 2;
const REJECT = 3;
const PER_PREFIX = 4;
const FIRST_LOOP = 10;

/** Names a derived set without holding it: valid while the id has this generation. */
interface Derived {
  readonly id: number;
  readonly generation: number;
}

/** Verdicts of one set of rules, remembered per received attribute set. */
export class ImportClass {
  readonly key: string;
  readonly rules: ImportRules;
  readonly policy: PolicyRun;
  users = 0;
  private readonly store: AttributeStore;
  private readonly work: WorkCounters;
  private readonly verdicts: number[] = [];
  private readonly modified = new Map<number, Map<number, Derived>>();

  constructor(key: string, rules: ImportRules, policy: PolicyRun, store: AttributeStore, work: WorkCounters) {
    this.key = key;
    this.rules = rules;
    this.policy = policy;
    this.store = store;
    this.work = work;
  }

  /** Why the set must be treated as withdrawn, if it loops. */
  loopOf(set: number): Loop | undefined {
    const octets = this.store.octets(set);
    if (this.rules.firstAs !== 0 && leftmostAs(octets) !== this.rules.firstAs) return 'firstAsMismatch';
    if (countAs(octets, this.rules.localAs) > this.rules.allowLocalAs) return 'asLoop';
    const flags = this.store.flags[set] ?? 0;
    if ((flags & HAS_ORIGINATOR) !== 0 && this.store.originatorId[set] === this.rules.routerId) return 'originatorLoop';
    if ((this.store.clusterListLength[set] ?? 0) > 0 && this.rules.clusterIds.some((id) => containsCluster(octets, id)))
      return 'clusterLoop';
    return undefined;
  }

  /** The set the route is chosen by, not yet held, or -flags of a rejected one. Counts loops as drops, once per route. */
  evaluate(set: number, prefixes: PrefixTable, prefix: number): number {
    const verdict = this.verdicts[set] || this.verdictOf(set);
    if (verdict === AS_IS) return set;
    if (verdict === REJECT) return -REJECTED;
    if (verdict >= FIRST_LOOP) {
      this.countLoop(verdict);
      return -(REJECTED | LOOPED);
    }
    if (verdict === PER_PREFIX) this.work.importEvaluations++;
    const outcome = this.policy.evaluate(set, prefixes, prefix);
    return outcome.accept ? this.resulting(set, outcome.modifications) : -REJECTED;
  }

  /** The policy's outcome, for explain. */
  outcome(set: number, prefixes: PrefixTable, prefix: number): PolicyOutcome {
    return this.policy.evaluate(set, prefixes, prefix);
  }

  /** What a policy says may have changed with where next hops lead: all verdicts are formed again. */
  forgetAll(): void {
    this.verdicts.length = 0;
    this.modified.clear();
  }

  /** The received set's id will be reused. */
  forget(set: number): void {
    if (set < this.verdicts.length) this.verdicts[set] = UNKNOWN;
    this.modified.delete(set);
  }

  private countLoop(verdict: number): void {
    const loop = LOOPS[verdict - FIRST_LOOP];
    if (loop !== undefined) this.work[loop]++;
  }

  private verdictOf(set: number): number {
    this.work.importEvaluations++;
    const verdict = this.computeVerdict(set);
    while (this.verdicts.length < set) this.verdicts.push(UNKNOWN);
    this.verdicts[set] = verdict;
    return verdict;
  }

  private computeVerdict(set: number): number {
    const loop = this.loopOf(set);
    if (loop !== undefined) return FIRST_LOOP + LOOPS.indexOf(loop);
    const outcome = this.policy.program(set).outcome;
    if (outcome === undefined) return PER_PREFIX;
    if (!outcome.accept) return REJECT;
    return outcome.modifications.id === 0 ? AS_IS : MODIFIED;
  }

  private resulting(set: number, mods: Modifications): number {
    if (mods.id === 0) return set;
    let derived = this.modified.get(set);
    if (derived === undefined) {
      derived = new Map();
      this.modified.set(set, derived);
    }
    const known = derived.get(mods.id);
    if (known !== undefined && this.store.generationOf(known.id) === known.generation) return known.id;
    const id = this.derive(set, mods);
    derived.set(mods.id, { id, generation: this.store.generationOf(id) });
    return id;
  }

  private derive(set: number, mods: Modifications): number {
    const octets = applyModifications(this.store.octets(set), mods, factsOf(this.store, set));
    const extras = this.store.extrasOf(set);
    return this.store.intern(octets, this.store.nextHop(set), { ...extras, preference: mods.preference ?? extras.preference });
  }
}

/** BIRD 1.6 looks for the session's own CLUSTER_ID, in what clients send only (bird-behaviour, attributes). */
function clustersInBird({ reflectorClient, clusterId }: PeerConfig, routerId: number): readonly number[] {
  return reflectorClient ? [clusterId ?? routerId] : [];
}

/** All import classes in use. */
export class ImportClasses {
  private readonly classes = new Map<string, ImportClass>();
  /** A number for each list of CLUSTER_IDs, in place of its contents in keys: thousands of peers may have one each. */
  private readonly lists = new WeakMap<readonly number[], number>();
  private listsSeen = 0;
  private readonly store: AttributeStore;
  private readonly policies: PolicyRegistry;
  private readonly work: WorkCounters;

  constructor(store: AttributeStore, policies: PolicyRegistry, work: WorkCounters) {
    this.store = store;
    this.policies = policies;
    this.work = work;
  }

  /** The class of a peer's configuration; `drop` gives it back. Equal `clusterIds` are the same object. */
  use(config: PeerConfig, routerId: number, clusterIds: readonly number[]): ImportClass {
    const external = config.remoteAs !== config.localAs;
    const firstAs = external && config.enforceFirstAs !== false ? config.remoteAs : 0;
    const clusters = config.dialect === 'bird-1.6' ? clustersInBird(config, routerId) : clusterIds;
    const rules: ImportRules = { localAs: config.localAs, firstAs, allowLocalAs: config.allowLocalAs, routerId, clusterIds: clusters };
    const list = clusters === clusterIds ? this.numberOf(clusterIds) : clusters;
    const key = JSON.stringify([policyId(config.importPolicy), { ...rules, clusterIds: list }]);
    let found = this.classes.get(key);
    if (found === undefined) {
      found = new ImportClass(key, rules, this.policies.use(config.importPolicy), this.store, this.work);
      this.classes.set(key, found);
    }
    found.users++;
    return found;
  }

  private numberOf(list: readonly number[]): number {
    const known = this.lists.get(list);
    if (known !== undefined) return known;
    this.lists.set(list, ++this.listsSeen);
    return this.listsSeen;
  }

  /** Gives a use back; the last one forgets the class. */
  drop(used: ImportClass): void {
    used.users--;
    if (used.users > 0) return;
    this.classes.delete(used.key);
    this.policies.drop(used.policy);
  }

  /** The attribute set's id will be reused. */
  forget(set: number): void {
    for (const known of this.classes.values()) known.forget(set);
  }
}
