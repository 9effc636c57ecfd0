/** A real BIRD that writes routes with our number keeps us from starting, in its own network namespace alone, and also where it hides it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EncapLab } from './harness/encap-lab.ts';
import { makeEncapLab } from './harness/encap-lab.ts';
import { CAN_RUN } from './harness/lab.ts';
import type { Host } from './harness/lan.ts';
import { until } from './harness/wait.ts';

/** What `linnet` may, and what a process with a few capabilities more may. */
const LIMITED = ['setpriv', '--bounding-set=-all,+net_admin', '--inh-caps=-all'];

describe.skipIf(!CAN_RUN)('another writer of our number', () => {
  let lab: EncapLab;
  let directory: string;
  beforeAll(async () => {
    lab = await makeEncapLab('kernel writers');
    directory = mkdtempSync(join(tmpdir(), 'linnet-writers-'));
  });
  afterAll(async () => {
    await lab?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const look = (node: Host, pid: number | undefined, limits: readonly string[]): Promise<string> => {
    const module = pathToFileURL(resolve('dist/src/routes/kernel/writers.js')).href;
    const script = `import { readlinkSync } from 'node:fs'; import { liveWriter } from '${module}';
      let shown = 'shown'; try { readlinkSync('/proc/${pid}/ns/net'); } catch (error) { shown = error.code; }
      console.log(shown, liveWriter(12), liveWriter(11), liveWriter(80));`;
    return lab.in(node.namespace, [...limits, 'node', '--input-type=module', '-e', script]);
  };

  it.each([
    ['shows its namespace', 'shown', []],
    ['has more capabilities than we and hides it', 'EACCES', LIMITED],
  ] as const)('a BIRD that %s is seen in its own namespace and in no other', async (_what, shown, limits) => {
    const { n1, n2 } = lab.nodes;
    const config = join(directory, 'bird.conf');
    writeFileSync(config, 'router id 192.0.2.1;\nprotocol device {}\nprotocol kernel { ipv4 { export all; }; }\n');
    const bird = lab.daemon(n1.namespace, ['bird', '-f', '-c', config, '-s', join(directory, 'bird.ctl')], `bird-${shown}.log`);
    await until('it is seen', 20, async () =>
      expect((await look(n1, bird.pid, limits)).trim()).toBe(`${shown} bird (pid ${bird.pid}) undefined undefined`),
    );
    expect((await look(n2, bird.pid, limits)).trim()).toBe(`${shown} undefined undefined undefined`);
    await bird.stop('SIGKILL');
    expect(await look(n1, bird.pid, limits)).toContain('undefined undefined undefined');
  });
});
