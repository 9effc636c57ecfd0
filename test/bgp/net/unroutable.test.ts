import { isUnroutable, parsePrefix } from 'bgp-ts/net';
import { expect, it } from 'vitest';

it.each([
  ['127.0.0.0/8', true],
  ['127.0.0.1/32', true],
  ['224.0.0.0/4', true],
  ['239.1.2.3/32', true],
  ['224.0.0.0/3', true],
  ['240.0.0.0/4', false],
  ['0.0.0.0/0', false],
  ['10.0.0.0/8', false],
  ['::/0', false],
  ['::1/128', true],
  ['fe80::/10', true],
  ['fe80::/9', true],
  ['fe80::1/128', true],
  ['fec0::/10', false],
  ['ff02::1/128', true],
  ['fd00::/8', false],
  ['2001:db8::/32', false],
])('%s: %s', (text, expected) => {
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw new Error(text);
  expect(isUnroutable(prefix)).toBe(expected);
});
