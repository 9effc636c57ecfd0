/** Traffic control through rtnetlink, as far as direct-action filters of clsact need it (linux/pkt_sched.h, linux/pkt_cls.h). */
import type { Arena, NetlinkSocket } from 'netlink';
import { NLM_F } from 'netlink';
import type { Hook, LoadedProgram } from './attach.ts';

const TC = { newQdisc: 36, delQdisc: 37, getQdisc: 38, newFilter: 44, delFilter: 45, getFilter: 46 } as const;
const TCMSG = 20;
const CLSACT_PARENT = 0xfffffff1;
const CLSACT_HANDLE = 0xffff0000;
const HOOK_PARENT = { decapsulate: 0xfffffff2, encapsulate: 0xfffffff3 } as const;
const TCA = { kind: 1, options: 2 } as const;
const TCA_BPF = { fd: 6, name: 7, flags: 8, id: 11 } as const;
const DIRECT_ACTION = 1;
const ETH_P_ALL_NETWORK = 0x0300;

/** Priority of ours on a hook of its own, and where there is no room before the others. */
const PRIORITY = 0x6970;
const FILTER_HANDLE = 1;

/** A filter as a dump shows it. */
export interface Filter {
  readonly priority: number;
  /** Of kind bpf; '' for others. */
  readonly name: string;
  /** 0 where it is of another kind. */
  readonly programId: number;
}

interface TcMessage {
  readonly interface: number;
  readonly handle: number;
  readonly parent: number;
  readonly info: number;
  readonly attributes: ReadonlyMap<number, { readonly at: number; readonly length: number }>;
}

function begin(out: Arena, type: number, flags: number, seq: number, fields: readonly [number, number, number, number]): void {
  const at = out.begin(type, flags | NLM_F.request, seq, TCMSG);
  fields.forEach((field, index) => {
    out.octets.writeUInt32LE(field >>> 0, at + 4 + index * 4);
  });
}

function attributesOf(octets: Buffer, from: number, end: number): Map<number, { at: number; length: number }> {
  const found = new Map<number, { at: number; length: number }>();
  for (let at = from; at + 4 <= end; ) {
    const length = octets.readUInt16LE(at);
    if (length < 4 || at + length > end) break;
    found.set(octets.readUInt16LE(at + 2) & 0x3fff, { at: at + 4, length: length - 4 });
    at += (length + 3) & ~3;
  }
  return found;
}

function decode(octets: Buffer, at: number, end: number): TcMessage | undefined {
  if (end - at < TCMSG) return undefined;
  const word = (index: number): number => octets.readUInt32LE(at + 4 + index * 4);
  return { interface: word(0), handle: word(1), parent: word(2), info: word(3), attributes: attributesOf(octets, at + TCMSG, end) };
}

function textOf(octets: Buffer, place: { readonly at: number; readonly length: number } | undefined): string {
  return place === undefined ? '' : octets.toString('latin1', place.at, place.at + place.length).replace(/\0.*$/s, '');
}

/** A filter of any kind; undefined for the heads of chains that come between them. */
function decodeFilter(octets: Buffer, at: number, end: number): Filter | undefined {
  const message = decode(octets, at, end);
  if (message === undefined || message.handle === 0) return undefined;
  const options = textOf(octets, message.attributes.get(TCA.kind)) === 'bpf' ? message.attributes.get(TCA.options) : undefined;
  const inner = options === undefined ? undefined : attributesOf(octets, options.at, options.at + options.length);
  const id = inner?.get(TCA_BPF.id);
  return {
    priority: message.info >>> 16,
    name: textOf(octets, inner?.get(TCA_BPF.name)),
    programId: id === undefined ? 0 : octets.readUInt32LE(id.at),
  };
}

/** Interface of a clsact qdisc; undefined for other qdiscs. */
function decodeClsact(octets: Buffer, at: number, end: number): number | undefined {
  const message = decode(octets, at, end);
  return message !== undefined && textOf(octets, message.attributes.get(TCA.kind)) === 'clsact' ? message.interface : undefined;
}

type Write = (out: Arena, flags: number, seq: number) => void;

