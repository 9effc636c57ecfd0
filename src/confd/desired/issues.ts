/** How this folder words what it finds wrong: contracts.md, Issue. */
import type { Issue, ObjectRef } from '../resources/types.ts';

/** The parts of an issue that differ from one to the next. `transient` defaults to false, `severity` to error. */
export interface IssueParts {
  readonly code: string;
  readonly field: string;
  /** JSON text of the value; never a secret. */
  readonly got: string;
  readonly rule: string;
  readonly severity?: 'error' | 'warning';
  readonly transient?: boolean;
}

/** An issue about one object; its place in a file is not known here. */
export function issueAbout(object: ObjectRef, parts: IssueParts): Issue {
  const { code, field, got, rule, severity = 'error', transient = false } = parts;
  return { code, severity, object, field, got, rule, source: null, transient };
}

/** `Kind/[namespace/]name`, as reasons name resources. */
export function objectName(ref: ObjectRef): string {
  return ref.namespace === '' ? `${ref.kind}/${ref.name}` : `${ref.kind}/${ref.namespace}/${ref.name}`;
}
