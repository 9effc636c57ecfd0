/**
 * Skew of versions on one host: what the released version wrote is read by this one, what this one writes is what that one reads, and
 * fields, kinds and schemas that are newer do no harm. test/fixtures/skew has a folder per released version; LINNET_UPDATE=1 writes the
 * folder of the present one, and never another.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { isRecord } from '../../src/confd/resources/fields.ts';
import { parseObject } from '../../src/confd/resources/parse-object.ts';
import type { Resource } from '../../src/confd/resources/types.ts';
import { readConfigFile } from '../../src/config/file.ts';
import { CONFIG_KEYS, OPTIONS } from '../../src/config/options.ts';
import { STATE_FORMS } from '../../src/main/artefacts.ts';
import { createLog } from '../../src/main/log.ts';
import { openPeerMemory } from '../../src/main/peer-memory.ts';
import { openRestartState } from '../../src/main/restart-state.ts';
import { savedFile } from '../../src/main/saved-state.ts';
import { drainFile } from '../../src/node/files.ts';
import { address, filter, keyOf, secret } from '../worlds/build.ts';
import { at, textOf } from './manifests.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SKEW = join(ROOT, 'test', 'fixtures', 'skew');
const VERSION = String(at(JSON.parse(textOf('package.json')), 'version'));
const NOW = { bootId: '00000000-0000-4000-8000-000000000001', networkNamespace: 'net:[4026531840]' };
const log = createLog('fatal', {});

/** Resources of every kind, from the demo's manifests and two more. */
function resources(): readonly Resource[] {
  const found = readdirSync(join(ROOT, 'examples', 'demo'))
    .flatMap((name) => parseAllDocuments(textOf(`examples/demo/${name}`)))
    .flatMap((document) => {
      const { outcome } = parseObject(document.toJS());
      return outcome.type === 'resource' ? [outcome.resource] : [];
    });
  return [...found, secret('bgp', { tor: 'x' }), filter('lb-only', { exportV4: [] })];
}

/** The key, flag and variables of every option. */
const options = (): readonly unknown[] =>
  CONFIG_KEYS.map((key) => ({ key, flag: OPTIONS[key].flag, environment: OPTIONS[key].environment }));

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'linnet-skew-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Lets this version write all of its state. */
async function writeAll(to: string): Promise<void> {
  mkdirSync(to, { recursive: true });
  expect(await savedFile(join(to, 'last-good.jsonl'), 'node-1').write({ at: 1_700_000_000_000, resources: resources() })).toBeUndefined();
  const dynamic = { remote: address('192.0.2.7'), remoteAs: 65_001 };
  const peers = [
    { id: 'tor-a', shutdown: 'maintenance' },
    { id: '192.0.2.7', draining: true, dynamic },
  ] as const;
  const memory = await openPeerMemory(to, () => peers, log);
  await memory.close(true);
  await openRestartState(to, NOW);
  await drainFile(to).write({ phase: 'draining', since: 1_700_000_000_000 });
  writeFileSync(join(to, 'options.json'), `${JSON.stringify(options(), undefined, 1)}\n`);
}

/** What this version makes of a state directory. */
async function readAll(from: string): Promise<unknown> {
  const saved = await savedFile(join(from, 'last-good.jsonl'), 'node-1').read();
  const memory = await openPeerMemory(from, () => [], log);
  const { restarted } = await openRestartState(from, NOW);
  return {
    at: saved?.at,
    resources: saved?.resources.map(keyOf).sort(),
    memory: memory.before,
    restarted,
    drain: await drainFile(from).read(),
  };
}

function copyState(version: string, change: (name: string, text: string) => string = (_, text) => text): void {
  for (const { file } of STATE_FORMS) writeFileSync(join(folder, file), change(file, readFileSync(join(SKEW, version, file), 'utf8')));
}

/** Mappings whose keys are the user's. */
const FREE = ['labels', 'annotations', 'data'];

/** Adds a field to every mapping of a JSON value whose keys are the schema's. */
function newer(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(newer);
  if (!isRecord(value)) return value;
  return {
    ...Object.fromEntries(Object.entries(value).map(([key, each]) => [key, FREE.includes(key) ? each : newer(each)])),
    addedLater: { deep: [1] },
  };
}

