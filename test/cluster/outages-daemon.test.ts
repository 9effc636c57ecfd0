/**
 * The built daemon while its real API server misbehaves behind a proxy of ours: a real BGP session counts what is withdrawn,
 * the daemon says what is wrong, and what changed meanwhile is announced when the fault is over.
 */
import { createPrivateKey, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { isRecord } from '../../src/confd/resources/fields.ts';
import { until } from '../interop/harness/wait.ts';
import { type BgpPeer, startPeer } from './harness/bgp-peer.ts';
import { clusterTitle, serversFolder } from './harness/binaries.ts';
import { serverCertificate } from './harness/certificates.ts';
import { type Cluster, manifestsIn, startCluster } from './harness/cluster.ts';
import { writeToken } from './harness/follow.ts';
import { calico, definitions, node, service, slice } from './harness/manifests.ts';
import { type FaultyProxy, startFaultyProxy } from './harness/proxy.ts';

const CRD = 'crd.projectcalico.org/v1';
// A loopback network of our own, so that runs side by side do not meet.
const NETWORK = `127.${20 + (process.pid % 200)}.${Math.floor(process.pid / 200) % 250}`;

type RunningDaemon = ReturnType<typeof import('../cli/program.ts').startDaemon>;
const state: {
  cluster?: Cluster;
  folder?: string;
  tor?: BgpPeer;
  guarded?: BgpPeer;
  daemon?: RunningDaemon;
  start?: () => RunningDaemon;
  proxy?: FaultyProxy;
  token?: string;
} = {};
const count = { services: 0, withdrawn: 0 };

function need<K extends keyof typeof state>(key: K): NonNullable<(typeof state)[K]> {
  const found = state[key];
  if (found === undefined) throw new Error(`no ${key}`);
  return found;
}

/** Withdrawn routes stand first in an UPDATE; those of MP_UNREACH_NLRI do not come on a session of IPv4 alone. */
const noteUpdate = (_at: number, body: string): void => {
  if (!body.startsWith('0000')) count.withdrawn += 1;
};

/** One more Service of this node; resolves with its address. */
async function addService(): Promise<string> {
  count.services += 1;
  const name = `svc-${count.services}`;
  const address = `198.51.100.${count.services}`;
  await need('cluster').admin.create(slice(name, ['node-1']), service(name, [address], 'Local'));
  return address;
}

const announced = (address: string, seconds = 60): Promise<void> =>
  until(`the UPDATE for ${address}`, seconds, () => expect(need('tor').announced(address)).toBeDefined());
const issues = async (): Promise<string> => JSON.stringify(await need('daemon').json('desired'));
const says = (what: string): Promise<void> => until(`${what} is said`, 60, async () => expect(await issues()).toContain(what));
const saysNothing = (): Promise<void> =>
  until('nothing is said any more', 90, async () => expect(await issues()).not.toContain('DATASTORE_'));

beforeAll(async () => {
  if (serversFolder() === undefined) return;
  // Loaded here, because it insists on a built program also where the suite is skipped.
  const { startDaemon } = await import('../cli/program.ts');
  const cluster = await startCluster();
  state.cluster = cluster;
  state.folder = await mkdtemp(join(tmpdir(), 'linnet-outages-'));
  await cluster.admin.create(...definitions(CRD), ...manifestsIn('deploy/rbac/linnet.yaml'));
  await until('the kinds are served', 60, () => cluster.admin.call('GET', `/apis/${CRD}/bgppeers`));
  const mine = { asNumber: 64700, nodeSelector: "kubernetes.io/hostname == 'node-1'" };
  await cluster.admin.create(
    calico(CRD, 'BGPConfiguration', 'default', {
      asNumber: '64512',
      nodeToNodeMeshEnabled: false,
      serviceExternalIPs: [{ cidr: '198.51.100.0/24' }],
    }),
    calico(CRD, 'BGPFilter', 'guard', { exportV4: [{ action: 'Reject', matchOperator: 'In', cidr: '198.51.100.0/24' }] }),
    calico(CRD, 'BGPPeer', 'tor', { peerIP: '192.0.2.254', ...mine }),
    calico(CRD, 'BGPPeer', 'guarded', { peerIP: '192.0.2.253', filters: ['guard'], ...mine }),
    node('node-1', '192.0.2.1/24'),
  );
  state.token = await writeToken(cluster, 'linnet', await cluster.token('kube-system/linnet', 'token-linnet'));
  state.tor = await startPeer({ host: `${NETWORK}.254`, port: 1790, as: 64700, bgpId: 0xc00002fe, onUpdate: noteUpdate });
  state.guarded = await startPeer({ host: `${NETWORK}.253`, port: 1790, as: 64700, bgpId: 0xc00002fd });
  const proxy = await startFaultyProxy(cluster);
  state.proxy = proxy;
  state.start = () =>
    startDaemon(need('folder'), 'node-1', [
      ...['--datastore', 'kubernetes', '--api-endpoint', `https://127.0.0.1:${proxy.port}`, '--api-ca-file', cluster.certificates.ca],
      ...['--api-token-file', need('token'), '--transport-map'],
      [1, 253, 254].map((host) => `192.0.2.${host}=${NETWORK}.${host}:1790`).join(','),
    ]);
  state.daemon = state.start();
  await until('the sessions', 60, () => {
    if (!need('tor').established() || !need('guarded').established()) throw new Error(need('daemon').log().slice(-2000));
  });
  await announced(await addService());
}, 240_000);

afterEach(() => {
  state.proxy?.set({});
});

afterAll(async () => {
  await state.daemon?.stop();
  await state.tor?.stop();
  await state.guarded?.stop();
  await state.proxy?.stop();
  await state.cluster?.stop();
  if (state.folder !== undefined) await rm(state.folder, { recursive: true, force: true });
}, 60_000);

/** The session and every route were there all the time. */
function expectNothingLost(): void {
  expect(count.withdrawn).toBe(0);
  expect(need('tor').connections()).toBe(1);
}

/** The account's token as it ended so many seconds ago, signed with the cluster's own key: the shortest that the server gives lasts ten minutes. */
function expiredToken(token: string, seconds: number): string {
  const [header = '', payload = ''] = token.split('.');
  const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString());
  if (!isRecord(claims)) throw new Error('no claims');
  const now = Math.floor(Date.now() / 1000);
  const body = Buffer.from(JSON.stringify({ ...claims, iat: now - 3600, nbf: now - 3600, exp: now - seconds })).toString('base64url');
  const key = createPrivateKey(readFileSync(need('cluster').certificates.accountKey));
  return `${header}.${body}.${sign('sha256', Buffer.from(`${header}.${body}`), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

describe.skipIf(serversFolder() === undefined)(clusterTitle('the daemon during outages'), () => {
  it('goes on with a server that takes seconds for each answer', async () => {
    need('proxy').set({ delayMs: 3000 });
    need('proxy').cut();
    await announced(await addService());
    expectNothingLost();
  });

  it('goes on with a server that comes and goes', async () => {
    const proxy = need('proxy');
    const addresses: string[] = [];
    for (let round = 0; round < 5; round += 1) {
      proxy.set({ refuse: true });
      proxy.cut();
      addresses.push(await addService());
      await pause(1500);
      proxy.set({});
      await pause(1500);
    }
    for (const address of addresses) await announced(address);
    await saysNothing();
    expectNothingLost();
  });

  it.each([500, 502, 503])('keeps everything while the server answers %i to everything, and says so', async (status) => {
    const proxy = need('proxy');
    proxy.set({ status });
    proxy.cut();
    const address = await addService();
    await says('DATASTORE_ERROR');
    expect(await issues()).toContain(`status ${status}`);
    expect(need('tor').announced(address)).toBe(undefined);
    proxy.set({});
    await announced(address);
    await saysNothing();
    expectNothingLost();
  });

  it('asks no sooner than a 429 allows', async () => {
    const proxy = need('proxy');
    await pause(1000);
    proxy.set({ status: 429, retryAfter: 8 });
    proxy.cut();
    const began = performance.now();
    const address = await addService();
    await pause(7500);
    // Every list and watch once, none again: what was under way before the fault may add one for each.
    const asked = proxy.requests().filter((at) => at > began && at < began + 7500).length;
    expect(asked).toBeGreaterThan(0);
    expect(asked).toBeLessThanOrEqual(18);
    await says('DATASTORE_ERROR');
    proxy.set({});
    await announced(address);
    expectNothingLost();
  }, 120_000);

  it('takes an event that was cut in the middle of its line again', async () => {
    const proxy = need('proxy');
    const before = proxy.truncated();
    proxy.set({ truncate: true });
    const address = await addService();
    await until('a cut event', 30, () => expect(proxy.truncated()).toBeGreaterThan(before));
    proxy.set({});
    await announced(address);
    await saysNothing();
    expectNothingLost();
  });

  it.each([
    ['not valid yet', '20700101000000Z', '20710101000000Z', 'CERT_NOT_YET_VALID'],
    ['not valid any more', '20200101000000Z', '20200102000000Z', 'CERT_HAS_EXPIRED'],
  ])(
    'keeps everything while by its clock the certificate of the server is %s, and names that',
    async (_what, from, to, code) => {
      const [cluster, proxy] = [need('cluster'), need('proxy')];
      const { cert, key } = serverCertificate(join(cluster.folder, 'pki'), code.toLowerCase(), from, to);
      proxy.present(cert, key);
      proxy.cut();
      const address = await addService();
      await says(code);
      proxy.present(cluster.certificates.serverCert, cluster.certificates.serverKey);
      await announced(address);
      await saysNothing();
      expectNothingLost();
    },
    150_000,
  );

  it('keeps everything when its token ends, and goes on with the next', async () => {
    const token = readFileSync(need('token'), 'utf8');
    await writeFile(need('token'), expiredToken(token, 600));
    need('proxy').cut();
    const address = await addService();
    await says('DATASTORE_UNAUTHORIZED').finally(() => writeFile(need('token'), token));
    await announced(address);
    await saysNothing();
    expectNothingLost();
  }, 150_000);

  it('lists again after a compaction that it did not see', async () => {
    const [cluster, proxy] = [need('cluster'), need('proxy')];
    proxy.set({ refuse: true });
    proxy.cut();
    const address = await addService();
    await cluster.compact();
    // A new server begins its memory of events with the present version.
    await cluster.stopApiServer();
    await cluster.startApiServer();
    proxy.set({});
    await announced(address);
    await saysNothing();
    expectNothingLost();
  }, 150_000);

  it('does not start a peer whose filters it must not read, and no other is touched', async () => {
    const { admin } = need('cluster');
    const role = manifestsIn('deploy/rbac/linnet.yaml').find(({ kind }) => kind === 'ClusterRole');
    const rules = role?.['rules'];
    if (role === undefined || !Array.isArray(rules)) throw new Error('no role');
    const narrowed = rules.map((rule: unknown) => {
      if (!isRecord(rule) || !Array.isArray(rule['resources'])) throw new Error('no resources');
      return { ...rule, resources: rule['resources'].filter((name: unknown) => name !== 'bgpfilters') };
    });
    await need('daemon').stop();
    await rm(join(need('folder'), 'node-1', 'state'), { recursive: true, force: true });
    await admin.patch(role, { rules: narrowed });
    const [tor, guarded] = [need('tor').connections(), need('guarded').connections()];
    state.daemon = need('start')();
    await says('BGPPEER_FILTER_UNREADABLE');
    await until('the other session', 60, () => expect(need('tor').connections()).toBe(tor + 1));
    expect(await issues()).toContain('DATASTORE_FORBIDDEN');
    expect(need('guarded').connections()).toBe(guarded);
    await admin.patch(role, { rules });
    await until('the session with its filter', 90, () => expect(need('guarded').connections()).toBe(guarded + 1));
    expect(need('guarded').announced('198.51.100.1')).toBe(undefined);
    expect(need('tor').connections()).toBe(tor + 1);
  }, 240_000);
});
