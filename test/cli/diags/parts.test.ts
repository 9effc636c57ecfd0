/** Parts of the support bundle: secrets in texts, Secrets in the saved state, the archive. */
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { scrubber } from '../../../src/cli/diags/scrub.ts';
import { withoutSecrets } from '../../../src/cli/diags/state-files.ts';
import { tar } from '../../../src/cli/diags/tar.ts';

const PASSWORD = 'pl"anted pa$$word';
const JWT = `eyJhbGciOiJFUzI1NiJ9.${'a'.repeat(20)}.${'b'.repeat(20)}`;

describe('scrubber', () => {
  const clean = scrubber([PASSWORD, 'pl"anted', 'abc']);
  it.each([
    ['as it is', `md5 ${PASSWORD}!`, 'md5 [hidden]!'],
    ['in JSON', JSON.stringify({ key: PASSWORD }), '{"key":"[hidden]"}'],
    ['in base64', Buffer.from(PASSWORD).toString('base64'), '[hidden]'],
    ['a header', `authorization: Bearer ${JWT}`, 'authorization: Bearer [hidden]'],
    ['a token', `token ${JWT} end`, 'token [hidden] end'],
    ['a URL', 'proxy http://user:word@proxy.example:3128/', 'proxy http://[hidden]@proxy.example:3128/'],
    ['a key', '-----BEGIN EC PRIVATE KEY-----\nabcd\n-----END EC PRIVATE KEY-----\nmore', '[hidden]\nmore'],
    ['a short value stays: it would take words with it', 'abc', 'abc'],
    ['an ordinary text', 'peer 192.0.2.1 is up', 'peer 192.0.2.1 is up'],
  ])('%s', (_name, text, wanted) => {
    expect(clean(text)).toBe(wanted);
  });
});

describe('the saved state', () => {
  it('is all but the Secrets and what cannot be read', () => {
    const data = { key: Buffer.from(PASSWORD).toString('base64') };
    const lines = ['{"schema":"x"}', '{"kind":"Node"}', JSON.stringify({ kind: 'Secret', data }), `{"kind":"Secret","data":{"broken`];
    const { text, secrets } = withoutSecrets(lines.join('\n'));
    expect(text).toBe('{"schema":"x"}\n{"kind":"Node"}\n');
    expect(secrets).toContain(PASSWORD);
  });
});

describe('tar', () => {
  it('is read by tar', () => {
    const files = [
      { name: 'bundle/a.txt', content: 'first\n' },
      { name: 'bundle/empty', content: '' },
      { name: 'bundle/long', content: 'ü'.repeat(700) },
    ];
    const archive = tar(files, 1_700_000_000_000);
    const read = (...args: string[]): string => execFileSync('tar', args, { input: archive, encoding: 'utf8' });
    expect(read('-tf', '-').split('\n')).toEqual([...files.map(({ name }) => name), '']);
    for (const { name, content } of files) expect(read('-xOf', '-', name)).toBe(content);
  });
});
