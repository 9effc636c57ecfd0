/** Debian's OpenBGPD as a peer: one file, a control socket of its own, read through `bgpctl -j`. It touches no kernel routes. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Daemon, DaemonConfig, MakeDaemon, NeighborConfig, SeenRoute } from './daemon.ts';
import { bySource, familyOf, sameFamily } from './daemon.ts';
import type { Running } from './exec.ts';
import { run, start } from './exec.ts';
import { list, member, number, text } from './json.ts';
import type { Host } from './lan.ts';
import { restarting } from './restarting.ts';
import { START_SECONDS } from './wait.ts';

/** Home of the user that its processes become, and what they change their root to. The package leaves it to the service manager. */
const PRIVILEGE_SEPARATION = '/run/openbgpd';

function neighborBlock(host: Host, neighbor: NeighborConfig, localAs: number): string {
  const ipv6 = familyOf(neighbor.address) === 'ipv6';
  return `neighbor ${neighbor.address} {
  remote-as ${neighbor.as}
  descr "${neighbor.name}"
  local-address ${sameFamily(host, neighbor.address)}
  announce IPv4 ${ipv6 ? 'none' : 'unicast'}
  announce IPv6 ${ipv6 ? 'unicast' : 'none'}
  announce enhanced refresh yes
  announce as-4byte ${neighbor.twoOctetAs === true ? 'no' : 'yes'}
  ${neighbor.addPath === true || neighbor.allPaths === true ? 'announce add-path recv yes\n  announce add-path send all' : ''}
  ${neighbor.holdTime === undefined ? '' : `holdtime ${neighbor.holdTime}`}
  ${neighbor.password === undefined ? '' : `tcp md5sig password ${neighbor.password}`}
  ttl-security ${neighbor.ttlSecurity === true ? 'yes' : 'no'}
  ${neighbor.reflectorClient === true ? 'route-reflector' : ''}
  ${neighbor.allPaths === true || neighbor.as === localAs ? '' : 'set nexthop self'}
}`;
}

function configuration(host: Host, config: DaemonConfig, socket: string): string {
  const tags = [
    ...(config.tags?.communities ?? []).map((value) => `community ${value}`),
    ...(config.tags?.largeCommunities ?? []).map((value) => `large-community ${value}`),
  ].join(' ');
  return [
    `AS ${config.as}${config.as > 0xffff ? ' 23456' : ''}`,
    `router-id ${config.routerId}`,
    'holdtime min 3',
    'connect-retry 1',
    'fib-update no',
    `socket "${socket}"`,
    ...config.announce.map((prefix) => `network ${prefix}${tags === '' ? '' : ` set { ${tags} }`}`),
    ...config.neighbors.map((one) => neighborBlock(host, one, config.as)),
    'allow from any',
    'allow to any',
    '',
  ].join('\n');
}

const strings = (value: unknown, key: string): string[] => list(value, key).filter((one) => typeof one === 'string');

/** One entry of `bgpctl -j show rib detail`. Pure. */
export function parseOpenbgpdRoute(entry: unknown): SeenRoute {
  const localPref = number(entry, 'localpref');
  // Attributes without a field of their own stand in a list, each under its name.
  const attribute = (key: string): unknown => [entry, ...list(entry, 'attributes')].find((one) => member(one, key) !== undefined);
  const originatorId = text(attribute('originator'), 'originator');
  return {
    prefix: text(entry, 'prefix'),
    from: text(entry, 'neighbor', 'remote_addr'),
    nextHop: text(entry, 'exit_nexthop'),
    asPath: text(entry, 'aspath')
      .split(' ')
      .filter((word) => /^\d+$/.test(word))
      .map(Number),
    communities: strings(entry, 'communities').sort(),
    largeCommunities: strings(entry, 'large_communities').sort(),
    clusterList: strings(attribute('cluster_list'), 'cluster_list'),
    ...(localPref === undefined ? {} : { localPref }),
    ...(originatorId === '' ? {} : { originatorId }),
  };
}

/** Makes an OpenBGPD with the given sessions. */
export const makeOpenbgpd: MakeDaemon = (host, directory, config): Daemon => {
  const file = join(directory, 'bgpd.conf');
  const socket = join(directory, 'bgpd.sock');
  const ask = async (...words: readonly string[]): Promise<unknown> => {
    const answer = await run('bgpctl', ['-s', socket, '-j', ...words]);
    // Octets outside of ASCII in a shutdown text come as escapes that JSON does not have.
    return answer === '' ? {} : JSON.parse(answer.replaceAll(/\\(?!["\\/bfnrtu])/g, '\\\\'));
  };
  const neighbor = async (address: string): Promise<unknown> =>
    list(await ask('show', 'neighbor'), 'neighbors').find((one) => text(one, 'remote_addr') === address);
  const launch = (now: DaemonConfig): Running => {
    mkdirSync(PRIVILEGE_SEPARATION, { recursive: true, mode: 0o755 });
    // It refuses a file that others may write or read.
    writeFileSync(file, configuration(host, now, socket), { mode: 0o600 });
    return start('ip', ['netns', 'exec', host.namespace, 'bgpd', '-d', '-v', '-f', file], join(directory, 'bgpd.log'));
  };
  const isReady = async (now: DaemonConfig): Promise<void> => {
    if (list(await ask('show', 'neighbor'), 'neighbors').length !== now.neighbors.length) throw new Error('neighbours not configured yet');
  };
  return {
    kind: 'openbgpd',
    host,
    // New keys need a new session (bgpd.conf, tcp md5sig); its reload keeps the old one.
    ...restarting(config, { launch, ready: 'openbgpd answers', seconds: START_SECONDS, isReady }),
    established: async () =>
      new Set(
        list(await ask('show', 'neighbor'), 'neighbors')
          .filter((one) => text(one, 'state') === 'Established')
          .map((one) => text(one, 'remote_addr')),
      ),
    routes: async () =>
      list(await ask('show', 'rib', 'detail'), 'rib')
        // It keeps and shows what loops, as a path that is not valid.
        .filter((entry) => member(entry, 'valid') !== false)
        .map(parseOpenbgpdRoute)
        .filter((one) => config.neighbors.some(({ address }) => address === one.from))
        .sort(bySource),
    incarnation: async (address) => {
      const found = await neighbor(address);
      if (text(found, 'state') !== 'Established') throw new Error(`openbgpd: no session with ${address}`);
      // Its clock of the session counts whole seconds, so the session's source port stands for it.
      return `${String(number(found, 'session', 'local', 'port') ?? '')} ${String(number(found, 'session', 'remote', 'port') ?? '')}`;
    },
    echoed: async (address, prefix) =>
      list(await ask('show', 'rib', 'in', 'neighbor', address), 'rib').some((one) => text(one, 'prefix') === prefix),
    refresh: async (address) => {
      await run('bgpctl', ['-s', socket, 'neighbor', address, 'refresh']);
    },
    received: async (address) => number(await neighbor(address), 'stats', 'prefixes', 'received') ?? 0,
  };
};
