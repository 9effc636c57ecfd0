import { defineConfig } from 'vitest/config';

/**
 * Suites against real daemons in network namespaces: root, no retries. Two files at a time: they mostly wait for timers, and
 * each has namespaces and folders of its own. `npm run test:interop`.
 */
export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source', 'node', 'import', 'module', 'default'] } },
  test: {
    include: ['test/interop/**/*.test.ts'],
    reporters: ['verbose', './test/closing-line-reporter.ts'],
    pool: 'forks',
    maxWorkers: 2,
    retry: 0,
    testTimeout: 90_000,
    hookTimeout: 60_000,
  },
});
