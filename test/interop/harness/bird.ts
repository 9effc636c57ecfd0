/** BIRD 2 and BIRD 1.6 as peers: configuration file, control socket, and their tables read by birdc. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Daemon, DaemonConfig, MakeDaemon, NeighborConfig, SeenRoute } from './daemon.ts';
import { bySource, familyOf, sameFamily } from './daemon.ts';
import type { Running } from './exec.ts';
import { run, start } from './exec.ts';
import type { Host } from './lan.ts';
import { Hopeless, START_SECONDS, until } from './wait.ts';

/** How the two generations of BIRD differ: BIRD 1.6 has a program per family and no channels. */
interface Part {
  readonly families: readonly ('ipv4' | 'ipv6')[];
  readonly daemon: string;
  readonly client: string;
}

const FAMILIES = ['ipv4', 'ipv6'] as const;

function exported({ allPaths, addPath, transit }: NeighborConfig): string {
  if (allPaths === true) return 'export all; next hop keep;';
  return addPath === true || transit === true
    ? 'export where source ~ [ RTS_STATIC, RTS_BGP ];'
    : 'export where source = RTS_STATIC; next hop self;';
}

function protocol(host: Host, config: DaemonConfig, neighbor: NeighborConfig, channels: boolean): string {
  const family = familyOf(neighbor.address);
  const paths = neighbor.allPaths === true || neighbor.addPath === true ? 'add paths on;' : '';
  const routing = exported(neighbor);
  const nextHop = /next hop \w+;/.exec(routing)?.[0] ?? '';
  const filters = `import all; ${channels ? routing : routing.replace(nextHop, '')}`;
  // Without channels they are options of the protocol itself.
  const exchange = channels ? `${family} { ${filters} ${paths} };` : `${filters} ${paths} ${nextHop}`;
  return `protocol bgp ${neighbor.name} {
  local ${sameFamily(host, neighbor.address)} as ${config.as};
  neighbor ${neighbor.address} as ${neighbor.as};
  ${neighbor.password === undefined ? '' : `password "${neighbor.password}";`} ttl security ${neighbor.ttlSecurity === true ? 'on' : 'off'};
  ${neighbor.reflectorClient === true ? 'rr client;' : ''} ${neighbor.gracefulRestart === true ? 'graceful restart on; graceful restart time 60;' : ''}
  ${neighbor.holdTime === undefined ? '' : `hold time ${neighbor.holdTime};`} enable extended messages ${neighbor.shortMessages === true ? 'off' : 'on'};
  connect delay time 1; connect retry time 1; error wait time 1, 2;
  ${exchange}
}`;
}

function statics({ announce, tags }: DaemonConfig, family: 'ipv4' | 'ipv6', channels: boolean): string {
  const commas = (value: string): string => value.split(':').join(',');
  const tagged = [
    ...(tags?.communities ?? []).map((value) => `bgp_community.add((${commas(value)}));`),
    ...(tags?.largeCommunities ?? []).map((value) => `bgp_large_community.add((${commas(value)}));`),
  ].join(' ');
  const routes = announce.filter((prefix) => familyOf(prefix) === family).map((prefix) => `  route ${prefix} blackhole;`);
  const importing = tagged === '' ? 'import all;' : `import filter { ${tagged} accept; };`;
  return `protocol static own_${family} { ${channels ? `${family} { ${importing} };` : importing}\n${routes.join('\n')}\n}`;
}

function configuration(host: Host, config: DaemonConfig, part: Part): string {
  const channels = part.families.length > 1;
  const neighbors = config.neighbors.filter((one) => part.families.includes(familyOf(one.address)));
  const head = [
    `router id ${config.routerId};`,
    'log stderr all;',
    'debug protocols { states, events };',
    'protocol device {}',
    `protocol direct { ${channels ? 'ipv4; ipv6;' : ''} }`,
    config.neighbors.some((one) => one.gracefulRestart === true) ? 'graceful restart wait 30;' : '',
  ];
  const own = part.families.map((family) => statics(config, family, channels));
  return [...head, ...own, ...neighbors.map((one) => protocol(host, config, one, channels)), ''].join('\n');
}

