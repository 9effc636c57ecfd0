/** Columns about where paths come from, one element per peer index (and one for local routes), read by decisions and exports. */
import { compareAddresses } from '../net/index.ts';
import type { Address } from '../net/types.ts';
import { LOCAL } from './limits.ts';

const SIZE = LOCAL + 1;

/** What decisions and exports need of a path's source; a peer's columns keep their values while its session is down. */
export class SourceColumns {
  /** 1 for peers in another AS. */
  readonly external: Uint8Array = new Uint8Array(SIZE);
  /** 1 for reflector clients. */
  readonly client: Uint8Array = new Uint8Array(SIZE);
  /** CLUSTER_ID of clients that have the routes of its other such clients from these themselves (RFC 4456 section 6); 0: others. */
  readonly meshed: Uint32Array = new Uint32Array(SIZE);
  /** BGP Identifier of the last session. */
  readonly routerId: Uint32Array = new Uint32Array(SIZE);
  private readonly addresses: (Address | undefined)[] = [];

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
