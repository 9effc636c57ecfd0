/** Reads what BIRD says of its sessions in `show protocols all`; 1.6 and 2 differ in layout, not in words. Pure. */
import type { Reply } from './control-reply.ts';

/** BIRD's counters of changes, a route at a time, by what became of them. */
export type RouteChangeStats = ReturnType<typeof changesOf>;

/** One session as BIRD sees it. */
export interface BirdSession {
  readonly name: string;
  /** `Established`, `Active`, `Passive`, ...; the protocol's own state (`down`, `start`) where BGP has none. */
  readonly state: string;
  readonly remoteId: string | undefined;
  /** Seconds agreed; 0 while there is no session. */
  readonly holdTime: number;
  readonly keepaliveTime: number;
  /** Routes held from it and sent to it; 0 while there is no session. */
  readonly imported: number;
  readonly exported: number;
  /** Of those held: best routes now. */
  readonly preferred: number;
  /** Its "Route change stats", what it does not count as 0. */
  readonly changes: RouteChangeStats;
  /** What BIRD says went wrong last. */
  readonly lastError: string | undefined;
}

const ROW = 1002;

/** Every BGP session of a reply to `show protocols all`, in the reply's order. */
export function readSessions(reply: Reply): readonly BirdSession[] {
  const sessions: { name: string; state: string; details: string[] }[] = [];
  let current: string[] | undefined;
  for (const { code, text } of reply.lines) {
    const row = code === ROW ? /^(\S+)\s+(\S+)\s+\S+\s+(\S+)\s/.exec(`${text} `) : null;
    if (row?.[1] !== undefined && !text.startsWith(' ')) {
      current = row[2] === 'BGP' ? [] : undefined;
      if (current !== undefined) sessions.push({ name: row[1], state: row[3] ?? '', details: current });
    } else current?.push(text.trim());
  }
  return sessions.map(({ name, state, details }) => sessionOf(name, state, details));
}

function sessionOf(name: string, state: string, details: readonly string[]): BirdSession {
  const value = (label: string): string | undefined =>
    details
      .find((line) => line.startsWith(`${label}:`))
      ?.slice(label.length + 1)
      .trim();
  const routes = value('Routes') ?? '';
  const count = (word: string): number => Number(new RegExp(`(\\d+) ${word}`).exec(routes)?.[1] ?? 0);
  return {
    name,
    state: value('BGP state') ?? state,
    remoteId: value('Neighbor ID'),
    holdTime: agreed(value('Hold timer')),
    keepaliveTime: agreed(value('Keepalive timer')),
    imported: count('imported'),
    exported: count('exported'),
    preferred: count('preferred'),
    changes: changesOf((label) => value(label) ?? ''),
    lastError: value('Last error'),
  };
}

/** Columns of BIRD's rows: received, rejected, filtered, ignored, accepted; `---` where one does not apply. */
function changesOf(row: (label: string) => string) {
  const columns = (label: string): readonly number[] =>
    row(label)
      .split(/\s+/)
      .map((text) => Number(text) || 0);
  const [, importRejected = 0, importFiltered = 0, importIgnored = 0, importAccepted = 0] = columns('Import updates');
  const [, , , withdrawIgnored = 0, withdrawAccepted = 0] = columns('Import withdraws');
  const [, exportRejected = 0, exportFiltered = 0, , exportAccepted = 0] = columns('Export updates');
  const [, , , , exportWithdrawn = 0] = columns('Export withdraws');
  const imports = { importRejected, importFiltered, importIgnored, importAccepted, withdrawIgnored, withdrawAccepted };
  return { ...imports, exportAccepted, exportWithdrawn, exportRejected, exportFiltered };
}

/** `LEFT/AGREED`, in seconds. */
function agreed(timer: string | undefined): number {
  return Number(/\/(\d+)/.exec(timer ?? '')?.[1] ?? 0);
}
