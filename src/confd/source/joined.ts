/** Two sources as one: Calico's objects from one datastore, Services and Secrets from the Kubernetes API server. */
import { createMailbox } from './mailbox.ts';
import type { Change, Source } from './types.ts';
import type { Demand } from './wanted.ts';

/** What the loop takes next. */
type Item = { readonly from: 'main' | 'services'; readonly change: Change } | 'settled';

/**
 * Joins them. What `main` asks for by `demand` is had, or known not to be had, before the change that asks for it is told: a
 * peer whose password is new does not lose its session for the moment in which the Secret is fetched.
 */
export function joinSources(main: Source, services: Source, demand: Demand): Source {
  return { watch: (signal) => join(main, services, demand, signal) };
}

async function* join(main: Source, services: Source, demand: Demand, outer: AbortSignal): AsyncGenerator<Change> {
  const ending = new AbortController();
  const signal = AbortSignal.any([outer, ending.signal]);
  const mailbox = createMailbox<Item>(signal);
  const pump = async (source: Source, from: 'main' | 'services'): Promise<void> => {
    for await (const change of source.watch(signal)) mailbox.put({ from, change });
  };
  const pumps = [pump(main, 'main'), pump(services, 'services')];
  const inSync = { main: false, services: false };
  const held: Change[] = [];
  const tell = (change: Change): Change => ({ ...change, inSync: inSync.main && inSync.services });
  try {
    for (let item = await mailbox.next(); item !== undefined && !signal.aborted; item = await mailbox.next()) {
      if (item === 'settled') {
        for (const change of held.splice(0)) yield tell(change);
      } else {
        inSync[item.from] = item.change.inSync;
        const asks = item.from === 'main' && demand.note(item.change);
        if (asks && held.length === 0) void demand.settled().then(() => mailbox.put('settled'));
        if (asks || (item.from === 'main' && held.length > 0)) held.push(item.change);
        else yield tell(item.change);
      }
    }
  } finally {
    ending.abort();
    await Promise.all(pumps);
  }
}
