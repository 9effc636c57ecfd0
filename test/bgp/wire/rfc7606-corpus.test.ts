/**
 * Malformed attributes with the outcome that RFC 7606 asks for by session type, from the reference corpus: each becomes an
 * UPDATE that announces one prefix, and the decoder's verdict is compared. OAD sessions count as external ones here.
 */
import { readFileSync } from 'node:fs';
import { addressOctets, parseAddress } from 'bgp-ts/net';
import type { RawAttribute } from 'bgp-ts/wire';
import { canonicalAttributes, findAttribute, joinAttributes, scanUpdate, worstFault } from 'bgp-ts/wire';
import { describe, expect, it } from 'vitest';
import { corpusAbsent, corpusFiles, corpusTitle } from '../../shared.ts';
import { FULL_CONTEXT } from './arbitraries.ts';
import { hex } from './hex.ts';

type Outcome = 'withdraw' | 'discard' | 'session-reset' | 'accept';

interface MalformedCase {
  readonly name: string;
  readonly attrType: number | null;
  readonly flags: number;
  readonly valueHex: string;
  readonly nexthop: string | null;
  readonly spec: string;
  readonly expect: { readonly [session: string]: string };
}

/** Where the corpus records another implementation's choice against the text of an RFC. */
const DEVIATIONS = [
  {
    applies: (row: MalformedCase, expected: Outcome): boolean => row.attrType === 17 && expected === 'withdraw',
    outcome: 'discard' as const,
    because:
      'RFC 6793 section 6: a malformed AS4_PATH, or one from a peer with 4-octet AS numbers, MUST be discarded and the UPDATE processed',
  },
];

/** An UPDATE body with good mandatory attributes, the case's one in place of its twin, and one IPv4 prefix. */
function updateBody(row: MalformedCase, internal: boolean): Uint8Array {
  const nextHop = parseAddress(row.nexthop ?? '192.0.2.1');
  if (nextHop === undefined) throw new Error(`next hop of ${row.name}`);
  const good: RawAttribute[] = [
    { code: 1, flags: 0x40, value: Uint8Array.of(0) },
    { code: 2, flags: 0x40, value: internal ? new Uint8Array(0) : hex('0201 0000fde9') },
    { code: 3, flags: 0x40, value: addressOctets(nextHop) },
    ...(internal ? [{ code: 5, flags: 0x40, value: hex('00000064') }] : []),
  ];
  const parts = good.filter((part) => part.code !== row.attrType);
  if (row.attrType !== null) parts.push({ code: row.attrType, flags: row.flags, value: hex(row.valueHex) });
  const block = joinAttributes(parts);
  return Uint8Array.of(0, 0, block.length >>> 8, block.length & 255, ...block, 24, 198, 51, 100);
}

function verdict(row: MalformedCase, session: string): Outcome {
  const internal = !session.startsWith('ebgp');
  const ctx = { ...FULL_CONTEXT, external: !internal };
  const scanned = scanUpdate(updateBody(row, internal), ctx);
  if (!scanned.ok) return 'session-reset';
  const [run] = scanned.value.announced;
  if (run === undefined) return 'withdraw';
  const canonical = canonicalAttributes(scanned.value.attributes, run.nextHop, ctx);
  const worst = worstFault([...scanned.value.faults, ...canonical.faults])?.outcome;
  if (worst === 'session-reset') return 'session-reset';
  if (worst === 'treat-as-withdraw') return 'withdraw';
  return row.attrType !== null && findAttribute(canonical.octets, row.attrType) === undefined ? 'discard' : 'accept';
}

/** Other words for the outcomes. */
const WORDS: { readonly [word: string]: Outcome } = {
  withdraw: 'withdraw',
  'treat-as-withdraw': 'withdraw',
  discard: 'discard',
  'attribute-discard': 'discard',
  'session-reset': 'session-reset',
  reset: 'session-reset',
  accept: 'accept',
  accepted: 'accept',
  ok: 'accept',
};

/** Sessions that this speaker has. */
const SESSIONS = ['ebgp', 'ebgp-oad', 'ibgp', 'ibgp-rr', 'rr-client'];

/** True for a row of such a table: other JSON lies beside it. */
function isCase(row: unknown): row is MalformedCase {
  return typeof row === 'object' && row !== null && 'attrType' in row && 'valueHex' in row && 'expect' in row;
}

function readCases(file: string): MalformedCase[] {
  const rows: unknown = JSON.parse(readFileSync(file, 'utf8'));
  return Array.isArray(rows) ? rows.filter(isCase) : [];
}

const rows = corpusFiles(/\.json$/).flatMap(readCases);
const all = rows.flatMap((row) =>
  Object.entries(row.expect).map(([session, word]) => ({
    row,
    session,
    word: word.replaceAll('_', '-').toLowerCase(),
    title: `${row.name} from ${session}`,
  })),
);
const cells = all.flatMap(({ word, ...cell }) => {
  const expected = WORDS[word];
  return expected === undefined || !SESSIONS.includes(cell.session) ? [] : [{ ...cell, expected }];
});
const skipped = all
  .filter(({ word, session }) => WORDS[word] === undefined || !SESSIONS.includes(session))
  .map(({ title, word }) => `${title} (skipped: "${word}" from such a session is nothing this speaker has)`);

describe.skipIf(corpusAbsent(all.length))(corpusTitle('RFC 7606 outcomes by session type'), () => {
  it('are there', () => {
    expect(all.length).toBeGreaterThan(0);
  });

  it.each(cells)('$title', ({ row, session, expected }) => {
    const deviation = DEVIATIONS.find(({ applies }) => applies(row, expected));
    expect(verdict(row, session), deviation?.because ?? row.spec).toBe(deviation?.outcome ?? expected);
  });

  for (const title of skipped) it.skipIf(true)(title, () => undefined);
});
