/** The bill of materials of an installation. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { run } from '../interop/harness/exec.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const bill = (): Promise<string> => run(process.execPath, [`${ROOT}tools/sbom/main.js`, ROOT]);

interface Component {
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly licenses?: unknown;
  readonly hashes?: readonly { readonly content: string }[];
}

describe('the bill of materials', () => {
  it('names every runtime dependency with licence and hash, and is the same twice', async () => {
    const text = await bill();
    expect(await bill()).toBe(text);
    const { bomFormat, components, metadata }: { bomFormat: string; components: Component[]; metadata: { component: Component } } =
      JSON.parse(text);
    expect(bomFormat).toBe('CycloneDX');
    expect(metadata.component.name).toBe('linnet');
    const manifest: { dependencies: Record<string, string> } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));
    for (const [name, version] of Object.entries(manifest.dependencies)) {
      const found = components.find((each) => each.name === name && each.version === version);
      expect(found, name).toBeDefined();
      expect(found?.licenses, name).toBeDefined();
      // The workspaces come from the tree, not from the lock.
      if (name !== 'bgp-ts') expect(found?.hashes?.[0]?.content, name).toMatch(/^[0-9a-f]{128}$/);
    }
    expect(new Set(components.map(({ purl }) => purl)).size).toBe(components.length);
  });
});
