/**
 * Debian's ExaBGP as a peer. It has no table and passes nothing on: what it is told is read from the JSON lines that it gives to its
 * API process, which is a shell that keeps them in a file and feeds it the commands of another.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Daemon, DaemonConfig, MakeDaemon, NeighborConfig, SeenRoute } from './daemon.ts';
import { bySource, familyOf, sameFamily } from './daemon.ts';
import type { Running } from './exec.ts';
import { start } from './exec.ts';
import { entries, list, member, number, text } from './json.ts';
import type { Host } from './lan.ts';
import { restarting } from './restarting.ts';
import { START_SECONDS } from './wait.ts';

function neighborBlock(host: Host, config: DaemonConfig, neighbor: NeighborConfig): string {
  const family = familyOf(neighbor.address);
  const local = sameFamily(host, neighbor.address);
  const communities = config.tags === undefined ? '' : ` community [ ${config.tags.communities.join(' ')} ]`;
  const large = config.tags === undefined ? '' : ` large-community [ ${config.tags.largeCommunities.join(' ')} ]`;
  const routes = config.announce.filter((prefix) => familyOf(prefix) === family);
  // Two routes of one prefix with different identifiers are what it can show of add-path.
  const identifier = neighbor.addPath === true || neighbor.allPaths === true ? ' path-information 0.0.0.1' : '';
  return `neighbor ${neighbor.address} {
  router-id ${config.routerId}; local-address ${local}; local-as ${config.as}; peer-as ${neighbor.as};
  hold-time ${neighbor.holdTime ?? 90};
  ${neighbor.password === undefined ? '' : `md5-password "${neighbor.password}"; md5-base64 false;`}
  ${neighbor.ttlSecurity === true ? 'outgoing-ttl 255; incoming-ttl 255;' : ''}
  family { ${family} unicast; }
  capability { asn4 enable; route-refresh enable; extended-message enable; ${neighbor.gracefulRestart === true ? 'graceful-restart 60;' : ''}
    ${identifier === '' ? '' : 'add-path send/receive;'} }
  api { processes [ keeper ]; neighbor-changes; receive { parsed; update; refresh; } }
  static {
${routes.map((prefix) => `    route ${prefix} next-hop ${local}${communities}${large} ${config.attributes ?? ''}${identifier};`).join('\n')}
  }
}`;
}

/** What its lines have told so far, of the sessions that are up. */
interface Heard {
  /** Neighbour → how often it came up; absent while it is down. */
  readonly up: Map<string, number>;
  /** `neighbour prefix path-id` → route. */
  readonly table: Map<string, SeenRoute>;
}

function asPathOf(value: unknown): number[] {
  // A list, or an object of numbered segments, by version.
  const flat = Array.isArray(value) ? value : entries(value).flatMap(([, segment]) => list(segment, 'value'));
  return flat.filter((as) => typeof as === 'number');
}

const joined = (value: unknown, key: string): string[] =>
  list(value, key)
    .map((one) => (Array.isArray(one) ? one.join(':') : String(one)))
    .sort();

function routeOf(from: string, prefix: string, nextHop: string, attributes: unknown): SeenRoute {
  const localPref = number(attributes, 'local-preference');
  const originatorId = text(attributes, 'originator-id');
  return {
    prefix,
    from,
    nextHop,
    asPath: asPathOf(member(attributes, 'as-path')),
    communities: joined(attributes, 'community'),
    largeCommunities: joined(attributes, 'large-community'),
    clusterList: list(attributes, 'cluster-list').filter((id) => typeof id === 'string'),
    ...(localPref === undefined ? {} : { localPref }),
    ...(originatorId === '' ? {} : { originatorId }),
  };
}

/** Prefix and path identifier; ExaBGP writes withdrawn and announced ones alike. */
function keyOf(from: string, nlri: unknown): string {
  return `${from} ${text(nlri, 'nlri')} ${text(nlri, 'path-information')}`;
}

