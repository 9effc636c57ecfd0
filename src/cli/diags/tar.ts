/** A tar archive of small text files (POSIX ustar), so that no other program is needed. */

/** One file of the archive; names of at most 100 octets. */
export interface TarEntry {
  readonly name: string;
  readonly content: string;
}

const BLOCK = 512;

function header({ name, size, at }: { readonly name: string; readonly size: number; readonly at: number }): Buffer {
  const block = Buffer.alloc(BLOCK);
  const put = (offset: number, text: string): void => void block.write(text, offset, 'latin1');
  const octal = (value: number, length: number): string => `${value.toString(8).padStart(length - 1, '0')}\0`;
  block.write(name, 0, 100, 'utf8');
  put(100, octal(0o600, 8));
  put(108, octal(0, 8));
  put(116, octal(0, 8));
  put(124, octal(size, 12));
  put(136, octal(Math.floor(at / 1000), 12));
  // The sum counts its own field as spaces.
  put(148, ' '.repeat(8));
  put(156, '0');
  put(257, 'ustar\x0000');
  put(
    148,
    `${block
      .reduce((sum, octet) => sum + octet, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
  );
  return block;
}

/** The archive; `at` in wall-clock ms is the time of every file. */
export function tar(entries: readonly TarEntry[], at: number): Buffer {
  const parts = entries.flatMap(({ name, content }) => {
    const octets = Buffer.from(content, 'utf8');
    return [header({ name, size: octets.length, at }), octets, Buffer.alloc((BLOCK - (octets.length % BLOCK)) % BLOCK)];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}
