/** Text that must not be printed. */
import { HIDDEN } from './issue.ts';
import type { SecretValue } from './types.ts';

// Node's console and loggers look for this well-known symbol; a library needs no import for it.
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

class HiddenText implements SecretValue {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }

  [INSPECT](): string {
    return HIDDEN;
  }
}

/** Wraps a text so that JSON, string conversion and inspection give `[hidden]`. */
export function secretValue(text: string): SecretValue {
  return new HiddenText(text);
}

/** True for what `secretValue` makes. */
export function isSecretValue(value: unknown): value is SecretValue {
  return value instanceof HiddenText;
}
