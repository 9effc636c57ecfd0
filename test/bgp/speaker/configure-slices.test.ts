/** A configuration of many peers is taken in slices: what each slice does, and what holds before, between and after them. */
import { describe, expect, it } from 'vitest';
import type { PeerConfig, Speaker, SpeakerConfig, SpeakerOutput } from '../../../src/bgp/index.ts';
import { createRecordedSpeaker, Replay, seededRandom } from '../../../src/bgp/testing/index.ts';
import { at, BUDGET, count, fresh, many, names, workOn } from './slices.ts';
import { config, route } from './world.ts';

const PEERS = 600;
/** A peer more may be under way when the time is over, and each is compared, added or started. */
const MOST = BUDGET + 1;

/** Peers of which a field is read that decides nothing but what has to change. */
function counted(peers: readonly PeerConfig[], seen: Set<string>): PeerConfig[] {
  return peers.map((each) => {
    const copy = { ...each };
    Object.defineProperty(copy, 'connectRetryTime', {
      enumerable: true,
      get: () => {
        seen.add(each.id);
        return each.connectRetryTime;
      },
    });
    return copy;
  });
}

describe('hundreds of peers', () => {
  it.each([
    ['all new', many(PEERS), undefined],
    ['every object new', many(PEERS), many(PEERS)],
    ['another policy for all', many(PEERS, { exportPolicy: { name: 'none', terms: [], otherwise: 'reject' } }), many(PEERS)],
    ['all bounced', many(PEERS, { holdTime: 30 }), many(PEERS)],
    ['half of them others', many(PEERS, {}, PEERS / 2), many(PEERS)],
  ])('%s: no more than a few in the input and in each slice', (_name, wanted, before) => {
    const speaker = fresh();
    if (before !== undefined) speaker.handle({ type: 'configure', config: config(1, before) }, 0);
    workOn(speaker);
    const seen = new Set<string>();
    const input = speaker.handle({ type: 'configure', config: config(1, counted(wanted, seen)) }, 1);
    expect([seen.size, input.length, speaker.configuring()]).toEqual([0, 0, true]);
    let slices = 0;
    while (speaker.configuring()) {
      seen.clear();
      const [outputs = []] = workOn(speaker, 1);
      expect(seen.size).toBeLessThanOrEqual(MOST);
      expect(count(outputs, 'dial')).toBeLessThanOrEqual(MOST);
      slices++;
    }
    expect(slices).toBeGreaterThan(PEERS / MOST);
    expect(names(speaker)).toEqual(wanted.map(({ id }) => id));
    expect(speaker.status().peers.every(({ state }) => state === 'connect')).toBe(true);
  });

  it('all removed', () => {
    const speaker = fresh();
    speaker.handle({ type: 'configure', config: config(1, many(PEERS)) }, 0);
    workOn(speaker);
    speaker.handle({ type: 'configure', config: config(1, []) }, 1);
    const slices = workOn(speaker);
    expect(Math.max(...slices.map((outputs) => count(outputs, 'cancel-dial')))).toBeLessThanOrEqual(MOST);
    expect(count(slices.flat(), 'cancel-dial')).toBe(PEERS);
    expect(names(speaker)).toEqual([]);
  });

  it('a hundred peers have effect with the input', () => {
    const speaker = fresh();
    const outputs = speaker.handle({ type: 'configure', config: config(1, many(100)) }, 0);
    expect([count(outputs, 'dial'), speaker.configuring()]).toEqual([100, false]);
  });
});

