import { appendFile, mkdir, open, rename, rm, symlink, truncate, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Followed, follow, peer, temporaryDirectory } from './follow.ts';

const tasks: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const task of tasks.splice(0).reverse()) await task();
});

async function directory(files: Readonly<Record<string, string>> = {}): Promise<string> {
  const path = await temporaryDirectory((task) => tasks.push(task));
  for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
  return path;
}

async function started(path: string, options: { pollMs?: number } = {}): Promise<Followed> {
  const followed = follow(path, options);
  tasks.push(() => followed.stop());
  await followed.until(() => followed.changes.length > 0);
  return followed;
}

const asOf = ({ store }: Followed, name: string): number | undefined => store.snapshot.peers.get(name)?.asNumber;
const names = ({ store }: Followed): string[] => [...store.snapshot.peers.keys()].sort();

describe('first view', () => {
  it('is one change, in sync, with every manifest at any depth and of any ending', async () => {
    const path = await directory({
      'a.yaml': `${peer('a', 1)}---\n${peer('b', 2)}`,
      'c.json': '{"apiVersion":"projectcalico.org/v3","kind":"BGPPeer","metadata":{"name":"c"},"spec":{"peerIP":"192.0.2.1"}}',
      'notes.txt': 'kind: nothing',
      '.hidden.yaml': peer('hidden', 3),
    });
    await mkdir(join(path, 'sub/deeper'), { recursive: true });
    await writeFile(join(path, 'sub/deeper/d.yml'), peer('d', 4));
    const followed = await started(path);
    expect(names(followed)).toEqual(['a', 'b', 'c', 'd']);
    expect(followed.changes).toHaveLength(1);
    expect(followed.store.inSync).toBe(true);
    expect(followed.issues()).toEqual([]);
  });

  it('of an empty directory is in sync too', async () => {
    const followed = await started(await directory());
    expect(followed.store.inSync).toBe(true);
  });

  it('of a single file is that file alone', async () => {
    const path = await directory({ 'a.yaml': peer('a', 1), 'b.yaml': peer('b', 2) });
    const followed = await started(join(path, 'a.yaml'));
    expect(names(followed)).toEqual(['a']);
    await writeFile(join(path, 'a.yaml'), peer('a', 5));
    await followed.until(() => asOf(followed, 'a') === 5);
    expect(names(followed)).toEqual(['a']);
  });
});

describe('saves', () => {
  it('in place', async () => {
    const path = await directory({ 'a.yaml': peer('a', 1) });
    const followed = await started(path);
    const before = Date.now();
    await writeFile(join(path, 'a.yaml'), peer('a', 2));
    const change = await followed.until(() => asOf(followed, 'a') === 2);
    // File times come from the kernel's tick, which may lag some ms behind.
    expect(change?.writtenAt).toBeGreaterThan(before - 50);
    expect(change?.writtenAt).toBeLessThanOrEqual(Date.now());
  });

  it('by renaming a new file over the old one', async () => {
    const path = await directory({ 'a.yaml': peer('a', 1) });
    const followed = await started(path);
    await writeFile(join(path, '.a.yaml.tmp'), peer('a', 2));
    await rename(join(path, '.a.yaml.tmp'), join(path, 'a.yaml'));
    await followed.until(() => asOf(followed, 'a') === 2);
  });

  it('by renaming the old file away and writing a new one never removes the object', async () => {
    const path = await directory({ 'a.yaml': peer('a', 1) });
    const followed = await started(path);
    await rename(join(path, 'a.yaml'), join(path, 'a.yaml~'));
    await writeFile(join(path, 'a.yaml'), peer('a', 2));
    await followed.until(() => asOf(followed, 'a') === 2);
    expect(followed.changes.flatMap(({ remove }) => remove)).toEqual([]);
  });

  it('in several writes are seen whole only', async () => {
    const path = await directory({ 'a.yaml': `${peer('a', 1)}---\n${peer('b', 64512)}` });
    const followed = await started(path);
    const text = `${peer('a', 2)}---\n${peer('b', 64513)}`;
    const file = await open(join(path, 'a.yaml'), 'w');
    // Cut inside the last AS number: what stands there is valid YAML and a wrong number.
    await file.write(text.slice(0, -3));
    await file.sync();
    await file.write(text.slice(-3));
    await file.close();
    await followed.until(() => asOf(followed, 'b') === 64513);
    expect(asOf(followed, 'a')).toBe(2);
    expect(followed.changes.flatMap(({ remove }) => remove)).toEqual([]);
    expect(followed.changes.flatMap(({ upsert }) => upsert).map((found) => found.kind === 'BGPPeer' && found.asNumber)).not.toContain(64);
  });

  it('that empty a file for a moment do not remove its objects', async () => {
    const path = await directory({ 'a.yaml': peer('a', 1) });
    const followed = await started(path);
    await truncate(join(path, 'a.yaml'));
    await appendFile(join(path, 'a.yaml'), peer('a', 2));
    await followed.until(() => asOf(followed, 'a') === 2);
    expect(followed.changes.flatMap(({ remove }) => remove)).toEqual([]);
  });

  it('that empty a file for good do', async () => {
    const path = await directory({ 'a.yaml': peer('a', 1) });
    const followed = await started(path);
    await truncate(join(path, 'a.yaml'));
    await followed.until(() => names(followed).length === 0);
  });

  it('that change nothing but the file time are no change', async () => {
    const path = await directory({ 'a.yaml': peer('a', 1), 'b.yaml': peer('b', 1) });
    const followed = await started(path);
    await writeFile(join(path, 'a.yaml'), peer('a', 1));
    await writeFile(join(path, 'b.yaml'), peer('b', 2));
    await followed.until(() => asOf(followed, 'b') === 2);
    expect(followed.changes).toHaveLength(2);
    expect(followed.changes[1]?.upsert.map(({ ref }) => ref.name)).toEqual(['b']);
  });

  it('of one document among many yield that object alone', async () => {
    const many = Array.from({ length: 50 }, (_, index) => peer(`p${index}`, 1));
    const path = await directory({ 'all.yaml': many.join('---\n') });
    const followed = await started(path);
    await writeFile(join(path, 'all.yaml'), many.map((text, index) => (index === 20 ? peer('p20', 7) : text)).join('---\n'));
    const change = await followed.until(() => asOf(followed, 'p20') === 7);
    expect(change?.upsert.map(({ ref }) => ref.name)).toEqual(['p20']);
  });
});

