/**
 * The octets of an answer as they come, of which the reader may rest: nothing is taken from the socket meanwhile, and afterwards all
 * that piled up in the kernel is read in one go. undici's own stream reads on behind a reader that waits, and joins what it has read anew for
 * every piece of it that is taken: memory and processor time without bound where more comes than is read.
 */
import type { Dispatcher } from 'undici';

/** Octets that are held for the reader before nothing more is read. */
export const HELD_OCTETS = 128 * 1024;

/** The octets of one answer, for one reader. */
export interface Body {
  /** Everything that came since the last call, at least one piece; undefined at the end. Rejects where the connection breaks. */
  next(): Promise<readonly Uint8Array[] | undefined>;
  /**
   * Reads nothing, or a piece that is under way, until `waited` has resolved, then everything that is at hand. Where that is more than is held,
   * calls after it do not wait, until all is read: a reader that rests never falls behind.
   */
  rest(waited: () => Promise<void>): Promise<void>;
}

/** The beginning of an answer. */
export interface Opened {
  readonly statusCode: number;
  /** Text of `Retry-After`, '' without it. */
  readonly retryAfter: string;
  readonly body: Body;
}

interface State {
  controller: Dispatcher.DispatchController | undefined;
  pieces: Uint8Array[];
  octets: number;
  /** The last rest ended before all that was at hand had been read. */
  behind: boolean;
  ended: boolean;
  error: Error | undefined;
  wake: () => void;
}

/** Resolves when what the kernel has for us now has been read: the first call comes in this turn of the event loop, the second after the next poll. */
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(() => setImmediate(resolve)));

const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)));

/** Asks, and resolves with the beginning of the answer. Rejects where there is none. The signal ends the answer too. */
export function openBody(dispatcher: Dispatcher, options: Dispatcher.DispatchOptions, signal: AbortSignal): Promise<Opened> {
  const state: State = {
    controller: undefined,
    pieces: [],
    octets: 0,
    behind: false,
    ended: false,
    error: undefined,
    wake: () => undefined,
  };
  const abort = (): void => state.controller?.abort(asError(signal.reason));
  return new Promise((resolve, reject) => {
    const end = (error: Error | undefined): void => {
      signal.removeEventListener('abort', abort);
      state.ended = true;
      state.error = error;
      if (error !== undefined) reject(error);
      state.wake();
    };
    signal.addEventListener('abort', abort, { once: true });
    dispatcher.dispatch(options, {
      onRequestStart(controller) {
        state.controller = controller;
        if (signal.aborted) abort();
      },
      onResponseStart(_controller, statusCode, headers) {
        if (statusCode < 200) return;
        const after = headers['retry-after'];
        resolve({ statusCode, retryAfter: typeof after === 'string' ? after : '', body: bodyOf(state) });
      },
      onResponseData: (controller, chunk) => take(state, controller, chunk),
      onResponseEnd: () => end(undefined),
      onResponseError: (_controller, error) => end(error),
    });
  });
}

function take(state: State, controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
  state.pieces.push(chunk);
  state.octets += chunk.length;
  if (state.octets >= HELD_OCTETS) controller.pause();
  state.wake();
}

function bodyOf(state: State): Body {
  return {
    async next() {
      while (state.octets === 0 && !state.ended) {
        await new Promise<void>((resolve) => {
          state.wake = resolve;
        });
      }
      const { pieces } = state;
      if (pieces.length === 0) {
        if (state.error !== undefined) throw state.error;
        return undefined;
      }
      state.pieces = [];
      state.octets = 0;
      state.controller?.resume();
      return pieces;
    },
    async rest(waited) {
      const { controller, behind } = state;
      if (controller === undefined || state.ended) return;
      if (!behind) {
        controller.pause();
        await waited();
        controller.resume();
      }
      for (let before = -1; state.octets !== before && state.octets < HELD_OCTETS && !state.ended; ) {
        before = state.octets;
        await turn();
      }
      state.behind = state.octets >= HELD_OCTETS;
    },
  };
}
