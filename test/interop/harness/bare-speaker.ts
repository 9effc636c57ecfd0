/** A bare `linnet speaker` in a namespace: its JSON configuration, its status socket, and signals. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Running } from './exec.ts';
import { start } from './exec.ts';
import { list, number, text } from './json.ts';
import type { Host } from './lan.ts';
import { Hopeless, until } from './wait.ts';

const launcher = fileURLToPath(new URL('../../../bin/linnet.js', import.meta.url));

/** The JSON document of `linnet speaker`, as written. */
export type SpeakerDocument = { readonly [field: string]: unknown };

/** One `linnet speaker`. Every method but `start` needs it running. */
export interface SpeakerProcess {
  readonly host: Host;
  /** Starts it, also again after `stop`, with more arguments such as `--restarting`; resolves when its status socket answers. */
  start(...more: readonly string[]): Promise<void>;
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Writes another document and has it read (SIGHUP). */
  configure(document: SpeakerDocument): void;
  /** The peer of that name, as `GET /peers` shows it. */
  peer(name: string): Promise<unknown>;
  /** Best routes, `GET /routes`. */
  routes(): Promise<readonly unknown[]>;
  /** `linnet peer NAME ACTION`, with its body. */
  act(name: string, action: string, body?: object): Promise<void>;
  /** Its process id; 0 before it was started. */
  readonly pid: () => number;
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

/** Makes a speaker with a directory of its own. */
export function makeSpeaker(host: Host, directory: string, document: SpeakerDocument): SpeakerProcess {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, 'speaker.json');
  const socket = join(directory, 'status.sock');
  const write = (now: SpeakerDocument): void => writeFileSync(file, JSON.stringify(now));
  write(document);
  let running: Running | undefined;
  return {
    host,
    start: async (...more) => {
      const args = ['netns', 'exec', host.namespace, process.execPath, launcher, 'speaker', file, '--status', socket, '--log', 'debug'];
      const speaker = start('ip', [...args, ...more], join(directory, 'speaker.log'));
      running = speaker;
      await until('linnet speaker answers', 20, async () => {
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
    peer: async (name) => {
      const found = list(await ask(socket, 'GET', '/peers'), 'peers').find((one) => text(one, 'id') === name);
      if (found === undefined) throw new Error(`linnet: no peer ${name}`);
      return found;
    },
    routes: async () => list(await ask(socket, 'GET', '/routes'), 'routes'),
    act: async (name, action, body = {}) => {
      await ask(socket, 'POST', `/api/v1/peers/${encodeURIComponent(name)}/${action}`, JSON.stringify(body));
    },
    pid: () => running?.pid ?? 0,
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
