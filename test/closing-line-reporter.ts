import type { Reporter, TestModule } from 'vitest/node';

/**
 * Ends a run with the plain line `N passed, N failed, N skipped`, which scripts read; before it, each skipped test by its full
 * name (`skipped: file > suite > test`), so that a skip nobody expected is found.
 */
export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>): void {
    const count = { passed: 0, failed: 0, skipped: 0 };
    const lines: string[] = [];
    for (const module of modules) {
      let tests = 0;
      for (const test of module.children.allTests()) {
        tests += 1;
        const state = test.result().state;
        if (state === 'pending') count.failed += 1;
        else count[state] += 1;
        if (state === 'skipped') lines.push(`skipped: ${module.relativeModuleId} > ${test.fullName}`);
      }
      if (tests === 0 && !module.ok()) count.failed += 1;
    }
    process.stdout.write(
      `\n${lines.map((line) => `${line}\n`).join('')}${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`,
    );
  }
}
