/** Resources as manifests and back: nothing that counts is lost. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { toManifest } from '../../../src/confd/resources/manifest.ts';
import { parseObject } from '../../../src/confd/resources/parse-object.ts';
import { sameContent } from '../../../src/confd/resources/same.ts';
import type { Resource } from '../../../src/confd/resources/types.ts';
import { workload } from '../../worlds/build.ts';

function again(resource: Resource): Resource {
  const { outcome, issues } = parseObject(JSON.parse(JSON.stringify(toManifest(resource))));
  const errors = issues.filter(({ severity }) => severity === 'error');
  if (outcome.type !== 'resource') throw new Error(JSON.stringify({ errors, manifest: toManifest(resource) }));
  return outcome.resource;
}

const GOOD = 'test/fixtures/broken/good';
const fixtures = (): readonly Resource[] =>
  readdirSync(GOOD, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yaml'))
    .flatMap((name) => parseAllDocuments(readFileSync(join(GOOD, name), 'utf8')))
    .flatMap((document) => {
      const { outcome } = parseObject(document.toJS());
      return outcome.type === 'resource' ? [outcome.resource] : [];
    });

describe('a resource as a manifest', () => {
  it('parses to the same resource, for every good fixture, which have every field', () => {
    const resources = fixtures();
    expect(new Set(resources.map(({ kind }) => kind)).size).toBe(10);
    for (const resource of resources)
      expect(again(resource), JSON.stringify(toManifest(resource))).toSatisfy((found) => sameContent(found, resource));
  });

  it('says whose endpoints a slice has: the one label of it that counts', () => {
    const { outcome } = parseObject({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'web-1', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'web', more: 'x' } },
      addressType: 'IPv4',
      endpoints: [],
    });
    if (outcome.type !== 'resource') throw new Error(outcome.type);
    expect(again(outcome.resource)).toEqual(outcome.resource);
    expect(outcome.resource).toMatchObject({ service: 'web' });
  });

  it('is none for what comes from the host itself', () => {
    expect(toManifest(workload('web', 'tor', '10.0.0.1'))).toBe(undefined);
  });
});