/** Takes one JSON line in. Pure but for `heard`. */
export function hearExabgp(heard: Heard, line: unknown, ups: Map<string, number>): void {
  const from = text(line, 'neighbor', 'address', 'peer');
  const state = text(line, 'neighbor', 'state');
  if (state === 'up') {
    ups.set(from, (ups.get(from) ?? 0) + 1);
    heard.up.set(from, ups.get(from) ?? 0);
  } else if (state === 'down') {
    heard.up.delete(from);
    for (const key of [...heard.table.keys()]) if (key.startsWith(`${from} `)) heard.table.delete(key);
  }
  const update = member(line, 'neighbor', 'message', 'update');
  for (const [, nlris] of entries(update, 'withdraw')) for (const nlri of list(nlris)) heard.table.delete(keyOf(from, nlri));
  for (const [, hops] of entries(update, 'announce')) {
    for (const [nextHop, nlris] of entries(hops)) {
      // The link-local half of a pair of next hops is written as another announcement (RFC 2545 section 3).
      if (nextHop.startsWith('fe80:') && entries(hops).length > 1) continue;
      // End-of-RIB is an announcement of nothing, under a next hop called null.
      for (const nlri of list(nlris))
        if (text(nlri, 'nlri') !== '')
          heard.table.set(keyOf(from, nlri), routeOf(from, text(nlri, 'nlri'), nextHop, member(update, 'attribute')));
    }
  }
}

/** Its lines about route refresh (4.2.21) have words in two pairs of quotes, which is no JSON. */
function unquoted(line: string): string {
  return line.replaceAll(/""([\w-]+)""/g, '"$1"');
}

/** Makes an ExaBGP with the given sessions. It dials and does not listen. */
export const makeExabgp: MakeDaemon = (host, directory, config): Daemon => {
  const file = join(directory, 'exabgp.conf');
  const events = join(directory, 'events.jsonl');
  const commands = join(directory, 'commands');
  const script = join(directory, 'keeper.sh');
  writeFileSync(script, `#!/bin/sh\ntail -n 0 -f '${commands}' &\nfeeder=$!\ncat >>'${events}'\nkill $feeder\n`, { mode: 0o755 });
  const ups = new Map<string, number>();
  let heard: Heard = { up: new Map(), table: new Map() };
  let read = 0;
  const environment = {
    ...process.env,
    exabgp_daemon_drop: 'false',
    exabgp_daemon_user: 'root',
    exabgp_daemon_pid: '',
    exabgp_api_cli: 'false',
    exabgp_api_ack: 'false',
    exabgp_tcp_delay: '0',
    exabgp_log_level: 'INFO',
    exabgp_log_destination: 'stdout',
  };
  const listen = (): Heard => {
    const octets = existsSync(events) ? readFileSync(events) : Buffer.alloc(0);
    const end = octets.lastIndexOf(0x0a) + 1;
    for (const line of octets.toString('utf8', read, end).split('\n')) if (line !== '') hearExabgp(heard, JSON.parse(unquoted(line)), ups);
    read = end;
    return heard;
  };
  const launch = (now: DaemonConfig): Running => {
    listen();
    heard = { up: new Map(), table: new Map() };
    writeFileSync(commands, '');
    const process = `process keeper { run /bin/sh ${script}; encoder json; }`;
    writeFileSync(file, [process, ...now.neighbors.map((one) => neighborBlock(host, now, one)), ''].join('\n'));
    return start('ip', ['netns', 'exec', host.namespace, 'exabgp', file], join(directory, 'exabgp.log'), environment);
  };
  const isReady = (): void => {
    if (!existsSync(events)) throw new Error(`no ${events}`);
  };
  return {
    kind: 'exabgp',
    host,
    ...restarting(config, { launch, ready: 'exabgp runs its API process', seconds: START_SECONDS, isReady }),
    established: () => Promise.resolve(new Set(listen().up.keys())),
    routes: () => Promise.resolve([...listen().table.values()].sort(bySource)),
    incarnation: (neighbor) => {
      const count = listen().up.get(neighbor);
      return count === undefined ? Promise.reject(new Error(`exabgp: no session with ${neighbor}`)) : Promise.resolve(String(count));
    },
    echoed: (neighbor, prefix) =>
      Promise.resolve([...listen().table.values()].some((one) => one.from === neighbor && one.prefix === prefix)),
    refresh: (neighbor) => {
      appendFileSync(commands, `neighbor ${neighbor} announce route-refresh ${familyOf(neighbor)} unicast\n`);
      return Promise.resolve();
    },
    received: (neighbor) => Promise.resolve([...listen().table.values()].filter((one) => one.from === neighbor).length),
  };
};