describe('what holds meanwhile', () => {
  /** 300 peers configured, then so many slices of `next`. */
  function halfway(next: SpeakerConfig, slices = 5): Speaker {
    const speaker = fresh();
    speaker.handle({ type: 'configure', config: config(1, many(300)) }, 0);
    workOn(speaker);
    speaker.handle({ type: 'configure', config: next }, 1);
    workOn(speaker, slices);
    expect(speaker.configuring()).toBe(true);
    return speaker;
  }

  it('listeners open once every peer is there, and close at once', () => {
    const [one, two] = [
      { address: at(1), port: 1179 },
      { address: at(2), port: 1179 },
    ];
    const speaker = fresh();
    expect(count(speaker.handle({ type: 'configure', config: config(1, many(300), { listen: [one] }) }, 0), 'listen')).toBe(0);
    expect(workOn(speaker).flatMap((outputs) => outputs.filter(({ type }) => type === 'listen'))).toEqual([
      { type: 'listen', endpoints: [one] },
    ]);
    const next = config(1, many(300), { listen: [two] });
    expect(speaker.handle({ type: 'configure', config: next }, 1)).toEqual([{ type: 'listen', endpoints: [] }]);
    expect(workOn(speaker).flat()).toEqual([{ type: 'listen', endpoints: [two] }]);
  });

  it('routes set after the configuration come on top of its own', () => {
    const speaker = halfway(config(1, many(300, {}, 1), { routes: [route('10.1.0.0/24')] }));
    speaker.handle({ type: 'routes', set: [route('10.2.0.0/24')], remove: [] }, 2);
    workOn(speaker);
    expect(speaker.status().prefixes['ipv4-unicast']).toBe(2);
  });

  it('an operator finds the peers of the new one', () => {
    const speaker = halfway(config(1, many(300, {}, 250)));
    speaker.handle({ type: 'peer-action', peer: 'n549', action: { kind: 'shutdown', text: 'away' } }, 2);
    expect(speaker.configuring()).toBe(false);
    expect(speaker.status().peers.find(({ id }) => id === 'n549')?.adminDown).toBe(true);
  });

  it('what is found about a peer of the new one is kept', () => {
    const speaker = halfway(config(1, many(300, {}, 250)));
    speaker.handle({ type: 'diagnosis', peer: 'n549', text: 'no key' }, 2);
    workOn(speaker);
    expect(speaker.status().peers.find(({ id }) => id === 'n549')?.diagnosis).toBe('no key');
  });

  it('a peer that is taken back before it began is not dialed', () => {
    const speaker = fresh();
    speaker.handle({ type: 'configure', config: config(1, many(300)) }, 0);
    // Every peer is added, few have begun.
    let dialed = 0;
    while (dialed === 0) dialed = count(workOn(speaker, 1).flat(), 'dial');
    const outputs = [...speaker.handle({ type: 'configure', config: config(1, []) }, 1), ...workOn(speaker).flat()];
    expect([count(outputs, 'dial'), count(outputs, 'cancel-dial')]).toEqual([0, dialed]);
  });

  it('the end ends all of them', () => {
    const speaker = halfway(config(1, many(300, {}, 250)), 20);
    const outputs = [...speaker.handle({ type: 'shutdown', planned: false }, 2), ...workOn(speaker).flat()];
    expect(speaker.status().peers.every(({ state }) => state === 'idle')).toBe(true);
    expect(outputs.filter(({ type }) => type === 'listen').at(-1)).toEqual({ type: 'listen', endpoints: [] });
  });

  it('what an operator set outlives a process that ends between slices', () => {
    const speaker = fresh();
    speaker.handle({ type: 'recall', peers: [{ id: 'n5', shutdown: 'away' }] }, 0);
    speaker.handle({ type: 'configure', config: config(1, many(300)) }, 0);
    while (speaker.configuring()) {
      expect(speaker.memory()).toEqual([{ id: 'n5', shutdown: 'away' }]);
      workOn(speaker, 1);
    }
    expect(speaker.memory()).toEqual([{ id: 'n5', shutdown: 'away' }]);
  });
});

/** Some 150 of 200 addresses, with names that move between them, and now and then another id of the router. */
function randomConfig(random: () => number): SpeakerConfig {
  const shift = Math.floor(random() * 3);
  const peers = many(200).flatMap((each, index) =>
    random() < 0.25
      ? []
      : [
          {
            ...each,
            id: `n${(index + shift) % 200}`,
            passive: random() < 0.2,
            holdTime: random() < 0.2 ? 30 : 90,
            reflectorClient: shift === 1,
          },
        ],
  );
  return config(random() < 0.2 ? 7 : 1, peers, { listen: random() < 0.5 ? [] : [{ address: at(1), port: 1179 }] });
}

/** What must not depend on the way to a configuration. */
function outcome(speaker: Speaker): unknown {
  return speaker
    .status()
    .peers.map(({ id, remote, state, passive, holdTime, reflectorClient }) => [id, remote, state, passive, holdTime, reflectorClient]);
}

describe('one configuration after the other', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('ends as the last one alone would, wherever it found the one before (seed %i)', (seed) => {
    const random = seededRandom(seed);
    const speaker = fresh();
    const listens: SpeakerOutput[] = [];
    const note = (outputs: readonly SpeakerOutput[]): void => void listens.push(...outputs.filter(({ type }) => type === 'listen'));
    let last = randomConfig(random);
    for (let n = 0; n < 12; n++) {
      last = randomConfig(random);
      note(speaker.handle({ type: 'configure', config: last }, n));
      for (let slices = Math.floor(random() * 24); slices > 0; slices--) {
        for (const outputs of workOn(speaker, 1, n)) note(outputs);
        // Whoever asks meanwhile hears of peers that there are.
        for (const { id } of speaker.status().peers) speaker.routes({ view: 'received', family: 'ipv4-unicast', peer: id }, 0, 1);
      }
    }
    for (const outputs of workOn(speaker, Infinity, 100)) note(outputs);
    const alone = fresh();
    alone.handle({ type: 'configure', config: last }, 0);
    workOn(alone);
    expect(outcome(speaker)).toEqual(outcome(alone));
    expect(listens.at(-1)).toEqual({ type: 'listen', endpoints: last.listen });
  });

  it('is replayed octet for octet', () => {
    const lines: string[] = [];
    const random = seededRandom(5);
    const speaker = createRecordedSpeaker({ random, wallClock: (now) => now }, (line) => lines.push(line));
    for (let n = 0; n < 6; n++) {
      speaker.handle({ type: 'configure', config: randomConfig(random) }, n);
      workOn(speaker, 8, n);
    }
    const replay = new Replay();
    for (const line of lines) replay.push(line);
    expect(replay.finish()).toMatchObject({ ok: true, value: { calls: lines.length - 1, differences: [] } });
  });
});
