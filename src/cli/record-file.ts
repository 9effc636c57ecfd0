/** The file that `linnet speaker --record` writes: made anew, for its owner only, since routes and texts of peers are in it. */
import { createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Log } from '../confd/log.ts';

/** A file of lines that is being written. */
export interface RecordFile {
  /** Adds a line. */
  readonly write: (line: string) => void;
  /** Settles when everything is in the file. */
  readonly close: () => Promise<void>;
}

/** Opens the file; rejects with the system's error. A disk that fails later ends the recording, not the speaker. */
export async function openRecordFile(path: string, log: Log): Promise<RecordFile> {
  const handle = await open(path, 'w', 0o600);
  const stream = createWriteStream(path, { fd: handle });
  let failed = false;
  stream.on('error', (error) => {
    if (!failed) log.error({ error: error.message }, 'recording ended');
    failed = true;
  });
  return {
    write: (line) => {
      if (!failed) stream.write(`${line}\n`);
    },
    close: () => new Promise((resolve) => (failed ? resolve() : stream.end(() => resolve()))),
  };
}
