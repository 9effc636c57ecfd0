/** The JSON schema says what the reader takes. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BENCH, faults } from './documents.ts';

type Schema = { readonly $defs: { readonly [name: string]: SchemaObject }; readonly properties: object };

interface SchemaObject {
  readonly properties?: object;
  readonly oneOf?: readonly { readonly properties: { readonly kind: { readonly enum: readonly string[] } } }[];
  readonly additionalProperties?: boolean;
}

describe('the schema', () => {
  const schema = JSON.parse(readFileSync(new URL('../../../src/bgp/speaker-config.schema.json', import.meta.url), 'utf8')) as Schema;
  const known = (document: unknown, path: string): string[] => {
    const fault = faults(document).find((each) => each.startsWith(`${path}: unknown key; known are `));
    if (fault === undefined) throw new Error(`no unknown key at ${path}`);
    return fault
      .slice(fault.indexOf('known are ') + 10)
      .split(', ')
      .sort();
  };
  const keys = (object: object | undefined): string[] => Object.keys(object ?? {}).sort();
  const x = { x: 1 };
  const policy = (extra: object): object => ({ ...BENCH, policies: [{ name: 'p', ...extra }] });

  it.each([
    ['document', (): object => schema.properties, { ...BENCH, ...x }, 'x'],
    [
      'neighbor',
      (): object | undefined => schema.$defs['neighbor']?.properties,
      { ...BENCH, neighbors: [{ address: '::1', as: 1, ...x }] },
      'neighbors[0].x',
    ],
    ['listen', (): object | undefined => schema.$defs['endpoint']?.properties, { ...BENCH, listen: { address: '::1', ...x } }, 'listen.x'],
    ['route', (): object | undefined => schema.$defs['route']?.properties, { ...BENCH, routes: [{ prefix: '::/0', ...x }] }, 'routes[0].x'],
    ['policy', (): object | undefined => schema.$defs['policy']?.properties, policy(x), 'policies[0].x'],
    ['term', (): object | undefined => schema.$defs['term']?.properties, policy({ terms: [x] }), 'policies[0].terms[0].x'],
    [
      'prefix match',
      (): object | undefined => schema.$defs['prefixMatch']?.properties,
      policy({ terms: [{ when: [{ kind: 'prefix', any: [{ prefix: '::/0', ...x }] }] }] }),
      'policies[0].terms[0].when[0].any[0].x',
    ],
  ])('%s has the keys of the parser', (_name, properties, document, path) => {
    expect(keys(properties())).toEqual(known(document, path));
  });

  const kinds = (name: string) =>
    (schema.$defs[name]?.oneOf ?? []).flatMap((each) => each.properties.kind.enum.map((kind) => [kind, keys(each.properties)] as const));

  it.each(kinds('condition'))('condition %s', (kind, expected) => {
    const value = kind === 'largeCommunity' ? '1:2:3' : kind === 'community' ? '1:2' : 1;
    const all = known(policy({ terms: [{ when: [{ kind, value, ...x }] }] }), 'policies[0].terms[0].when[0].x');
    expect(all).toEqual(expected);
  });

  it.each(kinds('action'))('action %s', (kind, expected) => {
    const value = kind === 'addLargeCommunity' ? '1:2:3' : kind === 'addCommunity' ? '1:2' : 1;
    expect(known(policy({ terms: [{ then: [{ kind, value, ...x }] }] }), 'policies[0].terms[0].then[0].x')).toEqual(expected);
  });

  it('names every kind', () => {
    expect(kinds('condition')).toHaveLength(8);
    expect(kinds('action')).toHaveLength(9);
  });
});
