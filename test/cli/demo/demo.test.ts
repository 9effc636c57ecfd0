/** The demo as a user starts it, and with one thing broken inside: then it must say which step was missed. Needs the build. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const BUILT = existsSync(`${ROOT}dist/src/cli/main.js`);

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the demo once on a loopback network of its own. */
function demo(network: string, fault?: string): Promise<Ended> {
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

describe.skipIf(!BUILT)('linnet demo --once', () => {
  it('observes every step and shows an LB IP at the ToR through the reflector', { timeout: 90_000 }, async () => {
    const { code, stdout, stderr } = await demo('127.0.66');
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^198\.51\.100\.20\/32 +192\.0\.2\.2 +64512 +rr-1$/m);
    expect(stdout).not.toContain('MISSED');
    expect(stdout).toContain('Every step was observed at the ToR.');
    expect(code).toBe(0);
  });

  it.each([
    ['export', '127.0.67', 'routes'],
    ['reflection', '127.0.68', 'reflection'],
    ['withdraw', '127.0.69', 'scale to zero'],
    ['watch', '127.0.70', 'scale down on node-2'],
  ])('fails where %s is broken, and names the step', { timeout: 90_000 }, async (fault, network, step) => {
    const { code, stderr } = await demo(network, fault);
    expect(stderr).toContain(`step "${step}" was not observed`);
    expect(code).toBe(1);
  });
});
