/** What the daemon writes to the API server, against one on loopback that refuses. */
import { afterEach, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config/read.ts';
import type { ConfigKey } from '../../src/config/types.ts';
import { createClusterWrites } from '../../src/main/cluster-writes.ts';
import { type Reply, type ScriptedServer, startScripted, status } from '../confd/source/kubernetes/scripted-server.ts';

let server: ScriptedServer | undefined;
afterEach(() => server?.stop());

const done: Reply = (_request, response) => void response.end('{}');

describe('the condition of the node', () => {
  it('is written when it can be, though it was refused when the daemon came up, and a refusal is told once', async () => {
    server = await startScripted((_url, nth) => (nth <= 2 ? status(403, 'may not') : done));
    const { url, asked } = server;
    const flags = new Map<ConfigKey, string>([
      ['apiEndpoint', url],
      ['write', 'condition'],
      ['datastore', 'kubernetes'],
    ]);
    const machine = { uid: 0, temporary: '/tmp', home: '/', xdgRuntime: '', xdgState: '', networkOf: () => undefined };
    const { config } = readConfig({ flags, environment: {}, file: new Map(), machine, readFile: () => undefined });
    const told: string[] = [];
    const say = (_fields: object, message: string): void => void told.push(message);
    const log = { debug: say, info: say, warn: say, error: say, setLevel: () => undefined, flush: () => undefined };
    const nothing = () => Promise.reject(new Error('nobody asks'));
    const own = { ready: () => Promise.resolve(true), status: nothing, peers: nothing, routes: nothing };
    const writes = await createClusterWrites(config, { node: 'n1', path: undefined }, own, log);
    await writes?.up(AbortSignal.timeout(20_000));
    await writes?.close();
    expect(asked.map(({ pathname }) => pathname)).toEqual(Array.from({ length: 3 }, () => '/api/v1/nodes/n1/status'));
    expect(told).toEqual(['node condition not written']);
  });
});
