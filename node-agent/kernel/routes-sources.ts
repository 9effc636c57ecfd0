/** Preferred sources of the node's own packets, used as long as an interface has them: the kernel takes no other. Pure. */
import type { Address } from 'bgp-ts/net';
import { addressesEqual } from 'bgp-ts/net';
import type { Machine } from '../../src/routes/kernel/provider.ts';

/** What the node's own packets have as their source on our routes; absent: the kernel chooses. */
export interface RouteSources {
  readonly ipv4?: Address;
  readonly ipv6?: Address;
}

const FAMILIES = ['ipv4', 'ipv6'] as const;

/** Those that are wanted, and which of them are there. */
export class SourcesHere {
  private readonly wanted: RouteSources;
  private here: RouteSources = {};
  private changed = false;

  constructor(wanted: RouteSources) {
    this.wanted = wanted;
  }

  /** Source for routes of a family. */
  at(family: Address['family']): Address | undefined {
    return this.here[family];
  }

  /** Those that no interface has. */
  missing(): readonly Address[] {
    const wanted = FAMILIES.map((family) => this.wanted[family]).filter((address) => address !== undefined);
    return wanted.filter((address) => this.here[address.family] === undefined);
  }

  /** Takes the addresses of the machine as they are now. */
  look(addresses: Machine['addresses']): void {
    const found: { ipv4?: Address; ipv6?: Address } = {};
    for (const family of FAMILIES) {
      const source = this.wanted[family];
      if (source !== undefined && addresses.some(({ address }) => addressesEqual(address, source))) found[family] = source;
      this.changed ||= (found[family] === undefined) !== (this.here[family] === undefined);
    }
    this.here = found;
  }

  /** Whether one came or went since the last call. */
  takeChanged(): boolean {
    const { changed } = this;
    this.changed = false;
    return changed;
  }
}
