/** The version of this program, from its package file. */
import { readFileSync } from 'node:fs';

/** Semver text. Throws where the package file is not beside the program: a broken installation. */
export function programVersion(): string {
  // From dist/src/main to the root of the package.
  const parsed: unknown = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  const version = typeof parsed === 'object' && parsed !== null && 'version' in parsed ? parsed.version : undefined;
  if (typeof version !== 'string') throw new Error('package.json has no version');
  return version;
}
