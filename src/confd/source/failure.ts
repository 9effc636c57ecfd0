/** Why a datastore gave no answer, in words that every source shares. */

/** Kinds of failures. GONE: the version is too old. CONFLICT: of what is written, somebody else was first. UNSUPPORTED: the server does not know what it was asked. */
export type FailureCode =
  | 'DATASTORE_UNREACHABLE'
  | 'DATASTORE_ACCESS'
  | 'DATASTORE_UNAUTHORIZED'
  | 'DATASTORE_FORBIDDEN'
  | 'DATASTORE_KIND_MISSING'
  | 'DATASTORE_GONE'
  | 'DATASTORE_CONFLICT'
  | 'DATASTORE_UNSUPPORTED'
  | 'DATASTORE_ERROR';

/** Why a request came to nothing. `code` is also that of the issue. */
export interface Failure {
  readonly code: FailureCode;
  /** For people; without secrets. */
  readonly message: string;
  /** Seconds that the server asks to be left alone, 0 for none. */
  readonly retryAfter: number;
}

/** A value, or why there is none. */
export type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure };

/** The account or the server cannot be known. Its message has no secret in it. */
export class AccessError extends Error {
  override readonly name = 'AccessError';
}

/** A short word for an error of the network: its code, which says more than its message, and never a header. */
export function networkFailure(error: unknown): Failure {
  if (error instanceof AccessError) return { code: 'DATASTORE_ACCESS', message: error.message, retryAfter: 0 };
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  const message = code !== '' ? code : error instanceof Error ? error.name : 'unknown error';
  return { code: 'DATASTORE_UNREACHABLE', message, retryAfter: 0 };
}

/** The server said something that cannot be understood, or refused without a better word for it. */
export const broken = (message: string): Failure => ({ code: 'DATASTORE_ERROR', message, retryAfter: 0 });
