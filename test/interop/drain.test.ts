/**
 * A node leaves on purpose, with a real BIRD as ToR that honours GRACEFUL_SHUTDOWN (RFC 8326): it prefers the other node's path before the
 * leaving node's own goes, at an operator's word, on a cordon, and on SIGTERM. The word outlives the daemon.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isRecord, member } from '../../src/confd/resources/fields.ts';
import { type DrainTor, makeDrainTor } from './harness/drain-tor.ts';
import type { Lab } from './harness/lab.ts';
import { CAN_RUN, makeLab } from './harness/lab.ts';
import type { Host } from './harness/lan.ts';
import type { LinnetNode } from './harness/linnet.ts';
import { makeLinnet } from './harness/linnet.ts';
import { CHANGE_SECONDS, CLUSTER, hostRoute, makeCluster, outsidePeers, SESSION_SECONDS, services, TOR_AS } from './harness/scenario.ts';
import { inOrder } from './harness/steps.ts';
import { until } from './harness/wait.ts';

const PREFIX = hostRoute(CLUSTER.ipv4);
/** Seconds between telling the ToR and leaving; ample for a sample in between on a busy machine. */
const WAIT = 6;

describe.skipIf(!CAN_RUN)('a node that leaves, seen by its ToR', () => {
  let lab: Lab;
  const steps = inOrder();
  let hosts: { readonly one: Host; readonly two: Host; readonly tor: Host };
  let one: LinnetNode;
  let two: LinnetNode;
  let tor: DrainTor;

  const phase = async (node: LinnetNode): Promise<unknown> => {
    const document = await node.ask('drain', '--show');
    return isRecord(document) ? [member(document, 'phase'), member(document, 'causes')] : undefined;
  };

  /** Samples until `ended`: the prefix never lacks a path. Returns the different pictures in their order. */
  async function watch(ended: (seen: readonly string[]) => boolean, seconds: number): Promise<readonly string[]> {
    const pictures: string[] = [];
    await until('the last path moves', seconds, async () => {
      const now = (await tor.paths()).join(' ');
      if (pictures.at(-1) !== now) pictures.push(now);
      expect(ended(now.split(' '))).toBe(true);
    });
    return pictures;
  }

  beforeAll(async () => {
    lab = await makeLab('drain');
    hosts = { one: await lab.lan.host('node-1', 1), two: await lab.lan.host('node-2', 2), tor: await lab.lan.host('tor', 254) };
    const peers = outsidePeers(hosts.tor, TOR_AS, {}).filter(({ name }) => name.endsWith('ipv4'));
    lab.datastore.write({
      ...makeCluster([{ host: hosts.one }, { host: hosts.two }], peers, services([], ['node-1', 'node-2'])),
    });
    tor = makeDrainTor(lab, hosts.tor, { one: hosts.one, two: hosts.two }, PREFIX);
    await tor.start();
    const node = (host: Host, more: readonly string[]): LinnetNode =>
      lab.adopt(makeLinnet(host, join(lab.directory, `linnet-${host.name}`), lab.datastore.path, { more, patienceMs: 30_000 }));
    one = node(hosts.one, ['--shutdown', 'planned']);
    two = node(hosts.two, ['--shutdown', 'drain', '--drain-wait', String(WAIT)]);
    one.start();
    two.start();
  });
  afterAll(async () => lab?.close(steps.failed()));

  it('the ToR has a path to both and prefers the first', async () => {
    await tor.become(['one', 'two'], SESSION_SECONDS);
  });

  it('linnet drain: the ToR moves to the other path, then the first goes', async () => {
    const [pictures] = await Promise.all([
      watch((seen) => seen.join() === 'two', WAIT + SESSION_SECONDS),
      one.ask('drain', '--wait', String(WAIT)),
    ]);
    expect(pictures).toEqual(['one two', 'two one', 'two']);
    expect(await phase(one)).toEqual(['left', ['operator']]);
  });

  it('a restart changes nothing of it', async () => {
    await one.stop();
    one.start();
    await until('the daemon answers', CHANGE_SECONDS, async () => expect(await phase(one)).toEqual(['left', ['operator']]));
    await until('it has applied its state', CHANGE_SECONDS, async () => {
      const status = JSON.stringify(await one.ask('health', '--ready'));
      expect(status).toContain('"ok":true');
    });
    expect(await tor.paths()).toEqual(['two']);
  });

  it('--undo brings it back as it was', async () => {
    await one.ask('drain', '--undo');
    await tor.become(['one', 'two'], SESSION_SECONDS);
    expect(await phase(one)).toEqual(['off', []]);
  });

  it('--stay keeps the sessions, also over a restart', async () => {
    await one.ask('drain', '--stay', '--wait', '0');
    await tor.become(['two', 'one']);
    await one.stop();
    await tor.become(['two']);
    one.start();
    await tor.become(['two', 'one'], SESSION_SECONDS);
    expect(await phase(one)).toEqual(['draining', ['operator']]);
    await one.ask('drain', '--undo');
    await tor.become(['one', 'two']);
  });

  it('a cordoned Node drains and comes back by itself', async () => {
    const file = join(lab.datastore.path, 'cordon.yaml');
    writeFileSync(file, 'apiVersion: v1\nkind: Node\nmetadata: { name: node-1 }\nspec: { unschedulable: true }\n');
    await tor.become(['two', 'one']);
    expect(await phase(one)).toEqual(['draining', ['cordon']]);
    rmSync(file);
    await tor.become(['one', 'two']);
    expect(await phase(one)).toEqual(['off', []]);
  });

  it('SIGTERM with --shutdown drain tells the ToR first', async () => {
    await one.ask('drain', '--wait', '0');
    await tor.become(['two']);
    await one.ask('drain', '--undo');
    await tor.become(['one', 'two'], SESSION_SECONDS);
    const communities = async (): Promise<string> => tor.ask(`show route ${PREFIX} all protocol two`);
    await Promise.all([two.stop(), until('the community', WAIT, async () => expect(await communities()).toContain('(65535,0)'))]);
    await tor.become(['one']);
  });
});