/** Members of a JSON value as paths with their types. */
function shape(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((each) => shape(each, `${path}[]`));
  if (!isRecord(value)) return [`${path}: ${typeof value}`];
  return Object.entries(value).flatMap(([key, each]) => shape(each, `${path}.${key}`));
}
const shapes = (text: string): ReadonlySet<string> => {
  const documents = text.startsWith('{\n') ? [text] : text.trim().split('\n');
  return new Set(documents.flatMap((each) => shape(JSON.parse(each))));
};

if (process.env['LINNET_UPDATE'] === '1') await writeAll(join(SKEW, VERSION));

const EXPECTED = {
  at: 1_700_000_000_000,
  resources: resources().map(keyOf).sort(),
  memory: {
    kept: true,
    peers: [
      { id: 'tor-a', shutdown: 'maintenance' },
      { id: '192.0.2.7', draining: true, dynamic: { remote: address('192.0.2.7'), remoteAs: 65_001 } },
    ],
  },
  restarted: true,
  drain: { phase: 'draining', since: 1_700_000_000_000 },
};

it('there is a folder of the present version', () => expect(existsSync(join(SKEW, VERSION))).toBe(true));

describe.each(readdirSync(SKEW))('state of %s', (version) => {
  it('is read by this version', async () => {
    copyState(version);
    expect(await readAll(folder)).toEqual(EXPECTED);
  });

  it('has nothing that this version no longer writes: the way back is open', async () => {
    await writeAll(folder);
    for (const { file } of STATE_FORMS) {
      const written = shapes(readFileSync(join(folder, file), 'utf8'));
      const before = shapes(readFileSync(join(SKEW, version, file), 'utf8'));
      expect(
        [...before].filter((member) => !written.has(member)),
        file,
      ).toEqual([]);
    }
  });

  it('with fields that a newer version 1 has added is read all the same', async () => {
    copyState(version, (name, text) =>
      name.endsWith('.jsonl')
        ? text.replaceAll(/^.+$/gm, (line) => JSON.stringify(newer(JSON.parse(line))))
        : `${JSON.stringify(newer(JSON.parse(text)))}\n`,
    );
    expect(await readAll(folder)).toEqual(EXPECTED);
  });

  it('with a kind that this version does not know loses that object alone', async () => {
    copyState(version, (name, text) => {
      if (!name.endsWith('.jsonl')) return text;
      const [head = '', ...rest] = text.trim().split('\n');
      const header: { count: number } = JSON.parse(head);
      const unknown = JSON.stringify({ apiVersion: 'projectcalico.org/v9', kind: 'BGPThing', metadata: { name: 'x' } });
      return `${[JSON.stringify({ ...header, count: header.count + 1 }), ...rest, unknown].join('\n')}\n`;
    });
    expect(await readAll(folder)).toEqual(EXPECTED);
  });

  it('of another schema, or torn, is as if there were none', async () => {
    copyState(version, (_, text) => text.replace(/("schema":\s*"linnet\.[a-z-]+)\/v1"/, '$1/v2"'));
    const nothing = { at: undefined, resources: undefined, memory: { kept: false, peers: [] }, restarted: false, drain: undefined };
    expect(await readAll(folder)).toEqual(nothing);
    copyState(version, (_, text) => text.slice(0, -5));
    expect(await readAll(folder)).toEqual(nothing);
  });

  it('keeps every option under its key, flag and variables', () => {
    const now = new Map(CONFIG_KEYS.map((key) => [String(key), OPTIONS[key]]));
    const before: { key: string; flag: string; environment: string[] }[] = JSON.parse(
      readFileSync(join(SKEW, version, 'options.json'), 'utf8'),
    );
    for (const { key, flag, environment } of before) {
      expect(now.get(key)?.flag, key).toBe(flag);
      expect(now.get(key)?.environment, key).toEqual(expect.arrayContaining(environment));
    }
    const file = before.filter((each) => each.flag !== '').map(({ key }) => `${key}: ''`);
    expect(readConfigFile(`${file.join('\n')}\n`, 'old.yaml').problems).toEqual([]);
  });
});

describe('the list of forms that `linnet version` shows', () => {
  it('is what this version writes', async () => {
    await writeAll(folder);
    for (const { file, schema } of STATE_FORMS) {
      const [first = ''] = file.endsWith('.jsonl')
        ? readFileSync(join(folder, file), 'utf8').split('\n')
        : [readFileSync(join(folder, file), 'utf8')];
      expect(at(JSON.parse(first), 'schema'), file).toBe(schema);
    }
    const rest = readdirSync(folder).filter((name) => name !== 'options.json');
    expect(rest.sort()).toEqual(STATE_FORMS.map(({ file }) => file).sort());
  });
});
