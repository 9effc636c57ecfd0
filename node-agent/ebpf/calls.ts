/**
 * bpf(2) by command, typed: maps, programs, links, pins. Each function lays out the fields of `union bpf_attr` it needs (uapi
 * linux/bpf.h) and nothing else. Refusals are NetlinkErrors with the errno by name; of a program with the verifier's last words.
 */
import { BPF, bpf, bpfCall, errorName, NetlinkError } from 'netlink';
import type { MapSpec } from './btf.ts';

const PROGRAM_TC = 3;

/** Hooks of TCX (BPF_TCX_INGRESS, BPF_TCX_EGRESS). */
export const ATTACH = { tcxIngress: 46, tcxEgress: 47 } as const;

const LINK_TYPE_TCX = 11;
const ENOENT = 2;

/** Names in the kernel have 15 octets and a zero. */
const NAME_OCTETS = 15;

/** The verifier's log: all of it for programs of our size, with room. */
const LOG_OCTETS = 1024 * 1024;
/** Of a refused program so much of the log's end goes into the error. */
const LOG_TAIL = 1500;

function path(text: string): Buffer {
  return Buffer.from(`${text}\0`);
}

function writeName(attributes: Buffer, at: number, name: string): void {
  attributes.write(name.replace(/[^A-Za-z0-9_]/g, '_').slice(0, NAME_OCTETS), at, 'latin1');
}

/** Makes a map; its descriptor. */
export function createMap(spec: MapSpec): number {
  const attributes = Buffer.alloc(72);
  [spec.type, spec.keySize, spec.valueSize, spec.maxEntries, spec.flags].forEach((value, index) => {
    attributes.writeUInt32LE(value, index * 4);
  });
  writeName(attributes, 28, spec.name);
  return bpf(`map ${spec.name}`, BPF.mapCreate, attributes);
}

/** Makes a map unwritable from here: constants that the verifier may rely on. */
export function freezeMap(fd: number): void {
  const attributes = Buffer.alloc(8);
  attributes.writeUInt32LE(fd, 0);
  bpf('freezing a map', 22, attributes);
}

/** A program ready for the kernel. */
export interface LoadRequest {
  readonly name: string;
  readonly license: string;
  readonly instructions: Buffer;
}

/** What the kernel says to a program; `log` is its verifier's, empty where it was not asked for one. */
function tryLoad(request: LoadRequest, log: Buffer): number {
  const attributes = Buffer.alloc(72);
  attributes.writeUInt32LE(PROGRAM_TC, 0);
  attributes.writeUInt32LE(request.instructions.length / 8, 4);
  attributes.writeUInt32LE(log.length > 0 ? 1 : 0, 24);
  attributes.writeUInt32LE(log.length, 28);
  writeName(attributes, 48, request.name);
  const pointers = [
    { offset: 8, buffer: request.instructions },
    { offset: 16, buffer: path(request.license) },
  ];
  return bpfCall(BPF.programLoad, attributes, log.length > 0 ? [...pointers, { offset: 32, buffer: log }] : pointers);
}

/** Loads a tc program; its descriptor. Refused, it is given once more, for the verifier's reason. */
export function loadProgram(request: LoadRequest): number {
  const fd = tryLoad(request, Buffer.alloc(0));
  if (fd >= 0) return fd;
  const log = Buffer.alloc(LOG_OCTETS);
  const again = tryLoad(request, log);
  if (again >= 0) return again;
  const text = log
    .toString('latin1', 0, Math.max(0, log.indexOf(0)))
    .trim()
    .slice(-LOG_TAIL);
  throw new NetlinkError(`program ${request.name}`, { errno: -fd, text });
}

/** Gives an object of the kernel a name in bpffs, so that it outlives this process. */
export function pin(fd: number, file: string): void {
  const attributes = Buffer.alloc(16);
  attributes.writeUInt32LE(fd, 8);
  bpf(`pinning ${file}`, BPF.objectPin, attributes, [{ offset: 0, buffer: path(file) }]);
}

/** Descriptor of a pinned object; undefined where there is none. */
export function openPin(file: string): number | undefined {
  const fd = bpfCall(BPF.objectGet, Buffer.alloc(16), [{ offset: 0, buffer: path(file) }]);
  if (fd === -ENOENT) return undefined;
  if (fd < 0) throw new NetlinkError(`opening ${file}`, { errno: -fd, text: '' });
  return fd;
}

