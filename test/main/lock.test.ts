import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockDirectories } from '../../src/main/lock.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'linnet-lock-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const at = (...names: string[]) => names.map((name) => ({ path: join(folder, name), flag: `${name}-dir` }));

describe('directory locks', () => {
  it('hold until released', async () => {
    const first = await lockDirectories(at('run', 'state'));
    await expect(lockDirectories(at('other', 'state'))).rejects.toThrow(/--state-dir .*state is in use by another running daemon/);
    await first.release();
    const second = await lockDirectories(at('other', 'state'));
    await second.release();
    expect(await readdir(join(folder, 'state'))).toEqual([]);
  });

  it('lock one directory given twice once, whatever its name', async () => {
    const first = await lockDirectories(at('run', 'run'));
    await symlink(join(folder, 'run'), join(folder, 'alias'));
    await expect(lockDirectories(at('alias'))).rejects.toThrow(/in use/);
    await first.release();
  });

  it('let daemons with other directories be', async () => {
    const locks = await Promise.all([lockDirectories(at('a')), lockDirectories(at('b'))]);
    await Promise.all(locks.map((lock) => lock.release()));
  });

  it('give back what was locked when a later directory fails', async () => {
    const holder = await lockDirectories(at('state'));
    await expect(lockDirectories(at('run', 'state'))).rejects.toThrow(/in use/);
    await (await lockDirectories(at('run'))).release();
    await holder.release();
  });

  it('are taken over from an owner that died, by one of many', async () => {
    const path = join(folder, 'run');
    const script = `const { createServer } = require('node:net'); const { mkdirSync } = require('node:fs'); mkdirSync(${JSON.stringify(path)});
      createServer().listen(${JSON.stringify(join(path, 'linnet.lock'))}, () => process.stdout.write('up'));`;
    const owner = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(owner.stdout, 'data');
    await expect(lockDirectories(at('run'))).rejects.toThrow(/in use/);
    owner.kill('SIGKILL');
    await once(owner, 'exit');
    const tries = await Promise.allSettled(Array.from({ length: 8 }, () => lockDirectories(at('run'))));
    const won = tries.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    expect(won).toHaveLength(1);
    await won[0]?.release();
    expect(await readdir(path)).toEqual([]);
  });

  it('name what cannot be written', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(lockDirectories([{ path: join(folder, 'file', 'below'), flag: 'run-dir' }])).rejects.toThrow(
      /--run-dir .*file\/below cannot be used: ENOTDIR/,
    );
  });

  it('work below a long path', async () => {
    const lock = await lockDirectories(at('d'.repeat(120)));
    await lock.release();
  });
});
