/** Every endpoint without a socket: status codes, documents, content types. */
import { describe, expect, it } from 'vitest';
import { secretValue } from '../../../src/confd/resources/secret-value.ts';
import { createServer } from '../../../src/health/server/server.ts';
import { takeMain, takeSpeaker } from '../../../src/health/state.ts';
import type { MainAnswer, SpeakerAnswer } from '../../../src/health/status.ts';
import { heldPeer, issue, mainPush, peer, type Reply, route, runningWorld, speakerPush, type World, world } from '../fixtures.ts';
import { parsePrometheus } from '../prometheus-text.ts';
import { schemaChecks } from './schema-check.ts';

const check = await schemaChecks();

const speaker = (query: { readonly kind: string }): Reply<SpeakerAnswer> =>
  query.kind === 'routes'
    ? { kind: 'routes', routes: [route('10.0.0.0/24')], next: null }
    : {
        kind: 'explain',
        coveredBy: '10.0.0.0/8',
        steps: [{ stage: 'decision', verdict: 'pass', rule: 'only path', citation: 'RFC 4271 section 9.1.2', objects: [] }],
        peers: [
          { peer: 'Global_192_0_2_1', verdict: 'advertised', blockedBy: null, group: 'g1', lastSent: { at: 1, updateHex: 'ff' } },
          {
            peer: 'Mesh_1',
            verdict: 'not-advertised',
            blockedBy: { rule: 'r', citation: 'c', term: null, objects: [] },
            group: 'g1',
            lastSent: null,
          },
        ],
      };

const desiredText = `${JSON.stringify({ schema: 'linnet.desired/v1', node: 'node-1', peers: [{ id: 'a', reasons: [], more: 1 }], filters: [], advertise: [], install: [], issues: [] })}\n`;

const main = (query: { readonly kind: string }): Reply<MainAnswer> =>
  query.kind === 'desired'
    ? { kind: 'desired', version: 1, text: desiredText }
    : {
        kind: 'explain',
        steps: [
          { stage: 'resource', verdict: 'pass', rule: 'load balancer IP', citation: 'control-plane 4.2', objects: ['Service/default/web'] },
        ],
      };

async function get(at: World, url: string, headers: Record<string, string> = {}) {
  const app = createServer(at, 'everything');
  const { statusCode, body, headers: got } = await app.inject({ url, headers });
  await app.close();
  const type = String(got['content-type']);
  return { status: statusCode, body, type, json: (): unknown => JSON.parse(body) };
}

