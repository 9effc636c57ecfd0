/** The real daemon's own verdict about a file, by `bird -p`. */
import { execFile } from 'node:child_process';

/** What is wrong, and where BIRD saw it. `file` and `line` are absent where it does not say. */
export interface CheckFault {
  readonly message: string;
  readonly file?: string;
  /** From 1. */
  readonly line?: number;
}

/** Longest check, ms: the largest configurations take a second. */
const CHECK_TIMEOUT_MS = 30_000;

/** Runs `COMMAND -p -c FILE`; undefined where the daemon takes the file. Rejects where there is no such daemon. */
export async function checkFile(command: readonly string[], file: string): Promise<CheckFault | undefined> {
  const [program = '', ...args] = command;
  return await new Promise((resolve, reject) => {
    execFile(program, [...args, '-p', '-c', file], { timeout: CHECK_TIMEOUT_MS }, (error, _stdout, stderr) => {
      if (error === null) resolve(undefined);
      else if (typeof error.code === 'string') reject(new Error(`${program} cannot be run: ${error.code}`));
      else resolve(parseFault(stderr) ?? { message: stderr.trim() === '' ? error.message : stderr.trim() });
    });
  });
}

/** Reads `bird: FILE:LINE:COLUMN MESSAGE` and the older `bird: FILE, line LINE: MESSAGE`. */
export function parseFault(text: string): CheckFault | undefined {
  for (const line of text.split('\n')) {
    const found = /^\S+: (\/.*?)(?::(\d+):\d+ |, line (\d+): )(.*)$/.exec(line);
    if (found?.[1] !== undefined) return { file: found[1], line: Number(found[2] ?? found[3]), message: found[4] ?? '' };
  }
  return undefined;
}
