import { defineConfig } from 'vitest/config';

/** Folders whose tests share nothing and leave nothing behind: files of one worker share their imports, which saves a third of the time. */
const SHARED = [
  'test/bgp/{net,wire,session,policy,rib,speaker,config,testing}/**/*.test.ts',
  'test/confd/**/*.test.ts',
  'test/{cli,config,conformance,contract,deploy,fuzz,node,routes,tools}/**/*.test.ts',
  'test/health/*.test.ts',
  'test/node-agent/**/*.test.ts',
];

// Tests run from source: the workspace packages offer it under the "source" condition, so no test waits for a build.
export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source', 'node', 'import', 'module', 'default'] } },
  test: {
    reporters: ['default', './test/closing-line-reporter.ts'],
    // Many tests wait for sockets and threads: more workers than cores keep both busy.
    maxWorkers: 4,
    testTimeout: 60_000,
    projects: [
      { extends: true, test: { name: 'shared', include: SHARED, isolate: false } },
      {
        extends: true,
        test: { name: 'others', include: ['test/**/*.test.ts'], exclude: ['test/interop/**', 'test/cluster/**', ...SHARED] },
      },
    ],
  },
});
