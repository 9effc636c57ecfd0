import { describe, expect, it } from 'vitest';
import { formatIssueAt } from '../../../../src/confd/resources/issue.ts';
import { type Manifest, readManifest } from '../../../../src/confd/source/file/manifest.ts';
import { LONG_LIST, splitList } from '../../../../src/confd/source/file/yaml-list.ts';

const file = { name: 'l.yaml', path: 'dir/l.yaml' };
let breaths = 0;
const read = (text: string, before?: Manifest, name = file): Promise<Manifest> =>
  readManifest(name, text, before, async () => {
    breaths += 1;
  });

function item(index: number, asNumber: number | string = 64512): string {
  return `apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata:\n  name: p${index}\nspec:\n  peerIP: 192.0.2.1\n  asNumber: ${asNumber}\n`;
}

function listOf(items: readonly string[], indent = ''): string {
  const lines = items.map((text) => `${indent}- ${text.trimEnd().split('\n').join(`\n${indent}  `)}\n`);
  return `apiVersion: v1\nitems:\n${lines.join('')}kind: List\nmetadata:\n  resourceVersion: ""\n`;
}

const COUNT = 400;
const many = Array.from({ length: COUNT }, (_, index) => item(index));

/** What a manifest says, whichever way it was read. */
const gist = ({ claims, issues, broken }: Manifest): unknown => ({
  claims: claims.map(({ key, position, parsed }) => [key, position, parsed.outcome.type]),
  issues: issues.map(formatIssueAt),
  broken,
});

describe('a long List', () => {
  it.each(['', '  '])('indented by %j is read item by item, to the same places', async (indent) => {
    const text = listOf(many.with(7, item(7, -1)), indent);
    expect(text.length).toBeGreaterThan(LONG_LIST);
    expect(splitList({ text, linesBefore: 0 })).toHaveLength(COUNT + 2);
    breaths = 0;
    const cut = await read(text);
    expect(breaths).toBeGreaterThanOrEqual(COUNT);
    // A folded line makes no difference to the value, and keeps the shortcut from applying.
    const whole = await read(text.replace('kind: List', 'kind:   "List" # whole'));
    expect(whole.pieces.size).toBe(1);
    expect(gist(cut)).toEqual(gist(whole));
    expect(cut.issues.map(formatIssueAt)).toEqual([
      `dir/l.yaml:${3 + 7 * 7 + 6}:${5 + indent.length}: BGPPeer/p7 spec.asNumber: -1 is not 1-4294967295 or x.y`,
    ]);
  });

  it('of which one item changed gives the others as they were', async () => {
    const before = await read(listOf(many));
    const after = await read(listOf(many.with(9, item(9, 1))), before);
    const changed = after.claims.filter((claim, index) => claim.parsed !== before.claims[index]?.parsed);
    expect(changed.map(({ ref }) => ref.name)).toEqual(['p9']);
  });

  it('with an alias from one item to another is read as a whole', async () => {
    const linked = many.with(0, item(0).replace('spec:', 'spec: &s')).with(1, item(1).replace(/spec:.*/s, 'spec: *s\n'));
    const manifest = await read(listOf(linked));
    expect(manifest.broken).toBe(false);
    expect(manifest.issues).toEqual([]);
    expect(manifest.claims).toHaveLength(COUNT);
  });

  it.each([
    ['before', (text: string) => text.replace('apiVersion: v1\n', 'apiVersion: {v1\n'), 1],
    ['after', (text: string) => text.replace('kind: List\n', 'kind: List\nmetadata: [\n'), 3 + COUNT * 7],
  ] as const)('that is broken %s its items is broken there', async (_, spoil, line) => {
    const manifest = await read(spoil(listOf(many)));
    expect(manifest.broken).toBe(true);
    expect(manifest.issues).toMatchObject([{ code: 'FILE_SYNTAX' }]);
    expect(manifest.issues[0]?.source?.line).toBeGreaterThanOrEqual(line);
  });

  it('that is broken is broken at one place', async () => {
    const manifest = await read(listOf(many.with(3, item(3).replace('kind: BGPPeer', 'kind: [BGPPeer'))));
    expect(manifest.broken).toBe(true);
    expect(manifest.issues).toMatchObject([{ code: 'FILE_SYNTAX' }]);
    expect(manifest.issues[0]?.source?.line).toBeGreaterThan(3 + 3 * 7);
    expect(manifest.issues[0]?.source?.line).toBeLessThan(3 + 5 * 7);
  });

  it.each([
    ['of another kind', listOf(many).replace('kind: List', 'kind: BGPPeerList')],
    ['short', listOf(many.slice(0, 2))],
    ['in flow style', `kind: List\nitems: [${many.map(() => '{}').join(', ')}]\n${'# \n'.repeat(LONG_LIST / 3)}`],
  ])('%s is left whole', (_, text) => {
    expect(splitList({ text, linesBefore: 0 })).toBeUndefined();
  });
});

describe('documents seen before', () => {
  it('are not read again; only their lines move', async () => {
    const before = await read([item(1), item(2, -2)].join('---\n'));
    const after = await read(`# a new line\n${[item(0), item(1), item(2, -2)].join('---\n')}`, before);
    expect(after.claims.map(({ ref, position }) => [ref.name, position?.line])).toEqual([
      ['p0', 2],
      ['p1', 10],
      ['p2', 18],
    ]);
    expect(after.issues.map(formatIssueAt)).toEqual(['dir/l.yaml:24:3: BGPPeer/p2 spec.asNumber: -2 is not 1-4294967295 or x.y']);
  });

  it('twice in one file are two claims, each at its place', async () => {
    const manifest = await read([item(1), item(1)].join('---\n'));
    expect(manifest.claims.map(({ position }) => position?.line)).toEqual([1, 9]);
  });
});

describe('files of every form', () => {
  it('a byte order mark, line ends of other systems, JSON lists', async () => {
    const manifest = await read(`\ufeff${item(1).replaceAll('\n', '\r\n')}`);
    expect(manifest.claims.map(({ ref }) => ref.name)).toEqual(['p1']);
    const json = JSON.stringify(
      { apiVersion: 'v1', kind: 'List', items: [{ kind: 'Secret' }, { kind: 'Secret', metadata: { name: 's' } }] },
      undefined,
      2,
    );
    const list = await read(json, undefined, { name: 'l.json', path: 'l.json' });
    expect(list.issues.map(formatIssueAt)).toEqual([
      'l.json:5:5: File/l.json apiVersion: is required: an API version such as v1',
      'l.json:8:5: Secret/default/s apiVersion: is required: an API version such as v1',
    ]);
    expect((await read('', undefined, { name: 'e.json', path: 'e.json' })).issues).toEqual([]);
  });

  it('what is no object is an issue of the file', async () => {
    const manifest = await read('just words\n---\n- a\n---\nnull\n');
    expect(manifest.issues.map(formatIssueAt)).toEqual([
      'dir/l.yaml:1:1: File/l.yaml: "just words" is not an object with apiVersion, kind and metadata',
      'dir/l.yaml:3:1: File/l.yaml: ["a"] is not an object with apiVersion, kind and metadata',
    ]);
    expect(manifest.broken).toBe(true);
  });
});
