import { defineConfig } from 'vitest/config';

/** Suites against real daemons in network namespaces: root, one file at a time, no retries. `npm run test:interop`. */
export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source', 'node', 'import', 'module', 'default'] } },
  test: {
    include: ['test/interop/**/*.test.ts'],
    reporters: ['verbose', './test/closing-line-reporter.ts'],
    pool: 'forks',
    fileParallelism: false,
    retry: 0,
    testTimeout: 90_000,
    hookTimeout: 60_000,
  },
});
