/**
 * As much of BTF (the kernel's type format) as map definitions need: a variable in `.maps` whose struct has members that say
 * numbers as lengths of arrays and types as pointers, the way libbpf reads them too. Pure.
 */
import type { Parsed } from './elf.ts';
import { textAt } from './elf.ts';

/** A map as the source defines it. */
export interface MapSpec {
  readonly name: string;
  /** BPF_MAP_TYPE_*. */
  readonly type: number;
  /** Octets. */
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** BPF_F_*. */
  readonly flags: number;
}

interface BtfMember {
  readonly name: string;
  readonly type: number;
}

interface BtfType {
  readonly kind: number;
  readonly name: string;
  /** Octets, or the id of the type it leads to, by kind. */
  readonly sizeOrType: number;
  /** Of structs, and the variables of a section. */
  readonly members: readonly BtfMember[];
  /** Of arrays: id of the element's type, and how many. */
  readonly element: number;
  readonly length: number;
}

const MAGIC = 0xeb9f;
const KIND = { int: 1, pointer: 2, array: 3, struct: 4, union: 5, enum: 6, section: 15, float: 16, enum64: 19 } as const;

/** Octets behind a type's twelve: fixed ones, and those of each member. */
const EXTRA: readonly (readonly [fixed: number, each: number] | undefined)[] = [
  undefined,
  ...([
    [4, 0],
    [0, 0],
    [12, 0],
    [0, 12],
    [0, 12],
    [0, 8],
    [0, 0],
    [0, 0],
    [0, 0],
    [0, 0],
  ] as const),
  ...([
    [0, 0],
    [0, 0],
    [0, 8],
    [4, 0],
    [0, 12],
    [0, 0],
    [4, 0],
    [0, 0],
    [0, 12],
  ] as const),
];

/** Types lead to each other; a chain longer than any source has is a loop. */
const MAX_CHAIN = 64;

function readMembers(view: DataView, at: number, count: number, kind: number, names: Uint8Array): BtfMember[] {
  const members: BtfMember[] = [];
  for (let index = 0; index < count; index++) {
    const entry = at + index * 12;
    if (kind === KIND.section) members.push({ name: '', type: view.getUint32(entry, true) });
    else members.push({ name: textAt(names, view.getUint32(entry, true)), type: view.getUint32(entry + 4, true) });
  }
  return members;
}

function readTypes(view: DataView, at: number, end: number, names: Uint8Array): Parsed<BtfType[]> {
  const types: BtfType[] = [{ kind: 0, name: 'void', sizeOrType: 0, members: [], element: 0, length: 0 }];
  while (at + 12 <= end) {
    const info = view.getUint32(at + 4, true);
    const kind = (info >>> 24) & 31;
    const count = info & 0xffff;
    const extra = EXTRA[kind];
    if (extra === undefined) return { ok: false, error: `BTF type ${types.length} is of unknown kind ${kind}` };
    const body = at + 12;
    const next = body + extra[0] + extra[1] * count;
    if (next > end) return { ok: false, error: `BTF type ${types.length} ends beyond the section` };
    types.push({
      kind,
      name: textAt(names, view.getUint32(at, true)),
      sizeOrType: view.getUint32(at + 8, true),
      members: kind === KIND.struct || kind === KIND.section ? readMembers(view, body, count, kind, names) : [],
      element: kind === KIND.array ? view.getUint32(body, true) : 0,
      length: kind === KIND.array ? view.getUint32(body + 8, true) : 0,
    });
    at = next;
  }
  return { ok: true, value: types };
}

/** Octets of a type; undefined for one that has no size, such as a function. */
function sizeOf(types: readonly BtfType[], id: number, depth = 0): number | undefined {
  const type = types[id];
  if (type === undefined || depth > MAX_CHAIN) return undefined;
  switch (type.kind) {
    case KIND.int:
    case KIND.struct:
    case KIND.union:
    case KIND.enum:
    case KIND.float:
    case KIND.enum64:
      return type.sizeOrType;
    case KIND.pointer:
      return 8;
    case KIND.array: {
      const element = sizeOf(types, type.element, depth + 1);
      return element === undefined ? undefined : element * type.length;
    }
    // typedef, volatile, const, restrict, type tag
    case 8:
    case 9:
    case 10:
    case 11:
    case 18:
      return sizeOf(types, type.sizeOrType, depth + 1);
    default:
      return undefined;
  }
}

function specOf(types: readonly BtfType[], variable: BtfType): Parsed<MapSpec> {
  const spec = { type: 0, keySize: 0, valueSize: 0, maxEntries: 0, flags: 0 };
  const numbers = { type: 'type', key_size: 'keySize', value_size: 'valueSize', max_entries: 'maxEntries', map_flags: 'flags' } as const;
  const sizes = { key: 'keySize', value: 'valueSize' } as const;
  for (const member of types[variable.sizeOrType]?.members ?? []) {
    const target = types[types[member.type]?.sizeOrType ?? 0];
    const number = Object.entries(numbers).find(([name]) => name === member.name)?.[1];
    const size = Object.entries(sizes).find(([name]) => name === member.name)?.[1];
    const octets = size === undefined ? undefined : sizeOf(types, types[member.type]?.sizeOrType ?? 0);
    if (number !== undefined && target?.kind === KIND.array) spec[number] = target.length;
    else if (size !== undefined && octets !== undefined) spec[size] = octets;
    else return { ok: false, error: `map ${variable.name}: member ${member.name} is not understood` };
  }
  if (spec.type === 0 || spec.maxEntries === 0) return { ok: false, error: `map ${variable.name}: no type or no max_entries` };
  return { ok: true, value: { name: variable.name, ...spec } };
}

/** The maps that a `.BTF` section defines, in its order. */
export function readMaps(octets: Uint8Array): Parsed<MapSpec[]> {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  if (octets.length < 24 || view.getUint16(0, true) !== MAGIC) return { ok: false, error: '.BTF does not begin as BTF does' };
  const header = view.getUint32(4, true);
  const from = header + view.getUint32(8, true);
  const end = from + view.getUint32(12, true);
  const names = header + view.getUint32(16, true);
  const namesEnd = names + view.getUint32(20, true);
  if (Math.max(end, namesEnd) > octets.length) return { ok: false, error: '.BTF ends before its parts' };
  const types = readTypes(view, from, end, octets.subarray(names, namesEnd));
  if (!types.ok) return types;
  const maps: MapSpec[] = [];
  const section = types.value.find(({ kind, name }) => kind === KIND.section && name === '.maps');
  for (const { type } of section?.members ?? []) {
    const variable = types.value[type];
    if (variable === undefined) return { ok: false, error: `BTF type ${type} does not exist` };
    const spec = specOf(types.value, variable);
    if (!spec.ok) return spec;
    maps.push(spec.value);
  }
  return { ok: true, value: maps };
}
