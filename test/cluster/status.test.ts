/** CalicoNodeStatus of our node on a real API server, written with exactly the shipped roles. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWriter } from '../../src/confd/source/kubernetes/index.ts';
import { REAL_CLOCK } from '../../src/main/clock.ts';
import type { RunningDaemon } from '../cli/program.ts';
import { until } from '../interop/harness/wait.ts';
import { clusterTitle, serversFolder } from './harness/binaries.ts';
import { calico, type Manifest, node, nodeStatusDefinition, service, slice } from './harness/manifests.ts';
import { at, CRD, type NodeWorld, OWN, startNodeWorld } from './harness/node-world.ts';

const NETWORK = `127.${20 + (process.pid % 200)}.${Math.floor(process.pid / 200) % 250}`;

let world: NodeWorld;
let daemon: RunningDaemon;

const request = (name: string, of: string, classes: readonly string[], updatePeriodSeconds = 1): Manifest =>
  calico(CRD, 'CalicoNodeStatus', name, { node: of, classes, updatePeriodSeconds });

const statusOf = async (name: string, group = CRD): Promise<unknown> =>
  at(await world.get(`/apis/${group}/caliconodestatuses/${name}`), 'status');

beforeAll(async () => {
  if (serversFolder() === undefined) return;
  world = await startNodeWorld(NETWORK);
  await world.cluster.admin.create(node('node-1', `${OWN}/24`), service('web', ['198.51.100.7'], 'Local'), slice('web', ['node-1']));
  daemon = world.start();
}, 240_000);

afterAll(async () => {
  await daemon?.stop();
  await world?.stop();
}, 60_000);

describe.skipIf(serversFolder() === undefined)(clusterTitle('CalicoNodeStatus'), () => {
  it('gets all classes: daemon, sessions and routes', async () => {
    const { admin } = world.cluster;
    await admin.create(request('all', 'node-1', ['Agent', 'BGP', 'Routes']), request('elsewhere', 'node-2', ['Agent', 'BGP', 'Routes']));
    await until('the status', 60, async () => {
      const status = await statusOf('all');
      expect(status).toMatchObject({
        agent: { birdV4: { state: 'Ready', routerID: OWN }, birdV6: { state: 'NotReady' } },
        bgp: {
          numberEstablishedV4: 1,
          numberNotEstablishedV4: 0,
          numberEstablishedV6: 0,
          peersV4: [{ peerIP: `${NETWORK}.254`, type: 'GlobalPeer', state: 'Established' }],
          peersV6: [],
        },
      });
      const destinations = at(status, 'routes', 'routesV4');
      expect(destinations).toContainEqual({
        type: 'FIB',
        destination: '198.51.100.7/32',
        gateway: 'N/A',
        interface: 'blackhole',
        learnedFrom: { sourceType: 'Static' },
      });
      expect(Date.parse(String(at(status, 'lastUpdated')))).toBeGreaterThan(0);
    });
    expect(await statusOf('elsewhere')).toBeUndefined();
  });

  it('is written anew only where something changed', async () => {
    const first = at(await statusOf('all'), 'lastUpdated');
    // Another object is looked at and written meanwhile: so was this one looked at.
    await world.cluster.admin.create(request('second', 'node-1', ['BGP']));
    await until('the second', 30, async () => expect(at(await statusOf('second'), 'bgp', 'numberEstablishedV4')).toBe(1));
    expect(at(await statusOf('all'), 'lastUpdated')).toBe(first);
    expect(Object.keys(Object(await statusOf('second'))).sort()).toEqual(['bgp', 'lastUpdated']);
  });

  it('follows its session: another peer, not established', async () => {
    await world.cluster.admin.create(calico(CRD, 'BGPPeer', 'away', { peerIP: '192.0.2.99', asNumber: 64799, nodeSelector: 'all()' }));
    await until('the peer', 30, async () => {
      const status = await statusOf('all');
      expect([at(status, 'bgp', 'numberEstablishedV4'), at(status, 'bgp', 'numberNotEstablishedV4')]).toEqual([1, 1]);
      expect(JSON.stringify(at(status, 'bgp', 'peersV4'))).toContain('"type":"NodePeer"');
    });
  });

  it('removes classes that are not asked for any more', async () => {
    await world.cluster.admin.patch(request('all', 'node-1', []), { spec: { classes: ['Agent'] } });
    await until('the rest is gone', 30, async () =>
      expect(Object.keys(Object(await statusOf('all'))).sort()).toEqual(['agent', 'lastUpdated']),
    );
  });

  it('a period of 0 is left alone', async () => {
    await world.cluster.admin.create(request('never', 'node-1', ['Agent'], 0), request('after', 'node-1', ['Agent']));
    await until('the one after it', 30, async () => expect(await statusOf('after')).toBeDefined());
    expect(await statusOf('never')).toBeUndefined();
  });

  it('is written where the definition has a status of its own, too', async () => {
    const group = 'projectcalico.org/v3';
    await world.cluster.admin.create(nodeStatusDefinition(group, true));
    await until('the kind is served', 30, () => world.cluster.admin.call('GET', `/apis/${group}/caliconodestatuses`));
    await world.cluster.admin.create(calico(group, 'CalicoNodeStatus', 'other', { node: 'x', classes: ['Agent'], updatePeriodSeconds: 1 }));
    const writer = createWriter({
      access: {
        kubeconfig: undefined,
        context: undefined,
        endpoint: `https://127.0.0.1:${world.cluster.port}`,
        caFile: world.cluster.certificates.ca,
        certFile: undefined,
        keyFile: undefined,
        tokenFile: world.token,
        insecure: false,
        serviceHost: undefined,
        servicePort: 443,
      },
      proxies: { https: '', http: '', no: '' },
      apiGroup: group,
      clock: REAL_CLOCK,
      random: () => 0.5,
    });
    try {
      const signal = AbortSignal.timeout(30_000);
      expect(await writer.writeNodeStatus('other', { agent: { birdV4: { state: 'Ready' } } }, signal)).toEqual({
        ok: true,
        value: undefined,
      });
      expect(await statusOf('other', group)).toEqual({ agent: { birdV4: { state: 'Ready' } } });
      // A refusal is an answer, and not tried again.
      const refused = await writer.createEvent('nowhere', { apiVersion: 'v1', kind: 'Event', metadata: { name: 'x' } }, signal);
      expect(refused).toMatchObject({ ok: false, failure: { code: 'DATASTORE_KIND_MISSING' } });
    } finally {
      await writer.close();
    }
  });
});
