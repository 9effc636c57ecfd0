/** What may reach a BIRD file: names, strings, comments. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commentText, identifier, isQuotable, passwordFault, quote } from '../../../src/confd/bird/names.ts';

const hostile = fc.oneof(fc.string({ unit: 'binary' }), fc.string(), fc.stringMatching(/^["\n\r;#{}]{1,8}$/));

describe('identifiers', () => {
  it.each(['Mesh_10_0_0_2', 'Global_fd00__1_port_1790'])('keeps %s', (name) => {
    expect(identifier(name)).toBe(name);
  });

  it('is always a symbol that BIRD takes', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(identifier(text)).toMatch(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/);
      }),
    );
  });

  it.each(['export', 'bgp_path', 'from', 'RTS_BGP', 'all'])('never makes a word of the language of %s', (word) => {
    expect(identifier(word)).toMatch(/^N_/);
  });

  it('keeps two texts apart', () => {
    expect(new Set(['a b', 'a_b', 'a-b', 'a\nb', '', 'Mesh_1', 'Mesh-1'].map(identifier)).size).toBe(7);
    const long = 'x'.repeat(200);
    expect(identifier(`${long}1`)).not.toBe(identifier(`${long}2`));
  });
});

describe('strings', () => {
  it('are quoted or refused, never escaped', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        if (isQuotable(text)) expect(quote(text)).toBe(`"${text}"`);
        else expect(() => quote(text)).toThrow('cannot be written for BIRD');
      }),
    );
  });

  it.each(['"', 'a\nb', 'a\u0000', '\u007f', '\u0085', '\ud800'])('cannot be %j', (text) => {
    expect(isQuotable(text)).toBe(false);
  });

  it('a refusal does not show the string', () => {
    expect(() => quote('geheim"')).toThrow(/^(?!.*geheim)/);
  });
});

describe('passwords', () => {
  it.each([
    ['', 'is empty'],
    ['"; include "/etc/passwd', 'has a quote'],
    ['x'.repeat(81), 'is longer than 80 octets'],
    ['ü'.repeat(41), 'is longer than 80 octets'],
  ])('%j is refused', (password, why) => {
    expect(passwordFault(password)).toContain(why);
  });

  it.each(['x', 'x'.repeat(80), "; # { } \\ ' $", 'schön'])('%j is taken', (password) => {
    expect(passwordFault(password)).toBeUndefined();
  });
});

it('comments are one line', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      expect(commentText(text)).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
    }),
  );
});
