/** Bare SYNs flood the port of a speaker: its sessions stay, and a new client gets in (syncookies are the kernel's part). In namespaces. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Running } from './harness/exec.ts';
import { run, start } from './harness/exec.ts';
import { number, text } from './harness/json.ts';
import type { Host, Lan } from './harness/lan.ts';
import { makeLan, mayMakeNamespaces } from './harness/lan.ts';
import type { SpeakerProcess } from './harness/speaker.ts';
import { makeSpeaker } from './harness/speaker.ts';
import { until } from './harness/wait.ts';
import { client, FAULT_SECONDS, SPEAKER_AS, startSpeaker } from './harness/witnesses.ts';

const FLOODER = fileURLToPath(new URL('./harness/syn-flood.js', import.meta.url));
const FLOOD_SECONDS = 12;
const SOURCES = Array.from({ length: 100 }, (_, index) => `10.97.0.${100 + index}`);
const HOLD = 9;

describe.skipIf(!mayMakeNamespaces())('a speaker under bare SYNs', () => {
  let lan: Lan;
  let reflector: Host;
  let speaker: SpeakerProcess;
  let flood: Running | undefined;
  const clients: SpeakerProcess[] = [];

  const inside = (host: Host, ...words: readonly string[]): Promise<string> => run('ip', ['netns', 'exec', host.namespace, ...words]);

  /** A client that announces a prefix of its own. */
  const begin = async (index: number): Promise<SpeakerProcess> => {
    const host = await lan.host(`c${index}`, index);
    const made = makeSpeaker(host, join(speaker.directory, host.name), {
      localAs: SPEAKER_AS,
      routerId: host.ipv4,
      families: ['ipv4-unicast'],
      listen: { address: host.ipv4, port: 179 },
      neighbors: [{ address: reflector.ipv4, as: SPEAKER_AS }],
      routes: [{ prefix: `198.51.${index}.0/24` }],
      holdTime: HOLD,
    });
    await made.start();
    clients.push(made);
    return made;
  };

  /** A counter of TcpExt in the reflector's namespace. */
  const counter = async (name: string): Promise<number> => {
    const lines = (await inside(reflector, 'cat', '/proc/net/netstat')).split('\n').filter((line) => line.startsWith('TcpExt:'));
    const [names = [], values = []] = lines.map((line) => line.split(' '));
    return Number(values[names.indexOf(name)]);
  };

  const sessions = async (): Promise<unknown[][]> =>
    (await speaker.peers()).map((peer) => [text(peer, 'remote', 'address'), text(peer, 'state'), number(peer, 'flaps')]);

  beforeAll(async () => {
    lan = await makeLan();
    reflector = await lan.host('rr', 1);
    // Set here and not assumed: a namespace starts with the kernel's default.
    await inside(reflector, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/tcp_syncookies');
    const neighbors = [2, 3, 4].map((index) => client(`10.97.0.${index}`));
    speaker = await startSpeaker({
      at: { host: reflector.ipv4, port: 179 },
      namespace: reflector.namespace,
      config: { neighbors, holdTime: HOLD },
    });
    await begin(2);
    await begin(3);
  });

  afterAll(async () => {
    await flood?.stop('SIGKILL');
    for (const each of clients) await each.stop();
    await speaker?.stop();
    await lan?.close();
  });

  it('keeps its sessions, passes routes on and lets a new client in', async () => {
    const established = (index: number): unknown[] => [`10.97.0.${index}`, 'established', 0];
    await until('both clients are there', FAULT_SECONDS, async () =>
      expect(await sessions()).toEqual(expect.arrayContaining([established(2), established(3)])),
    );
    const attacker = await lan.host('attacker', 5);
    // The attacker knows the way to the reflector and answers nobody who asks for the way back: no SYN-ACK arrives.
    const link = JSON.parse(await run('ip', ['-n', reflector.namespace, '-j', 'link', 'show', 'eth0'])) as unknown;
    await inside(attacker, 'ip', 'neigh', 'replace', reflector.ipv4, 'lladdr', text(link, 0, 'address'), 'dev', 'eth0', 'nud', 'permanent');
    await inside(attacker, 'sh', '-c', 'echo 8 > /proc/sys/net/ipv4/conf/all/arp_ignore');
    await inside(attacker, 'sh', '-c', SOURCES.map((source) => `ip addr add ${source}/32 dev eth0`).join(' && '));
    const words = [process.execPath, FLOODER, reflector.ipv4, '179', String(FLOOD_SECONDS), ...SOURCES];
    flood = start('ip', ['netns', 'exec', attacker.namespace, ...words], join(speaker.directory, 'flood.log'));
    await until('the kernel sees a flood', FAULT_SECONDS, async () => expect(await counter('SyncookiesSent')).toBeGreaterThan(1000));
    const cpu = speaker.cpuSeconds();
    await begin(4);
    await until('a new client is let in', FAULT_SECONDS, async () => expect(await sessions()).toContainEqual(established(4)));
    await until('it has the routes of the others, and they have its', FAULT_SECONDS, async () => {
      for (const each of clients) expect((await each.routes()).length).toBe(3);
    });
    // The kernel answers alone: of all those SYNs the process hears nothing.
    expect(speaker.cpuSeconds() - cpu).toBeLessThan(FLOOD_SECONDS / 2);
    await until('the flood is over', FAULT_SECONDS, () => expect(flood?.dead()).toBeDefined());
    expect((await sessions()).toSorted()).toEqual([established(2), established(3), established(4)]);
  });
});
