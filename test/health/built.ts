/** The health thread as it is shipped: a worker needs compiled files, so these tests run what the build made. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** URL of the compiled form of src/health/thread.ts, built again where a source is newer (`npm test` has built already). */
export function builtThread(): string {
  const sources = readdirSync(join(root, 'src/health'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const isOld = (name: string): boolean => {
    const output = join(root, 'dist/src/health', name.replace(/\.ts$/, '.js'));
    return !existsSync(output) || statSync(output).mtimeMs < statSync(join(root, 'src/health', name)).mtimeMs;
  };
  // Findings in other folders do not keep the compiler from writing these files.
  if (sources.some(isOld)) spawnSync('npx', ['tsc', '-b', 'src'], { cwd: root });
  return new URL('../../dist/src/health/thread.js', import.meta.url).href;
}
