/** What is written to the API server: the requests, and which failures are tried again. */
import { afterEach, describe, expect, it } from 'vitest';
import { type ClusterWriter, createWriter } from '../../../../src/confd/source/kubernetes/index.ts';
import { impatientClock, page, type ScriptedServer, startScripted, status } from './scripted-server.ts';

const cleanup: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const task of cleanup.splice(0).reverse()) await task();
});

/** A writer on a server that gives these answers in their order, 200 after the last. */
async function writing(...answers: readonly number[]): Promise<{ writer: ClusterWriter; server: ScriptedServer }> {
  const server = await startScripted((_url, nth) => {
    const code = answers[nth - 1];
    return code === undefined ? page([], '1') : status(code, 'no');
  });
  const access = { kubeconfig: undefined, context: undefined, caFile: undefined, certFile: undefined, keyFile: undefined };
  const writer = createWriter({
    access: { ...access, endpoint: server.url, tokenFile: undefined, insecure: false, serviceHost: undefined, servicePort: 443 },
    proxies: { https: '', http: '', no: '' },
    apiGroup: 'crd.projectcalico.org/v1',
    clock: impatientClock(),
    random: () => 0,
  });
  cleanup.push(
    () => server.stop(),
    () => writer.close(),
  );
  return { writer, server };
}

const signal = new AbortController().signal;
const patch = (writer: ClusterWriter) => writer.annotateNode('node-a', { 'projectcalico.org/IPv4Address': '192.0.2.1/24' }, signal);
const post = (writer: ClusterWriter) => writer.createEvent('default', { metadata: { name: 'x' } }, signal);

describe('writes to the API server', () => {
  it.each([
    ['a server error heals', patch, [500, 503], 3, true],
    ['patience is asked for', patch, [429], 2, true],
    ['a conflict of a patch heals: it is read anew by the server', patch, [409], 2, true],
    ['three times and no more', patch, [500, 500, 500, 500], 3, false],
    ['what is forbidden stays so', patch, [403], 1, false],
    ['what is not there is not asked for again', patch, [404], 1, false],
    ['an event that another node told is there', post, [409], 1, false],
  ])('%s', async (_what, write, answers, asked, ok) => {
    const { writer, server } = await writing(...answers);
    expect((await write(writer)).ok).toBe(ok);
    expect(server.asked.length).toBe(asked);
  });

  it('tries a status of its own first, and the object where the definition has none', async () => {
    const { writer, server } = await writing(404);
    expect((await writer.writeNodeStatus('n', {}, signal)).ok).toBe(false);
    const root = '/apis/crd.projectcalico.org/v1/caliconodestatuses/n';
    expect(server.asked.map(({ pathname }) => pathname)).toEqual([`${root}/status`, root]);
  });
});
