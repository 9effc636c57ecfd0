/** Sources over real servers with a store behind them; tests wait for what the store should hold. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatIssue } from '../../../src/confd/resources/issue.ts';
import { createStore, type Store } from '../../../src/confd/resources/store.ts';
import { createKubernetesSource, type KubernetesSourceOptions } from '../../../src/confd/source/kubernetes/index.ts';
import type { Change, Source } from '../../../src/confd/source/types.ts';
import { REAL_CLOCK } from '../../../src/main/clock.ts';
import type { Cluster } from './cluster.ts';

/** A source that is followed. */
export interface Followed {
  readonly store: Store;
  readonly changes: readonly Change[];
  /** Resolves once the store holds it. */
  until(what: string, condition: (store: Store) => boolean, seconds?: number): Promise<void>;
  issues(): readonly string[];
  stop(): Promise<void>;
}

/** What a test may say differently. */
export type Overrides = Partial<Omit<KubernetesSourceOptions, 'access'>> & { readonly access?: Partial<KubernetesSourceOptions['access']> };

/** Writes a token where a daemon reads it. */
export async function writeToken(cluster: Cluster, name: string, token: string): Promise<string> {
  const path = join(cluster.folder, `token-${name}`);
  await writeFile(path, token);
  return path;
}

/** Follows the cluster with the token of a file. */
export function follow(cluster: Cluster, tokenFile: string | undefined, overrides: Overrides = {}): Followed {
  return followSource(kubernetesSource(cluster, tokenFile, overrides));
}

/** The source that `follow` follows. */
export function kubernetesSource(cluster: Cluster, tokenFile: string | undefined, overrides: Overrides = {}): Source {
  const { access, ...rest } = overrides;
  return createKubernetesSource({
    access: {
      kubeconfig: undefined,
      context: undefined,
      endpoint: `https://127.0.0.1:${cluster.port}`,
      caFile: cluster.certificates.ca,
      certFile: undefined,
      keyFile: undefined,
      tokenFile,
      insecure: false,
      serviceHost: undefined,
      servicePort: 443,
      ...access,
    },
    proxies: { https: '', http: '', no: '' },
    node: 'node-a',
    namespace: 'kube-system',
    usePodCIDR: false,
    advertised: false,
    apiGroup: undefined,
    clock: REAL_CLOCK,
    random: () => 0.5,
    ...rest,
  });
}

/** Follows any source. */
export function followSource(source: Source): Followed {
  const abort = new AbortController();
  const store = createStore();
  const changes: Change[] = [];
  const waiters = new Set<() => void>();
  const done = (async () => {
    for await (const change of source.watch(abort.signal)) {
      changes.push(change);
      store.apply(change);
      for (const wake of waiters) wake();
    }
  })();
  const issues = (): readonly string[] => store.snapshot.issues.map(formatIssue);
  return {
    store,
    changes,
    issues,
    async until(what, condition, seconds = 30) {
      await new Promise<void>((resolve, reject) => {
        const look = (): void => {
          if (!condition(store)) return;
          clearTimeout(timer);
          waiters.delete(look);
          resolve();
        };
        const timer = setTimeout(() => {
          waiters.delete(look);
          reject(new Error(`${what}: not within ${seconds} s; in sync: ${store.inSync}; issues: ${issues().join('; ')}`));
        }, seconds * 1000);
        waiters.add(look);
        look();
      });
    },
    async stop() {
      abort.abort();
      await done;
    },
  };
}
