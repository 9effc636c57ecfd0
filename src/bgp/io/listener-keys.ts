/** What a listener must know of its peers before their first packet: an MD5 key for each, the TTL to answer with, the lowest TTL to take. */
import { applyTcpOptions, removeMd5Key, setMd5Key } from 'netlink';
import type { Address } from '../net/index.ts';
import { addressKey } from '../net/index.ts';
import type { Endpoint, PeerConfig } from '../speaker-types.ts';
import { CONTROL_TRAFFIC, keyOctets, optionFault } from './native.ts';
import type { PeerSockets } from './peer-sockets.ts';
import { servedBy } from './peer-sockets.ts';

/** Keys that a listening socket holds, by remote address or prefix; the text tells whether one changed. */
export type HeldKeys = Map<string, { readonly address: Address; readonly prefixLength: number | undefined; readonly text: string }>;

/**
 * Makes the options of a listening socket those of its peers; connections that are up are not touched. New keys come before old
 * ones go. A peer whose key cannot be set, or who shares its address with a peer of another key, is held with the reason.
 */
export function keyListener(fd: number, listener: Endpoint['address'], held: HeldKeys, peers: PeerSockets): void {
  const wanted = new Map<string, PeerConfig[]>();
  const hops: (number | undefined)[] = [];
  for (const peer of peers.all()) {
    if (!servedBy(listener, peer)) continue;
    hops.push(peer.ttlSecurity);
    if (peer.md5Key !== undefined) wantKey(peer, wanted, peers);
  }
  for (const [key, sharing] of wanted) setKey(fd, key, sharing, undefined, held, peers);
  const ranges = peers.ranges().filter(({ peer }) => servedBy(listener, peer));
  for (const { peer, prefixLength } of ranges) {
    hops.push(peer.ttlSecurity);
    if (peer.md5Key === undefined) continue;
    const key = `${addressKey(peer.remote.address)}/${prefixLength}`;
    wanted.set(key, [peer]);
    setKey(fd, key, [peer], prefixLength, held, peers);
  }
  for (const [key, { address, prefixLength }] of held) {
    if (wanted.has(key)) continue;
    removeMd5Key(fd, address, prefixLength);
    held.delete(key);
  }
  applyTcpOptions(fd, listener.family, { typeOfService: CONTROL_TRAFFIC, ...listenerTtl(hops) });
}

/** The peer's key is wanted; those of one address must be equal. */
function wantKey(peer: PeerConfig, wanted: Map<string, PeerConfig[]>, peers: PeerSockets): void {
  const key = addressKey(peer.remote.address);
  const sharing = wanted.get(key);
  const first = sharing?.[0];
  if (sharing === undefined || first === undefined) wanted.set(key, [peer]);
  else if (first.md5Key?.reveal() === peer.md5Key?.reveal()) sharing.push(peer);
  else
    peers.faults.set(
      peer.id,
      `its MD5 key differs from that of ${first.id}, which has the same address; the kernel holds one key an address`,
    );
}

function setKey(
  fd: number,
  key: string,
  sharing: readonly PeerConfig[],
  prefixLength: number | undefined,
  held: HeldKeys,
  peers: PeerSockets,
): void {
  const [peer] = sharing;
  const octets = peer === undefined ? undefined : keyOctets(peer);
  const text = peer?.md5Key?.reveal();
  if (peer === undefined || octets === undefined || text === undefined || held.get(key)?.text === text) return;
  const { address } = peer.remote;
  try {
    setMd5Key(fd, { address, key: octets, ...(prefixLength === undefined ? {} : { prefixLength }) });
    held.set(key, { address, prefixLength, text });
  } catch (error) {
    const fault = optionFault(error, peer, held.size);
    for (const { id } of sharing) peers.faults.set(id, fault);
  }
}

/**
 * RFC 5082 section 3: a peer with TTL security drops our answer to its SYN unless it is sent with 255. The lowest TTL is that of a whole
 * listening socket, so it can stand there only where every peer has one, and must be that of the farthest.
 */
function listenerTtl(served: readonly (number | undefined)[]): { readonly ttl: number; readonly minTtl: number } {
  const hops = served.filter((each) => each !== undefined);
  const all = hops.length > 0 && hops.length === served.length;
  return { ttl: hops.length > 0 ? 255 : -1, minTtl: all ? 256 - Math.max(...hops) : 0 };
}
