/** What self-audits put right: there is nothing for them to find, so it is shown until the daemon ends (docs/health.md, Audit). Pure. */
import type { DriftView, KernelView } from './engine-views.ts';
import type { IssueView } from './status.ts';

/** Counted since the start; from the kernel's thread and the speaker's work counters, where there are any. */
export function driftOf(kernel: KernelView | undefined, work: { readonly [counter: string]: number } | undefined): DriftView {
  return {
    announcements: work?.['driftRepaired'] ?? 0,
    ownRoutes: work?.['ownRoutesRepaired'] ?? 0,
    kernelRoutes: kernel?.drifted ?? 0,
  };
}

/** `3 announcements, 1 kernel route`; '' where nothing was. */
export function driftText({ announcements, ownRoutes, kernelRoutes }: DriftView): string {
  const counts = [
    [announcements, 'announcement'],
    [ownRoutes, 'own route'],
    [kernelRoutes, 'kernel route'],
  ] as const;
  return counts
    .filter(([count]) => count > 0)
    .map(([count, what]) => `${count} ${what}${count === 1 ? '' : 's'}`)
    .join(', ');
}

/** The issue that says so; none where nothing was. */
export function driftIssues(drift: DriftView): IssueView[] {
  const text = driftText(drift);
  if (text === '') return [];
  return [
    {
      code: 'DRIFT_REPAIRED',
      severity: 'warning',
      object: { apiVersion: 'linnet/v1', kind: 'Daemon', namespace: '', name: 'audit' },
      field: 'routes',
      got: JSON.stringify(text),
      rule: 'differed from what they should be, without anything having been heard of it, and were put right by an audit',
      source: null,
      transient: true,
    },
  ];
}
