import { defineConfig } from 'vitest/config';

/** Suites against a real kube-apiserver and etcd on loopback: one file at a time, no retries. `npm run test:cluster`. */
export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source', 'node', 'import', 'module', 'default'] } },
  test: {
    globalSetup: ['test/cluster/harness/build.ts'],
    include: ['test/cluster/**/*.test.ts'],
    reporters: ['verbose', './test/closing-line-reporter.ts'],
    pool: 'forks',
    fileParallelism: false,
    retry: 0,
    testTimeout: 90_000,
    hookTimeout: 120_000,
  },
});
