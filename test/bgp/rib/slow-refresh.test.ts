/** A member that asked for everything again and falls behind the log before it is answered. */
import { describe, expect, it } from 'vitest';
import { ALL, Harness, NONE, type PeerOptions } from './harness.ts';

const CLIENT = { reflectorClient: true } as const;

/** `10.x.y.0/24`, different for each number. */
const net = (number: number): string => `10.${(number >> 8) & 255}.${number & 255}.0/24`;

describe('a refresh that a slow peer waits for', () => {
  it.each([0, 2])('is answered by its walk, which withdraws what goes meanwhile (%i paths each)', (addPathLimit) => {
    const harness = new Harness({ maxLogOctets: 2_000 });
    const options: PeerOptions = { ...CLIENT, exportPolicy: NONE, ...(addPathLimit > 0 && { addPath: 'both', addPathLimit }) };
    const source = harness.peer(options);
    const slow = harness.peer(options);
    const nets = Array.from({ length: 300 }, (_, number) => net(number));
    harness.announce(source, nets);
    harness.settle();
    // Told all at once by a scan, which comes before whoever waits for the table.
    harness.rib.refresh(slow.index, 'ipv4-unicast', true);
    for (const peer of [source, slow]) harness.rib.configurePeer({ ...peer.config, exportPolicy: ALL });
    harness.settle([slow]);
    harness.withdraw(source, nets);
    harness.settle();
    expect(slow.view.size).toBe(0);
    expect(slow.heard.filter((what) => what.startsWith('refresh'))).toEqual(['refresh 1', 'refresh 2']);
  });
});
