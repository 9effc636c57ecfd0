/** What the cluster wants of this node now: one look at the datastore, for commands that compute without the agent. */
import { CommandError, EXIT } from '../../src/cli/exit.ts';
import { SILENT_LOG } from '../../src/confd/log.ts';
import { createStore } from '../../src/confd/resources/store.ts';
import type { Issue } from '../../src/confd/resources/types.ts';
import { daemonNeeds, requireManifests } from '../../src/main/datastore.ts';
import { computeWishes } from '../compute.ts';
import { localFelix } from '../config/read.ts';
import type { AgentConfig } from '../config/types.ts';
import type { AgentWanted } from '../dataplane-types.ts';
import { createDatastore } from '../source.ts';
import { started } from './started.ts';

/** Ms that the datastore has for its complete view. */
const PATIENCE_MS = 20_000;

/** What is wanted, and what is wrong with the objects it was made of. */
export interface WantedNow extends AgentWanted {
  readonly issues: readonly Issue[];
}

/** Reads and computes it. Rejects with a CommandError where the datastore does not answer in time. */
export async function wantedNow(config: AgentConfig): Promise<WantedNow> {
  const needs = await started(async () => {
    const found = daemonNeeds(config);
    if (found.path !== undefined) await requireManifests(found.path);
    return found;
  });
  const store = createStore();
  const ending = new AbortController();
  const signal = AbortSignal.any([ending.signal, AbortSignal.timeout(PATIENCE_MS)]);
  const source = await createDatastore(config, needs, SILENT_LOG);
  let complete = false;
  for await (const change of source.watch(signal)) {
    store.apply(change);
    complete = change.inSync;
    if (complete) ending.abort();
  }
  if (!complete) {
    const told = store.snapshot.issues.map(({ rule }) => rule)[0] ?? `no complete view in ${PATIENCE_MS / 1000} s`;
    throw new CommandError(EXIT.unreachable, `the datastore ${config.datastore} does not answer: ${told}`);
  }
  const wanted = computeWishes(store.snapshot, { node: needs.node, usePodCIDR: config.usePodCIDR, local: localFelix(config) });
  return { ...wanted, issues: [...store.snapshot.issues, ...wanted.wishes.issues] };
}
