/** Reads imports out of source text and holds them against the rules. Pure: takes paths and texts, gives findings. */
import { posix } from 'node:path';
import type { Area } from './rules.ts';
import { AREAS, IMPURE, WAITING, WORKSPACES } from './rules.ts';

/** One broken rule: `file:line what`. */
export interface Finding {
  readonly file: string;
  readonly rule: 'arrow' | 'package' | 'impure' | 'cycle' | 'unplaced' | 'edge';
  readonly text: string;
}

/** One import statement: what was written and whether only types cross. */
interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
}

const REGEX_MAY_START = /(?:^|[(,=:[!&|?{};+\n]|\breturn|\bcase|=>)\s*$/;

/** End of the regular expression literal that starts at `start`, or `start` where it is a division after all. */
function endOfRegex(text: string, start: number): number {
  let inClass = false;
  for (let i = start + 1; i < text.length && text[i] !== '\n'; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '[') inClass = true;
    else if (text[i] === ']') inClass = false;
    else if (text[i] === '/' && !inClass) return i + 1;
  }
  return start;
}

/** End of the quoted text that starts at `start`; template expressions count as text. */
function endOfQuoted(text: string, start: number): number {
  const quote = text[start];
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === quote) return i + 1;
  }
  return text.length;
}

/** Source without comments and regular expressions; quoted text becomes '' where `quoted` is false. */
export function strip(text: string, quoted: boolean): string {
  let out = '';
  for (let i = 0; i < text.length; ) {
    const two = text.slice(i, i + 2);
    const char = text.charAt(i);
    let end = i + 1;
    if (two === '//') end = text.indexOf('\n', i) < 0 ? text.length : text.indexOf('\n', i);
    else if (two === '/*') end = text.indexOf('*/', i) < 0 ? text.length : text.indexOf('*/', i) + 2;
    else if (char === '/' && REGEX_MAY_START.test(out.slice(-40)) && endOfRegex(text, i) > i) end = endOfRegex(text, i);
    else if (char === "'" || char === '"' || char === '`') {
      end = endOfQuoted(text, i);
      out += quoted || char === '`' ? text.slice(i, end) : "''";
    } else out += char;
    i = end;
  }
  return out;
}

/** Every import, export-from and dynamic import of a file, in order. */
export function importsOf(text: string): Import[] {
  const code = strip(text, true);
  const found: Import[] = [];
  const statement =
    /^[ \t]*(?:import|export)[ \t]+(type[ \t]+)?((?:\*|\{|[A-Za-z_$])[^'"`;()=]*?)\bfrom\s*['"]([^'"]+)['"]|(?:^[ \t]*import\s*|\bimport\(\s*)['"]([^'"]+)['"]/gm;
  for (const match of code.matchAll(statement)) {
    const names = match[2] ?? '';
    const inline = /^\s*\{\s*(?:type\s+[^,{}]+,?\s*)+\}\s*$/.test(names);
    found.push({ specifier: match[3] ?? match[4] ?? '', typeOnly: match[1] !== undefined || inline });
  }
  return found;
}

/** The area a path belongs to: the one with the longest matching path. */
export function areaOf(file: string): Area | undefined {
  let best: Area | undefined;
  for (const area of AREAS) {
    if (file.startsWith(area.path) && area.path.length > (best?.path.length ?? 0)) best = area;
  }
  return best;
}

/** Where an import leads: a file of the tree, a Node module, or an npm package. */
type Target =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'node' }
  | { readonly kind: 'package'; readonly name: string };

function targetOf(from: string, specifier: string): Target {
  if (specifier.startsWith('.')) return { kind: 'file', path: posix.normalize(posix.join(posix.dirname(from), specifier)) };
  if (specifier.startsWith('node:')) return { kind: 'node' };
  const [first = '', second = ''] = specifier.split('/');
  const name = first.startsWith('@') ? `${first}/${second}` : first;
  const workspace = WORKSPACES.find((w) => w.name === name);
  if (workspace === undefined) return { kind: 'package', name };
  const inside = specifier.slice(name.length + 1);
  if (inside.endsWith('.json')) return { kind: 'file', path: `${workspace.path}${inside}` };
  return { kind: 'file', path: `${workspace.path}${inside === '' ? '' : `${inside}/`}index.ts` };
}

/** Another workspace is imported by its name, inside one by relative path: a relative path across the border skips the exports. */
function crossesEdge(from: string, specifier: string, to: string): boolean {
  const home = (path: string): string => WORKSPACES.find((w) => path.startsWith(w.path))?.name ?? 'linnet';
  return specifier.startsWith('.') ? home(from) !== home(to) : home(from) === home(to);
}

function checkImport(file: string, area: Area, { specifier }: Import): Finding[] {
  const target = targetOf(file, specifier);
  if (target.kind === 'node')
    return area.pure !== false ? [{ file, rule: 'impure', text: `${area.name} is pure, yet imports ${specifier}` }] : [];
  if (target.kind === 'package') {
    if (area.packages?.includes(target.name) === true) return [];
    return [{ file, rule: 'package', text: `${area.name} may not use the package ${target.name}` }];
  }
  const found: Finding[] = [];
  if (crossesEdge(file, specifier, target.path))
    found.push({ file, rule: 'edge', text: `${specifier} crosses a workspace border the wrong way` });
  const other = areaOf(target.path);
  if (other === undefined) found.push({ file, rule: 'arrow', text: `${specifier} leads outside every area` });
  else if (other.name !== area.name && !area.imports.includes(other.name)) {
    found.push({ file, rule: 'arrow', text: `${area.name} may not import ${other.name} (${specifier})` });
  }
  return found;
}

function checkPurity(file: string, area: Area, text: string): Finding[] {
  if (area.pure === false) return [];
  const rules = area.pure === 'seam' ? IMPURE : [...IMPURE, { pattern: WAITING, what: 'waits' }];
  const lines = strip(text, false).split('\n');
  return lines.flatMap((line) =>
    rules
      .filter(({ pattern }) => pattern.test(line))
      .map(({ what }): Finding => ({ file, rule: 'impure', text: `${area.name} is pure, yet ${what}: ${line.trim()}` })),
  );
}

/** Import cycles between files; type imports vanish at run time and do not count. */
function cycles(files: ReadonlyMap<string, string>): Finding[] {
  const found: Finding[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const walk = (file: string, path: readonly string[]): void => {
    if (state.get(file) === 'done') return;
    if (state.get(file) === 'open') {
      found.push({ file, rule: 'cycle', text: [...path.slice(path.indexOf(file)), file].join(' → ') });
      return;
    }
    state.set(file, 'open');
    for (const { specifier, typeOnly } of importsOf(files.get(file) ?? '')) {
      const target = targetOf(file, specifier);
      if (!typeOnly && target.kind === 'file' && files.has(target.path)) walk(target.path, [...path, file]);
    }
    state.set(file, 'done');
  };
  for (const file of [...files.keys()].sort()) walk(file, []);
  return found;
}

/** Findings of a tree given as path → text. Paths are from the root, with forward slashes. */
export function checkArchitecture(files: ReadonlyMap<string, string>): Finding[] {
  const found: Finding[] = [];
  for (const [file, text] of files) {
    const area = areaOf(file);
    if (area === undefined) {
      found.push({ file, rule: 'unplaced', text: 'no area of the architecture owns this file' });
      continue;
    }
    for (const one of importsOf(text)) found.push(...checkImport(file, area, one));
    found.push(...checkPurity(file, area, text));
  }
  return [...found, ...cycles(files)];
}
