/** From an object file to programs in the kernel: maps made or taken over by their pins, constants set, descriptors put into the code. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { closeDescriptor } from 'netlink';
import type { LoadedProgram } from './attach.ts';
import type { MapSpec } from './btf.ts';
import { createMap, freezeMap, loadProgram, mapInfo, openPin, pin, programInfo } from './calls.ts';
import type { MapHandle } from './entries.ts';
import { writeEntry } from './entries.ts';
import type { BpfObject, DataSpec, ProgramSpec } from './object.ts';
import { parseObject } from './object.ts';

/** Of the layouts of ipip.h: part of the names of pinned maps, so that two versions never read one map differently. */
const LAYOUT = 1;

const ARRAY = 2;
const READ_ONLY_PROGRAM = 0x80;
const INSTRUCTION = 8;
/** BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE: what an ld_imm64 with a descriptor means. */
const PSEUDO = { map: 1, value: 2 } as const;

/** Reads an object file of the tree; compiled modules lie two folders deeper than the sources. Throws where it is missing or broken. */
export function readObject(name: string): BpfObject {
  const places = [`./${name}`, `../../../node-agent/ebpf/${name}`].map((place) => new URL(place, import.meta.url));
  const file = places.find((place) => existsSync(place));
  if (file === undefined) throw new Error(`${name} is not where it was installed`);
  return objectOf(name, readFileSync(file));
}

/** Reads an object from octets; `name` is for the error it throws. */
export function objectOf(name: string, octets: Uint8Array): BpfObject {
  const parsed = parseObject(octets);
  if (!parsed.ok) throw new Error(`${name}: ${parsed.error}`);
  return parsed.value;
}

/** Maps by name. */
export type Maps = ReadonlyMap<string, MapHandle>;

const pinName = (spec: MapSpec): string => `v${LAYOUT}_${spec.name}`;

function sameShape(a: MapSpec, b: MapSpec): boolean {
  const numbers = (spec: MapSpec): number[] => [spec.type, spec.keySize, spec.valueSize, spec.maxEntries, spec.flags];
  return numbers(a).every((value, index) => value === numbers(b)[index]);
}

/** The map an earlier process pinned, where it has the shape of today; one of another shape loses its pin. */
function adopt(spec: MapSpec, file: string): number | undefined {
  const fd = openPin(file);
  if (fd === undefined) return undefined;
  if (sameShape(spec, mapInfo(fd))) return fd;
  closeDescriptor(fd);
  unlinkSync(file);
  return undefined;
}

function openMap(spec: MapSpec, file: string | undefined): number {
  const kept = file === undefined ? undefined : adopt(spec, file);
  if (kept !== undefined) return kept;
  const fd = createMap(spec);
  try {
    if (file !== undefined) pin(fd, file);
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
  return fd;
}

/**
 * The maps of an object: taken over from `directory` (a place in bpffs), else made and pinned there; without a directory just made. Throws where
 * one is refused; nothing stays open then.
 */
export function openMaps(object: BpfObject, directory: string | undefined): Maps {
  const maps = new Map<string, MapHandle>();
  if (directory !== undefined) mkdirSync(directory, { recursive: true, mode: 0o700 });
  try {
    for (const spec of object.maps) {
      const fd = openMap(spec, directory === undefined ? undefined : join(directory, pinName(spec)));
      maps.set(spec.name, { fd, keySize: spec.keySize, valueSize: spec.valueSize });
    }
  } catch (error) {
    for (const { fd } of maps.values()) closeDescriptor(fd);
    throw error;
  }
  return maps;
}

/** Pins of maps in a directory, of any layout or of all but today's. */
export function removeMapPins(directory: string, which: 'all' | 'others'): void {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory)) {
    if (/^v[0-9]+_/.test(name) && (which === 'all' || !name.startsWith(`v${LAYOUT}_`))) unlinkSync(join(directory, name));
  }
  if (readdirSync(directory).length === 0) rmdirSync(directory);
}

/** Values for constants of an object, by variable: as many octets as it has. */
export type Constants = ReadonlyMap<string, Buffer>;

function openData(data: DataSpec, constants: Constants): number {
  const octets = Buffer.from(data.octets);
  for (const [name, value] of constants) {
    const variable = data.variables.get(name);
    if (variable === undefined || variable.size !== value.length)
      throw new Error(`constant ${name} is not in ${data.name} with ${value.length} octets`);
    value.copy(octets, variable.offset);
  }
  const spec = { name: data.name, type: ARRAY, keySize: 4, valueSize: octets.length, maxEntries: 1, flags: READ_ONLY_PROGRAM };
  const fd = createMap(spec);
  writeEntry({ fd, keySize: 4, valueSize: octets.length }, Buffer.alloc(4), octets);
  freezeMap(fd);
  return fd;
}

/** A copy of a program's instructions with the descriptors of its maps in them. */
export function linkProgram(program: ProgramSpec, fds: ReadonlyMap<string, number>): Buffer {
  const code = Buffer.from(program.instructions);
  for (const { instruction, map, offset } of program.uses) {
    const at = instruction * INSTRUCTION;
    const fd = fds.get(map);
    if (fd === undefined) throw new Error(`${program.name}: there is no map ${map}`);
    code.writeUInt8((code.readUInt8(at + 1) & 0x0f) | ((offset === undefined ? PSEUDO.map : PSEUDO.value) << 4), at + 1);
    code.writeInt32LE(fd, at + 4);
    if (offset !== undefined) code.writeUInt32LE(offset, at + INSTRUCTION + 4);
  }
  return code;
}

/** Loads every program of an object, by name. Throws with the verifier's words where one is refused; nothing stays open then. */
export function loadPrograms(object: BpfObject, maps: Maps, constants: Constants): ReadonlyMap<string, LoadedProgram> {
  const loaded = new Map<string, LoadedProgram>();
  const data: number[] = [];
  try {
    const fds = new Map([...maps].map(([name, { fd }]) => [name, fd]));
    for (const section of object.data) {
      const fd = openData(section, constants);
      data.push(fd);
      fds.set(section.name, fd);
    }
    for (const program of object.programs) {
      const fd = loadProgram({ name: program.name, license: object.license, instructions: linkProgram(program, fds) });
      loaded.set(program.name, { fd, id: programInfo(fd).id });
    }
    return loaded;
  } catch (error) {
    for (const { fd } of loaded.values()) closeDescriptor(fd);
    throw error;
  } finally {
    // The programs hold what they use.
    for (const fd of data) closeDescriptor(fd);
  }
}