describe('files that come and go', () => {
  it('a new file, a deleted file', async () => {
    const path = await directory({ 'a.yaml': peer('a', 1) });
    const followed = await started(path);
    await writeFile(join(path, 'b.yaml'), peer('b', 2));
    await followed.until(() => names(followed).length === 2);
    await unlink(join(path, 'a.yaml'));
    await followed.until(() => names(followed).length === 1);
    expect(names(followed)).toEqual(['b']);
  });

  it('a new directory is watched, a removed one takes its objects along', async () => {
    const path = await directory();
    const followed = await started(path);
    await mkdir(join(path, 'sub'));
    await writeFile(join(path, 'sub/a.yaml'), peer('a', 1));
    await followed.until(() => asOf(followed, 'a') === 1);
    await writeFile(join(path, 'sub/a.yaml'), peer('a', 2));
    await followed.until(() => asOf(followed, 'a') === 2);
    await rm(join(path, 'sub'), { recursive: true });
    await followed.until(() => names(followed).length === 0);
  });

  it('a directory that is renamed into place comes with its files', async () => {
    const path = await directory();
    const elsewhere = await directory({ 'a.yaml': peer('a', 1) });
    const followed = await started(path);
    await rename(elsewhere, join(path, 'sub'));
    await followed.until(() => asOf(followed, 'a') === 1);
  });

  it('a mounted ConfigMap is read through its links and follows their swap', async () => {
    const path = await directory();
    for (const [version, as] of [
      ['..2026_01_01', 1],
      ['..2026_01_02', 2],
    ] as const) {
      await mkdir(join(path, version));
      await writeFile(join(path, version, 'a.yaml'), peer('a', as));
    }
    await symlink('..2026_01_01', join(path, '..data'));
    await symlink('..data/a.yaml', join(path, 'a.yaml'));
    const followed = await started(path);
    expect(names(followed)).toEqual(['a']);
    expect(followed.issues()).toEqual([]);
    await symlink('..2026_01_02', join(path, '..data_tmp'));
    const before = Date.now();
    await rename(join(path, '..data_tmp'), join(path, '..data'));
    const change = await followed.until(() => asOf(followed, 'a') === 2);
    expect(change?.writtenAt).toBeGreaterThan(before - 50);
    await rm(join(path, '..2026_01_01'), { recursive: true });
    await mkdir(join(path, '..2026_01_03'));
    await writeFile(join(path, '..2026_01_03/a.yaml'), peer('a', 3));
    await symlink('..2026_01_03', join(path, '..data_tmp'));
    await rename(join(path, '..data_tmp'), join(path, '..data'));
    await followed.until(() => asOf(followed, 'a') === 3);
    expect(followed.changes.flatMap(({ remove }) => remove)).toEqual([]);
  });

  it('a link to a file elsewhere is found changed by the poll', async () => {
    const elsewhere = await directory({ 'real.yaml': peer('a', 1) });
    const path = await directory();
    await symlink(join(elsewhere, 'real.yaml'), join(path, 'a.yaml'));
    const followed = await started(path, { pollMs: 50 });
    await writeFile(join(elsewhere, 'real.yaml'), peer('a', 2));
    await followed.until(() => asOf(followed, 'a') === 2);
  });
});

