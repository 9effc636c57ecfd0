/**
 * What a Calico node was recorded to do, as an oracle: its sessions with every option, its blackholes, and the routes it let go to its
 * peers. Reads any folder of scenarios; skips, saying so, where ../shared (or LINNET_SHARED) is not there.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { formatAddress, parsePrefix } from 'bgp-ts/net';
import { describe, expect, it } from 'vitest';
import { desire } from '../../../src/confd/desired/desire.ts';
import type { Desired } from '../../../src/confd/desired/types.ts';
import { objectsIn, parseObject } from '../../../src/confd/resources/parse-object.ts';
import { createStore } from '../../../src/confd/resources/store.ts';
import type { Resource } from '../../../src/confd/resources/types.ts';
import { readYaml, splitYaml } from '../../../src/confd/source/file/yaml-text.ts';
import { bgpRoute, decide, kernelRoute } from '../../worlds/route.ts';

const parity = join(resolve(process.env['LINNET_SHARED'] ?? '../shared'), 'parity');

interface RecordedPeer {
  readonly name: string;
  readonly port: number;
  readonly passive: boolean;
  readonly source: string | null;
  readonly rr_client: boolean;
  readonly cluster_id: string | null;
  readonly local_as: number;
  readonly remote_as: number;
  readonly address: string;
  readonly added?: boolean;
}

interface Scenario {
  readonly nodename: string;
  readonly rewrites: Readonly<Record<string, string>>;
  readonly families: Readonly<Record<string, { readonly peers: readonly RecordedPeer[] }>>;
  readonly resources?: string;
}

interface RecordedRoute {
  readonly as_path: string;
  readonly local_pref?: number;
  readonly originator_id?: string;
  readonly cluster_list?: unknown;
}

interface Behaviour {
  readonly phases: {
    readonly steady: Readonly<
      Record<
        string,
        {
          readonly rib: Readonly<Record<string, Readonly<Record<string, readonly RecordedRoute[]>>>>;
          readonly kernel: { readonly added: Readonly<Record<string, readonly { readonly type: string }[]>> };
        }
      >
    >;
  };
}

const readJson = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8'));

function scenarios(): string[] {
  const root = join(parity, 'scenarios');
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.json'))
    .map((path) => path.slice(0, -'.json'.length))
    .sort();
}

function resourcesOf(name: string, scenario: Scenario): Resource[] {
  const folder = join(parity, 'inputs', name);
  const texts = [...readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8')), scenario.resources ?? ''];
  const rewritten = texts.map((text) => Object.entries(scenario.rewrites).reduce((out, [from, to]) => out.replaceAll(from, to), text));
  return rewritten.flatMap((text) => splitYaml(text).flatMap((chunk) => documentResources(chunk.text)));
}

function documentResources(text: string): Resource[] {
  const document = readYaml(text);
  if (!document.ok) return [];
  return objectsIn(document.value).flatMap(({ raw }) => {
    const { outcome } = parseObject(raw);
    return outcome.type === 'resource' ? [outcome.resource] : [];
  });
}

function desiredOf(name: string, scenario: Scenario): Desired {
  const store = createStore();
  store.apply({ upsert: resourcesOf(name, scenario), remove: [], issues: [], inSync: true });
  const { desired } = desire(store.snapshot, { node: scenario.nodename, engine: { password: true, ttlSecurity: true, reachableBy: true } });
  if (desired === undefined) throw new Error(`no Node ${scenario.nodename}`);
  return desired;
}

/** Scenarios keep the names from before their addresses were rewritten. */
function rewrittenName(name: string, { rewrites }: Scenario): string {
  return Object.entries(rewrites).reduce((out, [from, to]) => out.replaceAll(from.replaceAll(':', '_'), to.replaceAll(':', '_')), name);
}

const peerKey = (address: string, port: number): string => `${address} ${port}`;

/** Routes the node itself had: those without an AS path that nobody reflected to it. */
const isLocal = (route: RecordedRoute): boolean =>
  route.as_path === '' && route.originator_id === undefined && route.cluster_list === undefined;

