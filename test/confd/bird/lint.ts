/** Checks templates without rendering: every name they use must exist in the view, also in branches that are not taken. */
import Handlebars from 'handlebars';

/** A name that a template uses and the view does not have. */
export interface LintFinding {
  readonly template: string;
  readonly line: number;
  readonly path: string;
}

interface Frame {
  readonly value: unknown;
  readonly parent: Frame | undefined;
  /** Values that `name=value` of a partial added. */
  readonly hash: ReadonlyMap<string, unknown>;
}

const MISSING = Symbol('missing');

/** Walks one template; `partials` by name. Lists of the view must have an entry, or their bodies cannot be judged. */
export function lintTemplate(name: string, text: string, view: unknown, partials: ReadonlyMap<string, string>): readonly LintFinding[] {
  const findings: LintFinding[] = [];
  const note = (node: hbs.AST.PathExpression): void => {
    findings.push({ template: name, line: node.loc.start.line, path: node.original });
  };
  const resolve = (node: hbs.AST.Expression, frame: Frame): unknown => {
    if (!isPath(node)) return undefined;
    if (node.data) return undefined;
    const value = find(node, frame);
    if (value === MISSING) note(node);
    return value === MISSING ? undefined : value;
  };
  const hashOf = (hash: hbs.AST.Hash | undefined, frame: Frame): ReadonlyMap<string, unknown> =>
    new Map((hash?.pairs ?? []).map((pair) => [pair.key, resolve(pair.value, frame)]));
  const walk = (program: hbs.AST.Program | undefined, frame: Frame): void => {
    for (const statement of program?.body ?? []) visit(statement, frame);
  };
  const visit = (statement: hbs.AST.Statement, frame: Frame): void => {
    if (isMustache(statement)) {
      if (statement.params.length === 0) resolve(statement.path, frame);
      for (const param of statement.params) resolve(param, frame);
    }
    if (isBlock(statement)) {
      const subject = statement.params[0] === undefined ? undefined : resolve(statement.params[0], frame);
      const each = isPath(statement.path) && statement.path.original === 'each';
      if (each && Array.isArray(subject) && subject.length === 0)
        throw new Error(`${name}: the list of line ${statement.loc.start.line} is empty`);
      const inner = each && Array.isArray(subject) ? { value: subject[0], parent: frame, hash: new Map() } : frame;
      walk(statement.program, inner);
      walk(statement.inverse, frame);
    }
    if (isPartial(statement)) {
      const partial = isPath(statement.name) ? statement.name.original : '';
      const body = partials.get(partial);
      if (body === undefined) throw new Error(`${name}: no partial ${partial}`);
      const value = statement.params[0] === undefined ? frame.value : resolve(statement.params[0], frame);
      const context: Frame = { value, parent: frame.parent, hash: hashOf(statement.hash, frame) };
      for (const finding of lintIn(partial, body, context, partials)) findings.push(finding);
    }
  };
  const lintIn = (partial: string, body: string, frame: Frame, all: ReadonlyMap<string, string>): readonly LintFinding[] =>
    lintFrame(partial, body, frame, all);
  walk(Handlebars.parse(text), { value: view, parent: undefined, hash: new Map() });
  return findings;
}

function lintFrame(name: string, text: string, frame: Frame, partials: ReadonlyMap<string, string>): readonly LintFinding[] {
  // The hash of a partial lies over its context, as Handlebars lays it.
  const base = typeof frame.value === 'object' && frame.value !== null ? frame.value : {};
  return lintTemplate(name, text, { ...base, ...Object.fromEntries(frame.hash) }, partials);
}

function find(node: hbs.AST.PathExpression, frame: Frame): unknown {
  let at: Frame | undefined = frame;
  for (let depth = node.depth; depth > 0; depth -= 1) at = at?.parent;
  let value: unknown = at === undefined ? MISSING : at.value;
  for (const part of node.parts) value = field(value, String(part));
  return value;
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return MISSING;
  return Object.entries(value).find(([key]) => key === name)?.[1];
}

const isPath = (node: hbs.AST.Node): node is hbs.AST.PathExpression => node.type === 'PathExpression';
const isMustache = (node: hbs.AST.Node): node is hbs.AST.MustacheStatement => node.type === 'MustacheStatement';
const isBlock = (node: hbs.AST.Node): node is hbs.AST.BlockStatement => node.type === 'BlockStatement';
const isPartial = (node: hbs.AST.Node): node is hbs.AST.PartialStatement => node.type === 'PartialStatement';
