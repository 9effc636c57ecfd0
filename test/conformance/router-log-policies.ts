/**
 * Policies of a recorded router. A log has no policy that ours could run, but what each made of each route: accepted imports go in with the
 * attributes they were given, and what an export changed becomes a term for the prefix.
 */
import type { Action, Policy } from 'bgp-ts';
import { formatPrefix } from 'bgp-ts/net';
import type { PathAttributes } from 'bgp-ts/wire';
import { list, member, text } from '../interop/harness/json.ts';
import type { LogLine } from './router-log.ts';
import { addressText, attributesOf, prefixOf, routeOf, variant } from './router-log.ts';

/** What a policy made of a route of a neighbour. */
export interface Verdict {
  readonly neighbor: string;
  readonly direction: 'Import' | 'Export';
  /** Canonical text. */
  readonly prefix: string;
  /** Undefined where it was refused. */
  readonly accepted: unknown;
}

/** Verdicts of an event, none for other events. A pair is a list of two, or an object with named members. */
export function verdictsOf({ kind, value }: LogLine): Verdict[] {
  const result = kind === 'PolicyResult' ? member(value, 'Neighbor') : undefined;
  const direction = text(result, 'policy_type');
  if (direction !== 'Import' && direction !== 'Export') return [];
  const neighbor = addressText(text(result, 'nbr_addr'));
  return list(result, 'routes').map((pair) => {
    const outcome = member(pair, 1) ?? member(pair, 'result');
    const { prefix } = routeOf(member(pair, 0) ?? member(pair, 'prefix'));
    return { neighbor, direction, prefix: formatPrefix(prefix), accepted: member(outcome, 'Accept') };
  });
}

/** What a route of the recorded router's own was given when it was redistributed, by prefix. */
function redistributedAttributes(events: readonly LogLine[]): Map<string, unknown> {
  const results = events.filter(({ kind }) => kind === 'PolicyResult').map(({ value }) => member(value, 'Redistribute'));
  return new Map(
    results
      .filter((result) => variant(member(result, 'result')) === 'Accept')
      .map((result) => [formatPrefix(prefixOf(text(result, 'prefix'))), member(result, 'result', 'Accept', 'attrs')]),
  );
}

/** A next hop that stands where a log names none; it takes no part in what is compared. */
const NO_HOP = '192.0.2.1';

const typed = (attrs: unknown): PathAttributes => attributesOf(attrs, NO_HOP, '');

/** An attribute that an export changed in a way that no action of ours does. */
export type Unreplayed = keyof PathAttributes;

const numbersAdded = (before: readonly number[] = [], after: readonly number[] = []): number[] =>
  after.filter((each) => !before.includes(each));
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** AS numbers that were put before a path; undefined where the path was changed in another way. */
function prepended(before: PathAttributes, after: PathAttributes): number[] | undefined {
  const flat = ({ asPath }: PathAttributes): number[] => asPath.flatMap(({ asns }) => asns);
  const [old, now] = [flat(before), flat(after)];
  const front = now.slice(0, Math.max(0, now.length - old.length));
  return same(now.slice(front.length), old) ? front : undefined;
}

/** The actions that make one set of attributes of another, and the attributes for which there are none. */
function difference(before: PathAttributes, after: PathAttributes): { readonly actions: Action[]; readonly unreplayed: Unreplayed[] } {
  const actions: Action[] = [];
  const unreplayed: Unreplayed[] = [];
  const front = prepended(before, after);
  if (front === undefined) unreplayed.push('asPath');
  else if (front.length > 0) actions.push({ kind: 'prependAsPath', asns: front });
  if (after.med !== undefined && after.med !== before.med) actions.push({ kind: 'setMed', value: after.med });
  if (after.localPref !== undefined && after.localPref !== before.localPref) actions.push({ kind: 'setLocalPref', value: after.localPref });
  for (const value of numbersAdded(before.communities, after.communities)) actions.push({ kind: 'addCommunity', value });
  for (const value of after.largeCommunities ?? []) {
    if (before.largeCommunities?.some((each) => same(each, value)) !== true) actions.push({ kind: 'addLargeCommunity', value });
  }
  if (numbersAdded(after.communities, before.communities).length > 0) unreplayed.push('communities');
  if (before.largeCommunities?.some((each) => after.largeCommunities?.some((kept) => same(each, kept)) !== true) === true)
    unreplayed.push('largeCommunities');
  if (before.med !== undefined && after.med === undefined) unreplayed.push('med');
  if (before.origin !== after.origin) unreplayed.push('origin');
  if (!same(before.extendedCommunities, after.extendedCommunities)) unreplayed.push('extendedCommunities');
  return { actions, unreplayed };
}

/** Exports to a neighbour as a policy, and what of them cannot be replayed, by prefix. */
export interface Exports {
  readonly policy: Policy;
  readonly unreplayed: ReadonlyMap<string, readonly Unreplayed[]>;
}

/** The last verdict on each prefix is the one that holds at the end. */
export function exportsTo(events: readonly LogLine[], address: string): Exports {
  const verdicts = events.flatMap(verdictsOf);
  const last = new Map(
    verdicts
      .filter(({ direction, neighbor }) => direction === 'Export' && neighbor === address)
      .map((each) => [each.prefix, each.accepted]),
  );
  const own = redistributedAttributes(events);
  const unreplayed = new Map<string, readonly Unreplayed[]>();
  const terms = [...last].flatMap(([prefix, accepted]) => {
    const when = [{ kind: 'prefix', any: [{ prefix: prefixOf(prefix), match: { kind: 'exact' } }] } as const];
    const term = (then: readonly Action[]) => ({ name: prefix, when, then, reasons: [] });
    if (accepted === undefined) return [term([{ kind: 'reject' }])];
    const from = member(accepted, 'origin', 'Neighbor', 'remote_addr');
    const source = typeof from === 'string' ? addressText(from) : undefined;
    const imported = verdicts.findLast(
      ({ direction, neighbor, prefix: at }) => direction === 'Import' && neighbor === source && at === prefix,
    );
    const before = source === undefined ? {} : (member(imported?.accepted, 'attrs') ?? member(accepted, 'attrs'));
    const bare = source === undefined ? { base: { origin: text(own.get(prefix), 'base', 'origin') } } : before;
    const found = difference(typed(bare), typed(member(accepted, 'attrs')));
    if (found.unreplayed.length > 0) unreplayed.set(prefix, found.unreplayed);
    return found.actions.length === 0 ? [] : [term(found.actions)];
  });
  return { policy: { name: `exports to ${address}`, terms, otherwise: 'accept' }, unreplayed };
}

/** LOCAL_PREF that imports gave to routes of a neighbour: an external one cannot send it. The rest goes in with the routes. */
export function importsFrom(events: readonly LogLine[], address: string): Policy {
  const accepted = events
    .flatMap(verdictsOf)
    .filter((each) => each.direction === 'Import' && each.neighbor === address && each.accepted !== undefined);
  const preferences = new Map(accepted.map((each) => [each.prefix, typed(member(each.accepted, 'attrs')).localPref]));
  const terms = [...preferences].flatMap(([prefix, value]) => {
    if (value === undefined) return [];
    const when = [{ kind: 'prefix', any: [{ prefix: prefixOf(prefix), match: { kind: 'exact' } }] } as const];
    return [{ name: prefix, when, then: [{ kind: 'setLocalPref', value } as const], reasons: [] }];
  });
  return { name: `imports from ${address}`, terms, otherwise: 'accept' };
}