/** One `BGP.name: value` line. */
const ATTRIBUTE = /^\s+BGP\.(\w+): (.*)$/;
// BIRD 2 puts the next hop on a line of its own, BIRD 1.6 before the protocol; own blackholes are of no interest.
const PATH = /^(\S*)\s+(?:unicast|via \S+ on \S+|unreachable) \[(\S+) /;

function pairs(value: string): string[] {
  return [...value.matchAll(/\(([^)]*)\)/g)].map((match) => (match[1] ?? '').replaceAll(/,\s*/g, ':')).sort();
}

function routeOf(prefix: string, from: string, attributes: ReadonlyMap<string, string>): SeenRoute {
  const value = (name: string): string => attributes.get(name) ?? '';
  const words = (name: string): string[] =>
    value(name)
      .split(' ')
      .filter((word) => word !== '');
  const localPref = attributes.get('local_pref');
  const originatorId = attributes.get('originator_id');
  return {
    prefix,
    from,
    // For IPv6 a link-local address may follow the global one.
    nextHop: words('next_hop')[0] ?? '',
    asPath: words('as_path').map(Number),
    communities: pairs(value('community')),
    largeCommunities: pairs(value('large_community')),
    clusterList: words('cluster_list'),
    ...(localPref === undefined ? {} : { localPref: Number(localPref) }),
    ...(originatorId === undefined ? {} : { originatorId }),
  };
}

/** `show route all` as paths; a path without a prefix belongs to the one above it. Pure. */
export function parseBirdRoutes(output: string, addressOf: ReadonlyMap<string, string>): SeenRoute[] {
  const found: { prefix: string; from: string; attributes: Map<string, string> }[] = [];
  let prefix = '';
  for (const line of output.split('\n')) {
    const path = PATH.exec(line);
    const attribute = ATTRIBUTE.exec(line);
    if (path !== null) {
      prefix = path[1] === '' ? prefix : (path[1] ?? '');
      found.push({ prefix, from: addressOf.get(path[2] ?? '') ?? '', attributes: new Map() });
    } else if (attribute !== null) found.at(-1)?.attributes.set(attribute[1] ?? '', attribute[2] ?? '');
  }
  return found.filter((one) => one.from !== '').map((one) => routeOf(one.prefix, one.from, one.attributes));
}

/** Times of BIRD that differ by less are one time; a lost session takes longer to come back. */
const SAME_TIME_MS = 20;

/** `16:28:09.010` as milliseconds. */
function millisecondsOfDay(text: string): number {
  const [hours = Number.NaN, minutes = Number.NaN, seconds = Number.NaN] = text.split(':').map(Number);
  const time = Math.round(((hours * 60 + minutes) * 60 + seconds) * 1000);
  if (Number.isNaN(time)) throw new Error(`bird2: ${text} is no time of day`);
  return time;
}

/** One running program and what is asked of it. */
interface Program {
  readonly part: Part;
  start(): Promise<void>;
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  configure(config: DaemonConfig): Promise<void>;
  ask(question: string): Promise<string>;
}

function makeProgram(host: Host, directory: string, config: DaemonConfig, part: Part): Program {
  const name = part.families.length > 1 ? 'bird' : `bird-${part.families[0]}`;
  const socket = join(directory, `${name}.ctl`);
  const file = join(directory, `${name}.conf`);
  const write = (now: DaemonConfig): void => writeFileSync(file, configuration(host, now, part));
  write(config);
  let running: Running | undefined;
  let killed = false;
  const ask = (question: string): Promise<string> => run(part.client, ['-s', socket, ...question.split(' ')]);
  return {
    part,
    ask,
    start: async () => {
      const recovering = killed && config.neighbors.some((one) => one.gracefulRestart === true) ? ['-R'] : [];
      const files = ['-f', '-c', file, '-s', socket, '-P', join(directory, `${name}.pid`), ...recovering];
      const daemon = start('ip', ['netns', 'exec', host.namespace, part.daemon, ...files], join(directory, `${name}.log`));
      running = daemon;
      await until('bird answers', START_SECONDS, async () => {
        const dead = daemon.dead();
        if (dead !== undefined) throw new Hopeless(dead);
        await ask('show status');
      });
    },
    stop: async (signal) => {
      killed = signal === 'SIGKILL';
      await running?.stop(signal);
    },
    configure: async (now) => {
      write(now);
      await ask('configure');
    },
  };
}

