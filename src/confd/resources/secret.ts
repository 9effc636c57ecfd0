/** Secret: values are wrapped at once, and no issue ever shows one. */
import { type At, fault, fields, inside, isAbsent, isRecord, type Parser, warn } from './fields.ts';
import { secretValue } from './secret-value.ts';
import type { SecretResource, SecretValue } from './types.ts';
import { scalarText } from './values.ts';

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

const encoded: Parser<SecretValue> = (value, at) => {
  const body = typeof value === 'string' ? value.replace(/[\r\n]/g, '') : undefined;
  if (body === undefined || !BASE64.test(body)) return fault(at, value, 'is not base64');
  const octets = Uint8Array.from(atob(body), (character) => character.charCodeAt(0));
  try {
    return secretValue(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets));
  } catch {
    return warn(at, value, 'is no UTF-8 text, so it is no password: left out');
  }
};

const plain: Parser<SecretValue> = (value, at) => {
  const found = scalarText(value);
  return found === undefined ? fault(at, value, 'is not text') : secretValue(found);
};

function mapOf(parser: Parser<SecretValue>): Parser<ReadonlyMap<string, SecretValue>> {
  return (value, at) => {
    if (!isRecord(value)) return fault(at, value, 'is not a mapping');
    const out = new Map<string, SecretValue>();
    for (const [key, raw] of Object.entries(value)) {
      const here = inside(at, key);
      if (!/^[-._a-zA-Z0-9]{1,253}$/.test(key)) fault(here, key, 'is under a key that a Secret cannot have');
      const parsed = isAbsent(raw) ? secretValue('') : parser(raw, here);
      if (parsed !== undefined) out.set(key, parsed);
    }
    return out;
  };
}

const readSecret = fields(
  { data: mapOf(encoded), stringData: mapOf(plain) },
  { ignored: ['apiVersion', 'kind', 'metadata', 'type', 'immutable'] },
);

/** What a Secret gives beside its reference and labels. */
export type SecretBody = Omit<SecretResource, 'ref' | 'labels' | 'source'>;

/** Parses a Secret; stringData overrides data, as in the API server. */
export function secret(raw: unknown, root: At): SecretBody | undefined {
  const found = readSecret(raw, root);
  return found === undefined ? undefined : { kind: 'Secret', data: new Map([...(found.data ?? []), ...(found.stringData ?? [])]) };
}
