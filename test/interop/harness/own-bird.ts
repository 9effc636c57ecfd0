/** A BIRD 2 with a configuration that the scenario writes itself, for what `bird.ts` has no words for. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Running } from './exec.ts';
import { run, start } from './exec.ts';
import type { Host } from './lan.ts';
import { Hopeless, START_SECONDS, until } from './wait.ts';

/** A running BIRD; stopped by `stop`, started again with the same file by `start`. */
export interface OwnBird {
  start(): Promise<void>;
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Answer of birdc to a question such as `show protocols`. */
  ask(question: string): Promise<string>;
}

/** Makes a BIRD in the host's namespace; `lines` follow the router id and the device protocol. */
export function makeOwnBird(host: Host, directory: string, lines: readonly string[]): OwnBird {
  mkdirSync(directory, { recursive: true });
  const [file, socket] = [join(directory, 'bird.conf'), join(directory, 'bird.ctl')];
  writeFileSync(file, [`router id ${host.ipv4};`, 'log stderr all;', 'protocol device {}', ...lines, ''].join('\n'));
  let running: Running | undefined;
  const ask = (question: string): Promise<string> => run('birdc', ['-s', socket, ...question.split(' ')]);
  return {
    ask,
    start: async () => {
      const files = ['-f', '-c', file, '-s', socket, '-P', join(directory, 'bird.pid')];
      const bird = start('ip', ['netns', 'exec', host.namespace, 'bird', ...files], join(directory, 'bird.log'));
      running = bird;
      await until('bird answers', START_SECONDS, async () => {
        const dead = bird.dead();
        if (dead !== undefined) throw new Hopeless(dead);
        await ask('show status');
      });
    },
    stop: async (signal) => running?.stop(signal),
  };
}

/** A BGP protocol over IPv4 that dials at once; `channel` is the body of its ipv4 channel, `more` stands beside it. */
export function birdSession(
  name: string,
  session: { local: string; as: number; remote: string; remoteAs: number },
  channel: string,
  more = '',
): string {
  const { local, as, remote, remoteAs } = session;
  return `protocol bgp ${name} { local ${local} as ${as}; neighbor ${remote} as ${remoteAs}; connect delay time 1; connect retry time 1; error wait time 1, 2; ${more} ipv4 { import all; ${channel} }; }`;
}
