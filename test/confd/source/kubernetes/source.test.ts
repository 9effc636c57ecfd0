/** The whole source over a scripted server: which lists run, what waits for what, and what is told when. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { formatIssue } from '../../../../src/confd/resources/issue.ts';
import { createKubernetesSource } from '../../../../src/confd/source/kubernetes/index.ts';
import type { Change } from '../../../../src/confd/source/types.ts';
import { events, impatientClock, page, peerObject, type Reply, type ScriptedServer, startScripted, status } from './scripted-server.ts';

const cleanup: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const task of cleanup.splice(0).reverse()) await task();
});

const open = (): Reply => events([], 'stays');
const group: Reply = (_request, response) => response.end('{}');

/** A watch that stays open for the test to write into or to break. */
const held =
  (watches: ServerResponse[]): Reply =>
  (_request, response) => {
    watches.push(response);
    response.writeHead(200).flushHeaders();
  };

/** Answers lists by the last part of their path; watches stay open and silent. */
async function serve(lists: Readonly<Record<string, Reply>>): Promise<ScriptedServer> {
  const server = await startScripted((url) => {
    if (url.searchParams.has('watch')) return open();
    if (url.pathname === '/apis/crd.projectcalico.org') return group;
    return lists[url.pathname.split('/').at(-1) ?? ''] ?? page([], '1');
  });
  cleanup.push(() => server.stop());
  return server;
}

function follow(
  server: ScriptedServer,
  tokenFile?: string,
  usePodCIDR = true,
): { next: () => Promise<Change>; clock: ReturnType<typeof impatientClock> } {
  const abort = new AbortController();
  const clock = impatientClock();
  const source = createKubernetesSource({
    access: {
      kubeconfig: undefined,
      context: undefined,
      endpoint: server.url,
      caFile: undefined,
      certFile: undefined,
      keyFile: undefined,
      tokenFile,
      insecure: false,
      serviceHost: undefined,
      servicePort: 443,
    },
    proxies: { https: '', http: '', no: '' },
    node: 'node-a',
    namespace: 'kube-system',
    usePodCIDR,
    advertised: false,
    apiGroup: undefined,
    clock,
    random: () => 0,
  });
  const iterator = source.watch(abort.signal)[Symbol.asyncIterator]();
  cleanup.push(async () => {
    abort.abort();
    await iterator.return?.(undefined);
  });
  return {
    clock,
    next: async () => {
      const { value, done } = await iterator.next();
      if (done === true) throw new Error('the source ended');
      return value;
    },
  };
}

async function inSync(followed: { next: () => Promise<Change> }): Promise<readonly Change[]> {
  const seen: Change[] = [];
  for (;;) {
    const change = await followed.next();
    seen.push(change);
    if (change.inSync) return seen;
  }
}

const paths = (server: ScriptedServer): Set<string> => new Set(server.asked.map(({ pathname }) => pathname));
const issuesOf = (changes: readonly Change[]): readonly string[] =>
  changes.flatMap(({ issues }) => issues.flatMap((entry) => entry.issues.map(formatIssue)));

