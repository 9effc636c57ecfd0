/** The committed manifests of deploy/, as data. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { isRecord } from '../../src/confd/resources/fields.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The shapes. */
export const MODES = ['addon', 'standalone', 'reflectors'] as const;

/** Text of a file of the tree. */
export const textOf = (path: string): string => readFileSync(`${ROOT}${path}`, 'utf8');

/** Any value of a manifest, read by path; undefined where there is nothing. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((found, key) => {
    if (Array.isArray(found) && typeof key === 'number') return found[key];
    return isRecord(found) ? found[String(key)] : undefined;
  }, value);
}

/** A list at a path, [] where there is none. */
export function listAt(value: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** The documents of a YAML file of the tree. Throws where it is no YAML. */
export function documentsOf(path: string): readonly unknown[] {
  return parseAllDocuments(textOf(path)).map((document) => {
    if (document.errors[0] !== undefined) throw document.errors[0];
    const found: unknown = document.toJS();
    return found;
  });
}

/** The document of a kind; throws where there is none. */
export function kindOf(documents: readonly unknown[], kind: string): unknown {
  const found = documents.find((document) => at(document, 'kind') === kind);
  if (found === undefined) throw new Error(`no ${kind}`);
  return found;
}

/** The workload of a shape. */
export function workload(mode: (typeof MODES)[number]): unknown {
  return kindOf(documentsOf(`deploy/kustomize/${mode}/linnet.yaml`), mode === 'reflectors' ? 'Deployment' : 'DaemonSet');
}
