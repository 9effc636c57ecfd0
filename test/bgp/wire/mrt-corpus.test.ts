/** Recorded streams and tables from the reference corpus, against the text that the reference dumper prints for them. */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { corpusAbsent, corpusFiles, corpusTitle } from '../../shared.ts';
import { firstDifference, mrtLines } from './mrt.ts';

const PACKING = /\.(gz|bz2)$/;
const hasBzip2 = spawnSync('bzip2', ['--help']).error === undefined;

/** Contents, unpacked as the name says. */
function unpacked(file: string): Buffer {
  if (file.endsWith('.gz')) return gunzipSync(readFileSync(file));
  if (!file.endsWith('.bz2')) return readFileSync(file);
  return spawnSync('bzip2', ['-dc', file], { maxBuffer: 1 << 30 }).stdout;
}

/** The text for a recording: its name with `.expect`, packed or not. */
function textOf(file: string): string | undefined {
  const plain = file.replace(PACKING, '');
  return ['.expect.gz', '.expect.bz2', '.expect'].map((end) => plain + end).find((name) => existsSync(name));
}

/** Names by which collectors call what they record. */
const RECORDING = /^(updates|bview|rib|rrc|view|latest)|\.mrt(\.|$)|mrt/i;

const named = corpusFiles(/./).filter((file) => !/\.expect(\.|$)/.test(file));
const files = named.filter((file) => textOf(file) !== undefined);
/** Recordings without a text to compare with: read all the same. */
const alone = named.filter((file) => textOf(file) === undefined && PACKING.test(file) && RECORDING.test(basename(file)));

const missing = (file: string): boolean => file.endsWith('.bz2') && !hasBzip2;
const title = (file: string): string => `${basename(file)}${missing(file) ? ' (skipped: no bzip2 here to unpack it)' : ''}`;

describe.skipIf(corpusAbsent(files.length + alone.length))(corpusTitle('MRT files'), () => {
  it('are there', () => {
    expect(files.length + alone.length).toBeGreaterThan(0);
  });

  for (const file of [...files, ...alone]) {
    it.skipIf(missing(file))(title(file), (context) => {
      const lines = mrtLines(unpacked(file));
      const expected = textOf(file);
      const unknown = new Set(lines.flatMap((line) => (line.kind === 'unknown' ? [line.record] : [])));
      const known = lines.length - lines.filter(({ kind }) => kind === 'unknown').length;
      if (known === 0 && unknown.size > 0)
        context.skip(`${basename(file)}: nothing but MRT ${[...unknown].join(', ')}, which no reader of this project knows`);
      if (expected !== undefined) {
        const text = unpacked(expected).toString('latin1').trimEnd();
        expect(firstDifference(lines, text === '' ? [] : text.split('\n')), `not read: ${[...unknown].join(', ')}`).toBe(undefined);
      } else {
        expect(known).toBeGreaterThan(0);
      }
    });
  }
});
