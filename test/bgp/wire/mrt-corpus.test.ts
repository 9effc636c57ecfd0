/** Recorded streams and tables from the reference corpus, against the text that the reference dumper prints for them. */

import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { corpusAbsent, corpusFiles, corpusTitle } from '../../shared.ts';
import { mrtLines } from './mrt.ts';

const files = corpusFiles(/\.gz$/).filter((file) => existsSync(file.replace(/\.gz$/, '.expect.gz')));

describe.skipIf(corpusAbsent(files.length))(corpusTitle('MRT files'), () => {
  it('are there', () => {
    expect(files.length).toBeGreaterThan(0);
  });

  it.each(files.map((file) => ({ file, name: basename(file) })))('$name', ({ file }) => {
    const expected = gunzipSync(readFileSync(file.replace(/\.gz$/, '.expect.gz')))
      .toString('latin1')
      .trimEnd()
      .split('\n');
    const lines = mrtLines(gunzipSync(readFileSync(file)));
    const missing = lines.findIndex((line, index) => line !== expected[index]);
    expect({ at: missing, line: lines[missing] }).toEqual({ at: -1, line: undefined });
    expect(lines.length).toBe(expected.length);
  });
});
