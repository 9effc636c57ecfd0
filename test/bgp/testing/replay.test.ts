/** Record and replay: random runs come back octet for octet; secrets stay out of the file; what is no recording is said so. */
import { describe, expect, it } from 'vitest';
import type { PeerConfig, Speaker, SpeakerOutput } from '../../../src/bgp/index.ts';
import { secretText } from '../../../src/bgp/net/index.ts';
import { createRecordedSpeaker, MemoryNetwork, Replay, seededRandom } from '../../../src/bgp/testing/index.ts';
import { address, config, peer, route } from '../speaker/world.ts';

const HOSTS = [1, 2, 3];

/** A recorded speaker and everything it was seen to send, in order. */
interface Recorded {
  readonly speaker: Speaker;
  readonly lines: string[];
  readonly sent: string[];
}

function sentIn(outputs: readonly SpeakerOutput[]): string[] {
  return outputs.flatMap((output) =>
    output.type === 'send' ? [`${output.connection} ${Buffer.concat(output.buffers).toString('hex')}`] : [],
  );
}

function recorded(host: number): Recorded {
  const lines: string[] = [];
  const sent: string[] = [];
  const random = seededRandom(host);
  const speaker = createRecordedSpeaker({ random, wallClock: (now) => 1_700_000_000_000 + now }, (line) => lines.push(line));
  return { speaker, lines, sent };
}

/** The same speaker, its outputs noted on their way. */
function watched({ speaker, sent }: Recorded): Speaker {
  return {
    ...speaker,
    handle: (input, now) => {
      const outputs = speaker.handle(input, now);
      sent.push(...sentIn(outputs));
      return outputs;
    },
    work: (clock, budgetMs) => {
      const result = speaker.work(clock, budgetMs);
      sent.push(...sentIn(result.outputs));
      return result;
    },
  };
}

function peersOf(host: number, holdTime: number, key: string): PeerConfig[] {
  return HOSTS.filter((other) => other !== host).map((other) =>
    peer(other, { holdTime, gracefulRestart: { restartTime: 30 }, md5Key: secretText(key), reflectorClient: host === 1 }),
  );
}

/** Some hundred random steps between three speakers. */
function randomRun(seed: number): Recorded[] {
  const random = seededRandom(seed);
  const pick = <T>(items: readonly T[]): T => {
    const item = items[Math.floor(random() * items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  };
  const network = new MemoryNetwork();
  const all = HOSTS.map(recorded);
  for (const [index, each] of all.entries()) network.join(`s${index + 1}`, watched(each), [address(index + 1)]);
  const configure = (host: number, key = 'a key'): void => {
    const routes = HOSTS.slice(0, 1 + Math.floor(random() * 3)).map((n) => route(`10.${host}.${n}.0/26`, { communities: [n] }));
    network.feed(`s${host}`, { type: 'configure', config: config(host, peersOf(host, pick([30, 90]), key), { routes }) });
  };
  for (const host of HOSTS) configure(host);
  for (let n = 0; n < 400; n++) {
    const host = pick(HOSTS);
    const other = pick(HOSTS.filter((each) => each !== host));
    const dice = random();
    const ready = network.deliverable();
    if (dice < 0.6 && ready > 0) network.deliver(Math.floor(random() * ready), pick([1, 19, 4096]));
    else if (dice < 0.75) network.work(`s${host}`);
    else if (dice < 0.85) network.advance(pick([1, 500, 5000, 40_000]));
    else if (dice < 0.9) configure(host, pick(['a key', 'another key']));
    else if (dice < 0.95) network.cut(`s${host}`, `s${other}`);
    else if (dice < 0.97) network.setBlocked(`s${host}`, `s${other}`, random() < 0.5);
    else
      network.feed(`s${host}`, {
        type: 'peer-action',
        peer: `p${other}`,
        action: pick([{ kind: 'reset' }, { kind: 'refresh', direction: 'out' }]),
      });
  }
  network.advance(5000);
  return all;
}

function replayed(lines: readonly string[]): { readonly replay: Replay; readonly sent: string[] } {
  const sent: string[] = [];
  const replay = new Replay((outputs) => sent.push(...sentIn(outputs)));
  for (const line of lines) replay.push(line);
  return { replay, sent };
}

function resultOf(lines: readonly string[]) {
  const result = replayed(lines).replay.finish();
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

describe('record and replay', () => {
  it.each(Array.from({ length: 20 }, (_, seed) => seed + 1))('random run %i comes back octet for octet', (seed) => {
    for (const { lines, sent } of randomRun(seed)) {
      const again = replayed(lines);
      expect(again.sent).toEqual(sent);
      expect(again.replay.finish()).toMatchObject({ ok: true, value: { differences: [], truncated: false, calls: lines.length - 1 } });
      expect(sent.length).toBeGreaterThan(10);
    }
  });

  it('keeps secrets out of the file, and a change of one in it', () => {
    const [first] = randomRun(1);
    const text = first?.lines.join('\n') ?? '';
    expect(text).not.toMatch(/a key|another key/);
    expect(text).toContain('{"$secret":1}');
    expect(text).toContain('{"$secret":2}');
  });

  it('finds the call that differs', () => {
    const lines = [...(randomRun(2)[0]?.lines ?? [])];
    const at = lines.findIndex((line) => line.includes('"type":"connected"'));
    lines[at] = (lines[at] ?? '').replace(/\d+\]$/, '1]');
    expect(resultOf(lines).differences).toEqual([
      { line: at + 1, call: 'handle connected', because: 'the outputs are not those recorded' },
    ]);
  });

  it('tells a file that was cut off from one that is broken', () => {
    const lines = randomRun(3)[0]?.lines ?? [];
    const cut = [...lines.slice(0, 40), (lines[40] ?? '').slice(0, 10)];
    expect(resultOf(cut)).toMatchObject({ truncated: true, calls: 39, differences: [] });
    expect(replayed([...lines.slice(0, 5), 'nonsense', ...lines.slice(5)]).replay.finish()).toEqual({
      ok: false,
      error: 'line 6 is no line of a recording',
    });
  });

  it.each([
    [[], 'the file is empty'],
    [['{}'], 'not a recording of the format linnet.recording/v1'],
    [['{"format":"linnet.recording/v2","wallClock":0}'], 'not a recording of the format linnet.recording/v1'],
  ])('refuses %j', (lines, error) => {
    expect(replayed(lines).replay.finish()).toEqual({ ok: false, error });
  });
});
