/** Text that must not be printed, as bgp-ts makes it: a password goes from its Secret to the socket in one wrapping. */
import { isSecretText, secretText } from 'bgp-ts/net';
import type { SecretValue } from './types.ts';

/** Wraps a text so that JSON, string conversion and inspection give `[hidden]`. */
export function secretValue(text: string): SecretValue {
  return secretText(text);
}

/** True for what `secretValue` makes. */
export function isSecretValue(value: unknown): value is SecretValue {
  return isSecretText(value);
}
