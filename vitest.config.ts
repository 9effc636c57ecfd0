import { defineConfig } from 'vitest/config';

// Tests run from source: the workspace packages offer it under the "source" condition, so no test waits for a build.
export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source', 'node', 'import', 'module', 'default'] } },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/interop/**', 'test/cluster/**'],
    reporters: ['default', './test/closing-line-reporter.ts'],
    // Many tests wait for sockets and threads: more workers than cores keep both busy.
    maxWorkers: 4,
    testTimeout: 20_000,
  },
});