describe('a missing directory', () => {
  it('is an issue and not in sync until it is there', async () => {
    const path = join(await directory(), 'later');
    const followed = await started(path);
    expect(followed.store.inSync).toBe(false);
    expect(followed.issues()).toEqual([`Directory/${path}: is not there or cannot be read`]);
    await mkdir(path);
    await writeFile(join(path, 'a.yaml'), peer('a', 1));
    await followed.until(() => asOf(followed, 'a') === 1);
    expect(followed.store.inSync).toBe(true);
    expect(followed.issues()).toEqual([]);
  });

  it('keeps what it last held, and is taken up again when it returns', async () => {
    const path = join(await directory(), 'manifests');
    await mkdir(path);
    await writeFile(join(path, 'a.yaml'), peer('a', 1));
    const followed = await started(path);
    await rename(path, `${path}-away`);
    await followed.until(() => !followed.store.inSync);
    expect(names(followed)).toEqual(['a']);
    await writeFile(join(`${path}-away`, 'a.yaml'), peer('a', 2));
    await rename(`${path}-away`, path);
    await followed.until(() => asOf(followed, 'a') === 2 && followed.store.inSync);
    expect(followed.issues()).toEqual([]);
  });
});

describe('a broken file', () => {
  it('keeps its last good objects and says where it is broken', async () => {
    const path = await directory({ 'a.yaml': `${peer('a', 1)}---\n${peer('b', 1)}` });
    const followed = await started(path);
    await writeFile(join(path, 'a.yaml'), `${peer('a', 2)}---\nkind: [BGPPeer\n`);
    await followed.until(() => followed.issues().length > 0);
    expect(asOf(followed, 'a')).toBe(2);
    expect(asOf(followed, 'b')).toBe(1);
    expect(followed.store.snapshot.issues).toMatchObject([{ code: 'FILE_SYNTAX', source: { file: join(path, 'a.yaml'), line: 10 } }]);
    await writeFile(join(path, 'a.yaml'), peer('a', 3));
    await followed.until(() => asOf(followed, 'a') === 3 && names(followed).length === 1);
    expect(followed.issues()).toEqual([]);
  });

  it('costs only the object that is bad', async () => {
    const path = await directory({ 'a.yaml': `${peer('a', 1)}---\n${peer('b', 1)}` });
    const followed = await started(path);
    await writeFile(join(path, 'a.yaml'), `${peer('a', -7)}---\n${peer('b', 2)}`);
    await followed.until(() => asOf(followed, 'b') === 2);
    expect(asOf(followed, 'a')).toBe(1);
    expect(followed.issues()).toEqual(['BGPPeer/a spec.asNumber: -7 is not 1-4294967295 or x.y']);
    expect(followed.store.snapshot.issues[0]?.source).toEqual({ file: join(path, 'a.yaml'), line: 7, column: 3 });
    await writeFile(join(path, 'a.yaml'), `${peer('b', 2)}`);
    await followed.until(() => names(followed).length === 1);
    expect(followed.issues()).toEqual([]);
  });

  it('that was never good leaves the others alone', async () => {
    const path = await directory({ 'a.yaml': 'a: b: c\n', 'b.yaml': peer('b', 1), 'c.yaml': 'just words\n' });
    const followed = await started(path);
    expect(names(followed)).toEqual(['b']);
    expect(followed.issues()).toHaveLength(2);
    expect(followed.store.inSync).toBe(true);
  });
});

describe('one object in two places', () => {
  it('is taken from the first file by name, and from the other when that one goes', async () => {
    const path = await directory({ 'b.yaml': peer('x', 2), 'a.yaml': peer('x', 1) });
    const followed = await started(path);
    expect(asOf(followed, 'x')).toBe(1);
    expect(followed.issues()).toEqual([`BGPPeer/x: is defined before, in ${join(path, 'a.yaml')}:1, which holds`]);
    await unlink(join(path, 'a.yaml'));
    await followed.until(() => asOf(followed, 'x') === 2);
    expect(followed.issues()).toEqual([]);
  });

  it('also in the forms of both API groups', async () => {
    const path = await directory({
      'a.yaml': peer('x', 1),
      'b.yaml': peer('x', 2).replace('projectcalico.org/v3', 'crd.projectcalico.org/v1'),
    });
    const followed = await started(path);
    expect(asOf(followed, 'x')).toBe(1);
    expect(followed.issues()).toHaveLength(1);
    await unlink(join(path, 'a.yaml'));
    await followed.until(() => asOf(followed, 'x') === 2);
    expect(names(followed)).toEqual(['x']);
  });
});

describe('kinds that mean nothing here', () => {
  it('are reported once each, whatever their number', async () => {
    const deployment = 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n';
    const path = await directory({ 'a.yaml': `${deployment}---\n${deployment}`, 'b.yaml': deployment });
    const followed = await started(path);
    expect(followed.issues()).toEqual(['Deployment/d kind: "Deployment" of apps/v1 is no kind used here: ignored']);
    expect(followed.store.snapshot.issues[0]?.source).toEqual({ file: join(path, 'a.yaml'), line: 2, column: 1 });
  });
});
