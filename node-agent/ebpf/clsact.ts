/**
 * Programs as direct-action filters of the clsact qdisc: for kernels without TCX, and where there is no bpffs to pin a link in, since a
 * filter stays by itself. Ours is known by its name, which holds the instance, and is exchanged in place. Filters of others, and a qdisc of others, stay as they are.
 */
import type { NetlinkSocket } from 'netlink';
import type { Attacher, Hook } from './attach.ts';
import type { Filter } from './tc.ts';
import { addClsact, filtersAt, interfacesWithClsact, priorityBefore, removeClsact, removeFilter, writeFilter } from './tc.ts';
import type { IpipAttachment } from './types.ts';

/** Both hooks of an interface. */
const hooksOf = (index: number): readonly Hook[] => [
  { program: 'encapsulate', interface: index },
  { program: 'decapsulate', interface: index },
];

/** clsact filters of one instance, in the namespace of the socket, which stays the caller's. */
export function createClsact(instance: string, socket: NetlinkSocket): Attacher {
  const madeQdisc = new Set<number>();
  const nameOf = (hook: Hook): string => `linnet-${instance}:${hook.program}`;
  const ours = (hook: Hook): Filter | undefined => filtersAt(socket, hook).find(({ name }) => name === nameOf(hook));
  return {
    mode: 'clsact',
    ensure: (hook, program) => {
      if (addClsact(socket, hook.interface)) madeQdisc.add(hook.interface);
      const before = ours(hook);
      if (before?.programId === program.id) return 'kept';
      const priority = before?.priority ?? priorityBefore(filtersAt(socket, hook));
      if (priority === undefined) throw new Error('filters of others hold every priority that could be taken');
      writeFilter(socket, hook, { name: nameOf(hook), priority }, program);
      return before === undefined ? 'attached' : 'replaced';
    },
    detach: (hook) => {
      const filter = ours(hook);
      if (filter !== undefined) removeFilter(socket, hook, filter.priority);
      if (!madeQdisc.has(hook.interface) || hooksOf(hook.interface).some((each) => filtersAt(socket, each).length > 0)) return;
      madeQdisc.delete(hook.interface);
      removeClsact(socket, hook.interface);
    },
    attachments: () =>
      interfacesWithClsact(socket)
        .flatMap(hooksOf)
        .flatMap((hook): IpipAttachment[] => {
          const filter = ours(hook);
          return filter === undefined ? [] : [{ ...hook, mode: 'clsact', programId: filter.programId }];
        }),
  };
}