describe('documents', () => {
  it.each([
    ['/liveness', 'Health'],
    ['/livez', 'Health'],
    ['/readiness', 'Health'],
    ['/readyz', 'Health'],
    ['/api/v1/status', 'Status'],
    ['/api/v1/peers', 'Peers'],
    ['/api/v1/routes', 'Routes'],
    ['/api/v1/desired', 'Desired'],
    ['/api/v1/issues', 'Issues'],
    ['/api/v1/explain?prefix=10.0.0.0/24', 'Explain'],
  ] as const)('%s answers 200 as its schema says', async (url, name) => {
    const at = runningWorld({ main, speaker }, [
      peer('Global_192_0_2_1'),
      peer('x', {
        remote: { address: '192.0.2.9', port: 1790 },
        local: null,
        remoteId: null,
        lastErrorSent: { at: 5, text: 'Hold Timer Expired' },
      }),
    ]);
    takeMain(
      at.state,
      mainPush({
        issues: [issue(), issue({ source: null })],
        held: [heldPeer('h', '192.0.2.8')],
        settings: [{ name: 'node', value: 'n', origin: 'flag' }],
      }),
      0,
    );
    const answer = await get(at, url);
    expect([answer.status, answer.type]).toEqual([
      name === 'Health' && url.startsWith('/read') ? 503 : 200,
      'application/json; charset=utf-8',
    ]);
    expect(check(name, answer.json())).toEqual([]);
  });

  it('the check itself sees what is missing, unknown or of another type', () => {
    const good = { error: { code: 'X', message: 'y' } };
    expect(check('Error', good)).toEqual([]);
    expect(check('Error', { error: { code: 'X' } }).length).toBe(1);
    expect(check('Error', { error: { ...good.error, extra: 1 } }).length).toBe(1);
    expect(check('Error', { error: { code: 1, message: 'y' } }).length).toBe(1);
  });

  it('status counts sessions and issues before anything was pushed, and after', async () => {
    const empty = await get(world(), '/api/v1/status');
    expect([empty.status, check('Status', empty.json())]).toEqual([200, []]);
    const at = runningWorld({}, [peer('a'), peer('b', { state: 'idle' })]);
    takeMain(at.state, mainPush({ issues: [issue(), issue({ severity: 'warning' })] }), 0);
    expect((await get(at, '/api/v1/status')).json()).toMatchObject({
      sessions: { configured: 2, established: 1, held: 0 },
      issues: { errors: 1, warnings: 1 },
      live: true,
      ready: false,
    });
  });

  it('desired is main’s own text, asked once per version', async () => {
    const at = runningWorld({ main });
    expect((await get(at, '/api/v1/desired')).body).toBe(desiredText);
    await get(at, '/api/v1/desired');
    expect(at.asked.main.length).toBe(1);
    takeMain(at.state, mainPush({ desiredVersion: 2 }), 0);
    await get(at, '/api/v1/desired');
    expect(at.asked.main.length).toBe(2);
  });

  it('a long text arrives whole, pairs of surrogates too', async () => {
    const text = `${'x'.repeat(64 * 1024 - 1)}😀${'ü😀'.repeat(100_000)}`;
    const at = runningWorld({ main: () => ({ kind: 'desired', version: 1, text }) });
    expect((await get(at, '/api/v1/desired')).body === text).toBe(true);
  });

  it('clients that ask together share one question', async () => {
    const at = runningWorld({ main });
    const app = createServer(at, 'everything');
    const answers = await Promise.all(Array.from({ length: 20 }, () => app.inject('/api/v1/desired')));
    expect([answers.every(({ body }) => body === desiredText), at.asked.main.length]).toEqual([true, 1]);
    await app.close();
  });

  it('a password in the desired state leaves as [hidden]', async () => {
    const password = secretValue('planted-secret');
    const text = JSON.stringify({ schema: 'linnet.desired/v1', peers: [{ id: 'a', reasons: [], password }] });
    const at = runningWorld({ main: () => ({ kind: 'desired', version: 1, text }), speaker });
    takeMain(
      at.state,
      mainPush({ settings: [{ name: 'etcd password', value: String(password), origin: 'environment ETCD_PASSWORD' }] }),
      0,
    );
    const pages = await Promise.all(['/api/v1/desired', '/api/v1/status', '/api/v1/peers', '/metrics'].map((url) => get(at, url)));
    expect(pages.map(({ body }) => body).join()).not.toContain('planted-secret');
    expect(pages[0]?.body).toContain('"password":"[hidden]"');
    expect(pages[1]?.body).toContain('"value":"[hidden]"');
  });

  it('explain joins main’s steps and the speaker’s', async () => {
    const at = runningWorld({ main, speaker });
    const document = (await get(at, '/api/v1/explain?prefix=2001:DB8::/32&peer=192.0.2.1')).json();
    const steps = [{ stage: 'resource' }, { stage: 'decision' }];
    expect(document).toMatchObject({ prefix: '2001:db8::/32', verdict: 'advertised', steps });
    expect(at.asked.speaker).toEqual([{ kind: 'explain', prefix: '2001:db8::/32', peer: 'Global_192_0_2_1' }]);
  });

  it('explain says why a session is down, and names the peers that are not started', async () => {
    const at = runningWorld({ main, speaker }, [
      peer('Mesh_1', { state: 'active', diagnosis: 'no answer', lastErrorReceived: { at: 1, text: 'Cease / Connection Rejected' } }),
    ]);
    const held = heldPeer('Global_9', '192.0.2.9');
    takeMain(at.state, mainPush({ held: [held] }), 0);
    const notStarted = {
      peer: 'Global_9',
      verdict: 'not-advertised',
      blockedBy: { rule: `not started: ${held.detail} (SECRET_MISSING)`, objects: ['BGPPeer/secured'] },
    };
    expect((await get(at, '/api/v1/explain?prefix=10.0.0.0/24')).json()).toMatchObject({
      verdict: 'advertised',
      coveredBy: '10.0.0.0/8',
      peers: [{}, { blockedBy: { rule: 'r: active; no answer; received Cease / Connection Rejected' } }, notStarted],
    });
    expect((await get(at, '/api/v1/explain?prefix=10.0.0.0/24&peer=192.0.2.9')).json()).toMatchObject({
      verdict: 'not-advertised',
      peers: [notStarted],
    });
    // Who asks about one peer is not told of others.
    expect((await get(at, '/api/v1/explain?prefix=10.0.0.0/24&peer=Mesh_1')).body).not.toContain('Global_9');
  });
});

