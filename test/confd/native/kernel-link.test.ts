import type { BestChange } from 'bgp-ts';
import { describe, expect, it } from 'vitest';
import type { KernelLink, KernelLinkDeps } from '../../../src/confd/native/kernel-link.ts';
import { createKernelLink, ON_THEIR_WAY, PORTION, SETTLE_MS } from '../../../src/confd/native/kernel-link.ts';
import type { SpeakerToKernel } from '../../../src/routes/kernel/messages.ts';

type Peers = ReturnType<KernelLinkDeps['status']>['peers'];
const change = (index: number): BestChange => ({ prefix: { family: 'ipv4', words: [index, 0, 0, 0], length: 32 } });

/** A link whose thread and speaker are lists. */
function makeLink(): {
  link: KernelLink;
  waiting: BestChange[];
  sent: SpeakerToKernel[];
  run: () => void;
  state: { now: number; heard: boolean; busy: boolean; asked: number };
} {
  const waiting: BestChange[] = [];
  const sent: SpeakerToKernel[] = [];
  const due: (() => void)[] = [];
  const state = { now: 0, heard: true, busy: false, asked: 0 };
  const peer = () => ({ adminDown: false, state: state.heard ? 'established' : 'active', families: [{ endOfRibReceived: state.heard }] });
  const link = createKernelLink({
    send: (message) => sent.push(message),
    take: (limit) => waiting.splice(0, limit),
    status: () => {
      state.asked += 1;
      return { peers: [peer()] as unknown as Peers };
    },
    busy: () => state.busy,
    now: () => state.now,
    later: (call) => due.push(call),
    learned: () => undefined,
  });
  const run = (): void => {
    for (let next = due.shift(); next !== undefined; next = due.shift()) next();
  };
  return { link, waiting, sent, run, state };
}

describe('the way to the kernel', () => {
  it('takes a few portions at once, and the next when one is taken', () => {
    const { link, waiting, sent, run } = makeLink();
    waiting.push(...Array.from({ length: PORTION * (ON_THEIR_WAY + 2) }, (_, index) => change(index)));
    link.changed();
    run();
    expect(sent).toHaveLength(ON_THEIR_WAY);
    expect(waiting).toHaveLength(PORTION * 2);
    link.received({ type: 'taken' });
    run();
    expect(sent).toHaveLength(ON_THEIR_WAY + 1);
    for (let n = 0; n <= ON_THEIR_WAY; n++) link.received({ type: 'taken' });
    run();
    expect(sent).toHaveLength(ON_THEIR_WAY + 2);
    expect(waiting).toEqual([]);
  });

  it('says that everybody was heard once, after everything they said', () => {
    const { link, waiting, sent, run, state } = makeLink();
    state.heard = false;
    link.tick();
    run();
    expect(sent).toEqual([]);
    link.configured();
    run();
    state.now = 1000;
    state.heard = true;
    waiting.push(change(1));
    link.tick();
    run();
    expect(sent.map((message) => message.type)).toEqual(['best', 'settled']);
    state.now = 10_000;
    link.tick();
    run();
    expect(sent).toHaveLength(2);
  });

  it('does not say so before what came with the last End-of-RIB is decided', () => {
    const { link, waiting, sent, run, state } = makeLink();
    // The last End-of-RIB is known, the routes before it are not among the best paths yet.
    state.busy = true;
    link.configured();
    run();
    expect(sent).toEqual([]);
    state.now = 100;
    state.busy = false;
    waiting.push(change(1));
    link.changed();
    run();
    expect(sent.map((message) => message.type)).toEqual(['best', 'settled']);
  });

  it('asks thousands of peers seldom, however often something changes', () => {
    const { link, run, state } = makeLink();
    state.heard = false;
    link.configured();
    for (state.now = 0; state.now < 1000; state.now += 10) {
      link.changed();
      run();
    }
    expect(state.asked).toBe(2);
  });

  it('does not wait for ever for a peer that never comes', () => {
    const { link, sent, run, state } = makeLink();
    state.heard = false;
    link.configured();
    run();
    state.now = SETTLE_MS - 1;
    link.tick();
    run();
    expect(sent).toEqual([]);
    state.now = SETTLE_MS + 1000;
    state.busy = true;
    link.tick();
    run();
    expect(sent.map((message) => message.type)).toEqual(['settled']);
  });
});
