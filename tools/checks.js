/**
 * The house rules that Biome does not know: a docstring on every exported name, no unfinished work, nothing about the machine
 * the code was written on. Line based on purpose: it reads formatted code, and takes milliseconds.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Lines a file may have; tables and tests are exempt (docs/decisions/0006). */
const MAX_LINES = 500;

const CODE = /\.(ts|js|mjs|c)$/;
const TEXT = /\.(ts|js|mjs|c|json|md|ya?ml|toml|sh)$|^\.ci\//;
const TABLE = /(^|\/)(iana|codes|table|.*-(table|codes|schema))\.ts$/;

// Written in pieces, so that this file does not find itself.
const UNFINISHED = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].join('|')})\\b|not ${'implemented'}`);
const SUPPRESSED = new RegExp(`@ts-${'ignore'}|@ts-${'expect-error'}|@ts-${'nocheck'}`);
const MACHINE = new RegExp(
  `(^|[\\s'"\`(=:])/(${['wo' + 'rk', 'fa' + 'rm'].join('|')})/|/tmp/${'plan'}|registry\\.[a-z]+\\.(org|com)|deb\\.${'debian'}`,
);
const EXPORTED = /^export (?:declare )?(?:abstract )?(?:async )?(?:function\*?|const|let|class|interface|type) ([A-Za-z0-9_$]+)/;

/** Every file git knows or would add, as paths from the root. */
function listFiles(root) {
  const done = spawnSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (done.status !== 0) throw new Error(`git ls-files: ${done.stderr}`);
  return done.stdout.split('\0').filter((path) => path !== '' && !/(^|\/)(node_modules|dist)\//.test(path) && path !== 'package-lock.json');
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    // Deleted in the working tree but still in the index.
    if (error.code === 'ENOENT' || error.code === 'EISDIR') return undefined;
    throw error;
  }
}

/** Exported names with no comment right above them; later overloads of one function share the first one's. */
function undocumented(lines) {
  const found = [];
  const seen = new Set();
  lines.forEach((line, index) => {
    const name = EXPORTED.exec(line)?.[1];
    if (name === undefined) return;
    const above = lines[index - 1]?.trimEnd() ?? '';
    if (!above.endsWith('*/') && !seen.has(name))
      found.push({ line: index + 1, rule: 'docstring', text: `exported name ${name} has none` });
    seen.add(name);
  });
  return found;
}

function perLine(lines, rule, pattern) {
  return lines.flatMap((line, index) => (pattern.test(line) ? [{ line: index + 1, rule, text: line.trim().slice(0, 120) }] : []));
}

/** Findings of one file. `file` is its path from the root; pure. */
export function checkFile(file, text) {
  const lines = text.split('\n');
  const found = [];
  if (TEXT.test(file)) found.push(...perLine(lines, 'machine', MACHINE));
  if (!CODE.test(file)) return found;
  found.push(...perLine(lines, 'unfinished', UNFINISHED), ...perLine(lines, 'suppressed', SUPPRESSED));
  const product = file.startsWith('src/') || file.startsWith('node-agent/');
  if (product && lines.length - 1 > MAX_LINES && !TABLE.test(file)) {
    found.push({ line: 1, rule: 'size', text: `${lines.length - 1} lines, at most ${MAX_LINES}` });
  }
  if (product && file.endsWith('.ts')) found.push(...undocumented(lines));
  return found;
}

/** Findings of the whole tree, sorted by file and line: `{ file, line, rule, text }`. */
export function checkTree(root) {
  return listFiles(root).flatMap((file) => {
    const text = CODE.test(file) || TEXT.test(file) ? read(join(root, file)) : undefined;
    return text === undefined ? [] : checkFile(file, text).map((finding) => ({ file, ...finding }));
  });
}
