/** A stream of packets between two namespaces, both ways, and what the kernel says of routes meanwhile. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { number } from './json.ts';
import type { Lab } from './lab.ts';

const PROGRAM = fileURLToPath(new URL('./packets.js', import.meta.url));

/** One end: its namespace and its address, both of one family. */
export interface StreamEnd {
  readonly namespace: string;
  readonly address: string;
}

/** What became of the packets one end sent. */
export interface StreamResult {
  readonly sent: number;
  readonly answered: number;
  /** Numbers of packets without an answer, the first fifty. */
  readonly lost: readonly number[];
}

/** A stream that is under way. */
export interface Stream {
  /** Results of both ends once all packets are answered or given up, in the order of the ends. */
  readonly done: Promise<readonly [StreamResult, StreamResult]>;
  /** Sends no more, and gives the results. */
  end(): Promise<readonly [StreamResult, StreamResult]>;
}

function stoppable(lab: Lab, child: ChildProcess): ChildProcess {
  lab.adopt({
    stop: () => {
      child.kill('SIGKILL');
      return Promise.resolve();
    },
  });
  return child;
}

function resultOf(line: string): StreamResult {
  const seen: unknown = JSON.parse(line);
  const lost: unknown = typeof seen === 'object' && seen !== null ? Reflect.get(seen, 'lost') : undefined;
  return {
    sent: number(seen, 'sent') ?? 0,
    answered: number(seen, 'answered') ?? 0,
    lost: Array.isArray(lost) ? lost.filter((one) => typeof one === 'number') : [],
  };
}

/** Starts `count` packets each way at `rate` a second; both ends listen before the first is sent. */
export async function startStream(lab: Lab, ends: readonly [StreamEnd, StreamEnd], count: number, rate: number): Promise<Stream> {
  const [one, two] = ends;
  const launch = async (end: StreamEnd, other: StreamEnd) => {
    const words = ['netns', 'exec', end.namespace, process.execPath, PROGRAM, end.address, other.address, String(count), String(rate)];
    const child = spawn('ip', words, { stdio: ['pipe', 'pipe', 'inherit'] });
    stoppable(lab, child);
    const lines = createInterface(child.stdout);
    await once(lines, 'line');
    const result = once(lines, 'line').then(([line]) => resultOf(String(line)));
    const over = async (): Promise<void> => {
      child.stdin.end();
      if (child.exitCode === null) await once(child, 'exit');
    };
    return { result, over, say: (line: string) => child.stdin.write(`${line}\n`) };
  };
  const [first, second] = [await launch(one, two), await launch(two, one)];
  const say = (line: string): void => {
    for (const end of [first, second]) end.say(line);
  };
  say('go');
  const done = Promise.all([first.result, second.result]).then(async (results) => {
    await Promise.all([first.over(), second.over()]);
    return results;
  });
  return {
    done,
    end: () => {
      say('enough');
      return done;
    },
  };
}

/** Watches the IPv4 and IPv6 routes of a namespace from now on. */
export interface RouteWatch {
  /** Lines that say a route was deleted. */
  deletions(): readonly string[];
}

/** Starts `ip monitor route`. */
export async function watchRoutes(lab: Lab, namespace: string): Promise<RouteWatch> {
  const child = stoppable(lab, spawn('ip', ['-n', namespace, 'monitor', 'route'], { stdio: ['ignore', 'pipe', 'inherit'] }));
  await once(child, 'spawn');
  const seen: string[] = [];
  if (child.stdout !== null) createInterface(child.stdout).on('line', (line) => seen.push(line));
  return { deletions: () => seen.filter((line) => line.startsWith('Deleted')) };
}
