/**
 * Programs on TCX hooks (kernel 6.6 and later): one link each, pinned, so that it stays when the process ends and the next one finds
 * it. Ours goes before those that are there: they may end the way of a packet, while ours lets go on whatever is not IPIP for this node.
 */
import { existsSync, mkdirSync, readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { closeDescriptor, NetlinkError } from 'netlink';
import type { Attacher, Hook, LoadedProgram } from './attach.ts';
import { hookName, hookOfName } from './attach.ts';
import type { TcxLink } from './calls.ts';
import { ATTACH, createTcxLink, detachLink, linkInfo, linksAt, openPin, pin, updateLink } from './calls.ts';
import type { IpipAttachment } from './types.ts';

const LOOPBACK = 1;

const hookNumber = (hook: Hook): number => (hook.program === 'encapsulate' ? ATTACH.tcxEgress : ATTACH.tcxIngress);

/** Whether this kernel has TCX. */
export function hasTcx(): boolean {
  return linksAt(LOOPBACK, ATTACH.tcxIngress) !== undefined;
}

/** Names in a directory; none where there is no such directory. */
function namesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

/** TCX links pinned in a directory of bpffs, which is made when the first one is attached. */
export function createTcx(directory: string): Attacher {
  const held = new Map<string, number>();
  const file = (name: string): string => join(directory, name);

  const forget = (name: string): void => {
    const fd = held.get(name);
    if (fd !== undefined) closeDescriptor(fd);
    held.delete(name);
    if (existsSync(file(name))) unlinkSync(file(name));
  };
  /** The link of a hook, where it is one and still stands on that interface of this namespace. */
  const living = (hook: Hook): { readonly fd: number; readonly link: TcxLink } | undefined => {
    const name = hookName(hook);
    const fd = held.get(name) ?? openPin(file(name));
    if (fd === undefined) return undefined;
    held.set(name, fd);
    const link = linkInfo(fd);
    if (link === undefined || link.hook !== hookNumber(hook)) return undefined;
    return linksAt(hook.interface, link.hook)?.includes(link.id) === true ? { fd, link } : undefined;
  };
  const attach = (hook: Hook, program: LoadedProgram): void => {
    forget(hookName(hook));
    const fd = createTcxLink(program.fd, hook.interface, hookNumber(hook));
    if (fd < 0) throw new NetlinkError(`attaching to interface ${hook.interface}`, { errno: -fd, text: '' });
    held.set(hookName(hook), fd);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    pin(fd, file(hookName(hook)));
  };
  const hooks = (): Hook[] => [...new Set([...held.keys(), ...namesIn(directory)])].flatMap((name) => hookOfName(name) ?? []);

  return {
    mode: 'tcx',
    ensure: (hook, program) => {
      const found = living(hook);
      if (found === undefined) {
        attach(hook, program);
        return 'attached';
      }
      if (!existsSync(file(hookName(hook)))) pin(found.fd, file(hookName(hook)));
      if (found.link.programId === program.id) return 'kept';
      updateLink(found.fd, program.fd);
      return 'replaced';
    },
    detach: (hook) => {
      const found = living(hook);
      if (found !== undefined) detachLink(found.fd);
      forget(hookName(hook));
    },
    attachments: () =>
      hooks().flatMap((hook): IpipAttachment[] => {
        const found = living(hook);
        return found === undefined ? [] : [{ ...hook, mode: 'tcx', programId: found.link.programId }];
      }),
    prune: () => {
      for (const hook of hooks()) if (living(hook) === undefined) forget(hookName(hook));
    },
    close: () => {
      for (const fd of held.values()) closeDescriptor(fd);
      held.clear();
    },
  };
}
