/** Probes of a node that drives the real BIRD 2: a BIRD that is stopped (SIGSTOP) is known by the round trip on its socket, and so is its return. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from './harness/exec.ts';
import type { Lab } from './harness/lab.ts';
import { CAN_RUN, makeLab } from './harness/lab.ts';
import type { Host } from './harness/lan.ts';
import type { LinnetNode } from './harness/linnet.ts';
import { makeLinnet } from './harness/linnet.ts';
import { makeCluster, SESSION_SECONDS } from './harness/scenario.ts';
import { until } from './harness/wait.ts';

describe.skipIf(!CAN_RUN)('health of the BIRD engine', () => {
  let lab: Lab;
  let host: Host;
  let node: LinnetNode;
  let failed = true;

  const health = (...flags: string[]): Promise<string> =>
    node.ask('health', ...flags).then(
      () => 'ok',
      (error: unknown) => String(error),
    );

  /** The BIRD in the namespace. */
  async function bird(): Promise<number> {
    const pids = (await run('ip', ['netns', 'pids', host.namespace])).split('\n').filter((line) => line !== '');
    const pid = pids.find((one) => readFileSync(`/proc/${one}/comm`, 'latin1').trim() === 'bird');
    if (pid === undefined) throw new Error('no bird there');
    return Number(pid);
  }

  beforeAll(async () => {
    lab = await makeLab('health');
    host = await lab.lan.host('node-1', 1);
    lab.datastore.write(makeCluster([{ host, blocks: ['10.244.1.0/26'] }], [], []));
    node = lab.adopt(makeLinnet(host, join(lab.directory, 'linnet-node-1'), lab.datastore.path, { more: ['--engine', 'bird2'] }));
    node.start();
    await until('BIRD is live', SESSION_SECONDS, async () => {
      node.alive();
      expect(await health('--live')).toBe('ok');
      expect(await health('--ready')).toBe('ok');
      await bird();
    });
  });
  afterAll(async () => lab?.close(failed));

  it('a stopped BIRD fails liveness and readiness in words that people know, and heals', async () => {
    const pid = await bird();
    process.kill(pid, 'SIGSTOP');
    try {
      await until('liveness falls', SESSION_SECONDS, async () =>
        expect(await health('--bird-live')).toContain('calico/node is not live: bird/confd is not live: BIRD socket: unable to connect'),
      );
      await until('readiness falls', SESSION_SECONDS, async () =>
        expect(await health('--bird-ready')).toContain('calico/node is not ready: BIRD is not ready: Error querying BIRD'),
      );
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await until('it is live again', SESSION_SECONDS, async () => expect(await health('--bird-live', '--bird-ready')).toBe('ok'));
    failed = false;
  });
});
