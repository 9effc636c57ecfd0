/**
 * One manifest file: its documents, the objects in them, and what is wrong. A document that was read before is not read again,
 * wherever it stands now; only its lines move.
 */
import { createHash } from 'node:crypto';
import { objectKey } from '../../resources/issue.ts';
import { objectsIn, type ParsedObject, parseObject } from '../../resources/parse-object.ts';
import type { Issue, ObjectRef, Resource, SourcePosition } from '../../resources/types.ts';
import { readJson } from './json-text.ts';
import { splitList } from './yaml-list.ts';
import { type Chunk, readYaml, splitYaml } from './yaml-text.ts';

/** One object of a file. `key` is its identity across files and forms. */
export interface Claim {
  readonly key: string;
  readonly ref: ObjectRef;
  readonly parsed: ParsedObject;
  readonly position: SourcePosition | null;
}

/** What one document gave. `unidentified` where something in it could not even be named. */
interface Piece {
  readonly linesBefore: number;
  readonly claims: readonly Claim[];
  readonly issues: readonly Issue[];
  readonly unidentified: boolean;
  /** It is no YAML or JSON at all. */
  readonly unreadable: boolean;
}

/** A file as read. */
export interface Manifest {
  /** As shown in positions. */
  readonly file: string;
  readonly claims: readonly Claim[];
  /** Sorted by line. */
  readonly issues: readonly Issue[];
  /** Some of it could not be named or read: what this file held before and is not seen now may still be meant. */
  readonly broken: boolean;
  /** Documents by hash, for the next reading. */
  readonly pieces: ReadonlyMap<string, Piece>;
}

/** Where a file is: `path` as shown in positions, `name` relative to the directory, as its issues call it. */
export interface FileName {
  readonly path: string;
  readonly name: string;
}

/** Pause between slices of work; awaited between documents so that a large file does not hold the loop. */
export type Breather = () => Promise<void>;

/** Name of a file as the object of an issue. */
function fileRef(name: string): ObjectRef {
  return { apiVersion: '', kind: 'File', namespace: '', name };
}

/** An issue of a file as a whole. */
export function fileIssue(file: FileName, code: string, rule: string, at?: { readonly line: number; readonly column: number }): Issue {
  return {
    code,
    severity: 'error',
    object: fileRef(file.name),
    field: '',
    got: '',
    rule,
    source: { file: file.path, line: at?.line ?? 1, column: at?.column ?? 1 },
    transient: false,
  };
}

function chunksOf(file: FileName, text: string): readonly Chunk[] {
  const body = text.startsWith('\ufeff') ? text.slice(1) : text;
  if (!file.name.endsWith('.json')) return splitYaml(body);
  return body.trim() === '' ? [] : [{ text: body, linesBefore: 0 }];
}

function readPiece(file: FileName, chunk: Chunk): Piece {
  const { linesBefore } = chunk;
  const found = file.name.endsWith('.json') ? readJson(chunk.text) : readYaml(chunk.text);
  if (!found.ok) {
    const at = { line: found.at.line + linesBefore, column: found.at.column };
    return { linesBefore, claims: [], issues: [fileIssue(file, 'FILE_SYNTAX', found.problem, at)], unidentified: true, unreadable: true };
  }
  const claims: Claim[] = [];
  const issues: Issue[] = [];
  let unidentified = false;
  for (const { raw, path } of found.value === null || chunk.envelope === true ? [] : objectsIn(found.value)) {
    const position = (inner: readonly (string | number)[]): SourcePosition => {
      const { line, column } = found.locate([...path, ...inner]);
      return { file: file.path, line: line + linesBefore, column };
    };
    const parsed = parseObject(raw, position, fileRef(file.name));
    issues.push(...parsed.issues);
    if (parsed.ref === undefined) unidentified = true;
    else if (parsed.outcome.type !== 'unknown-kind') {
      const known = parsed.outcome.type === 'resource' ? parsed.outcome.resource.source : undefined;
      claims.push({ key: objectKey(parsed.ref), ref: parsed.ref, parsed, position: known ?? position([]) });
    }
  }
  return { linesBefore, claims, issues, unidentified, unreadable: false };
}

function movePosition<P extends SourcePosition | null>(position: P, lines: number): P | SourcePosition {
  return position === null ? position : { ...position, line: position.line + lines };
}

function moveResource(resource: Resource, lines: number): Resource {
  return resource.source === undefined ? resource : { ...resource, source: movePosition(resource.source, lines) };
}

/** The same document further down or up. */
function movePiece(piece: Piece, linesBefore: number): Piece {
  const lines = linesBefore - piece.linesBefore;
  if (lines === 0) return piece;
  const moveIssue = (issue: Issue): Issue => ({ ...issue, source: movePosition(issue.source, lines) });
  const claims = piece.claims.map((claim): Claim => {
    const { outcome } = claim.parsed;
    const moved = outcome.type === 'resource' ? { ...outcome, resource: moveResource(outcome.resource, lines) } : outcome;
    const parsed = { ...claim.parsed, outcome: moved, issues: claim.parsed.issues.map(moveIssue) };
    return { ...claim, parsed, position: movePosition(claim.position, lines) };
  });
  return { ...piece, linesBefore, claims, issues: piece.issues.map(moveIssue) };
}

/** Documents of a file that were read, by hash of their text: those of the last reading, and those of this one. */
interface Memory {
  readonly before: ReadonlyMap<string, Piece>;
  readonly now: Map<string, Piece>;
}

function recall(file: FileName, chunk: Chunk, memory: Memory): Piece {
  const hash = createHash('sha1').update(chunk.text).digest('base64');
  const known = memory.before.get(hash) ?? memory.now.get(hash);
  const piece = known === undefined ? readPiece(file, chunk) : movePiece(known, chunk.linesBefore);
  memory.now.set(hash, piece);
  return piece;
}

/** A long List is read item by item, unless an item makes no sense alone. */
async function readChunk(file: FileName, chunk: Chunk, memory: Memory, breathe: Breather): Promise<readonly Piece[]> {
  const pieces: Piece[] = [];
  for (const part of (file.name.endsWith('.json') ? undefined : splitList(chunk)) ?? [chunk]) {
    const piece = recall(file, part, memory);
    if (piece.unreadable && part !== chunk) return [recall(file, chunk, memory)];
    pieces.push(piece);
    await breathe();
  }
  return pieces;
}

/** Reads a file's text; documents found in `before` are taken from there. */
export async function readManifest(file: FileName, text: string, before: Manifest | undefined, breathe: Breather): Promise<Manifest> {
  const memory: Memory = { before: before?.pieces ?? new Map(), now: new Map() };
  const claims: Claim[] = [];
  const issues: Issue[] = [];
  let broken = false;
  for (const chunk of chunksOf(file, text)) {
    for (const piece of await readChunk(file, chunk, memory, breathe)) {
      for (const claim of piece.claims) claims.push(claim);
      for (const issue of piece.issues) issues.push(issue);
      broken ||= piece.unidentified || piece.unreadable;
    }
  }
  issues.sort((a, b) => (a.source?.line ?? 0) - (b.source?.line ?? 0));
  return { file: file.path, claims, issues, broken, pieces: memory.now };
}