describe('probes', () => {
  it.each([
    ['/livez', '*/*', 'application/json; charset=utf-8', '{"schema"'],
    ['/livez', 'text/plain', 'text/plain; charset=utf-8', 'ok\n'],
    ['/livez?verbose', '*/*', 'text/plain; charset=utf-8', '[+]thread-main ok: running\n[+]thread-speaker ok: running\nok\n'],
    ['/livez?verbose', 'application/json', 'application/json; charset=utf-8', '{"schema"'],
  ])('%s with Accept %s', async (url, accept, type, begin) => {
    const answer = await get(runningWorld(), url, { accept });
    expect([answer.status, answer.type, answer.body.slice(0, begin.length)]).toEqual([200, type, begin]);
  });

  it('say 503 with the text people search for', async () => {
    const at = runningWorld({}, [peer('Global_192_0_2_1', { state: 'active' })]);
    const answer = await get(at, '/readiness', { accept: 'text/plain' });
    expect([answer.status, answer.body]).toEqual([503, 'calico/node is not ready: BGP not established with 192.0.2.1\n']);
  });

  it('answer HEAD', async () => {
    const app = createServer(runningWorld(), 'everything');
    const answer = await app.inject({ method: 'HEAD', url: '/livez' });
    expect([answer.statusCode, answer.body]).toEqual([200, '']);
    await app.close();
  });
});

describe('stalled threads', () => {
  const stalledWorld = (thread: 'main' | 'speaker'): World => {
    const at = runningWorld({ main, speaker });
    at.advance(6000);
    if (thread === 'main') takeSpeaker(at.state, speakerPush(), 6000);
    else takeMain(at.state, mainPush(), 6000);
    return at;
  };

  it.each([
    ['speaker', '/api/v1/peers'],
    ['speaker', '/api/v1/routes'],
    ['speaker', '/api/v1/explain?prefix=10.0.0.0/8'],
    ['main', '/api/v1/issues'],
    ['main', '/api/v1/desired'],
    ['main', '/api/v1/explain?prefix=10.0.0.0/8'],
  ] as const)('%s: %s is a 503 that names it, and it is not asked', async (thread, url) => {
    const at = stalledWorld(thread);
    const answer = await get(at, url);
    expect(answer.status).toBe(503);
    expect(answer.json()).toEqual({
      error: { code: 'THREAD_STALLED', message: `the ${thread} thread is stalled: no sign of life for 6.0 s`, thread },
    });
    expect(at.asked[thread]).toEqual([]);
  });

  it.each(['main', 'speaker'] as const)('%s: status and metrics still answer and say so', async (thread) => {
    const at = stalledWorld(thread);
    const document = (await get(at, '/api/v1/status')).json();
    expect(check('Status', document)).toEqual([]);
    expect(document).toMatchObject({ live: false, ready: false });
    expect((await get(at, '/metrics')).body).toContain(`linnet_thread_up{thread="${thread}"} 0\n`);
  });
});

