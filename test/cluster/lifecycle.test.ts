/** A node's life on a real API server, with exactly the shipped roles: its address, condition, cordon, events, and its end. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningDaemon } from '../cli/program.ts';
import { until } from '../interop/harness/wait.ts';
import { clusterTitle, serversFolder } from './harness/binaries.ts';
import { calico, type Manifest, secret } from './harness/manifests.ts';
import { at, CRD, type NodeWorld, OWN, startNodeWorld } from './harness/node-world.ts';

const NETWORK = `127.${20 + (process.pid % 200)}.${Math.floor(process.pid / 200) % 250}`;
const PLANTED = 'planted-7f3a-password';
const NODE: Manifest = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' }, spec: {} };

let world: NodeWorld;
let daemon: RunningDaemon;

const condition = async (): Promise<unknown> => {
  const conditions = at(await world.get('/api/v1/nodes/node-1'), 'status', 'conditions');
  const found = Array.isArray(conditions) ? conditions.find((one) => at(one, 'type') === 'NetworkUnavailable') : undefined;
  return [at(found, 'status'), at(found, 'reason')];
};

/** Events about objects of a kind, as `NAME REASON`, each once a line. */
const events = async (kind: string): Promise<readonly string[]> => {
  const items = at(await world.get('/api/v1/namespaces/default/events'), 'items');
  const all: unknown[] = Array.isArray(items) ? items : [];
  return all
    .filter((event) => at(event, 'involvedObject', 'kind') === kind)
    .map((event) => `${at(event, 'involvedObject', 'name')} ${at(event, 'reason')}`)
    .sort();
};

beforeAll(async () => {
  if (serversFolder() === undefined) return;
  world = await startNodeWorld(NETWORK);
  await world.cluster.admin.create(NODE, secret('kube-system', 'bgp', 'tor', PLANTED));
  await world.cluster.admin.patch(NODE, { status: { addresses: [{ type: 'InternalIP', address: OWN }] } }, '/status');
  const detection = ['--ip', 'autodetect', '--ip-autodetection-method', 'interface=^not-there$', '--autodetect-poll-interval', '1'];
  daemon = world.start(...detection, '--write', 'address,condition,status,events');
}, 240_000);

afterAll(async () => {
  await daemon?.stop();
  await world?.stop();
}, 60_000);

describe.skipIf(serversFolder() === undefined)(clusterTitle('the life of a node'), () => {
  it('finds nothing on the machine, takes what Kubernetes knows, and peers from it', async () => {
    await until('the session', 40, () => {
      if (!world.peer.established()) throw new Error(daemon.log().slice(-2000));
    });
    expect(JSON.stringify(await daemon.json('desired'))).toContain('NODE_ADDRESS_NOT_FOUND');
  });

  it('writes the address to the Node', async () => {
    await until('the annotation', 20, async () => {
      expect(at(await world.get('/api/v1/nodes/node-1'), 'metadata', 'annotations', 'projectcalico.org/IPv4Address')).toBe(`${OWN}/32`);
    });
  });

  it('says that the network is there once it is ready', async () => {
    await until('the condition', 30, async () => expect(await condition()).toEqual(['False', 'CalicoIsUp']));
  });

  it('puts events on objects with issues, once, with their identity and without secrets', async () => {
    const { admin } = world.cluster;
    const broken = calico(CRD, 'BGPPeer', 'broken', { peerIP: '192.0.2.300', asNumber: 64701 });
    await admin.create(
      broken,
      calico(CRD, 'BGPPeer', 'locked', {
        peerIP: '192.0.2.77',
        asNumber: 64701,
        password: { secretKeyRef: { name: 'bgp', key: 'other' } },
      }),
    );
    await until('events on both', 30, async () => {
      const found = await events('BGPPeer');
      expect(found.some((line) => line.startsWith('broken '))).toBe(true);
      expect(found.some((line) => line.startsWith('locked '))).toBe(true);
    });
    const before = await events('BGPPeer');
    // It goes and comes again: nothing new is told.
    await admin.patch(broken, { spec: { peerIP: '192.0.2.30' } });
    await until('the issue is gone', 10, async () => expect(JSON.stringify(await daemon.json('desired'))).not.toContain('192.0.2.300'));
    await admin.patch(broken, { spec: { peerIP: '192.0.2.300' } });
    await until('the issue is back', 10, async () => expect(JSON.stringify(await daemon.json('desired'))).toContain('192.0.2.300'));
    const later = calico(CRD, 'BGPPeer', 'later', { peerIP: '192.0.2.301', asNumber: 64701 });
    await admin.create(later);
    await until('the event after it', 30, async () =>
      expect((await events('BGPPeer')).some((line) => line.startsWith('later '))).toBe(true),
    );
    expect((await events('BGPPeer')).filter((line) => !line.startsWith('later '))).toEqual(before);

    const uid = at(await world.get(`/apis/${CRD}/bgppeers/broken`), 'metadata', 'uid');
    const all = await world.get('/api/v1/namespaces/default/events');
    expect(JSON.stringify(all)).not.toContain(PLANTED);
    const items = at(all, 'items');
    const own = Array.isArray(items) ? items.find((event) => at(event, 'involvedObject', 'name') === 'broken') : undefined;
    expect([at(own, 'involvedObject', 'uid'), at(own, 'type'), at(own, 'source', 'component')]).toEqual([uid, 'Warning', 'linnet']);
    expect(at(own, 'message')).toContain('BGPPeer/broken spec.peerIP: "192.0.2.300" is not ');
    for (const manifest of [broken, later, calico(CRD, 'BGPPeer', 'locked', {})]) await admin.remove(manifest);
  });

  it('tells of a problem that is its own on its Node', async () => {
    await until('the event', 30, async () => expect(await events('Node')).toContain('node-1 NodeAddressNotFound'));
  });

  it('drains while the Node is cordoned', async () => {
    const phase = async (): Promise<unknown> => {
      const document = await daemon.json('drain', '--show');
      return [at(document, 'phase'), at(document, 'causes')];
    };
    await world.cluster.admin.patch(NODE, { spec: { unschedulable: true } });
    await until('draining', 20, async () => expect(await phase()).toEqual(['draining', ['cordon']]));
    await world.cluster.admin.patch(NODE, { spec: { unschedulable: null } });
    await until('in service', 20, async () => expect(await phase()).toEqual(['off', []]));
  });

  it('says at its end that the network is away, and leaves the time for the next start', async () => {
    const file = join(daemon.runDir, 'state', 'shutdownTS');
    expect(existsSync(file)).toBe(false);
    expect((await daemon.stop()).code).toBe(0);
    expect([await condition(), existsSync(file)]).toEqual([['True', 'CalicoIsDown'], true]);
    // Its address is on the Node now: it needs no more.
    daemon = world.start('--write', 'condition');
    await until('the condition', 40, async () => expect(await condition()).toEqual(['False', 'CalicoIsUp']));
    expect(existsSync(file)).toBe(false);
  });
});
