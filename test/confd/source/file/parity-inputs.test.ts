import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatIssueAt } from '../../../../src/confd/resources/issue.ts';
import { checkDirectory } from '../../../../src/confd/source/file/check.ts';
import { REAL_CLOCK } from '../../../../src/main/clock.ts';
import { sharedFolder } from '../../../shared.ts';

function scenarios(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true });
  const here = entries.some((entry) => entry.name.endsWith('.yaml')) ? [folder] : [];
  return [...here, ...entries.filter((entry) => entry.isDirectory()).flatMap((entry) => scenarios(join(folder, entry.name)))];
}

const shared = sharedFolder();

describe.skipIf(shared === undefined)('recorded inputs load without an error', () => {
  const inputs = join(shared ?? '', 'parity', 'inputs');
  it.each(shared === undefined ? [] : scenarios(inputs).map((folder) => folder.slice(inputs.length + 1)))('%s', async (name) => {
    const { issues, objects } = await checkDirectory(join(inputs, name), REAL_CLOCK);
    expect(issues.filter(({ severity }) => severity === 'error').map(formatIssueAt)).toEqual([]);
    expect(objects).toBeGreaterThan(0);
  });
});
