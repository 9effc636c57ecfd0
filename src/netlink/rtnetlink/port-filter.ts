/**
 * A filter of classic BPF before a socket's queue: what a writer changes itself is not queued for its own monitor, where 100,000 routes would
 * take the queue over, be read and be thrown away.
 */
import { addon } from '../addon.ts';
import { errorName } from './socket.ts';

/** Instructions and their codes (linux/bpf_common.h): a word at an offset, a jump where it is equal, an end. */
const LOAD_WORD = 0x20;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;
const INSTRUCTION = 8;

/** Offset of nlmsg_pid, the port id of who asked for the change (struct nlmsghdr). */
const PORT_ID = 12;

/** A jump is told in one octet. */
const MOST_PORTS = 255;

/** The program that drops datagrams whose first message carries one of the port ids; each notification is a datagram of its own. */
export function portFilter(ports: readonly number[]): Buffer {
  if (ports.length > MOST_PORTS) throw new RangeError(`port ids of a filter: ${ports.length} are more than ${MOST_PORTS}`);
  const program = Buffer.alloc((ports.length + 3) * INSTRUCTION);
  let at = 0;
  const write = (code: number, ifTrue: number, value: number): void => {
    program.writeUInt16LE(code, at);
    program[at + 2] = ifTrue;
    program.writeUInt32LE(value, at + 4);
    at += INSTRUCTION;
  };
  write(LOAD_WORD, 0, PORT_ID);
  // The word is taken to be in network order, and port ids stand in this machine's.
  for (const [index, port] of ports.entries()) write(JUMP_IF_EQUAL, ports.length - index, swapped(port));
  write(RETURN, 0, 0xffff_ffff);
  write(RETURN, 0, 0);
  return program;
}

function swapped(value: number): number {
  return (((value & 0xff) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}

/** Lets nothing into the socket's queue that was changed through a socket with one of these port ids. Throws where the kernel refuses. */
export function ignorePorts(fd: number, ports: readonly number[]): void {
  if (ports.length === 0) return;
  const result = addon().attachFilter(fd, portFilter(ports));
  if (result < 0) throw new Error(`netlink monitor: ${errorName(-result)}, its filter`);
}
