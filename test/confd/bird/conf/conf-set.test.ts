/** A set of somebody else's templates: rendered, checked together, swapped together, reloaded once; what fails is told. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ConfOptions, type ConfSet, openConfSet } from '../../../../src/confd/bird/conf/conf-set.ts';
import { type KeyView, keyView } from '../../../../src/confd/bird/conf/key-view.ts';
import { stageFiles } from '../../../../src/confd/bird/conf/staging.ts';
import { createRenderer, type Flavor } from '../../../../src/confd/bird/render.ts';
import { TEMPLATE_DIRECTORY } from '../../../../src/confd/bird/templates.ts';
import { buildView } from '../../../../src/confd/bird/view.ts';
import { node, snapshotOf } from '../../../worlds/build.ts';
import { desiredOf, fullWorld } from '../worlds.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'linnet-conf-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const nodes = (...names: readonly string[]) => names.map((name, index) => node(name, { ipv4: `10.0.0.${index + 1}/24` }));
const keysOf = (...names: readonly string[]): KeyView => keyView(snapshotOf(nodes('me', ...names)), desiredOf(nodes('me', ...names)));
const VIEW = buildView(desiredOf(nodes('me')), 'bird1', {}).view;

function put(name: string, text: string): void {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
const out = (name: string): string => join(folder, 'out', name);
const read = (name: string): string => readFileSync(out(name), 'utf8');
const log = (): readonly string[] => (existsSync(join(folder, 'log')) ? readFileSync(join(folder, 'log'), 'utf8').trim().split('\n') : []);
const open = (more: Partial<ConfOptions> = {}): Promise<ConfSet> => openConfSet({ directory: folder, node: 'me', ...more });
const leftovers = (): readonly string[] => readdirSync(join(folder, 'out')).filter((name) => name.startsWith('.linnet'));

const MAIN = `[template]
src = "main.hbs"
dest = "out/main"
prefix = "/calico"
keys = ["/bgp/v1/host"]
check_cmd = "grep -q . '{{src}}' && cat \\"$(dirname '{{src}}')/part\\" | grep -qv bad"
`;

const PART = `[template]
src = "part.hbs"
dest = "out/part"
prefix = "/calico"
keys = ["/bgp/v1/host"]
`;

/** A foreign set: a main file that needs a part beside it, both reloaded by one command. */
function foreignSet(): void {
  const reload = `reload_cmd = "echo reload >> ${join(folder, 'log')}"\n`;
  put('conf.d/main.toml', MAIN + reload);
  put('conf.d/deep/part.toml', PART + reload);
  put('templates/main.hbs', '{{#each (gets "/bgp/v1/host/*/ip_addr_v4")}}\n{{base (dir key)}} {{value}}\n{{/each}}\nrouter {{routerId}}\n');
  put('templates/part.hbs', '{{len (ls "/bgp/v1/host")}} nodes {{> tail}}\n');
  put('partials/tail.hbs', 'end');
}