/** The words of each line of `show protocols` that is a BGP session. */
function sessionRows(output: string): string[][] {
  return output
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((row) => row[1]?.toUpperCase() === 'BGP');
}

function makeBird(kind: 'bird2' | 'bird16', parts: readonly Part[]): MakeDaemon {
  return (host, directory, config): Daemon => {
    const programs = parts.map((part) => makeProgram(host, directory, config, part));
    const addressOf = new Map(config.neighbors.map((one) => [one.name, one.address]));
    const incarnations = new Map<string, number>();
    const everyone = async (question: string): Promise<string> =>
      (await Promise.all(programs.map((program) => program.ask(question)))).join('\n');
    const about = async (neighbor: string, question: (name: string) => string): Promise<string> => {
      const program = programs.find(({ part }) => part.families.includes(familyOf(neighbor)));
      const name = config.neighbors.find((one) => one.address === neighbor)?.name;
      if (program === undefined || name === undefined) throw new Error(`${kind}: no neighbour ${neighbor}`);
      return program.ask(question(name));
    };
    return {
      kind,
      host,
      start: async () => {
        for (const program of programs) await program.start();
      },
      stop: async (signal) => {
        for (const program of programs) await program.stop(signal);
      },
      secure: async (neighbors) => {
        for (const program of programs) await program.configure({ ...config, neighbors });
      },
      established: async () =>
        new Set(
          sessionRows(await everyone('show protocols'))
            .filter((row) => row.at(-1) === 'Established')
            .map((row) => addressOf.get(row[0] ?? '') ?? ''),
        ),
      routes: async () => parseBirdRoutes(await everyone('show route all'), addressOf).sort(bySource),
      incarnation: async (neighbor) => {
        const row = sessionRows(await everyone('show protocols')).find((one) => addressOf.get(one[0] ?? '') === neighbor);
        if (row?.at(-1) !== 'Established') throw new Error(`${kind}: no session with ${neighbor}`);
        // BIRD works the time out anew from its monotonic clock at each answer: the last millisecond wavers.
        const since = millisecondsOfDay(row[4] ?? '');
        const known = incarnations.get(neighbor);
        if (known !== undefined && Math.abs(known - since) <= SAME_TIME_MS) return String(known);
        incarnations.set(neighbor, since);
        return String(since);
      },
      echoed: async (neighbor) => {
        // BIRD turns a looped path into a withdrawal while it decodes; nobody here withdraws what BIRD itself announces.
        const line = /Import withdraws:\s+(\d+)/.exec(await about(neighbor, (name) => `show protocols all ${name}`));
        if (line === null) throw new Error(`${kind} shows no counters of ${neighbor}`);
        return Number(line[1]) > 0;
      },
      refresh: async (neighbor) => {
        await about(neighbor, (name) => `reload in ${name}`);
      },
      received: async (neighbor) => {
        const line = /Routes:\s+(\d+) imported/.exec(await about(neighbor, (name) => `show protocols all ${name}`));
        return Number(line?.[1] ?? 0);
      },
    };
  };
}

/** Makes a BIRD 2 with the given sessions. */
export const makeBird2: MakeDaemon = makeBird('bird2', [{ families: FAMILIES, daemon: 'bird', client: 'birdc' }]);

/** Where BIRD 1.6 was unpacked; '' where it was not. It cannot be installed beside BIRD 2. */
export const BIRD16 = process.env['LINNET_BIRD16'] ?? '';

/** Makes a BIRD 1.6, one program for each family, from the folder that LINNET_BIRD16 names. */
export const makeBird16: MakeDaemon = makeBird('bird16', [
  { families: ['ipv4'], daemon: join(BIRD16, 'usr/sbin/bird'), client: join(BIRD16, 'usr/sbin/birdc') },
  { families: ['ipv6'], daemon: join(BIRD16, 'usr/sbin/bird6'), client: join(BIRD16, 'usr/sbin/birdc6') },
]);
