/** What is wrong with the kernel's routes, as issues of the daemon. Pure. */
import type { Issue } from '../confd/resources/types.ts';
import type { KernelStatus } from '../routes/kernel/sync-types.ts';

/**
 * Issues of the kernel's thread. `status` is undefined before its first figures; `trouble`: why the kernel's routes cannot be read or written
 * at present, '' where they can.
 */
export function kernelIssues(status: KernelStatus | undefined, trouble: string): readonly Issue[] {
  const issues: Issue[] = [];
  if (trouble !== '')
    issues.push(kernelIssue('KERNEL_LOST', 'error', trouble, 'keeps routes from being read or written; it is tried again'));
  if (status === undefined) return issues;
  const { failed, failure, taken, unreachable } = status;
  if (failed > 0) issues.push(kernelIssue('KERNEL_REFUSED', 'error', `${failed} routes`, `are not in the kernel, such as ${failure}`));
  if (taken > 0) {
    const rule = 'are written by somebody else with the same metric, and left to them';
    issues.push(kernelIssue('KERNEL_ROUTE_TAKEN', 'warning', `${taken} routes`, rule));
  }
  if (unreachable > 0)
    issues.push(
      kernelIssue('KERNEL_UNREACHABLE', 'warning', `${unreachable} routes`, 'have a next hop that no route of this node leads to'),
    );
  return issues;
}

function kernelIssue(code: string, severity: Issue['severity'], got: string, rule: string): Issue {
  const object = { apiVersion: 'linnet/v1', kind: 'Daemon', namespace: '', name: 'kernel' };
  return { code, severity, object, field: 'routes', got: JSON.stringify(got), rule, source: null, transient: true };
}
