/** `linnet speaker` as users run it, on a loopback address or in a namespace, with two clients that watch what others see of a fault. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { Running } from './exec.ts';
import { start } from './exec.ts';
import { list } from './json.ts';
import { Hopeless, until } from './wait.ts';
import type { At } from './wire-peer.ts';
import { WirePeer } from './wire-peer.ts';

const launcher = join(dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url))))), 'bin', 'linnet.js');

/** AS of the speaker and its clients. */
export const SPEAKER_AS = 64512;
/** Seconds for anything of a fault to happen: generous, the machine may be busy. */
export const FAULT_SECONDS = 60;

/** A running `linnet speaker`. */
export interface SpeakerProcess {
  readonly at: At;
  readonly running: Running;
  readonly directory: string;
  /** Peers as `GET /peers` has them. */
  peers(): Promise<readonly unknown[]>;
  /** CPU seconds it used so far, user and system. */
  cpuSeconds(): number;
  /** Resident octets. */
  rss(): number;
  log(): string;
  stop(): Promise<void>;
}

/** How to start one: keys of its configuration beside the address, flags for Node, a namespace to run in. */
export interface SpeakerSetup {
  readonly at: At;
  readonly config: { readonly [key: string]: unknown };
  readonly nodeFlags?: readonly string[];
  readonly namespace?: string;
  readonly logLevel?: 'debug' | 'info' | 'warn';
  readonly arguments?: readonly string[];
}

function ask(socketPath: string, path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        body += part;
      });
      response.on('end', () => resolve(JSON.parse(body)));
    });
    sent.on('error', reject);
    sent.end();
  });
}

const CLOCK_TICKS = 100;

/** Starts a speaker and waits until it answers. */
export async function startSpeaker(setup: SpeakerSetup): Promise<SpeakerProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'linnet-fault-'));
  mkdirSync(directory, { recursive: true });
  const [config, socket, log] = ['config.json', 'status.sock', 'log'].map((name) => join(directory, name));
  if (config === undefined || socket === undefined || log === undefined) throw new Error('no paths');
  const listen = { address: setup.at.host, port: setup.at.port };
  writeFileSync(
    config,
    JSON.stringify({ localAs: SPEAKER_AS, routerId: '10.255.0.1', families: ['ipv4-unicast'], listen, ...setup.config }),
  );
  const level = setup.logLevel ?? 'info';
  const node = [...(setup.nodeFlags ?? []), launcher, 'speaker', config, '--status', socket, '--log', level, ...(setup.arguments ?? [])];
  const inside = setup.namespace === undefined ? [] : ['netns', 'exec', setup.namespace, process.execPath];
  const running = start(inside.length === 0 ? process.execPath : 'ip', [...inside, ...node], log);
  const peers = async (): Promise<readonly unknown[]> => list(await ask(socket, '/peers'), 'peers');
  await until('the speaker answers', FAULT_SECONDS, async () => {
    const dead = running.dead();
    if (dead !== undefined) throw new Hopeless(dead);
    await peers();
  });
  return {
    at: setup.at,
    running,
    directory,
    peers,
    cpuSeconds: () => {
      const fields = readFileSync(`/proc/${running.pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
      return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS;
    },
    rss: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${running.pid}/status`, 'latin1'))?.[1]) * 1024,
    log: () => readFileSync(log, 'utf8'),
    stop: async () => {
      await running.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Two sessions beside a fault: one announces a new route again and again, the other must get each of them. */
export class Witnesses {
  readonly teller: WirePeer;
  readonly listener: WirePeer;
  #told = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `net` is such as `127.0.40`; they live at .201 and .202. */
  constructor(net: string, holdTime = 90) {
    const options = { as: SPEAKER_AS, holdTime };
    this.teller = new WirePeer({ ...options, address: `${net}.201`, bgpId: 0x0a0000c9 });
    this.listener = new WirePeer({ ...options, address: `${net}.202`, bgpId: 0x0a0000ca });
  }

  /** Their neighbour entries. */
  static neighbors(net: string): object[] {
    return [201, 202].map((host) => client(`${net}.${host}`));
  }

  async connect(to: At): Promise<void> {
    await Promise.all([this.teller.connect(to), this.listener.connect(to)]);
    this.#timer = setInterval(() => {
      if (!this.teller.established) return;
      this.#told++;
      this.teller.announce([this.#prefix(this.#told)]);
    }, 100);
  }

  #prefix(index: number): string {
    return `172.16.${(index >> 8) & 255}.${index & 255}/32`;
  }

  /** Neither session ended, none was told anything bad, and each route told so far arrived. */
  async unharmed(): Promise<void> {
    await until('the teller told something', FAULT_SECONDS, () => expect(this.#told).toBeGreaterThan(0));
    const told = this.#told;
    await until('the listener has every route of the teller', FAULT_SECONDS, () => {
      for (let index = 1; index <= told; index++) expect(this.listener.routes.has(this.#prefix(index)), this.#prefix(index)).toBe(true);
    });
    expect([this.teller, this.listener].map(({ ends, established, notifications }) => ({ ends, established, notifications }))).toEqual([
      { ends: 0, established: true, notifications: [] },
      { ends: 0, established: true, notifications: [] },
    ]);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.teller.stop();
    this.listener.stop();
  }
}

/** A passive reflector client. */
export function client(address: string, more: { readonly [key: string]: unknown } = {}): object {
  return { address, as: SPEAKER_AS, rrClient: true, passive: true, ...more };
}
