/**
 * What docs/parity-differences.yaml lists as `stale-after-metric-change` is BIRD 2's own: without Linnet it leaves a kernel route beside its
 * successor of another metric, and its scans of the kernel do not take it away. Where this fails, BIRD has mended it and the entry goes.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from './harness/exec.ts';
import type { Lab } from './harness/lab.ts';
import { CAN_RUN, MATRIX_KINDS, makeLab } from './harness/lab.ts';
import type { Host } from './harness/lan.ts';
import type { OwnBird } from './harness/own-bird.ts';
import { makeOwnBird } from './harness/own-bird.ts';
import { CHANGE_SECONDS } from './harness/scenario.ts';
import { holds, until } from './harness/wait.ts';

const PREFIX = '10.50.0.0/24';
const METRICS = { raised: 512, normal: 1024 };
/** Seconds between BIRD's scans, and to see that two of them change nothing. */
const [SCAN, SCANS] = [1, 3];

describe.skipIf(!CAN_RUN || !MATRIX_KINDS.includes('bird2'))('a BIRD 2 by itself, when the best route changes to another metric', () => {
  let lab: Lab;
  let host: Host;
  let bird: OwnBird;
  let failed = true;

  beforeAll(async () => {
    lab = await makeLab('bird2-metric');
    host = await lab.lan.host('node', 1);
    bird = lab.adopt(
      makeOwnBird(host, join(lab.directory, 'bird'), [
        `protocol static raised { ipv4 { preference 250; }; route ${PREFIX} via 10.97.0.5; }`,
        `protocol static usual { ipv4; route ${PREFIX} via 10.97.0.6; }`,
        `filter programmed { if proto = "raised" then krt_metric = ${METRICS.raised}; else krt_metric = ${METRICS.normal}; accept; }`,
        `protocol kernel { metric 0; scan time ${SCAN}; ipv4 { export filter programmed; }; }`,
      ]),
    );
    await bird.start();
  });
  afterAll(async () => lab?.close(failed));

  const metrics = async (): Promise<number[]> => {
    const shown = await run('ip', ['-n', host.namespace, 'route', 'show', PREFIX, 'proto', 'bird']);
    return [...shown.matchAll(/metric (\d+)/g)].map(([, metric]) => Number(metric)).sort((a, b) => a - b);
  };

  it('leaves the old route in the kernel', async () => {
    await until('the raised route', CHANGE_SECONDS, async () => expect(await metrics()).toEqual([METRICS.raised]));
    await bird.ask('disable raised');
    const both = async (): Promise<void> => expect(await metrics()).toEqual([METRICS.raised, METRICS.normal]);
    await until('the normal route, beside it', CHANGE_SECONDS, both);
    expect(await bird.ask(`show route ${PREFIX}`)).not.toContain('10.97.0.5');
    await holds('the old route stays over scans', SCAN * SCANS, both);
    failed = false;
  });
});
