/** Takes secrets out of texts: the values that this host is known to hold, and what looks like a token or a key. */

/** Shorter values would take ordinary words with them. */
const LEAST = 4;
const HIDDEN = '[hidden]';

const PATTERNS: readonly (readonly [RegExp, string])[] = [
  // Tokens of accounts, in headers or alone (RFC 7519).
  [/\bBearer\s+[\w.~+/=-]+/gi, `Bearer ${HIDDEN}`],
  [/\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}/g, HIDDEN],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, HIDDEN],
  // User names and passwords in URLs.
  [/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@"']+@/gi, `$1${HIDDEN}@`],
];

/** Makes the function that cleans a text of these values, as they are, in base64 and as JSON writes them. */
export function scrubber(secrets: Iterable<string>): (text: string) => string {
  const forms = new Set<string>();
  for (const secret of secrets) {
    if (secret.length < LEAST) continue;
    for (const form of [secret, Buffer.from(secret).toString('base64'), JSON.stringify(secret).slice(1, -1)]) forms.add(form);
  }
  // The longest first: one may be the beginning of another.
  const values = [...forms].sort((a, b) => b.length - a.length);
  return (text) => {
    const without = values.reduce((rest, value) => rest.replaceAll(value, HIDDEN), text);
    return PATTERNS.reduce((rest, [pattern, replacement]) => rest.replaceAll(pattern, replacement), without);
  };
}
