/**
 * The backend: IPIP without the kernel's module. Nothing is done before the first call. Maps and TCX links are pinned in a directory of
 * bpffs of this instance, so that packets go on when the process dies and the next one takes over; where there is no bpffs, or a kernel
 * without TCX, programs hang as clsact filters, which stay by themselves.
 */
import { existsSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { LinkMessage } from 'netlink';
import { closeDescriptor, decodeLink, encodeLinkDump, NetlinkSocket, RTM } from 'netlink';
import type { Attacher, Hook, LoadedProgram } from './attach.ts';
import { hookName } from './attach.ts';
import { createClsact } from './clsact.ts';
import type { BpfObject } from './object.ts';
import type { Maps } from './programs.ts';
import { loadPrograms, openMaps, readObject, removeMapPins } from './programs.ts';
import { applyTables, countEntries, readCounters } from './tables.ts';
import { createTcx, hasTcx } from './tcx.ts';
import type { AttachMode, IpipApplied, IpipAttachment, IpipBackend, IpipStatus, IpipWanted } from './types.ts';

/** Where bpffs is mounted, as a rule. */
const BPFFS = '/sys/fs/bpf';

const BPFFS_MAGIC = 0xcafe4a11;
/** ARPHRD_ETHER, ARPHRD_LOOPBACK. */
const ETHERNET_TYPES: readonly number[] = [1, 772];
const PROGRAM_OF = { encapsulate: 'ipip_encap', decapsulate: 'ipip_decap' } as const;

/** How the backend is opened. */
export interface IpipOptions {
  /** Letters, digits and `-`, 0-32: agents of different instances on one kernel do not meet. */
  readonly instance: string;
  /** Where bpffs is mounted; default /sys/fs/bpf. */
  readonly bpffs?: string;
  /** Absent: TCX where kernel and bpffs allow it, else clsact. */
  readonly mode?: AttachMode;
  /** Outer TTL, 1-255; default 64. */
  readonly ttl?: number;
  /** The programs; default: those shipped. */
  readonly object?: BpfObject;
}

/** Everything open in the kernel; `directory` is that of the pins, undefined where there is no bpffs. */
interface Footing {
  readonly directory: string | undefined;
  readonly socket: NetlinkSocket;
  /** Both ways of attaching, the one in use first: the other may have been used before an upgrade of the kernel. */
  readonly way: Attacher;
  readonly other: Attacher | undefined;
}

interface Opened {
  readonly maps: Maps;
  readonly programs: ReadonlyMap<string, LoadedProgram>;
}

function isBpffs(directory: string): boolean {
  return existsSync(directory) && statfsSync(directory).type === BPFFS_MAGIC;
}

function stand(options: IpipOptions): Footing {
  const bpffs = options.bpffs ?? BPFFS;
  const directory = isBpffs(bpffs) ? join(bpffs, options.instance === '' ? 'linnet' : `linnet-${options.instance}`) : undefined;
  const tcx = directory === undefined || !hasTcx() ? undefined : createTcx(directory);
  if (options.mode === 'tcx' && tcx === undefined) throw new Error(`TCX needs kernel 6.6 and bpffs at ${bpffs}`);
  const socket = new NetlinkSocket();
  const clsact = createClsact(options.instance, socket);
  if (tcx === undefined || options.mode === 'clsact') return { directory, socket, way: clsact, other: tcx };
  return { directory, socket, way: tcx, other: clsact };
}

function open(options: IpipOptions, object: BpfObject, directory: string | undefined): Opened {
  const maps = openMaps(object, directory);
  try {
    const ttl = new Map([['outer_ttl', Buffer.from([options.ttl ?? 64])]]);
    return { maps, programs: loadPrograms(object, maps, ttl) };
  } catch (error) {
    for (const { fd } of maps.values()) closeDescriptor(fd);
    throw error;
  }
}

/** Decapsulation first: what others send is taken before anything is sent that they answer. */
function hooksOf(wanted: IpipWanted): Hook[] {
  const parents = [...new Set(wanted.parents)].map((index): Hook => ({ program: 'decapsulate', interface: index }));
  return [...parents, { program: 'encapsulate', interface: wanted.device }];
}

/** What became of the hooks. */
type Hung = Pick<IpipApplied, 'attached' | 'replaced' | 'detached' | 'faults'>;

/** Why an interface cannot be served, '' where it can: packets must have an Ethernet header. */
function misfit(links: readonly LinkMessage[], hook: Hook): string {
  const link = links.find(({ index }) => index === hook.interface);
  if (link === undefined) return 'there is no such interface';
  return ETHERNET_TYPES.includes(link.type) ? '' : `${link.name} is of type ${link.type} and has no Ethernet header`;
}

function hang({ way, other, socket }: Footing, wanted: IpipWanted, programs: Opened['programs']): Hung {
  const counts = { attached: 0, replaced: 0, kept: 0, detached: 0 };
  const faults: string[] = [];
  const attempt = (hook: Hook, action: () => void): void => {
    try {
      action();
    } catch (error) {
      faults.push(`${hook.program} at interface ${hook.interface}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const links = socket.dump('links', (out, seq) => encodeLinkDump(out, RTM.getLink, seq), decodeLink);
  const served = new Set<string>();
  const hooks = hooksOf(wanted);
  way.prune?.();
  other?.prune?.();
  for (const hook of hooks) {
    const program = programs.get(PROGRAM_OF[hook.program]);
    attempt(hook, () => {
      const fault = program === undefined ? 'the object lacks its program' : misfit(links, hook);
      if (program === undefined || fault !== '') throw new Error(fault);
      counts[way.ensure(hook, program)]++;
      served.add(hookName(hook));
    });
  }
  const names = new Set(hooks.map(hookName));
  const takeOff = (from: Attacher, hook: Hook): void =>
    attempt(hook, () => {
      from.detach(hook);
      counts.detached++;
    });
  for (const hook of way.attachments()) if (!names.has(hookName(hook))) takeOff(way, hook);
  // The other way's comes off once its place is taken.
  for (const hook of other?.attachments() ?? []) if (!names.has(hookName(hook)) || served.has(hookName(hook))) takeOff(other ?? way, hook);
  return { attached: counts.attached, replaced: counts.replaced, detached: counts.detached, faults };
}

/** The backend. Throws where the instance's name is no name; the kernel is first asked by the calls. */
export function openIpip(options: IpipOptions): IpipBackend {
  if (!/^[A-Za-z0-9-]{0,32}$/.test(options.instance)) throw new Error(`instance ${options.instance} is not 0-32 letters, digits and -`);
  const object = options.object ?? readObject('ipip.o');
  let footing: Footing | undefined;
  let opened: Opened | undefined;
  /** Entries after the last `apply`; counting them in the kernel takes as long as reading them. */
  let entries: Pick<IpipStatus, 'blocks' | 'sources'> | undefined;

  const standing = (): Footing => {
    footing ??= stand(options);
    return footing;
  };
  const ready = (): Opened => {
    opened ??= open(options, object, standing().directory);
    return opened;
  };
  const attachments = ({ way, other }: Footing): IpipAttachment[] => [...way.attachments(), ...(other?.attachments() ?? [])];
  const close = (): void => {
    for (const { fd } of [...(opened?.maps.values() ?? []), ...(opened?.programs.values() ?? [])]) closeDescriptor(fd);
    footing?.way.close?.();
    footing?.other?.close?.();
    footing?.socket.close();
    opened = undefined;
    footing = undefined;
    entries = undefined;
  };

  return {
    apply: (wanted) => {
      const { maps, programs } = ready();
      const tables = applyTables(maps, wanted);
      const hung = hang(standing(), wanted, programs);
      tables.finish();
      const { directory } = standing();
      if (directory !== undefined) removeMapPins(directory, 'others');
      entries = tables.entries;
      return { ...tables.changed, ...hung };
    },
    status: (): IpipStatus => {
      const { maps } = ready();
      return {
        attachments: attachments(standing()),
        ...(entries ?? countEntries(maps)),
        counters: readCounters(maps),
        sourceHash: object.notes.get('linnet.source') ?? '',
      };
    },
    close,
    remove: () => {
      const { way, other, directory } = standing();
      for (const from of [way, other]) for (const hook of from?.attachments() ?? []) from?.detach(hook);
      for (const from of [way, other]) from?.prune?.();
      if (directory !== undefined) removeMapPins(directory, 'all');
      close();
    },
  };
}
