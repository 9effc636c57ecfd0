import { describe, expect, it } from 'vitest';
import { formatIssue } from '../../src/confd/resources/issue.ts';
import { kernelIssues } from '../../src/main/kernel-issues.ts';
import type { KernelStatus } from '../../src/routes/kernel/sync-types.ts';

const WELL: KernelStatus = {
  ...{ installed: 3, best: 3, unreachable: 0, taken: 0, failed: 0, failure: '', repaired: 1, drifted: 0, readings: 2, overruns: 1 },
  ...{ batches: 1, batchMs: 1, slowestBatchMs: 1, nexthopObjects: true, kept: 0 },
};

const told = (status: KernelStatus | undefined, trouble = ''): readonly string[] =>
  kernelIssues(status, trouble).map((issue) => `${issue.severity} ${issue.code} ${formatIssue(issue)}`);

describe("the kernel's issues", () => {
  it('are none where all is there, whatever was repaired', () => {
    expect([told(undefined), told(WELL)]).toEqual([[], []]);
  });

  it('name how many routes, and one of those refused', () => {
    expect(told({ ...WELL, failed: 2, failure: '10.1.0.0/26: ENETUNREACH', taken: 3, unreachable: 4 })).toEqual([
      'error KERNEL_REFUSED Daemon/kernel routes: "2 routes" are not in the kernel, such as 10.1.0.0/26: ENETUNREACH',
      'warning KERNEL_ROUTE_TAKEN Daemon/kernel routes: "3 routes" are written by somebody else with the same metric, and left to them',
      'warning KERNEL_UNREACHABLE Daemon/kernel routes: "4 routes" have a next hop that no route of this node leads to',
    ]);
  });

  it('say that the kernel is out of reach, also before its first figures', () => {
    const lost = 'error KERNEL_LOST Daemon/kernel routes: "ENOBUFS" keeps routes from being read or written; it is tried again';
    expect([told(undefined, 'ENOBUFS'), told(WELL, 'ENOBUFS')]).toEqual([[lost], [lost]]);
  });
});
