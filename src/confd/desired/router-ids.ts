/** BGP Identifiers across the cluster: two nodes with one id cannot peer (RFC 4271 section 6.2). */
import type { Issue, Snapshot } from '../resources/types.ts';
import { issueAbout } from './issues.ts';
import type { NodeFacts } from './nodes.ts';
import { chooseRouterId } from './router-id.ts';
import { type IssueTable, NameIndex } from './tables.ts';

/** Ids of all nodes, taking the own CALICO_ROUTER_ID mode for the fleet's: `hash`, else the address. */
export class RouterIds {
  readonly #idOf = new Map<string, string>();
  readonly #nodes = new NameIndex();
  readonly #mode: string | undefined;
  readonly #issues: IssueTable;

  constructor(mode: string | undefined, issues: IssueTable) {
    this.#mode = mode === 'hash' ? mode : undefined;
    this.#issues = issues;
  }

  /** Notes the id of one node, `own` where it is known; undefined facts forget it. Returns the ids touched. */
  note(name: string, facts: NodeFacts | undefined, own: string | undefined): readonly string[] {
    const before = this.#idOf.get(name);
    const after = facts === undefined ? undefined : (own ?? chooseRouterId(name, this.#mode, facts.ipv4?.address).id);
    if (before === after) return after === undefined ? [] : [after];
    if (before !== undefined) this.#nodes.remove(before, name);
    if (after === undefined) this.#idOf.delete(name);
    else {
      this.#idOf.set(name, after);
      this.#nodes.add(after, name);
    }
    return [before, after].flatMap((id) => id ?? []);
  }

  /** Reports each touched id that several nodes have; nodes with the same address are reported for that instead. */
  report(ids: Iterable<string>, snapshot: Snapshot, factsOf: (name: string) => NodeFacts | undefined): void {
    for (const id of ids) this.#issues.set(`router id ${id}`, this.#shared(id, snapshot, factsOf));
  }

  /** On every Node that has it: whoever looks at one of them learns of the others. */
  #shared(id: string, snapshot: Snapshot, factsOf: (name: string) => NodeFacts | undefined): Issue[] {
    const names = [...this.#nodes.get(id)].sort();
    return names.flatMap((name) => {
      const node = snapshot.nodes.get(name);
      const address = factsOf(name)?.ipv4?.text;
      const other = names.find((one) => one !== name && (address === undefined || address !== factsOf(one)?.ipv4?.text));
      if (node === undefined || other === undefined) return [];
      const rule = `is the BGP Identifier of Node/${other} too; the two cannot peer`;
      return [issueAbout(node, { code: 'NODE_ROUTER_ID_SHARED', field: 'spec.bgp', got: JSON.stringify(id), rule })];
    });
  }
}
