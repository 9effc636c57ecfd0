/** Runs `linnet demo --once` as a user does, in a process of its own. Needs the build. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** False before `npm run build`. */
export const BUILT = existsSync(`${ROOT}dist/src/cli/main.js`);

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** One run on a loopback network of its own, `fault` (see fault-hooks.mjs) broken inside it. */
export function demo(network: string, fault?: string): Promise<Ended> {
  const options = fault === undefined ? {} : { NODE_OPTIONS: `--import file://${ROOT}test/cli/demo/fault.mjs?${fault}` };
  const child = spawn(process.execPath, [`${ROOT}bin/linnet.js`, 'demo', '--once', '--network', network, '--http', 'none'], {
    env: { PATH: process.env['PATH'], ...options },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text.stdout += part));
  child.stderr.setEncoding('utf8').on('data', (part: string) => (text.stderr += part));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, ...text })));
}
