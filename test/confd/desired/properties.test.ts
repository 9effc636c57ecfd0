/** What holds in every world, whatever its objects. */

import { formatAddress, formatPrefix, hostPrefix, prefixContains } from 'bgp-ts/net';
import { describe, expect, it } from 'vitest';
import { createDesire, desire } from '../../../src/confd/desired/desire.ts';
import type { DesiredPeer } from '../../../src/confd/desired/types.ts';
import { forSeeds, runsFrom } from '../../worlds/random.ts';
import { createWorld, SELF } from '../../worlds/world.ts';

const NOTHING = { changed: [], issuesChanged: false } as const;

describe('any world', () => {
  it('explains every address of every Service as it was decided', () => {
    const explained = { advertised: 0, refused: 0 };
    forSeeds(400, (random) => {
      const snapshot = createWorld(random).snapshot();
      const engine = createDesire({ node: SELF, compatCalico: random.oneIn(3) });
      const advertised = new Set(engine.update(snapshot, NOTHING).desired?.advertise.map((entry) => entry.id));
      for (const service of snapshot.services.values()) {
        for (const address of [...service.clusterIPs, ...service.externalIPs, ...service.ingressIPs]) {
          const steps = engine.explain(hostPrefix(address));
          const id = formatPrefix(hostPrefix(address));
          const last = steps.at(-1);
          explained[advertised.has(id) ? 'advertised' : 'refused'] += 1;
          expect(last === undefined ? 'nothing' : last.verdict, id).toBe(
            advertised.has(id) ? 'advertised' : last === undefined ? 'nothing' : 'not-advertised',
          );
          const byService = steps
            .filter((step) => step.stage === 'service' && step.verdict === 'advertised')
            .flatMap((step) => step.objects);
          const route = engine.update(snapshot, NOTHING).desired?.advertise.find((entry) => entry.id === id);
          const reasons = (route?.reasons ?? []).map((reason) => reason.object).filter((object) => object.startsWith('Service/'));
          expect([...new Set(byService)].sort()).toEqual([...new Set(reasons)].sort());
        }
      }
    });
    // A replay of one seed may have none of either.
    if (runsFrom(400).runs >= 400) expect(Math.min(explained.advertised, explained.refused)).toBeGreaterThan(10);
  });

  it('publishes nothing that Calico would not, and nothing outside the configured ranges', () => {
    let published = 0;
    forSeeds(400, (random) => {
      const snapshot = createWorld(random).snapshot();
      const ours = desire(snapshot, { node: SELF }).desired?.advertise ?? [];
      const calico = new Set(desire(snapshot, { node: SELF, compatCalico: true }).desired?.advertise.map((entry) => entry.id));
      const config = snapshot.configurations.get('default');
      const ranges = [config?.serviceClusterIPs, config?.serviceExternalIPs, config?.serviceLoadBalancerIPs].flatMap((list) => list ?? []);
      for (const entry of ours) {
        expect(calico).toContain(entry.id);
        if (entry.class === 'block') continue;
        expect(ranges.some((range) => prefixContains(range, entry.prefix))).toBe(true);
        published += 1;
      }
    });
    if (runsFrom(400).runs >= 400) expect(published).toBeGreaterThan(10);
  });

  it('has one peer per session, none of them the node itself, all in families the node has', () => {
    let seen = 0;
    forSeeds(400, (random) => {
      const { desired } = desire(createWorld(random).snapshot(), { node: SELF, compatCalico: random.oneIn(3) });
      const own = [desired?.addresses.ipv4, desired?.addresses.ipv6].flatMap((address) =>
        address === undefined ? [] : [formatAddress(address)],
      );
      const sessions = (desired?.peers ?? []).map((peer) => `${formatAddress(peer.address)} ${peer.port}`);
      expect(new Set(sessions).size).toBe(sessions.length);
      for (const peer of desired?.peers ?? []) {
        expect(own).not.toContain(formatAddress(peer.address));
        expect(desired?.addresses[peer.address.family]).toBeDefined();
        expect(peer.remoteAs).toBeGreaterThan(0);
        expect(peer.internal).toBe(peer.remoteAs === peer.localAs);
        expect(peer.reasons.length).toBeGreaterThan(0);
        seen += 1;
      }
    });
    if (runsFrom(400).runs >= 400) expect(seen).toBeGreaterThan(10);
  });

  it('lets both ends of mesh and selector sessions agree: AS numbers, and one end of a mesh session calls', () => {
    let agreed = 0;
    forSeeds(400, (random) => {
      const snapshot = createWorld(random).snapshot();
      const views = [...snapshot.nodes.keys()].flatMap((name) => desire(snapshot, { node: name }).desired ?? []);
      const bySession = new Map<string, DesiredPeer[]>();
      for (const peer of views.flatMap((view) => view.peers)) {
        const source = peer.reasons[0]?.object ?? '';
        const symmetric = peer.type === 'mesh' || snapshot.peers.get(source.replace('BGPPeer/', ''))?.peerSelector !== undefined;
        if (!symmetric || peer.source === undefined) continue;
        const ends = [formatAddress(peer.address), formatAddress(peer.source)].sort();
        bySession.set(`${source} ${ends.join(' ')}`, [...(bySession.get(`${source} ${ends.join(' ')}`) ?? []), peer]);
      }
      for (const [a, b, ...others] of bySession.values()) {
        // Nodes that share an address give more than two ends; that is an issue of its own.
        if (a === undefined || b === undefined || others.length > 0 || formatAddress(a.address) === formatAddress(b.address)) continue;
        expect([a.remoteAs, a.localAs]).toEqual([b.localAs, b.remoteAs]);
        if (a.type === 'mesh') expect(a.passive).toBe(!b.passive);
        agreed += 1;
      }
    });
    // A replay of one seed may have no such pair.
    if (runsFrom(400).runs >= 400) expect(agreed).toBeGreaterThan(0);
  });
});
