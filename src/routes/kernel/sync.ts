/** The speaker's synchroniser: its choice and the configuration's routes into the kernel, what others wrote back to it. Pure but for the seam. */
import type { LearnedRoute } from './learn.ts';
import { Learning } from './learning.ts';
import { createRouteSync } from './route-sync.ts';
import type { KernelConfig, KernelStatus, SyncDeps } from './sync-types.ts';
import type { BestChange } from './wanted.ts';
import { Wanted } from './wanted.ts';

export { AUDIT_MS, READ_SPACING_MS, TURN_PREFIXES } from './route-sync.ts';

/** A kernel kept in order for the speaker. */
export interface KernelSync {
  /** Reads the kernel, adopts what is ours in it, and begins. */
  start(): void;
  configure(config: KernelConfig): void;
  best(changes: readonly BestChange[]): void;
  /** The speaker begins anew: everything it said before is kept until `settled`. */
  beginEpoch(): void;
  /** The speaker has heard everybody it waits for: what it did not say goes. */
  settled(): void;
  status(): KernelStatus;
  /** Everything learned of this machine so far. */
  learned(): readonly LearnedRoute[];
  /** Does what is due now; for tests and benchmarks. */
  flush(): void;
  /** Ends; the routes stay (persist, control-plane 2.5). */
  stop(): void;
}

/** The speaker's choice as a provider: every route of another writer keeps ours away, and none is touched. */
class SpeakerRoutes extends Wanted {
  readonly learning = new Learning(this.aliens);
  private readonly learned: SyncDeps['learned'];

  constructor(learned: SyncDeps['learned']) {
    super();
    this.learned = learned;
  }

  override setMachine(machine: Parameters<Wanted['setMachine']>[0]): void {
    super.setMachine(machine);
    this.learning.setMachine(machine);
  }

  aliensChanged(key: string): void {
    this.learning.touch(key);
  }

  evict(): readonly [] {
    return [];
  }

  isForeign(): boolean {
    return false;
  }

  turned(): void {
    const change = this.learning.take();
    if (change !== undefined) this.learned(change);
  }
}

/** Makes a synchroniser; nothing is read or written before `start`. */
export function createKernelSync(deps: SyncDeps): KernelSync {
  const wanted = new SpeakerRoutes(deps.learned);
  const { start, status, flush, stop, ...sync } = createRouteSync(deps, wanted);
  let rulesText = '';
  return {
    start,
    status,
    flush,
    stop,
    configure: ({ statics, rules, learn }) => {
      const text = JSON.stringify(rules);
      // New rules may concern everything; otherwise only what came, went or changed is looked at.
      if (text !== rulesText) sync.touchAll();
      rulesText = text;
      const changed = wanted.configure(statics, rules);
      if (changed.size > 0) {
        sync.touch(changed);
        sync.resolve();
      }
      wanted.learning.configure(learn);
      // What is learned differently now is told when the turn comes.
      sync.touch([]);
    },
    best: (changes) => sync.touch(changes.map((change) => wanted.change(change))),
    beginEpoch: () => wanted.beginEpoch(),
    settled: () => {
      sync.touch(wanted.dropStale());
      sync.settled();
    },
    learned: () => [...wanted.learning.told.values()],
  };
}
