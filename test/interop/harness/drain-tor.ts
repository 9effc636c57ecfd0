/** A BIRD 2 as ToR that honours GRACEFUL_SHUTDOWN (RFC 8326) in sessions with the nodes of a cluster, for tests of nodes that leave. */
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Lab } from './lab.ts';
import type { Host } from './lan.ts';
import type { OwnBird } from './own-bird.ts';
import { birdSession, makeOwnBird } from './own-bird.ts';
import { CHANGE_SECONDS, CLUSTER_AS, TOR_AS } from './scenario.ts';
import { until } from './wait.ts';

/** The ToR and what it knows of one prefix. */
export interface DrainTor extends OwnBird {
  /** Names of the nodes with a path, the preferred one first. */
  paths(): Promise<readonly string[]>;
  /** Waits until these are the paths. */
  become(wanted: readonly string[], seconds?: number): Promise<void>;
}

const HONOUR = ['filter honour {', '  if (65535, 0) ~ bgp_community then bgp_local_pref = 0;', '  accept;', '}'];

/** Makes it; sessions and paths are called by the names of the nodes. */
export function makeDrainTor(lab: Lab, host: Host, nodes: { readonly [name: string]: Host }, prefix: string): DrainTor {
  const session = ([name, { ipv4 }]: readonly [string, Host]): string =>
    birdSession(name, { local: host.ipv4, as: TOR_AS, remote: ipv4, remoteAs: CLUSTER_AS }, 'import filter honour; export none;');
  const tor = lab.adopt(makeOwnBird(host, join(lab.directory, 'tor'), [...HONOUR, ...Object.entries(nodes).map(session)]));
  const paths = async (): Promise<readonly string[]> => {
    const lines = (await tor.ask(`show route ${prefix}`)).split('\n').filter((line) => line.includes('unicast ['));
    const found = lines.map((line) => ({ name: /unicast \[(\w+)/.exec(line)?.[1] ?? '', best: line.includes('*') }));
    return found.sort((a, b) => Number(b.best) - Number(a.best)).map(({ name }) => name);
  };
  return {
    ...tor,
    paths,
    become: (wanted, seconds = CHANGE_SECONDS) =>
      until(`paths ${wanted.join(', ')}`, seconds, async () => expect(await paths()).toEqual(wanted)),
  };
}
