/** Where a filter of ours goes among those of others, and how descriptors get into programs: pure parts. */
import { describe, expect, it } from 'vitest';
import { linkProgram } from '../../../node-agent/ebpf/programs.ts';
import { priorityBefore } from '../../../node-agent/ebpf/tc.ts';
import { testObject } from './object.ts';

describe('the priority of a filter', () => {
  it.each([
    ['alone', [], 26_992],
    ['before the one there is', [49_152], 26_992],
    ['before the first', [300, 7, 49_152], 6],
    ['at the usual place where nothing is before the first', [1], 26_992],
    ['nowhere', [1, 26_992], undefined],
  ])('is %s', (_name, others, expected) => {
    expect(priorityBefore(others.map((priority) => ({ priority, name: '', programId: 0 })))).toBe(expected);
  });
});

describe('linking', () => {
  it('puts each map’s descriptor where it is used, and constants as places in their map', () => {
    const [program] = testObject().programs;
    if (program === undefined) throw new Error('no program');
    const fds = new Map([...new Set(program.uses.map(({ map }) => map))].map((map, index) => [map, 40 + index]));
    const code = linkProgram(program, fds);
    for (const { instruction, map, offset } of program.uses) {
      const at = instruction * 8;
      // BPF_PSEUDO_MAP_FD is 1, BPF_PSEUDO_MAP_VALUE 2.
      expect([code.readUInt8(at + 1) >> 4, code.readInt32LE(at + 4)]).toEqual([map === '.rodata' ? 2 : 1, fds.get(map)]);
      expect(code.readUInt32LE(at + 12)).toBe(offset ?? 0);
    }
    expect(() => linkProgram(program, new Map())).toThrow('ipip_encap: there is no map ipip_setting');
  });
});