/** Sends one request; `ignored` names the errors that mean the wanted state is there already. */
function send(socket: NetlinkSocket, what: string, ignored: readonly string[], write: Write): boolean {
  const [failure] = socket.batch([write], (out, item, flags, seq) => item(out, flags, seq)).failures;
  if (failure === undefined) return true;
  if (ignored.includes(failure.code)) return false;
  throw new Error(`${what}: ${failure.code}${failure.text === '' ? '' : `: ${failure.text}`}`);
}

/** Priority and protocol as a message has them. */
const infoOf = (priority: number): number => ((priority << 16) | ETH_P_ALL_NETWORK) >>> 0;

/**
 * Priority for a filter of ours: before those of others, which may end the way of a packet, while ours lets go on whatever is not IPIP
 * for this node. Undefined where the one place that is left is taken.
 */
export function priorityBefore(others: readonly Filter[]): number | undefined {
  const first = Math.min(...others.map(({ priority }) => priority), PRIORITY + 1);
  if (first > 1) return first - 1;
  return others.some(({ priority }) => priority === PRIORITY) ? undefined : PRIORITY;
}

/** All filters of a hook, whoever wrote them; none where the interface has no clsact or is gone. */
export function filtersAt(socket: NetlinkSocket, hook: Hook): Filter[] {
  const request = (out: Arena, seq: number): void => {
    begin(out, TC.getFilter, NLM_F.dump, seq, [hook.interface, 0, HOOK_PARENT[hook.program], 0]);
    out.end();
  };
  return socket.dump('filters', request, decodeFilter);
}

/** Indexes of the interfaces with a clsact qdisc. */
export function interfacesWithClsact(socket: NetlinkSocket): number[] {
  const request = (out: Arena, seq: number): void => {
    begin(out, TC.getQdisc, NLM_F.dump, seq, [0, 0, 0, 0]);
    out.end();
  };
  return socket.dump('qdiscs', request, decodeClsact);
}

/** Adds clsact; false where the interface has it. Throws with the kernel's words. */
export function addClsact(socket: NetlinkSocket, index: number): boolean {
  return send(socket, `clsact on interface ${index}`, ['EEXIST'], (out, flags, seq) => {
    begin(out, TC.newQdisc, flags | NLM_F.create | NLM_F.exclusive, seq, [index, CLSACT_HANDLE, CLSACT_PARENT, 0]);
    out.text(TCA.kind, 'clsact');
    out.end();
  });
}

/** Removes clsact with all its filters; nothing where there is none. */
export function removeClsact(socket: NetlinkSocket, index: number): void {
  send(socket, `clsact of interface ${index}`, ['ENOENT', 'EINVAL', 'ENODEV'], (out, flags, seq) => {
    begin(out, TC.delQdisc, flags, seq, [index, CLSACT_HANDLE, CLSACT_PARENT, 0]);
    out.end();
  });
}

/** Puts a program into our filter of a hook, which is made or exchanged in place. */
export function writeFilter(socket: NetlinkSocket, hook: Hook, filter: Pick<Filter, 'name' | 'priority'>, program: LoadedProgram): void {
  send(socket, `a filter on interface ${hook.interface}`, [], (out, flags, seq) => {
    const fields = [hook.interface, FILTER_HANDLE, HOOK_PARENT[hook.program], infoOf(filter.priority)] as const;
    begin(out, TC.newFilter, flags | NLM_F.create | NLM_F.replace, seq, fields);
    out.text(TCA.kind, 'bpf');
    const options = out.open(TCA.options);
    out.uint32(TCA_BPF.fd, program.fd);
    out.text(TCA_BPF.name, filter.name);
    out.uint32(TCA_BPF.flags, DIRECT_ACTION);
    out.close(options);
    out.end();
  });
}

/** Removes our filter of a hook; nothing where there is none. */
export function removeFilter(socket: NetlinkSocket, hook: Hook, priority: number): void {
  send(socket, `the filter of interface ${hook.interface}`, ['ENOENT', 'ENODEV'], (out, flags, seq) => {
    begin(out, TC.delFilter, flags, seq, [hook.interface, FILTER_HANDLE, HOOK_PARENT[hook.program], infoOf(priority)]);
    out.end();
  });
}
