import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take minutes, the longest first: begun last, one of them would run alone at the end. */
const LONG = ['mixed', 'matrix', 'loss', 'member', 'security', 'packets'].map((name) => `/test/interop/${name}.test.ts`);

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = LONG.findIndex((name) => moduleId.endsWith(name));
      return at < 0 ? LONG.length : at;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

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
    // Limits for a machine that others keep busy; what is waited for ends each wait.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    sequence: { sequencer: LongestFirst },
  },
});
