/**
 * Programs as direct-action filters of the clsact qdisc, through rtnetlink: for kernels without TCX, and where there is no bpffs to pin a
 * link in, since a filter stays by itself. Ours is known by its name, which holds the instance; it has a fixed priority and handle, so
 * that it can be exchanged in place. Filters of others, and a qdisc of others, stay as they are.
 */
import type { Arena, NetlinkSocket } from 'netlink';
import { NLM_F } from 'netlink';
import type { Attacher, Hook, LoadedProgram } from './attach.ts';
import type { IpipAttachment } from './types.ts';

const TC = { newQdisc: 36, delQdisc: 37, getQdisc: 38, newFilter: 44, delFilter: 45, getFilter: 46 } as const;
const TCMSG = 20;
const CLSACT_PARENT = 0xfffffff1;
const CLSACT_HANDLE = 0xffff0000;
const HOOK_PARENT = { decapsulate: 0xfffffff2, encapsulate: 0xfffffff3 } as const;
const TCA = { kind: 1, options: 2 } as const;
const TCA_BPF = { fd: 6, name: 7, flags: 8, id: 11 } as const;
const DIRECT_ACTION = 1;
const ETH_P_ALL_NETWORK = 0x0300;

/** Priority of our filters: late, as those that others put at hand-picked priorities decide first. */
const PRIORITY = 0x6970;
const FILTER_HANDLE = 1;

/** A filter as a dump shows it. */
interface Filter {
  readonly priority: number;
  readonly handle: number;
  readonly name: string;
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

function decodeFilter(octets: Buffer, at: number, end: number): Filter | undefined {
  const message = decode(octets, at, end);
  const options = message?.attributes.get(TCA.options);
  if (message === undefined || options === undefined || textOf(octets, message.attributes.get(TCA.kind)) !== 'bpf') return undefined;
  const inner = attributesOf(octets, options.at, options.at + options.length);
  const id = inner.get(TCA_BPF.id);
  return {
    priority: message.info >>> 16,
    handle: message.handle,
    name: textOf(octets, inner.get(TCA_BPF.name)),
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

/** Whose name a filter of ours has. */
const filterName = (instance: string, hook: Hook): string => `linnet-${instance}:${hook.program}`;

/** clsact filters of one instance, in the namespace of the socket, which stays the caller's. */
export function createClsact(instance: string, socket: NetlinkSocket): Attacher {
  const madeQdisc = new Set<number>();

  const filtersAt = (hook: Hook): Filter[] =>
    socket.dump(
      'filters',
      (out, seq) => {
        begin(out, TC.getFilter, NLM_F.dump, seq, [hook.interface, 0, HOOK_PARENT[hook.program], 0]);
        out.end();
      },
      decodeFilter,
    );
  const withClsact = (): Set<number> =>
    new Set(
      socket.dump(
        'qdiscs',
        (out, seq) => {
          begin(out, TC.getQdisc, NLM_F.dump, seq, [0, 0, 0, 0]);
          out.end();
        },
        decodeClsact,
      ),
    );
  const ours = (hook: Hook): Filter | undefined => filtersAt(hook).find(({ name }) => name === filterName(instance, hook));

  const addQdisc = (hook: Hook): void => {
    const made = send(socket, `clsact on interface ${hook.interface}`, ['EEXIST'], (out, flags, seq) => {
      begin(out, TC.newQdisc, flags | NLM_F.create | NLM_F.exclusive, seq, [hook.interface, CLSACT_HANDLE, CLSACT_PARENT, 0]);
      out.text(TCA.kind, 'clsact');
      out.end();
    });
    if (made) madeQdisc.add(hook.interface);
  };
  const write = (hook: Hook, program: LoadedProgram): void => {
    const stranger = filtersAt(hook).find(({ priority, name }) => priority === PRIORITY && name !== filterName(instance, hook));
    if (stranger !== undefined) throw new Error(`interface ${hook.interface}: priority ${PRIORITY} of clsact is held by ${stranger.name}`);
    const info = ((PRIORITY << 16) | ETH_P_ALL_NETWORK) >>> 0;
    send(socket, `a filter on interface ${hook.interface}`, [], (out, flags, seq) => {
      const fields = [hook.interface, FILTER_HANDLE, HOOK_PARENT[hook.program], info] as const;
      begin(out, TC.newFilter, flags | NLM_F.create | NLM_F.replace, seq, fields);
      out.text(TCA.kind, 'bpf');
      const options = out.open(TCA.options);
      out.uint32(TCA_BPF.fd, program.fd);
      out.text(TCA_BPF.name, filterName(instance, hook));
      out.uint32(TCA_BPF.flags, DIRECT_ACTION);
      out.close(options);
      out.end();
    });
  };

  return {
    mode: 'clsact',
    ensure: (hook, program) => {
      addQdisc(hook);
      const before = ours(hook);
      if (before?.programId === program.id) return 'kept';
      write(hook, program);
      return before === undefined ? 'attached' : 'replaced';
    },
    detach: (hook) => {
      if (!withClsact().has(hook.interface)) return;
      const filter = ours(hook);
      if (filter !== undefined) {
        const info = ((filter.priority << 16) | ETH_P_ALL_NETWORK) >>> 0;
        send(socket, `the filter of interface ${hook.interface}`, ['ENOENT', 'ENODEV'], (out, flags, seq) => {
          begin(out, TC.delFilter, flags, seq, [hook.interface, filter.handle, HOOK_PARENT[hook.program], info]);
          out.end();
        });
      }
      const other = { ...hook, program: hook.program === 'encapsulate' ? 'decapsulate' : 'encapsulate' } as const;
      if (!madeQdisc.has(hook.interface) || filtersAt(hook).length + filtersAt(other).length > 0) return;
      madeQdisc.delete(hook.interface);
      send(socket, `clsact of interface ${hook.interface}`, ['ENOENT', 'EINVAL', 'ENODEV'], (out, flags, seq) => {
        begin(out, TC.delQdisc, flags, seq, [hook.interface, CLSACT_HANDLE, CLSACT_PARENT, 0]);
        out.end();
      });
    },
    attachments: () => {
      const hooks = [...withClsact()].flatMap((index): Hook[] => [
        { program: 'encapsulate', interface: index },
        { program: 'decapsulate', interface: index },
      ]);
      return hooks.flatMap((hook): IpipAttachment[] => {
        const filter = ours(hook);
        return filter === undefined ? [] : [{ ...hook, mode: 'clsact', programId: filter.programId }];
      });
    },
    // A filter goes with its interface.
    prune: () => {},
    close: () => {},
  };
}
