/** What the tests of faults share: a speaker on one address, and two clients that watch what others see of the fault. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { SpeakerOptions, SpeakerProcess } from './speaker.ts';
import { makeSpeaker } from './speaker.ts';
import { until } from './wait.ts';
import type { At } from './wire-peer.ts';
import { WirePeer } from './wire-peer.ts';

/** AS of the speaker and its clients. */
export const SPEAKER_AS = 64512;
/** Seconds for anything of a fault to happen: generous, the machine may be busy. */
export const FAULT_SECONDS = 60;

/** Where it listens, and keys of its configuration beside the address. */
export interface SpeakerSetup extends SpeakerOptions {
  readonly at: At;
  readonly config: { readonly [key: string]: unknown };
  readonly namespace?: string;
}

/** Starts a speaker in a temporary directory, which goes when it is stopped; it answers when this resolves. */
export async function startSpeaker({ at, config, namespace, ...options }: SpeakerSetup): Promise<SpeakerProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'linnet-fault-'));
  const listen = { address: at.host, port: at.port };
  const document = { localAs: SPEAKER_AS, routerId: '10.255.0.1', families: ['ipv4-unicast'], listen, ...config };
  const speaker = makeSpeaker(namespace === undefined ? undefined : { namespace }, directory, document, { logLevel: 'info', ...options });
  await speaker.start();
  return {
    ...speaker,
    stop: async (signal) => {
      await speaker.stop(signal);
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
