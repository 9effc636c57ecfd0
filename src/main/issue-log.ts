/** Logs each issue once when it appears and once when it is gone. */
import type { Log } from '../confd/log.ts';
import type { Issue } from '../confd/resources/types.ts';

/** Compares the lists it is given one after another. */
export function createIssueLog(log: Log): (issues: readonly Issue[]) => void {
  let known = new Map<string, Issue>();
  let before: readonly Issue[] = [];
  return (issues) => {
    if (issues === before) return;
    before = issues;
    const current = new Map(issues.map((issue) => [keyOf(issue), issue]));
    for (const [key, issue] of current) if (!known.has(key)) write(log, issue);
    for (const [key, issue] of known)
      if (!current.has(key)) log.info({ code: issue.code, object: objectOf(issue), field: issue.field }, 'issue gone');
    known = current;
  };
}

function keyOf(issue: Issue): string {
  return [issue.code, objectOf(issue), issue.field, issue.got, issue.rule].join('\n');
}

function objectOf({ object }: Issue): string {
  return [object.kind, object.namespace, object.name].filter((part) => part !== '').join('/');
}

function write(log: Log, issue: Issue): void {
  const { code, field, got, rule, source } = issue;
  const where = source === null ? {} : { file: source.file, line: source.line, column: source.column };
  const fields = { code, object: objectOf(issue), field, got, rule, ...where };
  if (issue.severity === 'error') log.error(fields, 'issue');
  else log.warn(fields, 'issue');
}
