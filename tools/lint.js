/**
 * `npm run lint`: Biome over the whole tree, then the checks of our own in checks.js. `--fix` formats and applies safe fixes.
 * Biome lives in tools/ with a package.json of its own, because its optional packages for other platforms break `npm ci`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkTree } from './checks.js';

const tools = dirname(fileURLToPath(import.meta.url));
const root = dirname(tools);
const biome = join(tools, 'node_modules', '@biomejs', 'biome');

/** The exact version that tools/package.json pins, and whether it is the one installed. */
function installed() {
  const pinned = JSON.parse(readFileSync(join(tools, 'package.json'), 'utf8')).dependencies['@biomejs/biome'];
  const manifest = join(biome, 'package.json');
  return existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).version === pinned;
}

function run(command, args, cwd) {
  const done = spawnSync(command, args, { cwd, stdio: 'inherit' });
  if (done.error) process.stderr.write(`${command}: ${done.error.message}\n`);
  return done.status ?? 1;
}

function install() {
  process.stderr.write('lint: installing tools/ (first use)\n');
  return run('npm', ['install', '--no-package-lock', '--no-audit', '--no-fund', '--loglevel=error'], tools);
}

if (!installed() && install() !== 0) {
  process.stderr.write('lint: could not install tools/\n');
  process.exit(2);
}

const fix = process.argv.includes('--fix');
const args = [join(biome, 'bin', 'biome'), 'check', '--max-diagnostics=200', '--error-on-warnings', ...(fix ? ['--write'] : []), '.'];
const style = run(process.execPath, args, root);

const findings = checkTree(root);
for (const finding of findings) process.stdout.write(`${finding.file}:${finding.line}: ${finding.rule}: ${finding.text}\n`);
process.stdout.write(`${findings.length === 0 ? 'house checks clean' : `${findings.length} house checks broken`}\n`);
process.exit(style !== 0 || findings.length > 0 ? 1 : 0);
