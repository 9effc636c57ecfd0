/** Messages of the kernel's thread: with main, and with the speaker's thread over a port of their own. Types only. */
import type { KernelConfig, KernelStatus, LearnedChange } from './sync-types.ts';
import type { BestChange } from './wanted.ts';

/** What the thread is started with. */
export interface KernelOptions {
  /** Our number among the writers of routes (rtm_protocol), 3-255. */
  readonly protocol: number;
  /** Between two audits of the whole table, ms. */
  readonly auditMs: number;
}

/** Main to the kernel's thread. A `speaker` message transfers a MessagePort beside it; a new one replaces the one before. */
export type ToKernel<Port = unknown> =
  | { readonly type: 'configure'; readonly config: KernelConfig }
  | { readonly type: 'speaker'; readonly port: Port }
  | { readonly type: 'stop' };

/** The kernel's thread to main. */
export type FromKernel =
  /** Routes are kept from now on. */
  | { readonly type: 'ready' }
  /** They cannot be: WRITER another one with our number is alive, DENIED this process may not, UNAVAILABLE no rtnetlink here. */
  | { readonly type: 'refused'; readonly code: 'WRITER' | 'DENIED' | 'UNAVAILABLE'; readonly text: string }
  /** The figures, told when they change, and every second as a sign of life. */
  | { readonly type: 'status'; readonly status: KernelStatus }
  /** Something went wrong that the next reading may mend. */
  | { readonly type: 'trouble'; readonly text: string }
  /** A reading after that found all as it should be, or on its way there. */
  | { readonly type: 'recovered' };

/** The speaker's thread to the kernel's. */
export type SpeakerToKernel =
  /** Answered by `taken`, so that only so many are on their way. */
  | { readonly type: 'best'; readonly changes: readonly BestChange[] }
  /** Every peer that is waited for has been heard. */
  | { readonly type: 'settled' };

/** The kernel's thread to the speaker's. */
export type KernelToSpeaker = { readonly type: 'taken' } | ({ readonly type: 'learned' } & LearnedChange);
