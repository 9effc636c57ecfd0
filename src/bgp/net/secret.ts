/** Text that must not be printed. */

const HIDDEN = '[hidden]';

// Node's console and loggers look for this well-known symbol; a library needs no import for it.
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** Text that JSON, string conversion and inspection show as `[hidden]`; it does not survive structured clone, so it cannot leave by accident. */
export interface SecretText {
  /** The text itself. Only what uses it for its purpose may ask. */
  reveal(): string;
}

class HiddenText implements SecretText {
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
export function secretText(text: string): SecretText {
  return new HiddenText(text);
}

/** True for what `secretText` makes. */
export function isSecretText(value: unknown): value is SecretText {
  return value instanceof HiddenText;
}