function info(what: string, fd: number): Buffer {
  const octets = Buffer.alloc(256);
  const attributes = Buffer.alloc(16);
  attributes.writeUInt32LE(fd, 0);
  attributes.writeUInt32LE(octets.length, 4);
  bpf(what, BPF.objectInfoByFd, attributes, [{ offset: 8, buffer: octets }]);
  return octets;
}

/** A map as the kernel describes it. */
export function mapInfo(fd: number): MapSpec & { readonly id: number } {
  const octets = info('a map', fd);
  const word = (index: number): number => octets.readUInt32LE(index * 4);
  const name = octets.toString('latin1', 24, 40).replace(/\0.*$/s, '');
  return { id: word(1), name, type: word(0), keySize: word(2), valueSize: word(3), maxEntries: word(4), flags: word(5) };
}

/** A program as the kernel describes it. The tag is a hash over its instructions, whichever maps they use. */
export function programInfo(fd: number): { readonly id: number; readonly tag: string; readonly name: string } {
  const octets = info('a program', fd);
  return {
    id: octets.readUInt32LE(4),
    tag: octets.toString('hex', 8, 16),
    name: octets.toString('latin1', 64, 80).replace(/\0.*$/s, ''),
  };
}

/** A TCX link: which program it holds and where. */
export interface TcxLink {
  readonly id: number;
  readonly programId: number;
  /** One of ATTACH. */
  readonly hook: number;
}

/** What a link's descriptor stands for; undefined for links of other types. */
export function linkInfo(fd: number): TcxLink | undefined {
  const octets = info('a link', fd);
  const word = (index: number): number => octets.readUInt32LE(index * 4);
  return word(0) === LINK_TYPE_TCX ? { id: word(1), programId: word(2), hook: word(5) } : undefined;
}

/** Before all others of the hook (BPF_F_BEFORE). */
const FIRST = 1 << 3;

/** Attaches a program before those that are there; the link's descriptor, or the negative errno (EINVAL: a kernel without TCX, before 6.6). */
export function createTcxLink(program: number, interfaceIndex: number, hook: number): number {
  const attributes = Buffer.alloc(32);
  [program, interfaceIndex, hook, FIRST].forEach((value, index) => {
    attributes.writeUInt32LE(value, index * 4);
  });
  return bpfCall(BPF.linkCreate, attributes);
}

/** Puts another program in a link's place: no packet sees none or both. */
export function updateLink(link: number, program: number): void {
  const attributes = Buffer.alloc(16);
  attributes.writeUInt32LE(link, 0);
  attributes.writeUInt32LE(program, 4);
  bpf('exchanging a program', BPF.linkUpdate, attributes);
}

/** Takes a link off its interface at once, whoever else holds it. */
export function detachLink(link: number): void {
  const attributes = Buffer.alloc(8);
  attributes.writeUInt32LE(link, 0);
  const result = bpfCall(BPF.linkDetach, attributes);
  // Off already, with its interface.
  if (result < 0 && errorName(-result) !== 'ENOLINK') throw new NetlinkError('detaching a link', { errno: -result, text: '' });
}

/** Links at most asked for at one hook. */
const MAX_LINKS = 64;

/** Ids of the links at a hook of an interface of this namespace; undefined where the kernel has no TCX or no such interface. */
export function linksAt(interfaceIndex: number, hook: number): number[] | undefined {
  const attributes = Buffer.alloc(64);
  const ids = Buffer.alloc(MAX_LINKS * 4);
  attributes.writeUInt32LE(interfaceIndex, 0);
  attributes.writeUInt32LE(hook, 4);
  attributes.writeUInt32LE(MAX_LINKS, 24);
  const pointers = [
    { offset: 16, buffer: Buffer.alloc(MAX_LINKS * 4) },
    { offset: 40, buffer: ids },
  ];
  if (bpfCall(BPF.programQuery, attributes, pointers) < 0) return undefined;
  const count = Math.min(attributes.readUInt32LE(24), MAX_LINKS);
  return Array.from({ length: count }, (_, index) => ids.readUInt32LE(index * 4));
}
