/** What self-audits put right is an issue, a figure of the status and of the peers, and counted among the issues. */
import { describe, expect, it } from 'vitest';
import { driftText } from '../../src/health/drift.ts';
import { createServer } from '../../src/health/server/server.ts';
import { takeMain, takeSpeaker } from '../../src/health/state.ts';
import { issue, kernel, mainPush, peer, runningWorld, speakerPush, type World } from './fixtures.ts';

async function documentOf(world: World, url: string): Promise<unknown> {
  const app = createServer(world, 'everything');
  const { body } = await app.inject({ url });
  await app.close();
  return JSON.parse(body);
}

describe('what self-audits put right', () => {
  it('is no issue where there was nothing', async () => {
    const world = runningWorld();
    takeMain(world.state, mainPush({ kernel, issues: [issue()] }), 0);
    expect(await documentOf(world, '/api/v1/issues')).toMatchObject({ issues: [{ code: issue().code }] });
    expect(await documentOf(world, '/api/v1/status')).toMatchObject({
      drift: { announcements: 0, ownRoutes: 0, kernelRoutes: 0 },
      issues: { errors: 1, warnings: 0 },
    });
  });

  it('is one beside those of main, whichever thread it comes from', async () => {
    const world = runningWorld();
    takeMain(world.state, mainPush({ kernel: { ...kernel, drifted: 1 }, issues: [issue()] }), 0);
    const speaker = speakerPush([peer('Global_192_0_2_1')]);
    takeSpeaker(world.state, { ...speaker, work: { driftRepaired: 3, ownRoutesRepaired: 2 } }, 0);
    // Later pushes of main without a list leave it.
    takeMain(world.state, mainPush({ kernel: { ...kernel, drifted: 1 } }), 0);
    const drift = { announcements: 3, ownRoutes: 2, kernelRoutes: 1 };
    expect(await documentOf(world, '/api/v1/issues')).toMatchObject({
      issues: [
        { code: issue().code },
        {
          code: 'DRIFT_REPAIRED',
          severity: 'warning',
          object: { kind: 'Daemon', name: 'audit' },
          got: '"3 announcements, 2 own routes, 1 kernel route"',
        },
      ],
    });
    expect(await documentOf(world, '/api/v1/status')).toMatchObject({ drift, issues: { errors: 1, warnings: 1 } });
    expect(await documentOf(world, '/api/v1/peers')).toMatchObject({ drift });
    expect(world.state.issueCounts.get('warning Daemon')).toMatchObject({ count: 1 });
  });

  it.each([
    [{ announcements: 1, ownRoutes: 0, kernelRoutes: 0 }, '1 announcement'],
    [{ announcements: 0, ownRoutes: 1, kernelRoutes: 4 }, '1 own route, 4 kernel routes'],
    [{ announcements: 0, ownRoutes: 0, kernelRoutes: 0 }, ''],
  ])('%j reads %j', (drift, text) => {
    expect(driftText(drift)).toBe(text);
  });
});
