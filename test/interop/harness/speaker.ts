/** `linnet speaker` as users run it, in a namespace or on a loopback address: its JSON configuration, its status socket, signals, and what it uses. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Running } from './exec.ts';
import { start } from './exec.ts';
import { list, number, text } from './json.ts';
import type { Host } from './lan.ts';
import { Hopeless, START_SECONDS, until } from './wait.ts';

const launcher = fileURLToPath(new URL('../../../bin/linnet.js', import.meta.url));

/** The JSON document of `linnet speaker`, as written. */
export type SpeakerDocument = { readonly [field: string]: unknown };

/** How one is started beside its configuration. */
export interface SpeakerOptions {
  /** Flags for Node, before the launcher. */
  readonly nodeFlags?: readonly string[];
  /** Default: debug. */
  readonly logLevel?: 'debug' | 'info' | 'warn';
  /** More words of the command, at every start. */
  readonly arguments?: readonly string[];
}

/** One `linnet speaker`. Every method but `start` needs it running. */
export interface SpeakerProcess {
  readonly directory: string;
  /** Starts it, also again after `stop`, with more arguments such as `--restarting`; resolves when its status socket answers. */
  start(...more: readonly string[]): Promise<void>;
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Writes another document and has it read (SIGHUP). */
  configure(document: SpeakerDocument): void;
  /** Peers, `GET /peers`. */
  peers(): Promise<readonly unknown[]>;
  /** The peer of that name, as `GET /peers` shows it. */
  peer(name: string): Promise<unknown>;
  /** Best routes, `GET /routes`. */
  routes(): Promise<readonly unknown[]>;
  /** `linnet peer NAME ACTION`, with its body. */
  act(name: string, action: string, body?: object): Promise<void>;
  /** Its process id; 0 before it was started. */
  readonly pid: () => number;
  /** How it ended, undefined while it runs. */
  dead(): string | undefined;
  /** CPU seconds it used so far, user and system. */
  cpuSeconds(): number;
  /** Resident octets. */
  rss(): number;
  /** Everything it has logged. */
  log(): string;
}

function ask(socket: string, method: 'GET' | 'POST', path: string, body = ''): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: socket, method, path, timeout: 10_000 }, (response) => {
      let answer = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        answer += part;
      });
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(answer));
        else reject(new Error(`${method} ${path}: ${response.statusCode} ${answer}`));
      });
    });
    asked.on('timeout', () => asked.destroy(new Error(`${method} ${path}: no answer`)));
    asked.on('error', reject);
    asked.end(body);
  });
}

/** Of /proc/PID/stat; the kernel's USER_HZ. */
const CLOCK_TICKS = 100;

/** Makes a speaker with a directory of its own, in a namespace where one is given. */
export function makeSpeaker(
  host: Pick<Host, 'namespace'> | undefined,
  directory: string,
  document: SpeakerDocument,
  options: SpeakerOptions = {},
): SpeakerProcess {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, 'speaker.json');
  const socket = join(directory, 'status.sock');
  const log = join(directory, 'speaker.log');
  const inside = host === undefined ? [] : ['ip', 'netns', 'exec', host.namespace];
  const write = (now: SpeakerDocument): void => writeFileSync(file, JSON.stringify(now));
  write(document);
  let running: Running | undefined;
  const peers = async (): Promise<readonly unknown[]> => list(await ask(socket, 'GET', '/peers'), 'peers');
  const proc = (name: string): string => readFileSync(`/proc/${running?.pid}/${name}`, 'latin1');
  return {
    directory,
    start: async (...more) => {
      const words = ['speaker', file, '--status', socket, '--log', options.logLevel ?? 'debug', ...(options.arguments ?? []), ...more];
      const [command = '', ...args] = [...inside, process.execPath, ...(options.nodeFlags ?? []), launcher, ...words];
      const speaker = start(command, args, log);
      running = speaker;
      await until('linnet speaker answers', START_SECONDS, async () => {
        const dead = speaker.dead();
        if (dead !== undefined) throw new Hopeless(dead);
        await ask(socket, 'GET', '/status');
      });
    },
    stop: async (signal) => running?.stop(signal),
    configure: (now) => {
      write(now);
      if (running !== undefined) process.kill(running.pid, 'SIGHUP');
    },
    peers,
    peer: async (name) => {
      const found = (await peers()).find((one) => text(one, 'id') === name);
      if (found === undefined) throw new Error(`linnet: no peer ${name}`);
      return found;
    },
    routes: async () => list(await ask(socket, 'GET', '/routes'), 'routes'),
    act: async (name, action, body = {}) => {
      await ask(socket, 'POST', `/api/v1/peers/${encodeURIComponent(name)}/${action}`, JSON.stringify(body));
    },
    pid: () => running?.pid ?? 0,
    dead: () => running?.dead(),
    cpuSeconds: () => {
      const fields = proc('stat').split(') ')[1]?.split(' ') ?? [];
      return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS;
    },
    rss: () => Number(/VmRSS:\s+(\d+)/.exec(proc('status'))?.[1]) * 1024,
    log: () => readFileSync(log, 'utf8'),
  };
}

/** A counter of one family of a peer as `SpeakerProcess.peer` gives it; 0 where the family is not there. */
export function familyCounter(peer: unknown, family: 'ipv4' | 'ipv6', counter: 'received' | 'accepted' | 'advertised'): number {
  return (
    number(
      list(peer, 'families').find((one) => text(one, 'family') === `${family}-unicast`),
      counter,
    ) ?? 0
  );
}
