/** Objects as they are written, and the resource that one comes to. */
import { expect } from 'vitest';
import { formatIssue } from '../../../src/confd/resources/issue.ts';
import { parseObject } from '../../../src/confd/resources/parse-object.ts';
import type { Resource } from '../../../src/confd/resources/types.ts';

/** Parses an object that must be good, or good with the given warnings. */
export function good<K extends Resource['kind']>(kind: K, raw: object, warnings: string[] = []): Extract<Resource, { kind: K }> {
  const { outcome, issues } = parseObject(raw);
  expect(issues.map(formatIssue)).toEqual(warnings);
  if (outcome.type !== 'resource' || !isKind(outcome.resource, kind)) throw new Error(`no ${kind}: ${outcome.type}`);
  return outcome.resource;
}

function isKind<K extends Resource['kind']>(resource: Resource, kind: K): resource is Extract<Resource, { kind: K }> {
  return resource.kind === kind;
}

/** An object of Calico's group. */
export const calico = (kind: string, spec: object, metadata: object = { name: 'x' }): object => ({
  apiVersion: 'projectcalico.org/v3',
  kind,
  metadata,
  spec,
});

/** A Service. */
export const service = (spec: object, status?: object): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web' },
  spec,
  status,
});
