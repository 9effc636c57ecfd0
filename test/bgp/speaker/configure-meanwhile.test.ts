/** Connections and sessions of a speaker that takes a configuration of many peers in slices. */
import { describe, expect, it } from 'vitest';
import type { PeerRange, Speaker, SpeakerOutput } from '../../../src/bgp/index.ts';
import { parsePrefix } from '../../../src/bgp/index.ts';
import { LLGR_STALE } from '../../../src/bgp/speaker/long-lived.ts';
import { encodeKeepalive, encodeOpen, encodeUpdate } from '../../../src/bgp/wire/index.ts';
import { open } from '../session/fixtures.ts';
import { arrive, at, fresh, hear, many, names, workOn } from './slices.ts';
import { config, peer, route } from './world.ts';

/** Types of what was sent on a connection. */
const sent = (outputs: readonly SpeakerOutput[], connection: number): (number | undefined)[] =>
  outputs.flatMap((each) => (each.type === 'send' && each.connection === connection ? each.buffers.map((octets) => octets[18]) : []));

describe('a connection meanwhile', () => {
  it('that came up under the old router id ends when its peer is reached', () => {
    const speaker = fresh();
    speaker.handle({ type: 'configure', config: config(1, many(300, { passive: true })) }, 0);
    workOn(speaker);
    arrive(speaker, 299);
    hear(speaker, encodeOpen(open({ bgpId: 5 })));
    speaker.handle({ type: 'configure', config: config(7, many(300, { passive: true })) }, 1);
    workOn(speaker, 3);
    hear(speaker, encodeKeepalive());
    expect(speaker.status().peers.at(-1)?.state).toBe('established');
    const outputs = workOn(speaker).flat();
    expect(outputs).toContainEqual({ type: 'close', connection: 1, reset: false });
    expect(speaker.status().peers.at(-1)?.state).toBe('active');
  });

  it('is taken from a peer that is there and has not begun', () => {
    const speaker = fresh();
    speaker.handle({ type: 'configure', config: config(1, many(300, { passive: true })) }, 0);
    // Every peer is added, few have begun.
    while (speaker.status().peers.length === 0) workOn(speaker, 1);
    expect(speaker.configuring()).toBe(true);
    expect(sent(arrive(speaker, 299), 1)).toEqual([1]);
    expect(speaker.status().peers.at(-1)?.state).toBe('open-sent');
    workOn(speaker);
    expect(speaker.status().peers.at(-1)?.state).toBe('open-sent');
  });

  /** A range around all peers and somebody who is none of them. */
  function ranged(): { readonly speaker: Speaker; readonly ranges: readonly PeerRange[] } {
    const prefix = parsePrefix('10.1.0.0/16');
    if (prefix === undefined) throw new Error('no prefix');
    const { id: _id, remote: _remote, remoteAs: _as, passive: _passive, ...template } = peer(2);
    const ranges = [{ id: 'nodes', prefix, remoteAs: [{ from: 64512, to: 64512 }], limit: 5, template }];
    const speaker = fresh();
    speaker.handle({ type: 'configure', config: config(1, many(300, { passive: true }), { ranges }) }, 0);
    workOn(speaker);
    arrive(speaker, 500);
    return { speaker, ranges };
  }

  it('is of the peer that the new configuration names, though it came for a range', () => {
    const { speaker, ranges } = ranged();
    const wanted = [...many(300, { passive: true }), ...many(1, { passive: true }, 500)];
    speaker.handle({ type: 'configure', config: config(1, wanted, { ranges }) }, 1);
    workOn(speaker, 1);
    hear(speaker, encodeOpen(open()));
    expect(speaker.status().peers.at(-1)).toMatchObject({ id: 'n500', state: 'open-confirm', range: undefined });
    workOn(speaker);
    expect(names(speaker)).toEqual(wanted.map(({ id }) => id));
  });

  it('that ends takes its peer out of a range, after the configuration that kept it', () => {
    const { speaker, ranges } = ranged();
    hear(speaker, encodeOpen(open()));
    hear(speaker, encodeKeepalive());
    expect(names(speaker)).toHaveLength(301);
    speaker.handle({ type: 'configure', config: config(1, many(300, { passive: true, holdTime: 30 }), { ranges }) }, 1);
    workOn(speaker, 3);
    speaker.handle({ type: 'closed', connection: 1, reason: '' }, 1);
    workOn(speaker);
    expect([names(speaker).length, speaker.status().ranges[0]?.peers]).toEqual([300, 0]);
  });
});

describe('sessions that are up', () => {
  it('that routes may be kept long counts for peers that the one before it did not reach', () => {
    const speaker = fresh();
    const passive = many(300, { passive: true });
    speaker.handle({ type: 'configure', config: config(1, passive) }, 0);
    workOn(speaker);
    for (const [index, communities] of [[], [LLGR_STALE]].entries()) {
      const connection = index + 1;
      arrive(speaker, 299 - index, connection);
      for (const octets of [
        encodeOpen(open({ bgpId: 9 - index })),
        encodeKeepalive(),
        ...encodeUpdate({
          announced: [{ prefix: route('10.1.0.0/24').prefix }],
          attributes: { origin: 'igp', asPath: [], nextHop: at(299 - index), localPref: 100, communities },
        }),
      ])
        hear(speaker, octets, connection);
    }
    workOn(speaker);
    const best = (): string | undefined => speaker.routes({ view: 'best', family: 'ipv4-unicast' }, 0, 10).routes[0]?.from;
    expect(best()).toBe('n298');
    const [first, ...rest] = passive;
    if (first === undefined) throw new Error('no peer');
    const keeps = { ...first, gracefulRestart: { restartTime: 60, longLivedStaleTime: 3600 } };
    speaker.handle({ type: 'configure', config: config(1, [keeps, ...rest]) }, 1);
    workOn(speaker, 3);
    speaker.handle({ type: 'configure', config: config(1, [{ ...keeps, reasons: [] }, ...rest]) }, 1);
    workOn(speaker);
    expect(best()).toBe('n299');
  });
});
