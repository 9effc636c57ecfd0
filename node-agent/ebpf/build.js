// Compiles the eBPF programs: `node node-agent/ebpf/build.js [--output FILE]`. Needs clang and llvm-objcopy (Debian: clang, llvm).
// `--check` holds the object in the tree against its source: by the hash inside it, which needs no compiler; by its octets where
// the compiler that made it is here; by the behaviour of a fresh object under the tests where it is another one.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');
const object = join(here, 'ipip.o');
const flags = [
  ...['-target', 'bpf', '-mcpu=v3', '-O2', '-g', '-std=gnu11', '-ffreestanding', '-nostdinc', '-Wall', '-Wextra', '-Werror'],
  ...['-fdebug-compilation-dir=.', '-c', 'c/ipip.c'],
];
// Maps are described in BTF; the debugger's sections would only carry paths.
const strip = ['--strip-debug', '-R', '.BTF.ext', '-R', '.rel.BTF.ext', '-R', '.llvm_addrsig'];

/** SHA-256 over names and contents of all sources and the flags, as hex. */
function sourceHash() {
  const hash = createHash('sha256').update([...flags, ...strip].join(' '));
  for (const name of readdirSync(join(here, 'c')).sort()) hash.update(`\0${name}\0`).update(readFileSync(join(here, 'c', name)));
  return hash.digest('hex');
}

/** Whether the compiler and its companion are here. */
function hasClang() {
  return ['clang', 'llvm-objcopy'].every((command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).error === undefined);
}

function build(output) {
  const stdio = ['ignore', 'inherit', 'inherit'];
  execFileSync('clang', [...flags, `-DSOURCE_SHA256="${sourceHash()}"`, '-o', output], { cwd: here, stdio });
  execFileSync('llvm-objcopy', [...strip, output], { cwd: here, stdio });
}

/** Name and version of the compiler that made an object, as it wrote them there. */
function compilerOf(octets) {
  return /[A-Za-z ]*Clang [0-9][0-9.]*[^\0]*/.exec(octets.toString('latin1'))?.[0];
}

/** Exit status of the tests with another object in place of the one in the tree. */
function behaves(fresh) {
  const env = { ...process.env, LINNET_IPIP_OBJECT: fresh };
  return spawnSync('npx', ['vitest', 'run', 'test/node-agent/ebpf'], { cwd: root, env, stdio: 'inherit' }).status ?? 1;
}

/** Lines for the reader, and the counts of one closing line. */
function check() {
  const kept = existsSync(object) ? readFileSync(object) : Buffer.alloc(0);
  if (!kept.includes(sourceHash())) return { failed: 1, text: 'ipip.o was made of another source: run node node-agent/ebpf/build.js' };
  if (!hasClang())
    return { passed: 1, skipped: 1, text: 'clang or llvm-objcopy is absent: the hash of the source was compared, nothing was compiled' };
  const folder = mkdtempSync(join(tmpdir(), 'linnet-ebpf-'));
  try {
    const fresh = join(folder, 'ipip.o');
    build(fresh);
    const made = readFileSync(fresh);
    if (made.equals(kept)) return { passed: 2, text: `ipip.o is what ${compilerOf(made)} makes of its source` };
    if (compilerOf(made) === compilerOf(kept)) return { failed: 1, text: 'the compiler that made ipip.o makes other octets of its source' };
    const failed = behaves(fresh) === 0 ? 0 : 1;
    return { passed: 2 - failed, failed, text: `ipip.o is of ${compilerOf(kept)}; the tests ran on what ${compilerOf(made)} made` };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv.includes('--check')) {
  const { passed = 0, failed = 0, skipped = 0, text } = check();
  console.log(text);
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  process.exit(failed > 0 ? 1 : 0);
}
const at = process.argv.indexOf('--output');
const output = at < 0 ? object : process.argv[at + 1];
if (output === undefined || !hasClang()) {
  console.error(output === undefined ? '--output needs a file' : 'clang and llvm-objcopy are needed (Debian: clang, llvm)');
  process.exit(2);
}
build(output);
console.log(`${output}: ${sourceHash()}`);
