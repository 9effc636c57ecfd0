/** `linnet health` asked as Calico's manifests ask calico-node: one dash or two, switches with values, a threshold, exit codes, words that people grep. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rewrite } from '../../src/cli/health.ts';
import { linnet, type Outcome } from './program.ts';

describe('flags as Calico writes them', () => {
  it.each([
    ['-bird-live', ['--bird-live']],
    ['-bird6-ready', ['--bird6-ready']],
    ['--bird-ready', ['--bird-ready']],
    ['-felix-live=true', ['--felix-live']],
    ['-felix-ready=false', []],
    ['--bird-live=0', []],
    ['-threshold-time=1m30s', ['--threshold-time=1m30s']],
    ['-threshold-time 30s', ['--threshold-time', '30s']],
    ['-o json', ['-o', 'json']],
    ['-bird-alive', ['-bird-alive']],
    ['-bird-live=perhaps', ['-bird-live=perhaps']],
    ['--api /run/linnet-live=1', ['--api', '/run/linnet-live=1']],
  ])('%s', (words, read) => expect(rewrite(words.split(' '))).toEqual(read));
});

describe('the command', () => {
  let server: Server;
  const asked: string[] = [];
  const live = { schema: 'linnet.health/v1', probe: 'liveness', ok: true, message: 'ok', checks: [] };
  const missing = { name: 'bgp-ipv4', ok: false, detail: 'BGP not established with 10.0.0.2' };
  const ready = { schema: 'linnet.health/v1', probe: 'readiness', ok: false, message: 'not read', checks: [missing] };

  const health = async (...words: string[]): Promise<Outcome> => {
    const address: AddressInfo | string | null = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const env = { FELIX_HEALTHHOST: '127.0.0.1', FELIX_HEALTHPORT: String(port) };
    return await linnet(['health', '--api', `http://127.0.0.1:${port}`, ...words], { env });
  };

  beforeAll(async () => {
    server = createServer(({ url = '' }, response) => {
      asked.push(url);
      const failing = url.startsWith('/readiness');
      response.writeHead(failing ? 503 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(failing ? ready : live));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => server.close());

  it("is asked by Calico's liveness probe", async () => {
    expect(await health('-felix-live', '-bird-live')).toMatchObject({ code: 0, stderr: '' });
    expect(asked.splice(0)).toEqual(expect.arrayContaining(['/liveness']));
  });

  it("is asked by Calico's readiness probe, with its threshold", async () => {
    const outcome = await health('-bird-ready', '-threshold-time=1m30s');
    expect(outcome).toMatchObject({ code: 1, stderr: 'calico/node is not ready: BIRD is not ready: BGP not established with 10.0.0.2\n' });
    expect(asked.splice(0)).toEqual(['/readiness?threshold=90']);
  });

  it('says what is no duration, and what is no flag', async () => {
    expect(await health('-bird-ready', '-threshold-time', 'soon')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--threshold-time: "soon" is no duration of at most a day such as 30s or 1m30s'),
    });
    expect(await health('-bird-alive')).toMatchObject({ code: 2, stderr: expect.stringContaining('unknown option') });
  });
});
