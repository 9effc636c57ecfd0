/** Peers that go without a word: BIRD killed, BIRD behind a link that is cut. In namespaces, with a third BIRD that must notice nothing else. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Running } from './harness/exec.ts';
import { run, start } from './harness/exec.ts';
import { text } from './harness/json.ts';
import type { Host, Lan } from './harness/lan.ts';
import { makeLan, mayMakeNamespaces } from './harness/lan.ts';
import type { SpeakerProcess } from './harness/speaker.ts';
import { until } from './harness/wait.ts';
import { client, FAULT_SECONDS, SPEAKER_AS, startSpeaker } from './harness/witnesses.ts';

const BIRD = '/usr/sbin/bird';
const HOLD = 9;
/** BIRD waits a minute and more after an error, and two between attempts, unless told. */
const SOON = 'connect delay time 1; connect retry time 2; error wait time 1, 2; error forget time 2;';
const CAN_RUN = existsSync(BIRD) && mayMakeNamespaces();

/** One BIRD 2 that announces a prefix of its own. */
interface Client {
  readonly host: Host;
  readonly prefix: string;
  readonly running: Running;
  readonly control: string;
}

describe.skipIf(!CAN_RUN)('a speaker whose peers go without a word', () => {
  let lan: Lan;
  let speaker: SpeakerProcess;
  const clients: Client[] = [];

  const begin = async (number: number, reflector: Host): Promise<Client> => {
    const host = await lan.host(`c${number}`, number);
    const directory = join(speaker.directory, host.name);
    mkdirSync(directory, { recursive: true });
    const prefix = `198.51.${number}.0/24`;
    const file = join(directory, 'bird.conf');
    const control = join(directory, 'ctl');
    writeFileSync(
      file,
      `router id ${host.ipv4};
protocol device {}
protocol static { ipv4; route ${prefix} blackhole; }
protocol bgp upstream { local ${host.ipv4} as ${SPEAKER_AS}; neighbor ${reflector.ipv4} as ${SPEAKER_AS}; hold time ${HOLD}; ${SOON} ipv4 { import all; export all; }; }
`,
    );
    const args = ['netns', 'exec', host.namespace, BIRD, '-f', '-c', file, '-s', control, '-P', join(directory, 'pid')];
    return { host, prefix, control, running: start('ip', args, join(directory, 'log')) };
  };

  const ask = ({ control }: Client, ...words: readonly string[]): Promise<string> => run('birdc', ['-s', control, ...words]);
  const has = async (at: Client, of: Client): Promise<boolean> => {
    // BIRD's client ends with an error where there is no such route.
    const said = await ask(at, 'show', 'route', of.prefix).catch((error: unknown) => String(error));
    if (!said.includes('BIRD')) throw new Error(said);
    return !said.includes('Network not found') && said.includes(`${of.prefix} `);
  };
  /** The line of the session with its time of establishment: the same as long as it was never lost. */
  const session = async (at: Client): Promise<string> =>
    (await ask(at, 'show', 'protocols', 'upstream')).split('\n').find((line) => line.startsWith('upstream')) ?? '';

  const named = (index: number): Client => {
    const found = clients[index];
    if (found === undefined) throw new Error(`no client ${index}`);
    return found;
  };

  beforeAll(async () => {
    lan = await makeLan();
    const reflector = await lan.host('rr', 1);
    const neighbors = [2, 3, 4].map((number) => client(`10.97.0.${number}`));
    speaker = await startSpeaker({
      at: { host: reflector.ipv4, port: 179 },
      namespace: reflector.namespace,
      config: { neighbors, holdTime: HOLD, gracefulRestart: false },
    });
    for (const number of [2, 3, 4]) clients.push(await begin(number, reflector));
    await until('every client has the routes of the others', 45, async () => {
      for (const at of clients) for (const of of clients) expect(await has(at, of)).toBe(true);
    });
  });

  afterAll(async () => {
    for (const { running } of clients) await running.stop('SIGKILL');
    await speaker?.stop();
    await lan?.close();
  });

  const state = async ({ host }: Client): Promise<string> =>
    text(
      (await speaker.peers()).find((peer) => text(peer, 'remote', 'address') === host.ipv4),
      'state',
    );

  it('takes back the routes of a peer that is killed, at once', async () => {
    const before = await session(named(0));
    await named(2).running.stop('SIGKILL');
    await until('the routes of the killed peer are gone', FAULT_SECONDS, async () => expect(await has(named(0), named(2))).toBe(false));
    expect(await state(named(2))).not.toBe('established');
    expect(await session(named(0))).toBe(before);
    expect(await has(named(0), named(1))).toBe(true);
  });

  it('takes back the routes of a peer behind a cut link when the hold time is over', async () => {
    const before = await session(named(0));
    // Nothing comes through any more, and no end of the connection either.
    await run('ip', ['-n', named(1).host.namespace, 'link', 'set', 'eth0', 'down']);
    await until('the routes of the lost peer are gone', FAULT_SECONDS, async () => expect(await has(named(0), named(1))).toBe(false));
    expect(speaker.log()).toContain('Hold Timer Expired');
    expect(await session(named(0))).toBe(before);
    // And it comes back when the link does.
    await run('ip', ['-n', named(1).host.namespace, 'link', 'set', 'eth0', 'up']);
    await until('the peer is back', FAULT_SECONDS, async () => expect(await has(named(0), named(1))).toBe(true));
    expect(await session(named(0))).toBe(before);
  }, 180_000);
});
