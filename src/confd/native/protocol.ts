/** Messages between main and the speaker's thread, and what the thread answers on the health thread's port. Types only. */
import type { PeerAction, PeerMemory, SpeakerEvent } from 'bgp-ts';
import type { BeatMarks } from './beat.ts';
import type { SealedDelta } from './delta.ts';
import type { SpeakerExplanationJson } from './explain-view.ts';
import type { Push, RouteText } from './views.ts';

/** What a thread is started with. */
export interface ThreadOptions {
  /** Between two audits of the own routes, ms. */
  readonly auditMs: number;
  /** Every start is a restart that kept its routes: R and F bits in the OPEN, as BIRD under Calico (`bird -R`; control-plane 2.5). */
  readonly recovery: boolean;
  /** Octets that the process may have resident before the peer that grows the table is dropped (bgp-speaker 4.11). */
  readonly memoryLimit: number;
  /** What operators had set when the thread, or the process, before this one ended. */
  readonly remembered: readonly PeerMemory[];
}

/** Main to the speaker's thread. A `health` message transfers a MessagePort beside it. */
export type ToThread<Port = unknown> =
  | { readonly type: 'configure'; readonly id: number; readonly sealed: SealedDelta }
  | { readonly type: 'health'; readonly port: Port }
  | { readonly type: 'stop'; readonly planned: boolean; readonly text: string };

/** The first message of a thread that has a kernel: the port of the kernel's thread, transferred. */
export interface KernelHello<Port = unknown> {
  readonly type: 'kernel';
  readonly port: Port;
}

/** The speaker's thread to main. */
export type FromThread =
  | { readonly type: 'configured'; readonly id: number }
  /** An address the speaker could not listen on (`up` false) or could again; once per change. */
  | { readonly type: 'listener'; readonly address: string; readonly port: number; readonly up: boolean; readonly error: string | null }
  | { readonly type: 'event'; readonly event: SpeakerEvent }
  /** What must outlive a restart, whenever it changed. */
  | { readonly type: 'memory'; readonly peers: readonly PeerMemory[] }
  /** Every session is closed; the thread ends by itself. */
  | { readonly type: 'stopped' };

/** Address families by name, as in queries. */
export type FamilyName = 'ipv4-unicast' | 'ipv6-unicast';

/** What the health thread asks (health/status.ts, SpeakerQuery). */
export type ThreadQuery =
  | {
      readonly kind: 'routes';
      readonly view: 'best' | 'all' | 'received' | 'advertised';
      readonly family: FamilyName;
      readonly peer: string | null;
      readonly prefix: string | null;
      readonly cursor: number;
      readonly limit: number;
    }
  | { readonly kind: 'explain'; readonly prefix: string; readonly peer: string | null }
  | { readonly kind: 'act'; readonly peer: string; readonly action: PeerAction };

/** Answers to it. */
export type ThreadAnswer =
  | { readonly kind: 'routes'; readonly routes: readonly RouteText[]; readonly next: number | null }
  | ({ readonly kind: 'explain' } & SpeakerExplanationJson)
  | { readonly kind: 'act' };

/** Why a question has no answer. */
export interface ThreadFault {
  readonly code: 'not-found' | 'bad-request' | 'conflict' | 'unavailable' | 'internal';
  readonly message: string;
}

/** Health thread to the speaker's thread. */
export interface HealthQuestion {
  readonly type: 'query';
  readonly id: number;
  readonly query: ThreadQuery;
}

/** The speaker's thread to the health thread. */
export type HealthReply =
  | { readonly type: 'push'; readonly push: Push }
  | { readonly type: 'beat'; readonly beat: BeatMarks['beat'] }
  | { readonly type: 'answer'; readonly id: number; readonly answer: ThreadAnswer }
  | { readonly type: 'fault'; readonly id: number; readonly fault: ThreadFault };
