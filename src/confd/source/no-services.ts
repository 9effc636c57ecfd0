/** In place of an API server that nobody named: says so as soon as something of it is wanted. */
import { datastoreRef, failureIssue } from './health.ts';
import type { Change, Source } from './types.ts';
import type { Demand } from './wanted.ts';

/** Makes it. Always in sync, never an object. */
export function createNoServices(demand: Demand): Source {
  return { watch: (signal) => watch(demand, signal) };
}

async function* watch(demand: Demand, signal: AbortSignal): AsyncGenerator<Change> {
  let wake = (): void => undefined;
  demand.listen(() => wake());
  signal.addEventListener('abort', () => wake(), { once: true });
  let last: string | undefined;
  while (!signal.aborted) {
    const { services, secrets } = demand.wanted();
    const missing = [...(services ? ['Services'] : []), ...secrets.map((name) => `Secret ${name}`)];
    const text = missing.join(', ');
    if (text !== last) {
      last = text;
      const failure = { code: 'DATASTORE_ACCESS', message: `no API server is named: without ${text}`, retryAfter: 0 } as const;
      const issues = text === '' ? [] : [failureIssue(datastoreRef('kubernetes'), failure)];
      yield { upsert: [], remove: [], issues: [{ scope: 'datastore', issues }], inSync: true };
    }
    // Told before the change that asks for it: what waits for it may go on.
    await new Promise<void>((resolve) => {
      wake = resolve;
      demand.settle();
    });
  }
}
