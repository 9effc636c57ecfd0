/** helm, kustomize and kubectl, built once by test/cluster/tools/build.sh, and what they make of deploy/. */
import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments, stringify } from 'yaml';
import { isRecord } from '../../../src/confd/resources/fields.ts';
import { run } from '../../interop/harness/exec.ts';
import type { Manifest } from './manifests.ts';

const TOOLS = join(dirname(dirname(fileURLToPath(import.meta.url))), 'tools');
const CHART = 'deploy/helm/linnet';

/** The shapes of deploy/. */
export const MODES = ['addon', 'standalone', 'reflectors'] as const;

/** The folder of helm, kustomize and kubectl, built now where it has to be; undefined without a Go toolchain. Throws where the build fails. */
export function buildRenderers(): string | undefined {
  try {
    return execFileSync('bash', [join(TOOLS, 'build.sh')], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
  } catch (error) {
    if (error instanceof Error && 'status' in error && error.status === 3) return undefined;
    throw error;
  }
}

/** Manifests of a text of YAML documents; empty documents are left out. */
export function manifestsOf(text: string): readonly Manifest[] {
  return parseAllDocuments(text).flatMap((document) => {
    const found: Manifest | null = document.toJS();
    return found === null ? [] : [found];
  });
}

/** What helm makes of the chart; `--set` for each of `values`. Rejects with helm's own words where it refuses. */
export async function template(tools: string, values: Readonly<Record<string, string>>, release = 'linnet'): Promise<readonly Manifest[]> {
  const set = Object.entries(values).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  const args = ['template', release, CHART, '--namespace', 'kube-system', '--kube-version', '1.34.0', ...set];
  return manifestsOf(await run(join(tools, 'helm'), args, 60_000));
}

/** What kustomize makes of a folder. */
export async function kustomize(tools: string, folder: string): Promise<readonly Manifest[]> {
  return manifestsOf(await run(join(tools, 'kustomize'), ['build', folder], 60_000));
}

/** A manifest without the label that says Helm manages it. */
export function unmanaged<T>(value: T): T;
export function unmanaged(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((each: unknown) => unmanaged(each));
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, each]) => (key === 'app.kubernetes.io/managed-by' ? [] : [[key, unmanaged(each)]])),
  );
}

/** The text of a kustomize base. */
export function baseText(manifests: readonly Manifest[], comment: string): string {
  return `# ${comment}\n${manifests.map((manifest) => stringify(unmanaged(manifest), { lineWidth: 0 })).join('---\n')}`;
}
