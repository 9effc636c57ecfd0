/** Whole messages out of the reference corpus, where it is there: any file whose lines hold hex that begins with a marker. */
import { readFileSync, statSync } from 'node:fs';
import { corpusFiles } from '../shared.ts';

const MESSAGE = /F{32}[0-9A-F:]{6,}/gi;
/** Larger files hold recordings, not vectors. */
const MAX_FILE_OCTETS = 1 << 20;

let found: readonly Uint8Array[] | undefined;

/** The messages; none without the corpus. */
export function corpusOctets(): readonly Uint8Array[] {
  found ??= corpusFiles(/(\.vectors|^decode-[^.]*)$/)
    .filter((file) => statSync(file).size <= MAX_FILE_OCTETS)
    .flatMap((file) => Array.from(readFileSync(file, 'latin1').matchAll(MESSAGE), ([text]) => text.replaceAll(':', '')))
    .map((text) => new Uint8Array(Buffer.from(text, 'hex')));
  return found;
}