describe('the Kubernetes source', () => {
  it('lists neither Services nor Secrets, Leases or affinities, where nothing asks for them', async () => {
    const server = await serve({ bgppeers: page([peerObject('tor', 64700, '5')], '6') });
    const changes = await inSync(follow(server));
    expect(changes.flatMap(({ upsert }) => upsert.map(({ ref }) => ref.name))).toEqual(['tor']);
    expect([...paths(server)].filter((path) => /services|secrets|leases|endpointslices|blockaffinities/.test(path))).toEqual([]);
  });

  it('is in sync only with the Secret that a peer names', async () => {
    const peer = {
      ...peerObject('tor', 64700, '5'),
      spec: { peerIP: '192.0.2.1', asNumber: 1, password: { secretKeyRef: { name: 'bgp', key: 'k' } } },
    };
    const secret = { metadata: { name: 'bgp', namespace: 'kube-system' }, data: { k: 'aHVudGVyMg==' } };
    const server = await serve({ bgppeers: page([peer], '6'), secrets: page([secret], '7') });
    const changes = await inSync(follow(server));
    const kinds = changes.flatMap(({ upsert }) => upsert.map(({ kind }) => kind)).sort();
    expect(kinds).toEqual(['BGPPeer', 'Secret']);
    const asked = server.asked.find(({ pathname }) => pathname === '/api/v1/namespaces/kube-system/secrets');
    expect(asked?.searchParams.get('fieldSelector')).toBe('metadata.name=bgp');
  });

  it('believes a refusal after three answers, and works with the other kinds', async () => {
    const server = await serve({ bgpfilters: status(403, 'no'), ippools: status(404, 'no such kind') });
    const changes = await inSync(follow(server));
    expect(new Set(issuesOf(changes))).toEqual(
      new Set([
        'BGPFilter/*: must not be read by our account (status 403: no)',
        'IPPool/*: are of no kind that the API server has (status 404: no such kind)',
      ]),
    );
    for (const kind of ['bgpfilters', 'ippools']) {
      expect(server.asked.filter(({ pathname }) => pathname.endsWith(kind)).length).toBeGreaterThanOrEqual(3);
    }
  });

  it('reads the token anew for each request and never shows it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'linnet-token-'));
    cleanup.push(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, 'token');
    await writeFile(file, 'first-token\n');
    const server = await startScripted((url, nth) => {
      if (url.searchParams.has('watch')) return open();
      if (url.pathname === '/apis/crd.projectcalico.org') return group;
      return url.pathname === '/api/v1/nodes' && nth === 1 ? status(401, 'Unauthorized') : page([], '1');
    });
    cleanup.push(() => server.stop());
    const followed = follow(server, file);
    const changes = await inSync(followed);
    expect(server.headers[0]?.authorization).toBe('Bearer first-token');
    expect(issuesOf(changes)).toContain('Datastore/kubernetes: does not accept our account (status 401: Unauthorized)');
    await writeFile(file, 'second-token\n');
    const other = follow(server, file);
    await inSync(other);
    expect(server.headers.at(-1)?.authorization).toBe('Bearer second-token');
    expect(JSON.stringify(changes)).not.toContain('first-token');
  });

  it('is in sync no more when nothing has answered for some seconds, and again with the first answers', async () => {
    const state = { away: false };
    const watches: ServerResponse[] = [];
    const server = await startScripted((url) => {
      if (state.away) return status(500, 'away');
      if (url.pathname === '/apis/crd.projectcalico.org') return group;
      return url.searchParams.has('watch') ? held(watches) : page([], '1');
    });
    cleanup.push(() => server.stop());
    const followed = follow(server);
    await inSync(followed);
    await expect.poll(() => watches.length).toBe(5);
    state.away = true;
    for (const watch of watches) watch.destroy();
    while ((await followed.next()).inSync) expect(state.away).toBe(true);
    state.away = false;
    await inSync(followed);
  });

  it('tells a new password together with the peer that names it, never the peer alone', async () => {
    const watches: ServerResponse[] = [];
    const secret = { metadata: { name: 'bgp', namespace: 'kube-system' }, data: { k: 'aHVudGVyMg==' } };
    const server = await startScripted((url) => {
      const kind = url.pathname.split('/').at(-1);
      if (url.pathname === '/apis/crd.projectcalico.org') return group;
      if (url.searchParams.has('watch')) return kind === 'bgppeers' ? held(watches) : open();
      if (kind === 'secrets') return page([secret], '7');
      return page(kind === 'bgppeers' ? [peerObject('tor', 64700, '5')] : [], '6');
    });
    cleanup.push(() => server.stop());
    const followed = follow(server);
    await inSync(followed);
    await expect.poll(() => watches.length).toBe(1);
    const spec = { peerIP: '192.0.2.1', asNumber: 64700, password: { secretKeyRef: { name: 'bgp', key: 'k' } } };
    watches[0]?.write(`${JSON.stringify({ type: 'MODIFIED', object: { ...peerObject('tor', 64700, '8'), spec } })}\n`);
    const [change] = (await inSync(followed)).filter(({ upsert }) => upsert.length > 0);
    expect(change?.upsert.map(({ kind }) => kind).sort()).toEqual(['BGPPeer', 'Secret']);
  });

  it('lets go of a block without a label that is deleted, once nothing else has it', async () => {
    const watches: ServerResponse[] = [];
    const block = {
      apiVersion: 'crd.projectcalico.org/v1',
      kind: 'BlockAffinity',
      metadata: { name: 'node-a-10-42-0-0-26', resourceVersion: '5' },
      spec: { cidr: '10.42.0.0/26', node: 'node-a', state: 'confirmed', deleted: 'false' },
    };
    const server = await startScripted((url) => {
      const unlabelled = url.searchParams.get('labelSelector')?.startsWith('!') === true;
      if (url.pathname === '/apis/crd.projectcalico.org') return group;
      if (url.searchParams.has('watch')) return unlabelled ? held(watches) : open();
      return page(unlabelled ? [block] : [], '6');
    });
    cleanup.push(() => server.stop());
    const followed = follow(server, undefined, false);
    await inSync(followed);
    await expect.poll(() => watches.length).toBe(1);
    watches[0]?.write(`${JSON.stringify({ type: 'DELETED', object: block })}\n`);
    const removed = (await inSync(followed)).flatMap(({ remove }) => remove.map(({ name }) => name));
    expect([removed, followed.clock.waits.includes(2000)]).toEqual([['node-a-10-42-0-0-26'], true]);
  });

  it('says what is missing where nothing names an API server', async () => {
    const server = await serve({});
    const followed = follow({ ...server, url: 'http://127.0.0.1:1' });
    const first = await followed.next();
    expect(first.inSync).toBe(false);
    const seen = [first];
    while (issuesOf(seen).length === 0) seen.push(await followed.next());
    expect(issuesOf(seen)).toEqual(['Datastore/kubernetes: cannot be reached (ECONNREFUSED)']);
  });
});
