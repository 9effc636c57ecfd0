/**
 * Policies by use. Equal inputs give the same Policy object for as long as its terms stay the same, so peers can be compared by
 * reference and share update groups.
 */
import { formatPrefix } from 'bgp-ts/net';
import type { Policy } from 'bgp-ts/policy';
import type { IPPoolResource, Snapshot } from '../resources/types.ts';
import { sameData } from './compare.ts';
import { rulesFor, translateFilter } from './filters.ts';
import { type Aggregate, buildExportPolicy, buildImportPolicy, type PolicyInputs, type PolicyUse, policyName } from './policies.ts';
import type { PolicySettings } from './settings.ts';
import { compareText } from './tables.ts';
import type { DesiredFilter } from './types.ts';

/** Policies of this node and what they are built from. */
export class PolicyTable {
  #inputs: PolicyInputs | undefined;
  #pools: readonly IPPoolResource[] = [];
  #exportPools: readonly IPPoolResource[] = [];
  readonly #filters = new Map<string, DesiredFilter>();
  #policies = new Map<string, Policy>();
  #before = new Map<string, Policy>();
  #filtersChanged = false;
  built = 0;

  /** Reads one BGPFilter again; true where its rules changed. */
  refreshFilter(snapshot: Snapshot, name: string): boolean {
    const resource = snapshot.filters.get(name);
    const after = resource === undefined ? undefined : translateFilter(resource);
    if (sameData(this.#filters.get(name), after)) return false;
    if (after === undefined) this.#filters.delete(name);
    else this.#filters.set(name, after);
    this.#filtersChanged = true;
    return true;
  }

  /** Reads the pools again. Of two with one CIDR the lowest name counts (control-plane 1.1). */
  refreshPools(snapshot: Snapshot): void {
    const byCidr = new Map<string, IPPoolResource>();
    for (const pool of [...snapshot.pools.values()].sort((a, b) => compareText(a.ref.name, b.ref.name))) {
      const key = formatPrefix(pool.cidr);
      if (!byCidr.has(key)) byCidr.set(key, pool);
    }
    const pools = [...byCidr].sort(([a], [b]) => compareText(a, b)).map(([, pool]) => pool);
    if (!samePools(this.#pools, pools, (pool) => [pool.ref.name, pool.cidr, pool.disableBGPExport, pool.ipipMode, pool.vxlanMode]))
      this.#pools = pools;
    if (!samePools(this.#exportPools, pools, (pool) => [pool.ref.name, pool.cidr, pool.disableBGPExport])) this.#exportPools = pools;
  }

  /** Pools by CIDR; the same array while nothing that matters here changed. */
  get pools(): readonly IPPoolResource[] {
    return this.#pools;
  }

  filter(name: string): DesiredFilter | undefined {
    return this.#filters.get(name);
  }

  /** Takes new inputs; true where policies may differ now, so that every peer has to ask again. */
  setInputs(settings: PolicySettings, blocks: readonly Aggregate[]): boolean {
    const inputs = this.#inputs;
    if (
      inputs !== undefined &&
      !this.#filtersChanged &&
      inputs.settings === settings &&
      inputs.blocks === blocks &&
      inputs.pools === this.#exportPools
    )
      return false;
    this.#inputs = { settings, blocks, pools: this.#exportPools, filters: this.#filters };
    this.#filtersChanged = false;
    this.#before = this.#policies;
    this.#policies = new Map();
    return true;
  }

  /** Forgets policies of the inputs before; call when every peer has asked. */
  settle(): void {
    this.#before = new Map();
  }

  /** The policy for one use; names of filters that have no rule for it do not make it another policy. */
  policyFor(use: PolicyUse): Policy {
    const effective = this.#effective(use);
    const key = policyName(effective);
    const known = this.#policies.get(key);
    if (known !== undefined) return known;
    const policy = this.#build(effective, this.#before.get(key));
    this.#policies.set(key, policy);
    return policy;
  }

  #build(use: PolicyUse, before: Policy | undefined): Policy {
    const inputs = this.#inputs;
    if (inputs === undefined) throw new Error('policies asked for before their inputs were set');
    this.built += 1;
    const policy = use.direction === 'export' ? buildExportPolicy(inputs, use) : buildImportPolicy(inputs, use);
    return before !== undefined && sameData(before, policy) ? before : policy;
  }

  #effective(use: PolicyUse): PolicyUse {
    const filters = use.filters.filter((name) => {
      const filter = this.#filters.get(name);
      return filter !== undefined && use.families.some((family) => rulesFor(filter, use.direction, family).length > 0);
    });
    return { ...use, filters };
  }
}

function samePools(
  before: readonly IPPoolResource[],
  after: readonly IPPoolResource[],
  fields: (pool: IPPoolResource) => unknown,
): boolean {
  return sameData(before.map(fields), after.map(fields));
}
