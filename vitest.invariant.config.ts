import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const SHARDS = availableParallelism();

/** The long run of the fan-out invariant, one share of the worlds per core. `npm run test:invariant`. */
export default defineConfig({
  test: {
    reporters: ['default', './test/closing-line-reporter.ts'],
    projects: Array.from({ length: SHARDS }, (_, shard) => ({
      resolve: { conditions: ['source'] },
      ssr: { resolve: { conditions: ['source', 'node', 'import', 'module', 'default'] } },
      test: {
        name: `share ${shard + 1} of ${SHARDS}`,
        include: ['test/bgp/rib/invariant.test.ts'],
        env: { LINNET_SHARD: `${shard}/${SHARDS}` },
      },
    })),
  },
});
