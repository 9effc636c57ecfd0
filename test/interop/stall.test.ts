/** A speaker's thread that really stands still: the probes answer at once, name it, say what it does and for how long, and heal. */
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLUSTER, service } from '../cli/manifests.ts';
import { launch, makeFolder } from '../cli/program.ts';
import { until } from './harness/wait.ts';

/** How long the planted loop takes, ms: more than the 5 s after which a silent thread is stalled. */
const STALL_MS = 12_000;
/** An answer never waits for the thing it judges, ms. */
const ANSWER_MS = 2_000;
// A loopback network of our own, so that runs side by side do not meet.
const HOST = `127.${20 + (process.pid % 200)}.${Math.floor(process.pid / 200) % 250}.9`;

describe('a stalled speaker', () => {
  let manifests: Awaited<ReturnType<typeof makeFolder>>;
  let folder: Awaited<ReturnType<typeof makeFolder>>;
  let daemon: ReturnType<typeof launch>;

  async function probe(path: string): Promise<{ status: number; body: string; ms: number }> {
    const from = performance.now();
    return await new Promise((resolve, reject) => {
      const call = request({ socketPath: join(folder.path, 'run', 'linnet.sock'), path, headers: { accept: 'text/plain' } }, (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => (body += part));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body, ms: performance.now() - from }));
      });
      call.once('error', reject);
      call.end();
    });
  }

  beforeAll(async () => {
    manifests = await makeFolder({ 'cluster.yaml': CLUSTER });
    folder = await makeFolder({});
    const places = ['--run-dir', join(folder.path, 'run'), '--state-dir', join(folder.path, 'state'), '--http', 'none'];
    const hook = new URL(`harness/stall.mjs?${STALL_MS}`, import.meta.url);
    daemon = launch(
      ['run', '--node', 'node-1', '--path', manifests.path, '--transport-map', `192.0.2.1=${HOST}:1790`, '--kernel', 'off', ...places],
      { env: { NODE_OPTIONS: `--import ${hook.href}` } },
    );
    await until('the daemon is live', 30, async () => expect(await probe('/liveness')).toMatchObject({ status: 200 }));
  });
  afterAll(async () => {
    daemon?.child.kill('SIGKILL');
    await daemon?.ended;
    await Promise.all([manifests?.dispose(), folder?.dispose()]);
  });

  it('is diagnosed by name and duration within the time of an answer, and heals', async () => {
    await manifests.write('web.yaml', service('web', '198.51.100.20', ['node-1']));
    await until('liveness falls', 30, async () => {
      const { status, body, ms } = await probe('/liveness');
      expect(ms).toBeLessThan(ANSWER_MS);
      expect([status, body]).toEqual([
        503,
        expect.stringMatching(
          /^calico\/node is not live: the speaker thread is stalled: no sign of life for \d+\.\d s, busy with a configuration for \d+\.\d s\n$/,
        ),
      ]);
    });
    expect(await probe('/readiness')).toMatchObject({ status: 503 });
    await until('it is live again', 30, async () => expect(await probe('/liveness')).toMatchObject({ status: 200 }));
  });
});