function exportFailures(desired: Desired, behaviour: Behaviour, scenario: Scenario): string[] {
  const failures: string[] = [];
  for (const [family, { peers }] of Object.entries(scenario.families)) {
    for (const recorded of peers) {
      const peer = desired.peers.find((entry) => formatAddress(entry.address) === recorded.address && entry.port === recorded.port);
      const rib =
        behaviour.phases.steady[family]?.rib[recorded.port === 179 ? recorded.address : `${recorded.address} port ${recorded.port}`];
      if (peer === undefined || rib === undefined || !peer.internal || peer.filters.length > 0) continue;
      for (const [prefix, routes] of Object.entries(rib)) {
        for (const route of routes) {
          const metric = 2147483647 - (route.local_pref ?? 0);
          const sent = isLocal(route) ? kernelRoute(prefix, metric) : bgpRoute(prefix, { localPref: route.local_pref });
          const outcome = decide(peer.exportPolicy, sent);
          if (!outcome.accept || outcome.localPref !== route.local_pref)
            failures.push(`${isLocal(route) ? 'local' : 'bgp'} ${prefix} -> ${recorded.name} (${outcome.term})`);
        }
      }
    }
  }
  return failures;
}

/** Host routes of peers inside cluster ranges stay where they are (contracts.md): the one difference by choice. */
function foreignClusterIP(desired: Desired, failure: string): boolean {
  const prefix = parsePrefix(failure.split(' ')[1] ?? '');
  return (
    failure.startsWith('bgp ') &&
    prefix !== undefined &&
    desired.advertise.some((route) => route.class === 'cluster-cidr') &&
    prefix.length === (prefix.family === 'ipv4' ? 32 : 128)
  );
}

const names = scenarios();

describe.skipIf(names.length === 0)(
  `recorded behaviour of a Calico node (${names.length === 0 ? `skipped: no ${parity}` : parity})`,
  () => {
    it.each(names)('%s', (name) => {
      const scenario = readJson<Scenario>(join(parity, 'scenarios', `${name}.json`));
      const behaviour = readJson<Behaviour>(join(parity, 'behaviour', `${name}.json`));
      const desired = desiredOf(name, scenario);
      const recorded = Object.values(scenario.families).flatMap((family) => family.peers);
      // The recorder's own neighbours were no clients when recorded, but as plain BGPPeers of a reflector they are.
      const added = new Set(recorded.filter((entry) => entry.added === true).map((entry) => peerKey(entry.address, entry.port)));
      const role = (session: string, client: boolean, cluster: string | undefined | null): unknown =>
        added.has(session) ? 'added' : [client, cluster ?? null];
      const ours = desired.peers.map((entry) => ({
        session: peerKey(formatAddress(entry.address), entry.port),
        passive: entry.passive,
        source: entry.source === undefined ? null : formatAddress(entry.source),
        role: role(peerKey(formatAddress(entry.address), entry.port), entry.reflectorClient, entry.clusterId),
        localAs: entry.localAs,
        remoteAs: entry.remoteAs,
      }));
      const theirs = recorded.map((entry) => ({
        session: peerKey(entry.address, entry.port),
        passive: entry.passive,
        source: entry.source,
        role: role(peerKey(entry.address, entry.port), entry.rr_client, entry.cluster_id),
        localAs: entry.local_as,
        remoteAs: entry.remote_as,
      }));
      const bySession = (a: { session: string }, b: { session: string }): number => (a.session < b.session ? -1 : 1);
      expect(ours.sort(bySession)).toEqual(theirs.sort(bySession));
      for (const entry of recorded.filter((each) => each.added !== true)) {
        expect(desired.peers.find((own) => formatAddress(own.address) === entry.address && own.port === entry.port)?.id).toBe(
          rewrittenName(entry.name, scenario),
        );
      }
      const blackholes = Object.values(behaviour.phases.steady).flatMap((family) =>
        Object.entries(family.kernel.added).flatMap(([to, routes]) => (routes.some((route) => route.type === 'blackhole') ? [to] : [])),
      );
      expect(desired.install.filter((route) => route.kind === 'blackhole').map((route) => route.id)).toEqual(blackholes.sort());
      expect(exportFailures(desired, behaviour, scenario).filter((failure) => !foreignClusterIP(desired, failure))).toEqual([]);
    });
  },
);
