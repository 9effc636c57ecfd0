import { defineConfig } from 'vitest/config';

// Tests run from source: the workspace packages offer it under the "source" condition, so no test waits for a build.
export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source', 'node', 'import', 'module', 'default'] } },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/interop/**', 'test/cluster/**'],
    reporters: ['default', './test/closing-line-reporter.ts'],
    testTimeout: 20_000,
  },
});
