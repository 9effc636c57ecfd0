/** Follows a file source over a real directory: each step waits for what it expects, never for time to pass. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatIssue } from '../../../../src/confd/resources/issue.ts';
import { createStore, type Store } from '../../../../src/confd/resources/store.ts';
import { createFileSource } from '../../../../src/confd/source/file/index.ts';
import type { Change } from '../../../../src/confd/source/types.ts';
import { REAL_CLOCK } from '../../../../src/main/clock.ts';

/** Ms after which a change that should come is taken for lost. */
const PATIENCE_MS = 10_000;

/** A watched directory and the store it feeds. */
export interface Followed {
  readonly directory: string;
  readonly store: Store;
  /** Every change so far. */
  readonly changes: readonly Change[];
  /** Takes changes until the condition holds; gives the last one. */
  until(condition: () => boolean): Promise<Change | undefined>;
  issues(): string[];
  stop(): Promise<void>;
}

/** A fresh temporary directory, removed by the given cleanup. */
export async function temporaryDirectory(cleanup: (task: () => Promise<void>) => void): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'linnet-source-'));
  cleanup(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Starts following a path. */
export function follow(path: string, options: { readonly pollMs?: number } = {}): Followed {
  const abort = new AbortController();
  const store = createStore();
  const changes: Change[] = [];
  const iterator = createFileSource({ path, clock: REAL_CLOCK, ...options })
    .watch(abort.signal)
    [Symbol.asyncIterator]();

  const next = async (): Promise<Change | undefined> => {
    let timer: NodeJS.Timeout | undefined;
    const lost = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no change within ${PATIENCE_MS} ms; issues: ${issues().join('; ')}`)), PATIENCE_MS);
    });
    try {
      const { value, done } = await Promise.race([iterator.next(), lost]);
      if (done === true) return undefined;
      const change: Change = value;
      changes.push(change);
      store.apply(change);
      return change;
    } finally {
      clearTimeout(timer);
    }
  };
  const issues = (): string[] => store.snapshot.issues.map(formatIssue);
  return {
    directory: path,
    store,
    changes,
    issues,
    async until(condition) {
      let last: Change | undefined;
      while (!condition()) {
        last = await next();
        if (last === undefined) throw new Error('the source ended');
      }
      return last;
    },
    async stop() {
      abort.abort();
      await iterator.return?.(undefined);
    },
  };
}

/** A BGPPeer manifest. */
export function peer(name: string, asNumber: number | string, address = '192.0.2.1'): string {
  return `apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata:\n  name: ${name}\nspec:\n  peerIP: ${address}\n  asNumber: ${asNumber}\n`;
}
