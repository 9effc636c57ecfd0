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
