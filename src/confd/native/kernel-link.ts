/**
 * The speaker's side of the kernel's thread: best paths go over in portions, a few at a time, so that neither a slice of this
 * thread nor the queue between the two grows with the table; what the kernel learns comes back as own routes.
 */
import type { BestChange, SpeakerStatus } from 'bgp-ts';
import type { KernelToSpeaker, SpeakerToKernel } from '../../routes/kernel/messages.ts';
import type { LearnedChange } from '../../routes/kernel/sync-types.ts';

/** Prefixes of one message: under a millisecond of this thread. */
export const PORTION = 500;

/** Messages on their way. Behind them changes collapse in the speaker. */
export const ON_THEIR_WAY = 8;

/** Longest wait for peers that do not come back before their old routes go, ms: Calico's restart time (control-plane 2.5). */
export const SETTLE_MS = 120_000;

/** Between two looks at who has been heard, ms. */
const LOOK_MS = 500;

/** What the link needs. */
export interface KernelLinkDeps {
  readonly send: (message: SpeakerToKernel) => void;
  readonly take: (limit: number) => readonly BestChange[];
  readonly status: () => Pick<SpeakerStatus, 'peers'>;
  /** Something that came in has not been decided yet. */
  readonly busy: () => boolean;
  /** Monotonic ms. */
  readonly now: () => number;
  /** Calls once when other work of the thread had its turn. */
  readonly later: (call: () => void) => void;
  readonly learned: (change: LearnedChange) => void;
}

/** One link to the kernel's thread. */
export interface KernelLink {
  /** Best paths may have changed. */
  changed(): void;
  /** The speaker has a configuration: from now on its peers are waited for. */
  configured(): void;
  /** Time has passed. */
  tick(): void;
  received(message: KernelToSpeaker): void;
}

/** Makes a link. */
export function createKernelLink(deps: KernelLinkDeps): KernelLink {
  let onTheirWay = 0;
  let waiting = false;
  let configuredAt = Infinity;
  let settled = false;
  let lookedAt = -Infinity;
  const isSettled = (): boolean => {
    const now = deps.now();
    if (settled || now < configuredAt) return false;
    const late = now - configuredAt >= SETTLE_MS;
    // End-of-RIB is known when it comes, what came before it only once it is decided: no route may go for that moment.
    if (!late && deps.busy()) return false;
    // Thousands of peers are not asked more often than this.
    if (now - lookedAt < LOOK_MS) return false;
    lookedAt = now;
    return late || allHeard(deps.status());
  };
  const push = (): void => {
    waiting = false;
    if (onTheirWay >= ON_THEIR_WAY) return;
    const changes = deps.take(PORTION);
    if (changes.length > 0) {
      onTheirWay += 1;
      deps.send({ type: 'best', changes });
      soon();
    } else if (isSettled()) {
      // What was taken before this went over before this.
      settled = true;
      deps.send({ type: 'settled' });
    }
  };
  const soon = (): void => {
    if (waiting) return;
    waiting = true;
    deps.later(push);
  };
  return {
    changed: soon,
    configured: () => {
      configuredAt = Math.min(configuredAt, deps.now());
      soon();
    },
    tick: () => {
      if (!settled) soon();
    },
    received: (message) => {
      if (message.type === 'taken') {
        onTheirWay -= 1;
        soon();
      } else deps.learned(message);
    },
  };
}

/** True where every peer that may come has said all it has. */
function allHeard({ peers }: Pick<SpeakerStatus, 'peers'>): boolean {
  return peers.every(
    (peer) => peer.adminDown || (peer.state === 'established' && peer.families.every((family) => family.endOfRibReceived)),
  );
}
