/** Rendered files under the real daemons' own parser: recorded inputs, a world with everything in it, and hostile values. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { createRenderer, type Flavor, type Rendered, type Renderer } from '../../../src/confd/bird/render.ts';
import type { Desired } from '../../../src/confd/desired/types.ts';
import { address, desired, peer } from '../native/fixtures.ts';
import { daemons, daemonTitle, realVerdict } from './daemons.ts';
import { fullWorld, recordedDesired, recordedInputs } from './worlds.ts';

const FILES: Readonly<Record<Flavor, readonly string[]>> = {
  bird1: ['bird.cfg', 'bird6.cfg', 'bird6_aggr.cfg', 'bird6_ipam.cfg', 'bird_aggr.cfg', 'bird_ipam.cfg'],
  bird2: ['bird.conf'],
};
const FLAVORS: readonly Flavor[] = ['bird1', 'bird2'];

const renderers = new Map<Flavor, Renderer>();
beforeAll(async () => {
  for (const flavor of FLAVORS) renderers.set(flavor, await createRenderer(flavor));
});

function render(flavor: Flavor, state: Desired, without?: ReadonlySet<string>): Rendered {
  const renderer = renderers.get(flavor);
  if (renderer === undefined) throw new Error(`no renderer of ${flavor}`);
  return renderer(state, {}, without);
}

const textOf = (rendered: Rendered): string => [...rendered.files.values()].join('\n');
const withPassword = (word: string): Desired =>
  desired({ peers: [peer({ id: 'Node_1', password: { reveal: () => word } }), peer({ id: 'Node_2' })] });

describe.each(FLAVORS)('%s', (flavor) => {
  it('makes exactly its files', () => {
    expect([...render(flavor, fullWorld()).files.keys()].sort()).toEqual(FILES[flavor]);
  });

  it('gives the same octets for the same state', () => {
    expect(textOf(render(flavor, fullWorld()))).toBe(textOf(render(flavor, fullWorld())));
  });

  it('leaves out a peer that is held, one without its family, and those named', () => {
    const object = { apiVersion: '', kind: 'BGPPeer', namespace: '', name: 'x' };
    const heldBy = { code: 'X', severity: 'error' as const, object, field: '', got: '', rule: '', source: null, transient: true };
    const peers = [
      peer({ id: 'Node_1', heldBy }),
      peer({ id: 'Node_2', address: address('fd00::2') }),
      peer({ id: 'Node_3' }),
      peer({ id: 'Node_4' }),
    ];
    const text = textOf(render(flavor, desired({ peers }), new Set(['Node_4'])));
    expect([...text.matchAll(/^protocol bgp (\S+)/gm)].map((found) => found[1])).toEqual(['Node_3']);
  });

  it.each(['"; include "/etc/passwd"; #', '', 'a\nb', 'x'.repeat(81)])('a password %j costs its peer only and is not shown', (word) => {
    const rendered = render(flavor, withPassword(word));
    expect(rendered.issues.map(({ code, got }) => [code, got])).toEqual([['PEER_PASSWORD_UNUSABLE', '[hidden]']]);
    expect(textOf(rendered)).not.toContain('protocol bgp Node_1');
    expect(textOf(rendered)).toContain('protocol bgp Node_2');
    expect(JSON.stringify(rendered.issues)).not.toContain('passwd');
  });

  it('gives what a fresh renderer gives, after any sequence of states', async () => {
    const fresh = await createRenderer(flavor);
    const choice = fc.record({
      as: fc.integer({ min: 1, max: 3 }),
      port: fc.constantFrom(179, 1790),
      keep: fc.boolean(),
      bound: fc.boolean(),
      same: fc.boolean(),
    });
    const known = new Map<number, ReturnType<typeof peer>>();
    fc.assert(
      fc.property(fc.array(choice, { minLength: 1, maxLength: 6 }), (choices) => {
        for (const { as, port, keep, bound, same } of choices) {
          const made = peer({ remoteAs: 65000 + as, nextHop: keep ? 'keep' : 'auto' });
          const one = same ? (known.get(as) ?? made) : made;
          known.set(as, one);
          const state = desired({ peers: [one], listen: { addresses: bound ? [address('192.0.2.1')] : [], port } });
          expect(textOf(render(flavor, state))).toBe(textOf(fresh({ ...state, peers: [{ ...one }] }, {})));
        }
      }),
    );
  });

  it('reports pools whose routes need the tunnel device', () => {
    expect(render(flavor, fullWorld()).issues.map(({ code, object }) => [code, object.name])).toEqual([
      ['POOL_IPIP_UNSUPPORTED_BY_BIRD', 'tunnelled'],
    ]);
  });
});

describe.each(FLAVORS)('real daemons', (flavor) => {
  describe.skipIf(daemons(flavor).length === 0)(daemonTitle('take', flavor), () => {
    it('a world with everything', () => {
      expect(realVerdict(flavor, render(flavor, fullWorld()).files)).toBe('');
    });

    it('an empty world', () => {
      expect(realVerdict(flavor, render(flavor, desired({ peers: [], advertise: [], addresses: {} })).files)).toBe('');
    });

    it('hostile names and passwords', { timeout: 60_000 }, () => {
      const text = fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.string(),
        fc.constantFrom('"', '"; }', '\n}\nprotocol bgp x {', '#', '\\', '*/', '$x', '{{q}}'),
      );
      fc.assert(
        fc.property(
          fc.array(fc.record({ id: text, password: text, policy: text, term: text }), { minLength: 1, maxLength: 12 }),
          (peers) => {
            const state = desired({
              node: peers[0]?.term ?? '',
              peers: peers.map(({ id, password, policy, term }, index) =>
                peer({
                  id: `${id}${index}`,
                  address: address(`192.0.2.${index + 2}`),
                  password: { reveal: () => password },
                  importPolicy: {
                    name: policy,
                    terms: [{ name: term, when: [], then: [{ kind: 'setPreference', value: 1 }], reasons: [] }],
                    otherwise: 'accept',
                  },
                }),
              ),
            });
            expect(realVerdict(flavor, render(flavor, state).files)).toBe('');
          },
        ),
        { numRuns: 40 },
      );
    });

    const inputs = recordedInputs();
    it.skipIf(inputs.length === 0).each(inputs)(
      `recorded inputs: $name${inputs.length === 0 ? ' (skipped: no ../shared folder)' : ''}`,
      async ({ folder }) => {
        expect(realVerdict(flavor, render(flavor, await recordedDesired(folder)).files)).toBe('');
      },
    );
  });
});
