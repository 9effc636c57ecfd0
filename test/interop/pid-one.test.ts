/** The daemon as PID 1 of a container: orphans are collected, its own children are not taken from it, and SIGTERM ends it in time (dataplane A36). */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Running } from './harness/exec.ts';
import { run, start } from './harness/exec.ts';
import { CAN_RUN } from './harness/lab.ts';
import { until } from './harness/wait.ts';

const NODE = {
  ...{ apiVersion: 'projectcalico.org/v3', kind: 'Node', metadata: { name: 'n1' } },
  spec: { bgp: { ipv4Address: '127.0.0.1/32', asNumber: 64512 } },
};

describe.skipIf(!CAN_RUN)('the daemon as PID 1', () => {
  let directory: string;
  let outer: Running;
  const log = (): string => readFileSync(join(directory, 'log'), 'utf8');

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'linnet-pid-one-'));
    mkdirSync(join(directory, 'manifests'));
    writeFileSync(join(directory, 'manifests', 'node.json'), JSON.stringify(NODE));
    const apart = ['--net', '--pid', '--fork', '--mount-proc', '--kill-child', 'sh', '-c', 'ip link set lo up; exec "$@"', 'sh'];
    const words = [
      ...['run', '--node', 'n1', '--path', join(directory, 'manifests'), '--shutdown', 'cease'],
      ...['--run-dir', join(directory, 'run'), '--state-dir', join(directory, 'state')],
    ];
    outer = start('unshare', [...apart, process.execPath, resolve('bin/linnet.js'), ...words], join(directory, 'log'));
  });
  afterAll(async () => {
    await outer.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it('collects what others leave behind, and ends within 5 s of SIGTERM', async () => {
    await until('it has started', 40, () => {
      expect(outer.dead()).toBeUndefined();
      expect(log()).toContain('"msg":"started"');
    });
    const pid = (await run('ps', ['-o', 'pid=', '--ppid', String(outer.pid)])).trim();
    const children = (): Promise<string> => run('sh', ['-c', `ps -o stat=,comm= --ppid ${pid} || true`]);
    await run('nsenter', ['-t', pid, '-p', '-m', 'sh', '-c', '(sleep 2 & sleep 2 &) >/dev/null 2>&1']);
    await until('two orphans', 10, async () => expect((await children()).match(/sleep/g)).toHaveLength(2));
    await until('both collected', 40, async () => expect(await children()).not.toContain('sleep'));
    process.kill(Number(pid), 'SIGTERM');
    await until('its end', 20, () => expect(outer.dead()).toContain('ended with 0'));
    const at = (message: string): number => {
      const line = log()
        .split('\n')
        .find((each) => each.includes(`"msg":"${message}"`));
      return Date.parse(/"time":"([^"]+)"/.exec(line ?? '')?.[1] ?? '');
    };
    expect(at('stopped') - at('stopping')).toBeLessThan(5_000);
  });
});
