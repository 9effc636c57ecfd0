/**
 * Prefixes this node originates, counted by who asks for them: the same prefix from the configuration, a block and two Services is
 * one entry that goes when the last of them goes (control-plane 4.1, 12).
 */
import type { Prefix } from 'bgp-ts/net';
import type { Reason } from 'bgp-ts/policy';
import { sameData } from './compare.ts';
import { compareText, SortedTable } from './tables.ts';
import type { AdvertisedRoute } from './types.ts';

/** One wish to originate a prefix. `id` is the prefix as text. */
export interface Origin {
  readonly id: string;
  readonly prefix: Prefix;
  readonly class: AdvertisedRoute['class'];
  readonly reason: Reason;
}

/** The class of an entry is the first of these that asks for it. */
const CLASS_ORDER: readonly AdvertisedRoute['class'][] = [
  'block',
  'cluster-cidr',
  'external-cidr',
  'lb-cidr',
  'cluster-ip',
  'external-ip',
  'lb-ip',
];

/** Origins by source, and the sorted entries they add up to. */
export class OriginTable {
  readonly #bySource = new Map<string, readonly Origin[]>();
  readonly #byPrefix = new Map<string, { readonly source: string; readonly origin: Origin }[]>();
  readonly #routes = new SortedTable<AdvertisedRoute>();

  /** Replaces everything one source asks for. */
  set(source: string, origins: readonly Origin[]): void {
    const before = this.#bySource.get(source) ?? [];
    if (sameData(before, origins)) return;
    for (const origin of before) this.#remove(source, origin.id);
    for (const origin of origins) this.#add(source, origin);
    if (origins.length === 0) this.#bySource.delete(source);
    else this.#bySource.set(source, origins);
    for (const id of new Set([...before, ...origins].map((origin) => origin.id))) this.#settle(id);
  }

  list(): readonly AdvertisedRoute[] {
    return this.#routes.list();
  }

  get(id: string): AdvertisedRoute | undefined {
    return this.#routes.get(id);
  }

  #add(source: string, origin: Origin): void {
    const wishes = this.#byPrefix.get(origin.id);
    if (wishes === undefined) this.#byPrefix.set(origin.id, [{ source, origin }]);
    else wishes.push({ source, origin });
  }

  #remove(source: string, id: string): void {
    const wishes = (this.#byPrefix.get(id) ?? []).filter((wish) => wish.source !== source);
    if (wishes.length === 0) this.#byPrefix.delete(id);
    else this.#byPrefix.set(id, wishes);
  }

  #settle(id: string): void {
    const wishes = this.#byPrefix.get(id);
    if (wishes === undefined) {
      this.#routes.delete(id);
      return;
    }
    const ordered = wishes.length === 1 ? wishes : [...wishes].sort(compareWishes);
    const first = ordered[0];
    if (first === undefined) return;
    const entry: AdvertisedRoute = {
      id,
      prefix: first.origin.prefix,
      class: first.origin.class,
      reasons: uniqueReasons(ordered.map((wish) => wish.origin.reason)),
    };
    this.#routes.set(entry);
  }
}

interface Wish {
  readonly source: string;
  readonly origin: Origin;
}

function compareWishes(a: Wish, b: Wish): number {
  return CLASS_ORDER.indexOf(a.origin.class) - CLASS_ORDER.indexOf(b.origin.class) || compareText(a.source, b.source);
}

function uniqueReasons(reasons: readonly Reason[]): readonly Reason[] {
  const byText = new Map(reasons.map((entry) => [`${entry.object}\n${entry.rule}`, entry]));
  return [...byText.values()];
}
