/**
 * A path-compressed binary trie from prefixes to values, for longest match and for everything that covers or is covered
 * by a prefix: policy sets, next hops, Service CIDRs. Exact match over the whole table is the RIB's hash, not this.
 * Nodes without a value exist only where two branches part.
 */
import { ADDRESS_BITS } from './address.ts';
import { hostPrefix, prefixContains } from './prefix.ts';
import type { Address, Prefix } from './types.ts';
import { bitAt, commonLength, maskWords } from './words.ts';

interface TrieNode<T> {
  readonly prefix: Prefix;
  entry: TrieEntry<T> | undefined;
  readonly children: [TrieNode<T> | undefined, TrieNode<T> | undefined];
}

/** A prefix and what is stored under it. */
export interface TrieEntry<T> {
  readonly prefix: Prefix;
  readonly value: T;
}

function makeNode<T>(prefix: Prefix, entry: TrieEntry<T> | undefined): TrieNode<T> {
  return { prefix, entry, children: [undefined, undefined] };
}

function rootNode<T>(family: Prefix['family']): TrieNode<T> {
  return makeNode<T>({ family, words: [0, 0, 0, 0], length: 0 }, undefined);
}

/** The node that covers both: their common leading bits, without a value. */
function joiningNode<T>(a: Prefix, b: Prefix): TrieNode<T> {
  const length = Math.min(commonLength(a.words, b.words), a.length, b.length);
  const words = maskWords(a.words, length);
  return makeNode<T>({ family: a.family, words: [words[0], words[1], words[2], words[3]], length }, undefined);
}

/** Map from prefixes of both families to values with longest match; depth is at most the address length. */
export class PrefixTrie<T> {
  readonly #roots: { ipv4: TrieNode<T>; ipv6: TrieNode<T> } = { ipv4: rootNode<T>('ipv4'), ipv6: rootNode<T>('ipv6') };
  #size = 0;

  /** Number of prefixes stored. */
  get size(): number {
    return this.#size;
  }

  /** Stores the value under the prefix, in place of an older one. */
  set(prefix: Prefix, value: T): void {
    const entry = { prefix, value };
    let node = this.#roots[prefix.family];
    while (node.prefix.length !== prefix.length) {
      const side = bitAt(prefix.words, node.prefix.length);
      const child = node.children[side];
      if (child === undefined) {
        node.children[side] = makeNode(prefix, entry);
        this.#size += 1;
        return;
      }
      if (!prefixContains(child.prefix, prefix)) {
        const joint = joiningNode<T>(child.prefix, prefix);
        joint.children[bitAt(child.prefix.words, joint.prefix.length)] = child;
        node.children[side] = joint;
        node = joint;
      } else {
        node = child;
      }
    }
    if (node.entry === undefined) this.#size += 1;
    node.entry = entry;
  }

  /** The value under exactly this prefix. */
  get(prefix: Prefix): T | undefined {
    const node = this.#pathTo(prefix).at(-1);
    return node?.prefix.length === prefix.length ? node.entry?.value : undefined;
  }

  /** Removes the prefix; false where it was not stored. */
  delete(prefix: Prefix): boolean {
    const path = this.#pathTo(prefix);
    const node = path.at(-1);
    if (node?.prefix.length !== prefix.length || node.entry === undefined) return false;
    node.entry = undefined;
    this.#size -= 1;
    this.#prune(path);
    return true;
  }

  /** The most specific stored prefix that contains the address or prefix. */
  longestMatch(target: Address | Prefix): TrieEntry<T> | undefined {
    return this.covering(target).at(-1);
  }

  /** Every stored prefix that contains the address or prefix (itself included), shortest first. */
  covering(target: Address | Prefix): readonly TrieEntry<T>[] {
    const prefix = 'length' in target ? target : hostPrefix(target);
    return this.#pathTo(prefix).flatMap((node) => (node.entry === undefined ? [] : [node.entry]));
  }

  /** Every stored prefix inside the prefix (itself included), in `comparePrefixes` order. */
  *coveredBy(prefix: Prefix): Generator<TrieEntry<T>> {
    const last = this.#pathTo(prefix).at(-1);
    if (last === undefined) return;
    if (last.prefix.length === prefix.length) {
      yield* walk(last);
      return;
    }
    const child = last.children[bitAt(prefix.words, last.prefix.length)];
    if (child !== undefined && prefixContains(prefix, child.prefix)) yield* walk(child);
  }

  /** Every entry, in `comparePrefixes` order. */
  *[Symbol.iterator](): Generator<TrieEntry<T>> {
    yield* walk(this.#roots.ipv4);
    yield* walk(this.#roots.ipv6);
  }

  /** Removes everything. */
  clear(): void {
    this.#roots.ipv4 = rootNode<T>('ipv4');
    this.#roots.ipv6 = rootNode<T>('ipv6');
    this.#size = 0;
  }

  /** Nodes from the root down whose prefixes contain the given one. */
  #pathTo(prefix: Prefix): TrieNode<T>[] {
    const path: TrieNode<T>[] = [];
    let node: TrieNode<T> | undefined = this.#roots[prefix.family];
    while (node !== undefined && prefixContains(node.prefix, prefix)) {
      path.push(node);
      if (node.prefix.length >= prefix.length || node.prefix.length >= ADDRESS_BITS[prefix.family]) break;
      node = node.children[bitAt(prefix.words, node.prefix.length)];
    }
    return path;
  }

  /** Drops the nodes at the end of the path that no longer carry a value or part two branches; the root stays. */
  #prune(path: readonly TrieNode<T>[]): void {
    for (let depth = path.length - 1; depth > 0; depth -= 1) {
      const node = path[depth];
      const parent = path[depth - 1];
      if (node === undefined || parent === undefined || node.entry !== undefined) return;
      const [zero, one] = node.children;
      if (zero !== undefined && one !== undefined) return;
      parent.children[bitAt(node.prefix.words, parent.prefix.length)] = zero ?? one;
    }
  }
}

function* walk<T>(node: TrieNode<T>): Generator<TrieEntry<T>> {
  if (node.entry !== undefined) yield node.entry;
  if (node.children[0] !== undefined) yield* walk(node.children[0]);
  if (node.children[1] !== undefined) yield* walk(node.children[1]);
}
