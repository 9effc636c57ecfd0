/**
 * The interop matrix: {bird2, bird16, frr, gobgp, exabgp, openbgpd} × {client of our reflector, our reflector, eBGP} × features, one
 * scenario for all (matrix/). Each feature runs once per peer, the roles taken in turn; with LINNET_INTEROP_MATRIX=all in every role
 * (`npm run interop:all`). With LINNET_INTEROP_WRITE=1 the run writes docs/interop.md.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DaemonKind } from './harness/daemon.ts';
import { run } from './harness/exec.ts';
import { CAN_RUN, MATRIX_KINDS } from './harness/lab.ts';
import { inOrder } from './harness/steps.ts';
import { whyNot } from './matrix/cannot.ts';
import type { Cell, Role } from './matrix/cell.ts';
import { makeCell, ROLES } from './matrix/cell.ts';
import type { Feature, Group } from './matrix/features.ts';
import { GROUPS } from './matrix/features.ts';
import type { Outcome } from './matrix/table.ts';
import { formatElsewhere, formatMatrix } from './matrix/table.ts';

const ALL = process.env['LINNET_INTEROP_MATRIX'] === 'all';
const FEATURES = GROUPS.flatMap(({ features }) => features.map(({ id }) => id));

/** Time for one feature: its steps have limits of their own, which on a busy machine add up to more than the default. */
const FEATURE_MS = 240_000;

interface Plan {
  readonly kind: DaemonKind;
  readonly role: Role;
  readonly group: Group;
  readonly features: readonly Feature[];
  readonly name: string;
}

const outcomes: Outcome[] = [];

/** The groups of every pair, without what the peer cannot do; those are outcomes at once. */
function plan(): Plan[] {
  return MATRIX_KINDS.flatMap((kind, row) =>
    GROUPS.flatMap((group, column) => {
      const possible = (role: Role): readonly Feature[] => group.features.filter(({ id }) => whyNot(kind, role, id) === undefined);
      // One role for each, another for the neighbouring cells; not one in which the peer can do nothing of it.
      const turn = ROLES.map((_, index) => ROLES[(row + column + index) % ROLES.length] ?? 'ebgp');
      const roles = ALL ? ROLES : [turn.find((role) => possible(role).length > 0) ?? turn[0] ?? 'ebgp'];
      return roles.flatMap((role) => {
        for (const { id } of group.features) {
          const why = whyNot(kind, role, id);
          if (why !== undefined) outcomes.push({ kind, role, feature: id, state: 'cannot', why });
        }
        const features = possible(role);
        return features.length === 0 ? [] : [{ kind, role, group, features, name: `${kind} as ${role}: ${group.setup.name}` }];
      });
    }),
  );
}

/** The versions that the packages name, for the head of the document. */
async function versions(): Promise<string> {
  const packages = ['bird2', 'frr', 'gobgpd', 'exabgp', 'openbgpd'];
  const lines = await run('dpkg-query', ['-W', ...packages]).catch(() => '');
  return lines.trim().replaceAll('\t', ' ').split('\n').join(', ');
}

describe.skipIf(!CAN_RUN)('the interop matrix', () => {
  describe.each(plan())('$name', ({ kind, role, group, features }) => {
    let cell: Cell;
    const steps = inOrder();
    beforeAll(async () => {
      cell = await makeCell(kind, role, group.setup);
    });
    afterAll(async () => cell?.lab.close(steps.failed()));

    // It stands as failed until its check is through: also where its time is up.
    const outcome = (id: string, state: 'yes' | 'FAIL'): void => {
      const at = outcomes.findIndex((one) => one.kind === kind && one.role === role && one.feature === id);
      outcomes.splice(at < 0 ? outcomes.length : at, at < 0 ? 0 : 1, { kind, role, feature: id, state });
    };
    it.each(features)('$id', { timeout: FEATURE_MS }, async ({ id, check }) => {
      outcome(id, 'FAIL');
      await check(cell);
      outcome(id, 'yes');
    });
  });

  afterAll(async () => {
    const table = formatMatrix(outcomes, MATRIX_KINDS, FEATURES);
    const legend = 'c: the peer is a client of our reflector. r: the peer is our reflector. e: eBGP.';
    process.stdout.write(`\n${table}\n\n${legend}\n`);
    if (process.env['LINNET_INTEROP_WRITE'] !== '1') return;
    const head = [
      '# Interoperability',
      '',
      'Written by `LINNET_INTEROP_WRITE=1 npm run interop:all` from what the run found; the scenarios are test/interop/matrix/. Each cell is a session per family between',
      '`linnet speaker` and the real daemon in network namespaces, with a third speaker as source of routes to both.',
      ALL ? 'Every feature in every role.' : 'Every feature in one role a peer; `npm run interop:all` runs them all.',
      `Peers: ${await versions()}, bird 1.6.8 (bird16).`,
      '',
    ];
    writeFileSync(
      fileURLToPath(new URL('../../docs/interop.md', import.meta.url)),
      [...head, table, '', legend, '', '## In suites of their own', '', formatElsewhere(), ''].join('\n'),
    );
  });

  it('has an outcome for every feature of every peer', () => {
    for (const kind of MATRIX_KINDS)
      for (const feature of FEATURES) expect(outcomes.filter((one) => one.kind === kind && one.feature === feature)).not.toEqual([]);
  });
});
