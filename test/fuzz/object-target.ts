/** The reader of eBPF objects: ELF, BTF, relocations. */
import { ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { readMaps } from '../../node-agent/ebpf/btf.ts';
import { parseElf } from '../../node-agent/ebpf/elf.ts';
import { parseObject } from '../../node-agent/ebpf/object.ts';
import { linkProgram } from '../../node-agent/ebpf/programs.ts';
import type { FuzzTarget } from './target.ts';

const object = readFileSync(new URL('../../node-agent/ebpf/ipip.o', import.meta.url));

/** The object itself, and its types alone, so that they are hit more often. */
function seeds(): Uint8Array[] {
  const elf = parseElf(object);
  if (!elf.ok) throw new Error(elf.error);
  const types = elf.value.sections.find(({ name }) => name === '.BTF');
  return types === undefined ? [object] : [object, types.octets];
}

/** Whatever is read as an object can be linked: every use is inside its program, and its map is defined. */
function run(input: Uint8Array): void {
  const types = readMaps(input);
  if (types.ok) ok(types.value.every(({ maxEntries, type }) => type > 0 && maxEntries > 0));
  const parsed = parseObject(input);
  if (!parsed.ok) return;
  const { data, maps, programs } = parsed.value;
  const fds = new Map([...maps, ...data].map(({ name }, index) => [name, index]));
  for (const program of programs) ok(linkProgram(program, fds).length === program.instructions.length);
}

/** Objects as clang writes them, and what is left of them. */
export const OBJECT_TARGET: FuzzTarget = { name: 'eBPF objects', seeds: seeds(), run, limit: 20_000 };
