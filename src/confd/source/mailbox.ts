/** Several writers, one reader: what was put in comes out in that order. */

/** Holds items until they are taken. */
export interface Mailbox<T> {
  put(item: T): void;
  /** The next item; undefined once the signal aborted and nothing is left. */
  next(): Promise<T | undefined>;
}

/** Makes an empty one. */
export function createMailbox<T>(signal: AbortSignal): Mailbox<T> {
  const items: T[] = [];
  let wake = (): void => undefined;
  signal.addEventListener('abort', () => wake(), { once: true });
  return {
    put(item) {
      items.push(item);
      wake();
    },
    async next() {
      while (items.length === 0 && !signal.aborted) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return items.shift();
    },
  };
}