describe('a pass', () => {
  it('renders keys, typed object and partials, checks, writes and reloads once', async () => {
    foreignSet();
    const result = await (await open()).pass(VIEW, keysOf('you'));
    expect(result).toMatchObject({ written: true, faults: [], changed: [out('part'), out('main')] });
    expect([read('main'), read('part')]).toEqual(['me 10.0.0.1\nyou 10.0.0.2\nrouter 10.0.0.1\n', '2 nodes end\n']);
    expect([log(), leftovers()]).toEqual([['reload'], []]);
  });

  it('does nothing where nothing changed', async () => {
    foreignSet();
    const set = await open();
    await set.pass(VIEW, keysOf('you'));
    expect(await set.pass(VIEW, keysOf('you'))).toMatchObject({ changed: [], written: false, faults: [] });
    expect(log()).toEqual(['reload']);
  });

  it('writes all of the set or none: a check sees the files together', async () => {
    foreignSet();
    const set = await open();
    await set.pass(VIEW, keysOf('you'));
    put('templates/part.hbs', 'bad\n');
    const result = await (await open()).pass(VIEW, keysOf('you', 'him'));
    expect(result).toMatchObject({
      written: false,
      faults: [{ name: 'main.toml', message: expect.stringContaining('check_cmd: exit status 1') }],
    });
    expect([read('main').includes('him'), read('part'), log(), leftovers()]).toEqual([false, '2 nodes end\n', ['reload'], []]);
  });

  it('a template that fails keeps the whole set as it is, and says why', async () => {
    foreignSet();
    put('templates/part.hbs', '{{getv "/none"}}');
    const result = await (await open()).pass(VIEW, keysOf('you'));
    expect(result.faults).toEqual([{ name: 'deep/part.toml', message: expect.stringContaining('there is no key /none') }]);
    expect(existsSync(out('main'))).toBe(false);
  });

  it('a name that the typed object does not have is an error, not an empty text', async () => {
    foreignSet();
    put('templates/part.hbs', '{{nonsense}}');
    expect((await (await open()).pass(VIEW, keysOf())).faults[0]?.message).toContain('template part.hbs');
  });

  it('a reload that fails is told, and tried again by the next pass', async () => {
    foreignSet();
    put('conf.d/deep/part.toml', PART);
    put('conf.d/main.toml', `${MAIN}reload_cmd = "test -e ${join(folder, 'ok')} && echo again >> ${join(folder, 'log')}"\n`);
    const set = await open();
    const first = await set.pass(VIEW, keysOf('you'));
    expect([first.written, first.faults.length, first.faults[0]?.message]).toEqual([true, 1, expect.stringContaining('exit status 1')]);
    put('ok', '');
    expect((await set.pass(VIEW, keysOf('you'))).faults).toEqual([]);
    expect(log()).toEqual(['again']);
  });

  it('a destination that cannot be written is told', async () => {
    foreignSet();
    mkdirSync(out('main'), { recursive: true });
    expect(await (await open()).pass(VIEW, keysOf('you'))).toMatchObject({
      written: false,
      faults: [{ message: expect.stringContaining('EISDIR') }],
    });
    expect(existsSync(out('part'))).toBe(false);
  });

  it('a swap that fails half way puts back what was there', async () => {
    const whole = { text: 'new', mode: 0o644, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    put('out/a', 'old');
    mkdirSync(out('c'));
    const staged = await stageFiles(['a', 'b', 'c'].map((name) => ({ path: out(name), whole })));
    await expect(staged.swap(['a', 'b', 'c'].map(out))).rejects.toThrow('EISDIR');
    expect([read('a'), existsSync(out('b'))]).toEqual(['old', false]);
    await staged.remove();
    expect(leftovers()).toEqual([]);
  });
});

describe('modes', () => {
  it('noop compares only', async () => {
    foreignSet();
    expect(await (await open({ noop: true })).pass(VIEW, keysOf())).toMatchObject({
      written: false,
      faults: [],
      changed: [out('part'), out('main')],
    });
    expect(existsSync(join(folder, 'out'))).toBe(false);
  });

  it('sync-only runs no command', async () => {
    foreignSet();
    put('templates/part.hbs', 'bad\n');
    expect(await (await open({ syncOnly: true })).pass(VIEW, keysOf())).toMatchObject({ written: true, faults: [] });
    expect(log()).toEqual([]);
  });

  it('keep-stage leaves what was staged', async () => {
    foreignSet();
    put('templates/part.hbs', 'bad\n');
    const { staged } = await (await open({ keepStage: true })).pass(VIEW, keysOf());
    expect(readdirSync(staged[0] ?? '').sort()).toEqual(['main', 'part']);
  });

  it('puts every destination below a root', async () => {
    foreignSet();
    await (await open({ root: join(folder, 'root'), syncOnly: true })).pass(VIEW, keysOf());
    expect(readdirSync(join(folder, 'root', 'out')).sort()).toEqual(['main', 'part']);
  });
});

describe('modes of files', () => {
  const modeOf = (name: string): string => (statSync(out(name)).mode & 0o777).toString(8);
  const conf = (mode: string): string => `[template]\nsrc = "a.hbs"\ndest = "out/a"\n${mode}`;

  it('is 0644 for a new file, what it was for an old one, what the conf.d file says before both', async () => {
    put('conf.d/a.toml', conf(''));
    put('templates/a.hbs', '1');
    await (await open()).pass(VIEW, keysOf());
    expect(modeOf('a')).toBe('644');
    chmodSync(out('a'), 0o600);
    put('templates/a.hbs', '2');
    await (await open()).pass(VIEW, keysOf());
    expect(modeOf('a')).toBe('600');
    put('conf.d/a.toml', conf('mode = "0640"\n'));
    expect((await (await open()).pass(VIEW, keysOf())).changed).toEqual([out('a')]);
    expect(modeOf('a')).toBe('640');
  });
});

describe('what cannot be opened', () => {
  it.each([
    ['a broken conf.d file', () => put('conf.d/a.toml', 'nonsense'), 'a.toml:1:'],
    ['a template that is not there', () => put('conf.d/a.toml', '[template]\nsrc = "x"\ndest = "y"\n'), 'ENOENT'],
    [
      'two files with one destination',
      () => {
        for (const name of ['a', 'b']) put(`conf.d/${name}.toml`, '[template]\nsrc = "a.hbs"\ndest = "y"\n');
        put('templates/a.hbs', '');
      },
      "b.toml: dest y is another file's dest too",
    ],
  ])('%s', async (_what, make, why) => {
    make();
    await expect(open()).rejects.toThrow(why);
  });
});

it('a password cannot break or extend a file', async () => {
  put('conf.d/a.toml', '[template]\nsrc = "a.hbs"\ndest = "out/a"\n');
  put('templates/a.hbs', 'password {{q (getv "/secret")}};\n');
  const result = await (await open()).pass(VIEW, new Map([['/secret', '"; include "/etc/passwd']]));
  expect(result).toMatchObject({ written: false, faults: [{ name: 'a.toml', message: expect.not.stringContaining('passwd') }] });
});

describe.each<Flavor>(['bird1', 'bird2'])('our own templates of %s', (flavor) => {
  it('are such a set, and give the same files', async () => {
    const directory = join(TEMPLATE_DIRECTORY, flavor);
    const set = await openConfSet({ directory, partials: join(TEMPLATE_DIRECTORY, 'partials'), root: folder, node: 'me', syncOnly: true });
    const state = fullWorld();
    await set.pass(buildView(state, flavor, {}).view, new Map());
    const { files } = (await createRenderer(flavor))(state, {});
    expect(new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]))).toEqual(
      new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1))),
    );
  });
});
