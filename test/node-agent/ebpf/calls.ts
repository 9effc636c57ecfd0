/** Questions to bpf(2) that only tests have: what a program makes of a packet, and whether it is still there. */
import { BPF, bpf, bpfCall, closeDescriptor } from 'netlink';

/** BPF_PROG_GET_FD_BY_ID. */
const PROGRAM_BY_ID = 13;

/** Whether the kernel still has the program of an id; one that nobody holds goes a moment later. */
export function hasProgram(id: number): boolean {
  const attributes = Buffer.alloc(12);
  attributes.writeUInt32LE(id, 0);
  const fd = bpfCall(PROGRAM_BY_ID, attributes);
  if (fd >= 0) closeDescriptor(fd);
  return fd >= 0;
}

/** Runs a tc program on a packet (Ethernet) without any interface: its verdict, and what became of the packet. */
export function testRun(program: number, packet: Buffer): { readonly verdict: number; readonly packet: Buffer } {
  const attributes = Buffer.alloc(80);
  const out = Buffer.alloc(packet.length + 256);
  attributes.writeUInt32LE(program, 0);
  attributes.writeUInt32LE(packet.length, 8);
  attributes.writeUInt32LE(out.length, 12);
  attributes.writeUInt32LE(1, 32);
  bpf('a test run', BPF.programTestRun, attributes, [
    { offset: 16, buffer: packet },
    { offset: 24, buffer: out },
  ]);
  return { verdict: attributes.readInt32LE(4), packet: out.subarray(0, attributes.readUInt32LE(12)) };
}
