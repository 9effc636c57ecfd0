/** Columns about where paths come from, one element per peer index, read by decisions and exports. */
import { compareAddresses } from '../net/index.ts';
import type { Address } from '../net/types.ts';
import { grow, uint8, uint32 } from './grow.ts';

/** What decisions and exports need of a path's source; a peer's columns keep their values while its session is down. */
export class SourceColumns {
  /** 1 for peers in another AS. */
  external: Uint8Array<ArrayBuffer> = new Uint8Array(64);
  /** 1 for reflector clients. */
  client: Uint8Array<ArrayBuffer> = new Uint8Array(64);
  /** CLUSTER_ID of clients that have the routes of its other such clients from these themselves (RFC 4456 section 6); 0: others. */
  meshed: Uint32Array<ArrayBuffer> = new Uint32Array(64);
  /** BGP Identifier of the last session. */
  routerId: Uint32Array<ArrayBuffer> = new Uint32Array(64);
  private readonly addresses: (Address | undefined)[] = [];

  /** Room for a peer's columns; called before any is set. */
  reserve(source: number): void {
    this.external = grow(this.external, source + 1, uint8);
    this.client = grow(this.client, source + 1, uint8);
    this.meshed = grow(this.meshed, source + 1, uint32);
    this.routerId = grow(this.routerId, source + 1, uint32);
  }

  /** Sets the peer's address; undefined when its index is given back. */
  setAddress(source: number, address: Address | undefined): void {
    this.addresses[source] = address;
  }

  /** Order of two peers' addresses; 0 where one is unknown. */
  compareAddresses(a: number, b: number): number {
    const left = this.addresses[a];
    const right = this.addresses[b];
    return left === undefined || right === undefined ? a - b : compareAddresses(left, right);
  }
}
