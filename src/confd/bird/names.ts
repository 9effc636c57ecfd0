/** Names and strings that go into a BIRD file: nothing from a resource reaches it but through here. Pure. */
import { sha256 } from '../desired/sha256.ts';

/** Longest symbol that every BIRD takes is 63 characters; longer ones are cut before it. */
const LONGEST_NAME = 60;
const HASH_DIGITS = 16;

/** RFC 2385 keys as Linux takes them: TCP_MD5SIG_MAXKEYLEN. */
const LONGEST_PASSWORD = 80;

/**
 * A BIRD symbol for any text. Text such as `Mesh_10_0_0_2` stays as it is: a capital, small letters and a `_` begin no word of
 * BIRD's language. All other text carries a hash of what it was, so that two texts never become one name and none a keyword.
 */
export function identifier(text: string): string {
  if (/^[A-Z][a-z]+_[A-Za-z0-9_]*$/.test(text) && text.length <= LONGEST_NAME) return text;
  const safe = text.replace(/[^A-Za-z0-9_]/g, '_').slice(0, LONGEST_NAME - HASH_DIGITS - 3);
  return `N_${safe}_${hashOf(text)}`;
}

function hashOf(text: string): string {
  return [...sha256(text).subarray(0, HASH_DIGITS / 2)].map((octet) => octet.toString(16).padStart(2, '0').toUpperCase()).join('');
}

/** True where BIRD can read the text between quotes: its strings know no escape, so a quote or control character cannot be in one. */
export function isQuotable(text: string): boolean {
  return !/["\p{Cc}\p{Surrogate}]/u.test(text);
}

/** The text in quotes. Throws where it cannot be quoted, so that a template can never let one through. */
export function quote(text: string): string {
  if (!isQuotable(text)) throw new Error('a string with a quote or a control character cannot be written for BIRD');
  return `"${text}"`;
}

/** Why BIRD could not use this password, in words; undefined where it can. An empty key would mean a session without one. */
export function passwordFault(password: string): string | undefined {
  if (password === '') return 'is empty';
  if (!isQuotable(password)) return 'has a quote or a control character, which BIRD cannot read';
  if (new TextEncoder().encode(password).length > LONGEST_PASSWORD) return `is longer than ${LONGEST_PASSWORD} octets`;
  return undefined;
}

/** Text for a comment: one line without control characters. */
export function commentText(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Surrogate}]/gu, ' ');
}
