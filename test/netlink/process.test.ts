import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { addon, reapChild } from 'netlink';
import { describe, expect, it } from 'vitest';

const ECHILD = 10;

describe('reapChild', () => {
  it('collects no process that is no child of ours, and names no group', () => {
    expect(reapChild(process.ppid)).toBe(false);
    for (const pid of [process.ppid, 0, -1]) expect(addon().reap(pid)).toBe(-ECHILD);
  });

  it('leaves a child that lives to the runtime, which then has its end', async () => {
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    expect(reapChild(child.pid ?? 0)).toBe(false);
    child.kill('SIGKILL');
    const [, signal] = await once(child, 'exit');
    expect(signal).toBe('SIGKILL');
  });
});
