/** Pinned maps of an agent before this one: those of today's shape go on with what is in them, others are made anew. */
import { mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeDescriptor } from 'netlink';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createMap, mapInfo, openPin, pin } from '../../node-agent/ebpf/calls.ts';
import { readEntry, writeEntry } from '../../node-agent/ebpf/entries.ts';
import type { Maps } from '../../node-agent/ebpf/programs.ts';
import { openMaps, readObject, removeMapPins } from '../../node-agent/ebpf/programs.ts';
import { mapOf } from '../../node-agent/ebpf/tables.ts';
import { run } from './harness/exec.ts';
import { CAN_RUN } from './harness/lab.ts';

let bpffs: string;
const close = (maps: Maps): void => {
  for (const { fd } of maps.values()) closeDescriptor(fd);
};

beforeAll(async () => {
  bpffs = mkdtempSync(join(tmpdir(), 'linnet-bpffs-'));
  if (CAN_RUN) await run('mount', ['-t', 'bpf', 'bpf', bpffs]);
});
afterAll(async () => {
  if (CAN_RUN) await run('umount', [bpffs]);
  rmdirSync(bpffs);
});

it.skipIf(!CAN_RUN)('maps are taken over by their pins, but for those of another shape', () => {
  const directory = join(bpffs, 'linnet-pins');
  const object = readObject('ipip.o');
  const [source, stranger] = [Buffer.from([10, 0, 0, 9]), Buffer.from([1, 0, 0, 0])];
  mkdirSync(directory);
  // Of somebody else, beside ours and even among them (A34).
  const foreign = [join(bpffs, 'v1_ipip_blocks'), join(directory, 'foreign')].map((file) => {
    const fd = createMap({ name: 'foreign', type: 2, keySize: 4, valueSize: 8, maxEntries: 1, flags: 0 });
    pin(fd, file);
    const { id } = mapInfo(fd);
    closeDescriptor(fd);
    return { file, id };
  });
  const spec = object.maps.find(({ name }) => name === 'ipip_blocks');
  if (spec === undefined) throw new Error('no ipip_blocks');
  const old = createMap({ ...spec, maxEntries: 16 });
  pin(old, join(directory, 'v1_ipip_blocks'));
  closeDescriptor(old);
  const first = openMaps(object, directory);
  expect(mapInfo(mapOf(first, 'ipip_blocks').fd).maxEntries).toBe(spec.maxEntries);
  writeEntry(mapOf(first, 'ipip_sources'), source, stranger);
  close(first);
  const second = openMaps(object, directory);
  expect(readEntry(mapOf(second, 'ipip_sources'), source)).toEqual(stranger);
  const ours = object.maps.map(({ name }) => `v1_${name}`);
  expect(readdirSync(directory).sort()).toEqual(['foreign', ...ours].sort());
  close(second);
  // Of a layout before this one.
  const before = createMap({ ...spec, maxEntries: 16 });
  pin(before, join(directory, 'v0_ipip_blocks'));
  closeDescriptor(before);
  removeMapPins(directory, 'others');
  expect(readdirSync(directory).sort()).toEqual(['foreign', ...ours].sort());
  removeMapPins(directory, 'all');
  for (const { file, id } of foreign) {
    const fd = openPin(file) ?? expect.fail(`${file} is gone`);
    expect(mapInfo(fd).id).toBe(id);
    closeDescriptor(fd);
    rmSync(file);
  }
  removeMapPins(directory, 'all');
  expect(readdirSync(bpffs)).not.toContain('linnet-pins');
});
