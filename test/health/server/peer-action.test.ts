/** Actions on peers over HTTP: what is asked of the speaker, what is refused, and that a page of another site cannot ask. */
import { describe, expect, it } from 'vitest';
import { createServer } from '../../../src/health/server/server.ts';
import type { SpeakerAnswer } from '../../../src/health/status.ts';
import { peer, type Reply, runningWorld } from '../fixtures.ts';
import { schemaChecks } from './schema-check.ts';

const check = await schemaChecks();
const ID = 'Global_192_0_2_1';
const done = (): Reply<SpeakerAnswer> => ({ kind: 'act' });

async function post(
  path: string,
  body: object | string = {},
  options: { readonly type?: string; readonly reply?: () => Reply<SpeakerAnswer> } = {},
) {
  const at = runningWorld({ speaker: options.reply ?? done }, [
    peer(ID),
    peer('Mesh 2', { remote: { address: '2001:db8::2', port: 179 } }),
  ]);
  const app = createServer(at, 'everything');
  const payload = typeof body === 'string' ? body : JSON.stringify(body);
  const headers = { 'content-type': options.type ?? 'application/json' };
  const { statusCode, body: text } = await app.inject({ method: 'POST', url: `/api/v1/peers/${path}`, headers, payload });
  await app.close();
  return { status: statusCode, document: JSON.parse(text), asked: at.asked.speaker };
}

describe('POST /api/v1/peers/ID/ACTION', () => {
  it.each([
    ['shutdown', { text: 'maintenance until noon' }, { kind: 'shutdown', text: 'maintenance until noon' }],
    ['shutdown', {}, { kind: 'shutdown', text: '' }],
    ['enable', {}, { kind: 'enable' }],
    ['reset', {}, { kind: 'reset' }],
    ['refresh', { direction: 'in' }, { kind: 'refresh', direction: 'in' }],
    ['refresh', { direction: 'out' }, { kind: 'refresh', direction: 'out' }],
    ['gshut', { state: 'on' }, { kind: 'gshut', on: true }],
    ['gshut', { state: 'off' }, { kind: 'gshut', on: false }],
  ])('%s %j', async (action, body, wanted) => {
    const { status, document, asked } = await post(`${ID}/${action}`, body);
    expect([status, asked]).toEqual([200, [{ kind: 'act', peer: ID, action: wanted }]]);
    expect(document).toEqual({ schema: 'linnet.peer-action/v1', peer: ID, action });
    expect(check('PeerAction', document)).toEqual([]);
  });

  it('takes an id with blanks and an address', async () => {
    for (const name of ['Mesh%202', '2001%3Adb8%3A%3A2']) expect((await post(`${name}/reset`)).asked).toMatchObject([{ peer: 'Mesh 2' }]);
  });

  it.each([
    [`${ID}/fly`, {}, 400],
    [`${ID}/refresh`, {}, 400],
    [`${ID}/refresh`, { direction: 'up' }, 400],
    [`${ID}/enable`, { text: 'x' }, 400],
    [`${ID}/gshut`, {}, 400],
    [`${ID}/reset`, { state: 'on' }, 400],
    [`${ID}/reset`, { direction: 'in' }, 400],
    [`${ID}/shutdown`, { txt: 'x' }, 400],
    [`${ID}/shutdown`, { text: 'ü'.repeat(128) }, 400],
    ['nobody/reset', {}, 404],
  ])('refuses %s %j with %i', async (path, body, status) => {
    const answer = await post(path, body);
    expect([answer.status, answer.asked]).toEqual([status, []]);
    expect(check('Error', answer.document)).toEqual([]);
  });

  it('says why the peer is not in the state for it', async () => {
    const reply = (): Reply<SpeakerAnswer> => ({ fault: { code: 'conflict', message: 'the session is not up' } });
    const { status, document } = await post(`${ID}/refresh`, { direction: 'in' }, { reply });
    expect([status, document.error]).toEqual([409, { code: 'CONFLICT', message: 'the session is not up' }]);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])(
    'refuses %s, which a browser sends to any site unasked',
    async (type) => {
      const { status, asked } = await post(`${ID}/reset`, '{}', { type });
      expect([status, asked]).toEqual([400, []]);
    },
  );

  it('is not on the public listener', async () => {
    const at = runningWorld({ speaker: done });
    const app = createServer(at, 'public');
    expect((await app.inject({ method: 'POST', url: `/api/v1/peers/${ID}/reset`, payload: {} })).statusCode).toBe(404);
    expect(at.asked.speaker).toEqual([]);
    await app.close();
  });
});
