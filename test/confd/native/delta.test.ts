import type { PeerConfig, SpeakerConfig } from 'bgp-ts';
import { parsePrefix, secretText } from 'bgp-ts/net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createConfigState,
  diffConfig,
  isEmptyDelta,
  openDelta,
  sameValue,
  sealDelta,
  touchedBy,
} from '../../../src/confd/native/delta.ts';
import { createTranslator, SESSION_DEFAULTS } from '../../../src/confd/native/translate.ts';
import { transportMap } from '../../../src/confd/native/transport.ts';
import { address, desired, peer, route } from './fixtures.ts';

const translate = createTranslator({
  session: SESSION_DEFAULTS,
  sessionFamilies: 'peer',
  listenPort: undefined,
  transport: transportMap([]),
});
const base = translate(desired()).config;
const clone = <T>(value: T): T => structuredClone(value);

describe('MD5 keys', () => {
  const keyed = (key: string): SpeakerConfig => ({ ...base, peers: base.peers.map((each) => ({ ...each, md5Key: secretText(key) })) });

  it('are compared by their text', () => {
    expect(isEmptyDelta(diffConfig(keyed('geheim'), keyed('geheim')))).toBe(true);
    expect(touchedBy(keyed('geheim'), diffConfig(keyed('geheim'), keyed('anders'))).peers).toBe(base.peers.length);
    expect(touchedBy(base, diffConfig(base, keyed('geheim'))).peers).toBe(base.peers.length);
  });

  it('cross a thread beside their delta, which shows none of them', () => {
    const delta = diffConfig(undefined, keyed('geheim'));
    const sealed = structuredClone(sealDelta(delta));
    expect(JSON.stringify(sealed)).not.toContain('geheim');
    expect(openDelta(sealed).peers.set.map((each) => each.md5Key?.reveal())).toEqual(base.peers.map(() => 'geheim'));
    expect(sameValue(openDelta(sealed), delta)).toBe(true);
    expect(openDelta(sealDelta(diffConfig(undefined, base)))).toEqual(diffConfig(undefined, base));
  });

  it('cannot cross by accident', () => {
    expect(() => structuredClone(secretText('geheim')).reveal()).toThrow(TypeError);
  });
});

describe('diffConfig', () => {
  it('is complete the first time', () => {
    expect(diffConfig(undefined, base)).toMatchObject({ complete: true, peers: { set: base.peers }, routes: { set: base.routes } });
  });

  it.each<[string, SpeakerConfig]>([
    ['the same object', base],
    ['an equal copy', clone(base)],
  ])('says nothing for %s', (_name, after) => {
    expect(isEmptyDelta(diffConfig(base, after))).toBe(true);
  });

  it.each<[string, SpeakerConfig, { peers: number; routes: number; policies: number }]>([
    [
      'a route more',
      { ...base, routes: [...base.routes, ...translate(desired({ advertise: [route('198.51.100.2/32')] })).config.routes] },
      { peers: 0, routes: 1, policies: 0 },
    ],
    ['a route less', { ...base, routes: [] }, { peers: 0, routes: 1, policies: 0 }],
    ['a peer less', { ...base, peers: [] }, { peers: 1, routes: 0, policies: 0 }],
    [
      'a peer more, its policies known',
      {
        ...base,
        peers: [...base.peers, ...translate(desired({ peers: [peer({ id: 'x', address: address('192.0.2.7') })] })).config.peers],
      },
      { peers: 1, routes: 0, policies: 2 },
    ],
    [
      'a policy',
      {
        ...base,
        peers: base.peers.map((entry) => ({ ...entry, exportPolicy: { name: 'none', terms: [], otherwise: 'reject' as const } })),
      },
      { peers: 1, routes: 0, policies: 1 },
    ],
    ['a timer', { ...base, peers: base.peers.map((entry) => ({ ...entry, holdTime: 3 })) }, { peers: 1, routes: 0, policies: 0 }],
  ])('names only %s', (_name, after, touched) => {
    expect(touchedBy(base, diffConfig(base, after))).toEqual(touched);
  });
});

describe('createConfigState', () => {
  it('turns a change of routes alone into a routes input', () => {
    const state = createConfigState();
    state.apply(diffConfig(undefined, base));
    expect(state.apply(diffConfig(base, { ...base, routes: [] }))).toEqual({
      type: 'routes',
      set: [],
      remove: [parsePrefix('198.51.100.1/32')],
    });
  });

  it('refuses to begin with a difference', () => {
    expect(() => createConfigState().apply(diffConfig(base, { ...base, peers: [] }))).toThrow('must be complete');
  });

  it('holds what main holds after any sequence of configurations', () => {
    const config = fc.record({
      localAs: fc.integer({ min: 1, max: 2 }),
      peers: fc.uniqueArray(fc.record({ id: fc.integer({ min: 0, max: 6 }), holdTime: fc.integer({ min: 3, max: 5 }) }), {
        selector: (entry) => entry.id,
      }),
      routes: fc.uniqueArray(fc.record({ id: fc.integer({ min: 0, max: 6 }), metric: fc.integer({ min: 1, max: 2 }) }), {
        selector: (entry) => entry.id,
      }),
    });
    const build = (world: {
      localAs: number;
      peers: { id: number; holdTime: number }[];
      routes: { id: number; metric: number }[];
    }): SpeakerConfig => {
      const [template] = base.peers;
      if (template === undefined) throw new Error('no peer to copy');
      return {
        ...base,
        localAs: world.localAs,
        peers: world.peers.map(({ id, holdTime }): PeerConfig => ({ ...template, id: `p${id}`, holdTime })),
        routes: world.routes.map(({ id, metric }) => ({
          prefix: route(`198.51.100.${id}/32`).prefix,
          protocol: 'static' as const,
          metric,
          reasons: [],
        })),
      };
    };
    const sorted = (held: SpeakerConfig) => ({
      ...held,
      peers: [...held.peers].sort((a, b) => a.id.localeCompare(b.id)),
      routes: [...held.routes].sort((a, b) => JSON.stringify(a.prefix).localeCompare(JSON.stringify(b.prefix))),
    });
    fc.assert(
      fc.property(fc.array(config, { minLength: 1, maxLength: 6 }), (worlds) => {
        const state = createConfigState();
        let before: SpeakerConfig | undefined;
        for (const world of worlds) {
          const after = build(world);
          state.apply(clone(diffConfig(before, after)));
          before = after;
        }
        // A change of the header asks for the whole state: what the thread holds.
        const last = before ?? base;
        const probe = state.apply(clone(diffConfig(last, { ...last, routerId: 7 })));
        expect(probe.type === 'configure' && sorted(probe.config)).toEqual(sorted({ ...last, routerId: 7 }));
      }),
      { numRuns: 300 },
    );
  });
});

describe('sameValue', () => {
  it.each<[unknown, unknown, boolean]>([
    [{ a: 1 }, { a: 1, b: undefined }, true],
    [{ a: 1, b: undefined }, { a: 1 }, true],
    [{ a: 1 }, { a: 1, b: null }, false],
    [[1, 2], [1, 2, 3], false],
    [[], {}, false],
    [Number.NaN, Number.NaN, true],
    [null, {}, false],
  ])('%j and %j: %s', (a, b, same) => {
    expect(sameValue(a, b)).toBe(same);
  });
});
