/**
 * Issues as text, and the keys of objects. The shape of an issue is in types.ts; contracts.md (JSON) holds its text form.
 */
import type { Issue, ObjectRef } from './types.ts';

/** Characters of a value that an issue shows; longer ones end in `…`. */
export const GOT_LIMIT = 120;
const GOT_DEPTH = 6;

/** What stands in an issue for a value that must not be shown. */
export const HIDDEN = '[hidden]';

/** JSON text of any value, at most `GOT_LIMIT` characters; never throws, also for cycles and deep nesting. */
export function gotText(value: unknown): string {
  const text = jsonText(value, 0, { left: GOT_LIMIT });
  return text.length > GOT_LIMIT ? `${text.slice(0, GOT_LIMIT - 1)}…` : text;
}

function jsonText(value: unknown, depth: number, budget: { left: number }): string {
  if (typeof value !== 'object' || value === null) {
    const text = scalarJson(value);
    budget.left -= text.length;
    return text;
  }
  if (depth >= GOT_DEPTH || budget.left <= 0) return '…';
  const parts: string[] = [];
  const isArray = Array.isArray(value);
  for (const [key, item] of Object.entries(value)) {
    if (budget.left <= 0) {
      parts.push('…');
      break;
    }
    const label = isArray ? '' : `${JSON.stringify(key.slice(0, GOT_LIMIT))}:`;
    budget.left -= label.length + 1;
    parts.push(label + jsonText(item, depth + 1, budget));
  }
  return isArray ? `[${parts.join(',')}]` : `{${parts.join(',')}}`;
}

/** Numbers that JSON lacks are shown by name; what no source can yield, by type. */
function scalarJson(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, GOT_LIMIT + 1));
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  return value === undefined || value === null ? 'null' : typeof value;
}

// Names and keys of a manifest may hold anything; an issue stays one line that cannot steer a terminal.
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}]/gu;

function oneLine(text: string): string {
  return text.replace(CONTROL, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** `KIND/[NS/]NAME`, as issues and reasons name an object. */
export function formatRef(ref: ObjectRef): string {
  return oneLine(ref.namespace === '' ? `${ref.kind}/${ref.name}` : `${ref.kind}/${ref.namespace}/${ref.name}`);
}

/** One line: `KIND/[NS/]NAME FIELD: GOT RULE`. An issue of the whole object has no field, one of a missing field no value. */
export function formatIssue(issue: Issue): string {
  const where = issue.field === '' ? formatRef(issue.object) : `${formatRef(issue.object)} ${issue.field}`;
  return oneLine(issue.got === '' ? `${where}: ${issue.rule}` : `${where}: ${issue.got} ${issue.rule}`);
}

/** `formatIssue` after `FILE:LINE:COLUMN: ` where the issue has a position. */
export function formatIssueAt(issue: Issue): string {
  const { source } = issue;
  return source === null ? formatIssue(issue) : `${source.file}:${source.line}:${source.column}: ${formatIssue(issue)}`;
}

/** `formatIssueAt`; a warning says at the end that it is one. */
export function formatIssueLine(issue: Issue): string {
  return issue.severity === 'warning' ? `${formatIssueAt(issue)} (warning)` : formatIssueAt(issue);
}

/** Key of an object in the maps of a Snapshot: its name, or `namespace/name`. */
export function nameKey(ref: ObjectRef): string {
  return ref.namespace === '' ? ref.name : flat([ref.namespace, ref.name]);
}

/** Text put together by `+` or a template is kept as a tree of its parts until it is searched, for 100,000 keys three times their octets. */
const flat = (parts: readonly string[]): string => parts.join('/');

/**
 * Identity of an object across sources and forms. Both API groups of Calico name the same object; a Kubernetes Node and a
 * Calico Node of one name are two objects that the store merges.
 */
export function objectKey(ref: ObjectRef): string {
  const kind = ref.kind === 'Node' && ref.apiVersion !== 'v1' ? 'CalicoNode' : ref.kind;
  return flat(ref.namespace === '' ? [kind, ref.name] : [kind, ref.namespace, ref.name]);
}
