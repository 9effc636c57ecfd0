/** Routers of a fabric: bird2 and FRR with configurations as an operator writes them, which forward packets by the kernel's table. */
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Running } from './exec.ts';
import { run, start } from './exec.ts';
import { entries, text } from './json.ts';
import type { Lab } from './lab.ts';
import type { Host } from './lan.ts';
import { Hopeless, START_SECONDS, until } from './wait.ts';

/** One running router. */
export interface Router {
  readonly kind: RouterKind;
  readonly host: Host;
  /** Starts it, also again after `stop`, with another configuration where one is given; resolves when it takes commands. */
  start(configuration?: string): Promise<void>;
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Addresses of neighbours whose session is Established. */
  established(): Promise<ReadonlySet<string>>;
  /** Takes another configuration while it runs. */
  reconfigure(configuration: string): Promise<void>;
  /** Everything it has logged, its own times with it. */
  log(): string;
}

/** The routers that fabrics are made of. */
export type RouterKind = 'bird2' | 'frr';

/** Makes a router; `configuration` is bird.conf, or the commands for bgpd. It is stopped with the lab. */
export function makeRouter(lab: Lab, kind: RouterKind, host: Host, configuration: string): Router {
  const directory = join(lab.directory, `${kind}-${host.name}`);
  mkdirSync(directory, { recursive: true });
  return lab.adopt(kind === 'bird2' ? birdRouter(directory, host, configuration) : frrRouter(directory, host, configuration));
}

function mustLive(running: readonly Running[]): void {
  const dead = running.map((one) => one.dead()).find((reason) => reason !== undefined);
  if (dead !== undefined) throw new Hopeless(dead);
}

function birdRouter(directory: string, host: Host, configuration: string): Router {
  const [file, socket, log] = [join(directory, 'bird.conf'), join(directory, 'bird.ctl'), join(directory, 'bird.log')];
  writeFileSync(file, configuration);
  let running: Running[] = [];
  const ask = (question: string): Promise<string> => run('birdc', ['-s', socket, ...question.split(' ')]);
  return {
    kind: 'bird2',
    host,
    start: async (wanted) => {
      if (wanted !== undefined) writeFileSync(file, wanted);
      const place = ['-f', '-c', file, '-s', socket, '-P', join(directory, 'bird.pid')];
      running = [start('ip', ['netns', 'exec', host.namespace, 'bird', ...place], log)];
      await until('bird answers', START_SECONDS, async () => {
        mustLive(running);
        await ask('show status');
      });
    },
    stop: async (signal) => {
      for (const daemon of running) await daemon.stop(signal);
    },
    reconfigure: async (wanted) => {
      writeFileSync(file, wanted);
      await ask('configure');
    },
    established: async () => {
      const found = new Set<string>();
      for (const part of (await ask('show protocols all')).split(/\n(?=\S)/)) {
        if (!/BGP state:\s+Established/.test(part)) continue;
        found.add(/Neighbor address:\s+(\S+)/.exec(part)?.[1] ?? '');
      }
      return found;
    },
    log: () => readFileSync(log, 'utf8'),
  };
}

function frrRouter(directory: string, host: Host, configuration: string): Router {
  const zserv = join(directory, 'zserv.api');
  const [empty, file, log] = [join(directory, 'empty.conf'), join(directory, 'bgpd.conf'), join(directory, 'bgpd.log')];
  const [, , uid, gid] = (/^frr:.*$/m.exec(readFileSync('/etc/passwd', 'utf8'))?.[0] ?? '').split(':');
  // The daemons drop to their own user, which must get to the directory and write there.
  chmodSync(dirname(directory), 0o755);
  chownSync(directory, Number(uid), Number(gid));
  writeFileSync(empty, 'frr defaults traditional\n');
  writeFileSync(file, configuration);
  let running: Running[] = [];
  const launch = (name: string, args: readonly string[]): Running => {
    const files = ['-f', empty, '-i', join(directory, `${name}.pid`), '-z', zserv, '--vty_socket', directory, '-P', '0'];
    const words = ['netns', 'exec', host.namespace, `/usr/lib/frr/${name}`, ...files, '--log', 'stdout', '--log-level', 'debugging'];
    return start('ip', [...words, ...args], join(directory, `${name}.log`));
  };
  const vtysh = (...words: readonly string[]): Promise<string> => run('vtysh', ['--vty_socket', directory, ...words], 30_000);
  return {
    kind: 'frr',
    host,
    start: async (wanted) => {
      if (wanted !== undefined) writeFileSync(file, wanted);
      rmSync(zserv, { force: true });
      running = [launch('zebra', [])];
      await until('zebra listens', START_SECONDS, () => {
        mustLive(running);
        if (!existsSync(zserv)) throw new Error(`no ${zserv}`);
      });
      running.push(launch('bgpd', ['-p', '179']));
      await until('bgpd knows its interfaces', START_SECONDS, async () => {
        mustLive(running);
        const clients = await vtysh('-d', 'zebra', '-c', 'show zebra client summary');
        if (!/^bgp\s/m.test(clients)) throw new Error(clients);
      });
      await vtysh('-d', 'bgpd', '-f', file);
    },
    stop: async (signal) => {
      for (const daemon of [...running].reverse()) await daemon.stop(signal);
    },
    reconfigure: async (wanted) => {
      writeFileSync(file, wanted);
      await vtysh('-d', 'bgpd', '-f', file);
    },
    established: async () => {
      const summary: unknown = JSON.parse(await vtysh('-d', 'bgpd', '-c', 'show bgp summary json'));
      const peers = ['ipv4Unicast', 'ipv6Unicast'].flatMap((family) => entries(summary, family, 'peers'));
      return new Set(peers.filter(([, peer]) => text(peer, 'state') === 'Established').map(([address]) => address));
    },
    log: () => readFileSync(log, 'utf8'),
  };
}
