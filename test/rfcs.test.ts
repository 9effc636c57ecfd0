/** RFCs.md against the tree: the files it names exist, and no RFC that the speaker cites is missing from it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const document = readFileSync(join(root, 'RFCs.md'), 'utf8');
/** Cells of every row, without the heads of the tables. */
const rows = document
  .split('\n')
  .filter((line) => line.startsWith('|') && !/^\|(-|\s*RFC\s*\|)/.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()));

/** Paths in a cell: `wire/open.ts` is under `base`, `src/config/values.ts` is not. */
function paths(cell: string, base: string): string[] {
  const found = cell.match(/[a-z0-9-]+\/(?:[a-z0-9-]+\/)*(?:[a-z0-9.-]+\.ts)?/g) ?? [];
  return found.map((path) => (/^(src|test|node-agent)\//.test(path) ? path : `${base}${path}`));
}

function citations(folder: string): Set<string> {
  const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !/(^|\/)dist\//.test(file),
  );
  return new Set(
    files.flatMap((file) =>
      [...readFileSync(join(root, folder, file), 'utf8').matchAll(/\bRFC (\d{3,5})\b/g)].map((match) => match[1] ?? ''),
    ),
  );
}

describe('RFCs.md', () => {
  it('has rows to check', () => {
    expect(rows.length).toBeGreaterThan(40);
  });

  it('names files that exist', () => {
    const named = rows.flatMap((cells) => [...paths(cells[3] ?? '', 'src/bgp/'), ...paths(cells[4] ?? '', 'test/bgp/')]);
    expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it('has a row for every RFC that the speaker cites', () => {
    const listed = new Set(document.match(/\b\d{4,5}\b/g) ?? []);
    expect([...citations('src/bgp')].filter((number) => !listed.has(number)).sort()).toEqual([]);
  });

  it('gives no file without a test, and no empty row without saying what is missing', () => {
    const lacking = rows.filter((cells) => (cells[3] !== '' && cells[4] === '') || (cells[3] === '' && cells[5] === ''));
    expect(lacking.map((cells) => cells[1])).toEqual([]);
  });
});
