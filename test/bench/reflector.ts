/** A RIB as a reflector with clients of a synthetic cluster, for the benches: what is fed and what slices and deliveries came to. */
import { readFileSync } from 'node:fs';
import { addressFromNumber } from 'bgp-ts/net';
import { encodeUpdate, type Family, type PathAttributes, scanUpdate, type UpdateContext } from 'bgp-ts/wire';
import { reflectorClient } from '../../src/bgp/io/warm-up.ts';
import { createRib, type Rib } from '../../src/bgp/rib/index.ts';
import type { PeerConfig } from '../../src/bgp/speaker-types.ts';

const FAMILIES: readonly Family[] = ['ipv4-unicast'];
const CONTEXT: UpdateContext = {
  fourOctetAs: true,
  external: false,
  addPathReceive: [],
  extendedNextHop: [],
  families: FAMILIES,
  loopback: true,
};
/** Options for a bench that is one measurement. */
export const ONCE = { iterations: 1, time: 0, warmupIterations: 0, warmupTime: 0 } as const;
const AS = 64512;

/** CPU milliseconds of this thread so far. */
export function threadCpuMs(): number {
  return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0]) / 1e6;
}

/** A reflector with clients, and what its slices and deliveries came to. */
export class Bench {
  readonly rib: Rib;
  readonly peers: readonly number[];
  /** Longest slice, ms of thread CPU and of the clock. */
  slice = 0;
  wallSlice = 0;
  slices = 0;
  octets = 0;

  constructor(clients: number) {
    this.rib = createRib({ onFault: () => undefined, onMaxPrefix: () => undefined }, { routerId: 0x0a630001, wallClock: () => Date.now() });
    this.peers = Array.from({ length: clients }, (_, number) => this.rib.configurePeer(this.config(number)));
    this.peers.forEach((peer, number) => {
      const address = addressFromNumber(0x7f010001 + number);
      this.rib.sessionUp(peer, {
        context: CONTEXT,
        families: FAMILIES,
        external: false,
        remoteId: 0x0a640001 + number,
        remoteAs: AS,
        remoteAddress: address,
        localAddress: addressFromNumber(0x7f000001),
        fourOctetAs: true,
        maxMessage: 4096,
        addPathSend: [],
      });
    });
    this.drain();
  }

  config(number: number, more: Partial<PeerConfig> = {}): PeerConfig {
    return { ...reflectorClient(number), ...more };
  }

  feed(number: number, messages: readonly Uint8Array[]): void {
    for (const message of messages) {
      const scanned = scanUpdate(message.subarray(19), CONTEXT);
      if (scanned.ok) this.rib.receive(this.peers[number] ?? -1, scanned.value);
    }
  }

  drain(): void {
    for (let more = true; more; ) {
      more = this.timed(() => this.rib.run(() => performance.now(), 5));
      for (const peer of this.rib.readyPeers()) {
        for (let taken = this.rib.take(peer, 65_536); taken.length > 0; taken = this.rib.take(peer, 65_536)) {
          for (const buffer of taken) this.octets += buffer.length;
        }
      }
    }
  }

  /** One slice: whatever the RIB does in one call. */
  timed<T>(act: () => T): T {
    const [from, cpu] = [performance.now(), threadCpuMs()];
    const result = act();
    this.slice = Math.max(this.slice, threadCpuMs() - cpu);
    this.wallSlice = Math.max(this.wallSlice, performance.now() - from);
    this.slices++;
    return result;
  }

  /** Prints what happened since `from`, and begins anew. */
  report(what: string, from: number): void {
    const ms = performance.now() - from;
    process.stdout.write(
      `${what}: ${ms.toFixed(0)} ms, longest of ${this.slices} slices ${this.slice.toFixed(1)} ms of thread CPU (${this.wallSlice.toFixed(1)} ms passed), ${(this.octets / 1e6).toFixed(1)} MB told\n`,
    );
    this.slice = this.wallSlice = this.slices = this.octets = 0;
  }
}

const attributes = (number: number, set: number, asns: readonly number[] = []): PathAttributes => ({
  origin: 'igp',
  asPath: asns.length > 0 ? [{ type: 'sequence', asns }] : [],
  nextHop: addressFromNumber(0x0a640001 + number),
  localPref: 100,
  largeCommunities: [[4_200_000_001, number, set]],
});

/** UPDATEs of a client: `count` prefixes from `base` on with one attribute set. */
export function announce(number: number, set: number, base: number, count: number, length: number, asns?: readonly number[]): Uint8Array[] {
  const announced = Array.from({ length: count }, (_, i) => ({
    prefix: { family: 'ipv4', words: [(base + i * 2 ** (32 - length)) >>> 0, 0, 0, 0], length } as const,
  }));
  return encodeUpdate({ announced, attributes: attributes(number, set, asns) });
}
