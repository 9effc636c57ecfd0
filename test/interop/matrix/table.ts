/** What a run of the matrix found, as a table for people: peers down, features across, and the reasons below it. Pure. */
import type { DaemonKind } from '../harness/daemon.ts';
import type { Role } from './cell.ts';

/** How one cell ended; `why` for what the peer cannot do. */
export interface Outcome {
  readonly kind: DaemonKind;
  readonly role: Role;
  readonly feature: string;
  readonly state: 'yes' | 'FAIL' | 'cannot';
  readonly why?: string;
}

const LETTER: { readonly [role in Role]: string } = { client: 'c', reflector: 'r', ebgp: 'e' };

function stateOf(outcomes: readonly Outcome[], number: (why: string) => number): string {
  const of = (state: Outcome['state']): readonly Outcome[] => outcomes.filter((one) => one.state === state);
  const letters = (some: readonly Outcome[]): string => some.map(({ role }) => LETTER[role]).join('');
  const parts: string[] = [];
  if (of('FAIL').length > 0) parts.push(`FAIL ${letters(of('FAIL'))}`);
  if (of('yes').length > 0) parts.push(`yes ${letters(of('yes'))}`);
  for (const why of new Set(of('cannot').map((one) => one.why ?? ''))) {
    const which = of('cannot').filter((one) => one.why === why);
    parts.push(which.length === outcomes.length ? `cannot (${number(why)})` : `cannot ${letters(which)} (${number(why)})`);
  }
  return parts.join(', ') || '–';
}

/** The table as Markdown; features in the order given. */
export function formatMatrix(outcomes: readonly Outcome[], kinds: readonly DaemonKind[], features: readonly string[]): string {
  const whys: string[] = [];
  const number = (why: string): number => {
    if (!whys.includes(why)) whys.push(why);
    return whys.indexOf(why) + 1;
  };
  const rows = features.map((feature) => {
    const cells = kinds.map((kind) =>
      stateOf(
        outcomes.filter((one) => one.kind === kind && one.feature === feature),
        number,
      ),
    );
    return `| ${[feature, ...cells].join(' | ')} |`;
  });
  const head = [`| ${['feature', ...kinds].join(' | ')} |`, `|${' --- |'.repeat(kinds.length + 1)}`];
  return [...head, ...rows, '', ...whys.map((why, index) => `${index + 1}. ${why}`)].join('\n');
}

/** Features that one suite each shows at a real peer, in one role: rows of feature, peers, file in test/interop. */
const ELSEWHERE: readonly (readonly [feature: string, peers: string, file: string])[] = [
  ['long-lived graceful restart (RFC 9494)', 'frr', 'session-end'],
  ['its stale routes at peers without the capability', 'frr, bird2', 'llgr-partial'],
  ['NOTIFICATION with the N bit, hard reset (RFC 8538)', 'frr', 'session-end'],
  ['End-of-RIB late, missing, of one of three (RFC 4724)', 'bird2, gobgp, frr', 'gr-end-of-rib'],
  ['restarts without a lost packet or route', 'bird2, frr', 'loss'],
  ['limits of prefixes in and out, Out of Resources, first AS, send hold (RFC 9687)', 'frr', 'limits'],
  ['AS of its own, our AS in a path, passive, DelayOpen, RFC 8212', 'frr', 'options'],
  ['cluster ids of neighbours, no reflection between clients (RFC 4456)', 'frr', 'options'],
  ['best N of several paths (RFC 7911), words of a shutdown (RFC 9003)', 'frr', 'options'],
  ['IPv4 over IPv6 next hops (RFC 8950)', 'frr', 'next-hop'],
  ['MED modes (RFC 4451)', 'bird2', 'med'],
  ['ECMP behind the reflector, diverse paths (RFC 6774)', 'frr, bird2', 'multipath'],
  ['dynamic neighbour ranges, with MD5', 'bird2, frr, gobgp', 'ranges'],
  ['MD5 and GTSM changed while sessions are up', 'bird2, frr, gobgp', 'security'],
];

/** The same as Markdown. */
export function formatElsewhere(): string {
  const rows = ELSEWHERE.map(([feature, peers, file]) => `| ${feature} | ${peers} | ${file}.test.ts |`);
  return ['| feature | peers | test/interop/ |', '| --- | --- | --- |', ...rows].join('\n');
}
