/** Routes of the tables into UPDATE messages. */
import { announcementOctets, maxPrefixLength, nlriOctets, UpdateWriter } from '../wire/index.ts';
import { type GroupRules, inMultiprotocol } from './export-rules.ts';
import type { PathSlots } from './path-slots.ts';
import type { PrefixTable } from './prefix-table.ts';

/** Octets of a message that carries attributes of this length (the export table's form) and one prefix of any length. */
export function smallestUpdate(rules: Pick<GroupRules, 'family' | 'addPath' | 'extendedNextHop'>, length: number): number {
  const nlri = nlriOctets(maxPrefixLength(rules.family), rules.addPath > 0);
  return announcementOctets({ multiprotocol: inMultiprotocol(rules) }, length, nlri);
}

/** Messages of one group: `out` opens and closes runs, `add` puts routes into them. */
export class RouteWriter {
  readonly out: UpdateWriter;
  private readonly prefixes: PrefixTable;
  private readonly slots: PathSlots | undefined;

  /** `slots`: what is added are paths, told with their identifiers; undefined: prefixes. */
  constructor(rules: GroupRules, prefixes: PrefixTable, slots: PathSlots | undefined) {
    const { family, maxMessage } = rules;
    this.out = new UpdateWriter({ family, multiprotocol: inMultiprotocol(rules), addPath: slots !== undefined, maxMessage });
    this.prefixes = prefixes;
    this.slots = slots;
  }

  /** Adds a prefix, or the path of a slot, to the open run. */
  add(slot: number): void {
    if (this.slots === undefined) this.addPrefix(slot, 0);
    else this.addPrefix(this.slots.prefix[slot] ?? 0, this.slots.pathId(slot));
  }

  private addPrefix(prefix: number, pathId: number): void {
    const { prefixes, out } = this;
    const length = prefixes.lengths[prefix] ?? 0;
    if (prefixes.wide) out.addIpv6(prefixes.words, prefix * 4, length, pathId);
    else out.addIpv4(prefixes.words[prefix] ?? 0, length, pathId);
  }
}
