/**
 * bpf(2), raw: a command and its `union bpf_attr` (linux/bpf.h), with the buffers its pointers lead to. Which fields stand where
 * is the caller's business; that the addresses are right and the buffers alive is the addon's.
 */
import { addon } from './addon.ts';
import { NetlinkError } from './rtnetlink/socket.ts';

/** A buffer whose address the kernel finds at `offset` of the attributes (eight octets, in host order). */
export interface BpfPointer {
  /** From the beginning of the attributes, 0 to their length - 8. */
  readonly offset: number;
  /** What is pointed at. The kernel may write into it (maps' values, the verifier's log). */
  readonly buffer: Buffer;
}

/** Commands of bpf(2) (enum bpf_cmd of linux/bpf.h), as far as they are used. */
export const BPF = {
  mapCreate: 0,
  mapLookup: 1,
  mapUpdate: 2,
  programLoad: 5,
  objectPin: 6,
  objectGet: 7,
  programTestRun: 10,
  objectInfoByFd: 15,
  programQuery: 16,
  mapLookupBatch: 24,
  mapUpdateBatch: 26,
  mapDeleteBatch: 27,
  linkCreate: 28,
  linkUpdate: 29,
  linkDetach: 34,
} as const;

/**
 * One bpf(2) call: a descriptor (close it with `closeDescriptor`; it is close-on-exec) or another number from 0, or the negative errno.
 * The call runs in this thread and, as every lookup by interface index, in its network namespace. At most 16 pointers, each
 * written into `attributes` for the call only; throws TypeError where one does not fit.
 */
export function bpfCall(command: number, attributes: Buffer, pointers: readonly BpfPointer[] = []): number {
  return addon().bpf(
    command,
    attributes,
    pointers.map(({ offset }) => offset),
    pointers.map(({ buffer }) => buffer),
  );
}

/** As `bpfCall`, but a refusal is thrown as a NetlinkError: `what` and the errno's name. */
export function bpf(what: string, command: number, attributes: Buffer, pointers: readonly BpfPointer[] = []): number {
  const result = bpfCall(command, attributes, pointers);
  if (result < 0) throw new NetlinkError(what, { errno: -result, text: '' });
  return result;
}

/** Closes a descriptor that `bpf` gave; once. Throws where it is none. */
export function closeDescriptor(fd: number): void {
  addon().close(fd);
}
