/**
 * The BGP Identifier of a node (control-plane 7, CALICO_ROUTER_ID). Calico's choice wherever that is legal; never an id that a
 * peer may refuse: 0.x, 127.x and 224.x upward are left out (control-plane 11, thread 16).
 */
import { type Address, addressFromNumber, formatAddress, numberFromAddress, parseAddress } from 'bgp-ts/net';
import { sha256 } from './sha256.ts';

/** The id chosen; `refused` is the configured text when it could not be used. */
export interface RouterId {
  readonly id: string;
  readonly refused?: string;
}

/** True when every peer accepts it as BGP Identifier. */
export function isLegalRouterId(value: number): boolean {
  const first = Math.floor(value / 0x1000000);
  return first !== 0 && first !== 127 && first < 224;
}

/** `configured` is 'hash', a dotted quad, or absent/'' for the node's IPv4 address; without a usable one, the hash. */
export function chooseRouterId(node: string, configured: string | undefined, ipv4: Address | undefined): RouterId {
  if (configured === 'hash') return { id: hashedRouterId(node) };
  const fallback = addressRouterId(ipv4) ?? hashedRouterId(node);
  if (configured === undefined || configured === '') return { id: fallback };
  const id = addressRouterId(parseAddress(configured));
  return id === undefined ? { id: fallback, refused: configured } : { id };
}

/** First legal group of four octets of SHA-256 of the node name, where a first octet above 223 is lowered by 32 as Calico does. */
export function hashedRouterId(node: string): string {
  const digest = sha256(node);
  const view = new DataView(digest.buffer);
  for (let offset = 0; offset < digest.length; offset += 4) {
    const word = view.getUint32(offset);
    const value = word >= 0xe0000000 ? word - 0x20000000 : word;
    if (isLegalRouterId(value)) return formatAddress(addressFromNumber(value));
  }
  return '1.0.0.1';
}

function addressRouterId(address: Address | undefined): string | undefined {
  if (address === undefined) return undefined;
  const value = numberFromAddress(address);
  return value !== undefined && isLegalRouterId(value) ? formatAddress(address) : undefined;
}
