/**
 * ELF as clang writes it for `-target bpf`: 64 bit, little endian, relocatable. Sections, symbols and relocations, nothing interpreted.
 * Bad files give an error, never a throw. Pure.
 */

/** A value, or what is wrong with the octets in words. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: string };

/** A section with its contents. */
export interface ElfSection {
  readonly name: string;
  /** SHT_* number. */
  readonly type: number;
  /** SHF_* bits; 4 is executable. */
  readonly flags: number;
  readonly octets: Uint8Array;
  /** Of relocations: index of the section they are for. */
  readonly info: number;
}

/** A symbol. */
export interface ElfSymbol {
  readonly name: string;
  /** Index of its section; 0 where it is not defined here. */
  readonly section: number;
  /** Offset in the section. */
  readonly value: number;
  readonly size: number;
  /** STT_* number: 2 is a function, 3 a section. */
  readonly kind: number;
}

/** A place in a section that another symbol's address belongs in. */
export interface ElfRelocation {
  readonly offset: number;
  /** R_BPF_* number. */
  readonly type: number;
  readonly symbol: ElfSymbol;
}

/** A whole object file. */
export interface ElfFile {
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
  /** By index of the section they are for. */
  readonly relocations: ReadonlyMap<number, readonly ElfRelocation[]>;
}

const HEADER = 64;
const SECTION_HEADER = 64;
const SYMBOL = 24;
const RELOCATION = 16;
const MACHINE_BPF = 247;
const SHT = { symbols: 2, relocationsWithAddend: 4, noBits: 8, relocations: 9 } as const;

/** Sections a file may have; clang writes some twenty. */
const MAX_SECTIONS = 4096;

/** Octets of a text at most; the longest there is, a compiler's name, has some sixty. */
const MAX_TEXT = 256;

/** Zero-terminated text at `at`, cut at 256 octets; '' where it begins outside. */
export function textAt(octets: Uint8Array, at: number): string {
  const most = octets.subarray(at, at + MAX_TEXT);
  const end = most.indexOf(0);
  return String.fromCharCode(...(end < 0 ? most : most.subarray(0, end)));
}

function viewOf(octets: Uint8Array): DataView {
  return new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
}

/** A 64-bit number; beyond 2^53 it is no offset in any file, so that its inexactness harms nothing. */
function wide(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
}

const fail = (error: string): { readonly ok: false; readonly error: string } => ({ ok: false, error });

function headerFault(octets: Uint8Array, view: DataView): string | undefined {
  if (octets.length < HEADER || view.getUint32(0) !== 0x7f454c46) return 'not an ELF file';
  if (octets[4] !== 2 || octets[5] !== 1) return 'not a 64-bit little-endian ELF file';
  const machine = view.getUint16(18, true);
  if (machine !== MACHINE_BPF) return `for machine ${machine}, not for BPF (${MACHINE_BPF})`;
  if (view.getUint16(58, true) !== SECTION_HEADER) return 'section headers of another size';
  const count = view.getUint16(60, true);
  if (count === 0 || count > MAX_SECTIONS) return `${count} sections`;
  return wide(view, 40) + count * SECTION_HEADER > octets.length ? 'section headers beyond the end' : undefined;
}

function readSections(octets: Uint8Array, view: DataView): Parsed<ElfSection[]> {
  const table = wide(view, 40);
  const count = view.getUint16(60, true);
  const found: { nameAt: number; section: Omit<ElfSection, 'name'> }[] = [];
  for (let index = 0; index < count; index++) {
    const at = table + index * SECTION_HEADER;
    const type = view.getUint32(at + 4, true);
    const offset = wide(view, at + 24);
    const size = type === SHT.noBits ? 0 : wide(view, at + 32);
    if (offset + size > octets.length) return fail(`section ${index} ends beyond the file`);
    const section = {
      type,
      flags: wide(view, at + 8),
      octets: octets.subarray(offset, offset + size),
      info: view.getUint32(at + 44, true),
    };
    found.push({ nameAt: view.getUint32(at, true), section });
  }
  const names = found[view.getUint16(62, true)]?.section.octets;
  if (names === undefined) return fail('no section of names');
  return { ok: true, value: found.map(({ nameAt, section }) => ({ ...section, name: textAt(names, nameAt) })) };
}

/** Text sections follow symbols by `sh_link`; clang keeps all names in one, `.strtab`. */
function readSymbols(sections: readonly ElfSection[]): ElfSymbol[] {
  const table = sections.find((section) => section.type === SHT.symbols);
  const names = sections.find((section) => section.name === '.strtab')?.octets ?? new Uint8Array();
  const symbols: ElfSymbol[] = [];
  if (table === undefined) return symbols;
  const view = viewOf(table.octets);
  for (let at = 0; at + SYMBOL <= table.octets.length; at += SYMBOL) {
    symbols.push({
      name: textAt(names, view.getUint32(at, true)),
      kind: view.getUint8(at + 4) & 15,
      section: view.getUint16(at + 6, true),
      value: wide(view, at + 8),
      size: wide(view, at + 16),
    });
  }
  return symbols;
}

function readRelocations(table: ElfSection, symbols: readonly ElfSymbol[]): Parsed<ElfRelocation[]> {
  const view = viewOf(table.octets);
  const found: ElfRelocation[] = [];
  for (let at = 0; at + RELOCATION <= table.octets.length; at += RELOCATION) {
    const index = view.getUint32(at + 12, true);
    const symbol = symbols[index];
    if (symbol === undefined) return fail(`${table.name}: symbol ${index} does not exist`);
    found.push({ offset: wide(view, at), type: view.getUint32(at + 8, true), symbol });
  }
  return { ok: true, value: found };
}

/** Reads an object file; sections are views into `octets`. */
export function parseElf(octets: Uint8Array): Parsed<ElfFile> {
  const view = viewOf(octets);
  const fault = headerFault(octets, view);
  if (fault !== undefined) return fail(fault);
  const sections = readSections(octets, view);
  if (!sections.ok) return sections;
  const symbols = readSymbols(sections.value);
  const relocations = new Map<number, readonly ElfRelocation[]>();
  for (const section of sections.value) {
    if (section.type === SHT.relocationsWithAddend) return fail(`${section.name}: relocations with addends`);
    if (section.type !== SHT.relocations) continue;
    const found = readRelocations(section, symbols);
    if (!found.ok) return found;
    relocations.set(section.info, found.value);
  }
  return { ok: true, value: { sections: sections.value, symbols, relocations } };
}
