/**
 * No lost wake-up: a host calls `work` only while `hasWork` says so, so whatever could be sent or done without a further input must be
 * announced by it. After every input and every slice of random networks a speaker that says it has no work is made to work all the same:
 * it must find nothing, and say nothing else afterwards.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PeerConfig, Speaker, SpeakerConfig } from '../../../src/bgp/index.ts';
import { createSpeaker } from '../../../src/bgp/index.ts';
import { MemoryNetwork, seededRandom } from '../../../src/bgp/testing/index.ts';
import { fuzzRuns } from '../wire/arbitraries.ts';
import { address, config, peer, route } from './world.ts';

const HOSTS = [1, 2, 3, 4] as const;

/** A speaker whose claims are put to the test; what it had hidden goes to `lost`. */
function probed(speaker: Speaker, lost: string[]): Speaker {
  const probe = (what: string, now: number): ReturnType<Speaker['handle']> => {
    if (speaker.hasWork()) return [];
    const { outputs, more } = speaker.work(() => now, 1);
    if (outputs.length > 0 || more || speaker.hasWork()) lost.push(`${what}: ${outputs.map(({ type }) => type).join()} more ${more}`);
    return outputs;
  };
  return {
    ...speaker,
    handle: (input, now) => [...speaker.handle(input, now), ...probe(input.type, now)],
    work: (clock, budgetMs) => {
      const { outputs, more } = speaker.work(clock, budgetMs);
      if (more && !speaker.hasWork()) lost.push('work that leaves some');
      return { outputs: more ? outputs : [...outputs, ...probe('work', clock())], more };
    },
  };
}

interface Step {
  readonly kind: 'deliver' | 'work' | 'time' | 'cut' | 'block' | 'unblock' | 'refresh' | 'gshut' | 'routes' | 'replace' | 'policy' | 'med';
  readonly host: number;
  readonly other: number;
  readonly number: number;
}

const kind = fc.constantFrom<Step['kind']>(
  ...(['deliver', 'deliver', 'deliver', 'deliver', 'deliver', 'work', 'work', 'time', 'cut', 'block', 'unblock'] as const),
  ...(['refresh', 'gshut', 'routes', 'replace', 'policy', 'med'] as const),
);
const step: fc.Arbitrary<Step> = fc.record({
  kind,
  host: fc.constantFrom(...HOSTS),
  other: fc.constantFrom(...HOSTS),
  number: fc.nat(1000),
});

/** Host 1 reflects to 2 and 3 and has a session with 4 in another AS. */
function configOf(host: number, { number }: Pick<Step, 'number'>): SpeakerConfig {
  const policy = { name: 'all', terms: [], otherwise: number % 5 === 4 ? 'reject' : 'accept' } as const;
  const more = { gracefulRestart: { restartTime: 3 }, exportPolicy: policy };
  const others: PeerConfig[] =
    host === 1
      ? [2, 3, 4].map((other) => peer(other, { ...more, reflectorClient: other < 4, ...(other === 4 && { remoteAs: 65004 }) }))
      : [peer(1, { ...more, ...(host === 4 && { localAs: 65004 }) })];
  const routes = Array.from({ length: number % 4 }, (_, i) => route(`10.${host}.${i}.0/24`));
  return config(host, others, { routes, med: { missing: number % 2 === 0 ? 'zero' : 'worst', compare: 'same-as' } });
}

function take(network: MemoryNetwork, { kind: what, host, other, number }: Step): void {
  const [name, remote] = [`s${host}`, `s${other}`];
  switch (what) {
    case 'deliver': {
      const count = network.deliverable();
      if (count > 0) network.deliver(number % count, 1 + number);
      return;
    }
    case 'work':
      network.work(name);
      return;
    case 'time':
      network.clock.moveTo(network.clock.now() + number * 10);
      for (const each of HOSTS) network.feed(`s${each}`, { type: 'tick' });
      return;
    case 'cut':
      if (host !== other) network.cut(name, remote);
      return;
    case 'block':
    case 'unblock':
      if (host !== other) network.setBlocked(name, remote, what === 'block');
      return;
    case 'refresh':
      network.feed(name, {
        type: 'peer-action',
        peer: `p${other}`,
        action: { kind: 'refresh', direction: number % 2 === 0 ? 'in' : 'out' },
      });
      return;
    case 'gshut':
      network.feed(name, { type: 'peer-action', peer: `p${other}`, action: { kind: 'gshut', on: number % 2 === 0 } });
      return;
    case 'routes':
      network.feed(name, { type: 'routes', set: [route(`10.${host}.9.0/24`)], remove: [route(`10.${host}.${number % 4}.0/24`).prefix] });
      return;
    case 'replace':
    case 'policy':
    case 'med':
      network.feed(name, { type: 'configure', config: configOf(host, { number }) });
      return;
    default: {
      const never: never = what;
      return never;
    }
  }
}

describe('hasWork', () => {
  it('is true wherever work would do something, in any interleaving', { timeout: 120_000 }, () => {
    let inputs = 0;
    fc.assert(
      fc.property(fc.nat(), fc.array(step, { minLength: 40, maxLength: 160 }), (seed, steps) => {
        const network = new MemoryNetwork();
        const lost: string[] = [];
        for (const host of HOSTS) {
          const speaker = createSpeaker({ random: seededRandom(seed * 10 + host), wallClock: (now) => now });
          network.join(`s${host}`, probed(speaker, lost), [address(host)]);
          network.feed(`s${host}`, { type: 'configure', config: configOf(host, { number: 3 }) });
        }
        // Most of it shall happen to sessions that are up.
        if (seed % 3 > 0) network.advance(8_000);
        for (const action of steps) {
          take(network, action);
          inputs++;
          if (lost.length > 0) break;
        }
        expect(lost).toEqual([]);
      }),
      { numRuns: fuzzRuns(80) },
    );
    expect(inputs).toBeGreaterThan(3_000);
  });

  it('does not forget a peer that is owed more than it is given at once', () => {
    const network = new MemoryNetwork();
    // 70,000 routes of 4 octets: more than SEND_BATCH_OCTETS.
    const routes = Array.from({ length: 70_000 }, (_, i) => route(`${10 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.0/24`));
    const speakers = [1, 2].map((host) => {
      const speaker = createSpeaker({ random: seededRandom(host), wallClock: (now) => now });
      network.join(`s${host}`, speaker, [address(host)]);
      network.feed(`s${host}`, { type: 'configure', config: config(host, [peer(3 - host)], { routes: host === 1 ? routes : [] }) });
      return speaker;
    });
    network.advance(20_000);
    expect(speakers[1]?.status().peers[0]?.families[0]?.received).toBe(70_000);
  });
});
