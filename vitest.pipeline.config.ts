import { defineConfig } from 'vitest/config';

/** The benchmark of the pipeline, by hand: `npm run bench:cluster`, which tools/bench/pipeline.js starts. */
export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source', 'node', 'import', 'module', 'default'] } },
  test: {
    globalSetup: ['test/cluster/harness/build.ts'],
    include: ['test/cluster/bench/pipeline.run.ts'],
    pool: 'forks',
    retry: 0,
  },
});
