/** The object in the tree and how it is read: ELF, BTF, and octets that are neither. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readMaps } from '../../../node-agent/ebpf/btf.ts';
import { parseElf } from '../../../node-agent/ebpf/elf.ts';
import type { BpfObject } from '../../../node-agent/ebpf/object.ts';
import { parseObject } from '../../../node-agent/ebpf/object.ts';
import { IPIP_REASONS } from '../../../node-agent/ebpf/types.ts';

const folder = new URL('../../../node-agent/ebpf/', import.meta.url);
const octets = readFileSync(process.env['LINNET_IPIP_OBJECT'] ?? new URL('ipip.o', folder));
const source = (name: string): string => readFileSync(new URL(`c/${name}`, folder), 'utf8');

function objectOf(bytes: Uint8Array): BpfObject {
  const parsed = parseObject(bytes);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
}

describe('the object', () => {
  it('has two programs under a licence the kernel takes, and the maps they use', () => {
    const { license, programs, maps } = objectOf(octets);
    expect(license).toBe('Dual MIT/GPL');
    expect(programs.map(({ name, section }) => [name, section])).toEqual([
      ['ipip_encap', 'tc/ipip_encap'],
      ['ipip_decap', 'tc/ipip_decap'],
    ]);
    expect(maps).toEqual([
      { name: 'ipip_setting', type: 2, keySize: 4, valueSize: 20, maxEntries: 1, flags: 0 },
      { name: 'ipip_blocks', type: 11, keySize: 8, valueSize: 4, maxEntries: 262_144, flags: 1 },
      { name: 'ipip_sources', type: 1, keySize: 4, valueSize: 4, maxEntries: 65_536, flags: 1 },
      { name: 'ipip_externals', type: 11, keySize: 8, valueSize: 4, maxEntries: 65_536, flags: 1 },
      { name: 'ipip_counts', type: 6, keySize: 4, valueSize: 16, maxEntries: IPIP_REASONS.length, flags: 0 },
    ]);
    const used = new Set(programs.flatMap(({ uses }) => uses.map(({ map }) => map)));
    expect([...used].sort()).toEqual(['.rodata', ...maps.map(({ name }) => name)].sort());
  });

  it('keeps the TTL as a constant that the loader may set', () => {
    const [constants] = objectOf(octets).data;
    expect(constants?.variables.get('outer_ttl')).toEqual({ offset: 0, size: 1 });
    expect(constants?.octets[0]).toBe(64);
  });

  it('leads every use to an ld_imm64 instruction', () => {
    for (const { instructions, uses } of objectOf(octets).programs) {
      for (const { instruction } of uses) expect(instructions[instruction * 8]).toBe(0x18);
    }
  });

  it('is of the source beside it, whose hash it carries', () => {
    const build = readFileSync(new URL('build.js', folder), 'utf8');
    const words = (name: string): string =>
      [...(new RegExp(`const ${name} = \\[([^;]*)\\];`).exec(build)?.[1] ?? '').matchAll(/'([^']+)'/g)].map((match) => match[1]).join(' ');
    const hash = createHash('sha256').update(`${words('flags')} ${words('strip')}`);
    for (const name of readdirSync(new URL('c/', folder)).sort()) hash.update(`\0${name}\0`).update(source(name));
    expect(objectOf(octets).notes.get('linnet.source')).toBe(hash.digest('hex'));
  });

  it('counts under the reasons of types.ts, in their order', () => {
    const listed = [...source('ipip.h').matchAll(/^\tREASON_(\w+),$/gm)].map((match) => match[1]?.toLowerCase().replaceAll('_', '-'));
    expect(listed).toEqual([...IPIP_REASONS]);
  });

  it('names no folder of the machine it was made on', () => {
    expect(octets.toString('latin1')).not.toMatch(/\/(?:home|root|tmp|usr|work)\//);
  });
});

describe('octets that are no such object', () => {
  it.each([
    ['nothing', Buffer.alloc(0), 'not an ELF file'],
    ['another format', Buffer.alloc(128, 1), 'not an ELF file'],
    ['half the file', octets.subarray(0, octets.length / 2), 'beyond'],
    ['a program for this machine', patched(18, 62), 'for machine 62'],
    ['32 bit', patched(4, 1), 'not a 64-bit'],
  ])('are refused: %s', (_name, bytes, error) => {
    const parsed = parseObject(bytes);
    expect(parsed.ok ? '' : parsed.error).toContain(error);
  });

  function patched(at: number, value: number): Buffer {
    const copy = Buffer.from(octets);
    copy[at] = value;
    return copy;
  }

  it('a broken file gives an error, never a throw', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(octets.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }), (changes) => {
        const copy = Buffer.from(octets);
        for (const [at, value] of changes) copy[at] = value;
        expect(typeof parseObject(copy).ok).toBe('boolean');
      }),
      { numRuns: 300 },
    );
  });

  it('random octets give an error, never a throw, in every part', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(parseElf(bytes).ok).toBe(false);
        const btf = Uint8Array.from([0x9f, 0xeb, 1, 0, 24, 0, 0, 0, ...bytes]);
        expect(typeof readMaps(btf).ok).toBe('boolean');
      }),
      { numRuns: 300 },
    );
  });
});