describe('errors', () => {
  it.each([
    ['/api/v1/explain', 400, 'BAD_REQUEST'],
    ['/api/v1/explain?prefix=10.0.0.1/8', 400, 'BAD_PREFIX'],
    ['/api/v1/routes?prefix=nonsense', 400, 'BAD_PREFIX'],
    ['/api/v1/routes?peer=nobody', 404, 'NO_SUCH_PEER'],
    ['/api/v1/explain?prefix=10.0.0.0/8&peer=nobody', 404, 'NO_SUCH_PEER'],
    ['/api/v1/routes?view=received', 400, 'BAD_REQUEST'],
    ['/api/v1/routes?view=everything', 400, 'BAD_REQUEST'],
    ['/api/v1/routes?limit=0', 400, 'BAD_REQUEST'],
    ['/api/v1/routes?limit=10001', 400, 'BAD_REQUEST'],
    ['/api/v1/routes?cursor=9', 400, 'BAD_REQUEST'],
    ['/api/v1/routes?family=ipv4-unicast&cursor=1.5', 400, 'BAD_REQUEST'],
    ['/api/v1/routes?family=ipv6-unicast&prefix=10.0.0.0/8', 400, 'BAD_REQUEST'],
    ['/api/v1/status?typo=1', 400, 'BAD_REQUEST'],
    ['/api/v1/nothing', 404, 'NOT_FOUND'],
    ['/api/v1/peers/%ff/reset', 400, 'BAD_REQUEST'],
    ['/api/v1/peers/%', 400, 'BAD_REQUEST'],
    ['/', 404, 'NOT_FOUND'],
  ])('%s is %i %s', async (url, status, code) => {
    const answer = await get(runningWorld({ main, speaker }), url);
    expect(answer.status).toBe(status);
    expect(check('Error', answer.json())).toEqual([]);
    expect(answer.json()).toMatchObject({ error: { code } });
  });

  it.each([
    ['not-found', 404, 'NOT_FOUND'],
    ['bad-request', 400, 'BAD_REQUEST'],
    ['unavailable', 503, 'UNAVAILABLE'],
    ['internal', 500, 'INTERNAL'],
  ] as const)('a speaker that refuses with %s is %i', async (fault, status, code) => {
    const at = runningWorld({ speaker: () => ({ fault: { code: fault, message: 'because' } }) });
    const answer = await get(at, '/api/v1/routes');
    expect([answer.status, answer.json()]).toMatchObject([status, { error: { code, message: 'because' } }]);
  });

  it.each([
    ['main', '/api/v1/desired'],
    ['speaker', '/api/v1/routes'],
  ] as const)('a %s that does not answer in time is a 504 that names it', async (thread, url) => {
    const answer = await get(runningWorld({ timeoutMs: 5 }), url);
    expect([answer.status, answer.json()]).toEqual([
      504,
      { error: { code: 'QUERY_TIMEOUT', message: `the ${thread} thread did not answer in time`, thread } },
    ]);
  });

  it.each([
    ['speaker', '/api/v1/routes'],
    ['speaker', '/api/v1/peers'],
    ['main', '/api/v1/issues'],
    ['main', '/api/v1/desired'],
  ])('a %s that is still starting is a 503 (%s)', async (thread, url) => {
    const answer = await get(world(), url);
    expect([answer.status, answer.json()]).toMatchObject([503, { error: { code: 'UNAVAILABLE', thread } }]);
  });

  it('a peer that is held back says by which issue', async () => {
    const at = runningWorld();
    takeMain(at.state, mainPush({ held: [heldPeer('Global_1', '192.0.2.77')] }), 0);
    const answer = await get(at, '/api/v1/routes?peer=192.0.2.77');
    expect([answer.status, answer.json()]).toMatchObject([
      404,
      { error: { message: 'peer Global_1 is not started: BGPPeer/secured spec.password: "pw" is not there (SECRET_MISSING)' } },
    ]);
  });

  it('an address that two peers have is not guessed', async () => {
    const at = runningWorld({}, [peer('a'), peer('b', { remote: { address: '192.0.2.1', port: 1790 } })]);
    expect((await get(at, '/api/v1/routes?peer=192.0.2.1')).status).toBe(404);
  });

  it.each(['POST', 'PUT', 'DELETE'] as const)('%s is 405', async (method) => {
    const app = createServer(runningWorld(), 'everything');
    const answer = await app.inject({ method, url: '/api/v1/status' });
    expect([answer.statusCode, JSON.parse(answer.body)]).toMatchObject([405, { error: { code: 'METHOD_NOT_ALLOWED' } }]);
    await app.close();
  });

  it('a fault of ours shows nothing of its inside', async () => {
    const broken = {
      ...runningWorld(),
      process: () => {
        throw new Error('the inside');
      },
    };
    const app = createServer(broken, 'everything');
    const answer = await app.inject('/metrics');
    expect([answer.statusCode, answer.body.includes('the inside')]).toEqual([500, false]);
    await app.close();
  });
});

describe('metrics', () => {
  it('are in the text format, with its content type', async () => {
    const answer = await get(runningWorld(), '/metrics');
    expect(answer.type).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(parsePrometheus(answer.body).map(({ name }) => name)).toContain('linnet_bgp_session_up');
  });
});

describe('the metrics listener', () => {
  it.each([
    ['/metrics', 200],
    ['/liveness', 200],
    ['/readyz', 200],
    ['/api/v1/status', 404],
    ['/api/v1/routes', 404],
    ['/api/v1/openapi.json', 404],
  ])('%s is %i', async (url, status) => {
    const app = createServer(runningWorld({ speaker }), 'public');
    expect((await app.inject(url)).statusCode).toBe(status);
    await app.close();
  });
});
