/** How this folder words what it finds wrong: contracts.md, Issue. */
import type { Issue, ObjectRef, SourcePosition } from '../resources/types.ts';

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

/** The object an issue is about, with its place in a file where it has one. */
export interface IssueObject {
  readonly ref: ObjectRef;
  readonly source?: SourcePosition;
}

/** An issue about one object. */
export function issueAbout(object: IssueObject, parts: IssueParts): Issue {
  const { code, field, got, rule, severity = 'error', transient = false } = parts;
  return { code, severity, object: object.ref, field, got, rule, source: object.source ?? null, transient };
}

/** `Kind/[namespace/]name`, as reasons name resources. */
export function objectName(ref: ObjectRef): string {
  return ref.namespace === '' ? `${ref.kind}/${ref.name}` : `${ref.kind}/${ref.namespace}/${ref.name}`;
}
