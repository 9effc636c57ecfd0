/**
 * What an object file offers the kernel: programs with the places where maps belong, maps, constants, and the licence. Reads what
 * clang writes; what it does not know (calls between functions, CO-RE) is an error that names the place. Pure.
 */
import type { MapSpec } from './btf.ts';
import { readMaps } from './btf.ts';
import type { ElfFile, ElfRelocation, ElfSection, Parsed } from './elf.ts';
import { parseElf, textAt } from './elf.ts';

/** An instruction pair (`ld_imm64`) that gets a map's descriptor when the program is loaded. */
export interface MapUse {
  /** Index of the pair's first instruction. */
  readonly instruction: number;
  /** A map's name, or that of a section of data. */
  readonly map: string;
  /** Of data: octets from its beginning, the address of the value. Absent: the map itself is meant. */
  readonly offset?: number;
}

/** A program. */
export interface ProgramSpec {
  /** Name of its function. */
  readonly name: string;
  /** Its section, such as `tc/ipip_encap`. */
  readonly section: string;
  /** Eight octets each. */
  readonly instructions: Uint8Array;
  readonly uses: readonly MapUse[];
}

/** Constants: a map of one value that the programs cannot write. */
export interface DataSpec {
  /** The section, `.rodata`. */
  readonly name: string;
  readonly octets: Uint8Array;
  /** Variables by name. */
  readonly variables: ReadonlyMap<string, { readonly offset: number; readonly size: number }>;
}

/** A whole object. */
export interface BpfObject {
  readonly license: string;
  readonly programs: readonly ProgramSpec[];
  readonly maps: readonly MapSpec[];
  readonly data: readonly DataSpec[];
  /** Texts of sections of our own, by section, such as `linnet.source`. */
  readonly notes: ReadonlyMap<string, string>;
}

const INSTRUCTION = 8;
const LD_IMM64 = 0x18;
const R_BPF_64_64 = 1;
const SHF_EXECUTABLE = 4;
const SYMBOL_FUNCTION = 2;
const NOTES = 'linnet.';
const CONSTANTS = '.rodata';

const fail = (error: string): { readonly ok: false; readonly error: string } => ({ ok: false, error });

function useOf(file: ElfFile, relocation: ElfRelocation, code: Uint8Array, start: number): Parsed<MapUse> {
  const at = relocation.offset - start;
  const target = file.sections[relocation.symbol.section];
  if (relocation.type !== R_BPF_64_64 || code[at] !== LD_IMM64 || at % INSTRUCTION !== 0)
    return fail(`relocation of type ${relocation.type} against ${relocation.symbol.name} is not understood`);
  const instruction = at / INSTRUCTION;
  if (target?.name === '.maps') return { ok: true, value: { instruction, map: relocation.symbol.name } };
  if (target?.name !== CONSTANTS) return fail(`${relocation.symbol.name} is in ${target?.name ?? 'no section'}, where no program may lead`);
  const addend = new DataView(code.buffer, code.byteOffset + at + 4, 4).getInt32(0, true);
  return { ok: true, value: { instruction, map: target.name, offset: relocation.symbol.value + addend } };
}

function programsOf(file: ElfFile, section: ElfSection, index: number): Parsed<ProgramSpec[]> {
  const programs: ProgramSpec[] = [];
  for (const symbol of file.symbols) {
    if (symbol.section !== index || symbol.kind !== SYMBOL_FUNCTION) continue;
    const end = symbol.value + symbol.size;
    if (symbol.size === 0 || end > section.octets.length || symbol.size % INSTRUCTION !== 0)
      return fail(`${symbol.name}: no whole program`);
    const instructions = section.octets.subarray(symbol.value, end);
    const uses: MapUse[] = [];
    for (const relocation of file.relocations.get(index) ?? []) {
      if (relocation.offset < symbol.value || relocation.offset >= end) continue;
      const use = useOf(file, relocation, instructions, symbol.value);
      if (!use.ok) return fail(`${symbol.name}: ${use.error}`);
      uses.push(use.value);
    }
    programs.push({ name: symbol.name, section: section.name, instructions, uses });
  }
  return { ok: true, value: programs };
}

function dataOf(file: ElfFile, section: ElfSection, index: number): DataSpec {
  const variables = new Map<string, { offset: number; size: number }>();
  for (const { section: where, size, name, value } of file.symbols) {
    if (where === index && size > 0) variables.set(name, { offset: value, size });
  }
  return { name: section.name, octets: section.octets, variables };
}

/** Names that programs use and nobody defines. */
function missingMap(programs: readonly ProgramSpec[], known: ReadonlySet<string>): string | undefined {
  for (const { name, uses } of programs) {
    const use = uses.find(({ map }) => !known.has(map));
    if (use !== undefined) return `${name} uses map ${use.map}, which is not defined`;
  }
  return undefined;
}

/** Reads an object file. */
export function parseObject(octets: Uint8Array): Parsed<BpfObject> {
  const elf = parseElf(octets);
  if (!elf.ok) return elf;
  const file = elf.value;
  const programs: ProgramSpec[] = [];
  const data: DataSpec[] = [];
  const notes = new Map<string, string>();
  let license: string | undefined;
  let maps: readonly MapSpec[] = [];
  for (const [index, section] of file.sections.entries()) {
    if (section.name === 'license') license = textAt(section.octets, 0);
    else if (section.name.startsWith(NOTES)) notes.set(section.name, textAt(section.octets, 0));
    else if (section.name === CONSTANTS) data.push(dataOf(file, section, index));
    else if (section.name === '.BTF') {
      const read = readMaps(section.octets);
      if (!read.ok) return read;
      maps = read.value;
    } else if ((section.flags & SHF_EXECUTABLE) !== 0 && section.octets.length > 0) {
      const read = programsOf(file, section, index);
      if (!read.ok) return read;
      programs.push(...read.value);
    }
  }
  if (license === undefined || programs.length === 0) return fail(license === undefined ? 'no licence' : 'no program');
  const missing = missingMap(programs, new Set([...maps, ...data].map(({ name }) => name)));
  return missing === undefined ? { ok: true, value: { license, programs, maps, data, notes } } : fail(missing);
}
