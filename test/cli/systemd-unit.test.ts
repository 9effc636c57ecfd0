/** The systemd unit of a bare speaker: systemd takes it, its command line is one that exists, and nothing of its hardening got lost. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { afterAll, describe, expect, it } from 'vitest';
import { define } from '../../src/cli/speaker.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const text = await readFile(join(root, 'deploy/systemd/linnet-speaker.service'), 'utf8');
const folder = await mkdtemp(join(tmpdir(), 'linnet-unit-'));
const ANALYZE = ['/usr/bin/systemd-analyze', '/bin/systemd-analyze'].find((path) => existsSync(path));

/** Values of a key, in order. */
const values = (key: string): string[] => [...text.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map((match) => match[1] ?? '');

afterAll(async () => rm(folder, { recursive: true }));

describe('linnet-speaker.service', () => {
  it('starts the speaker with options that it has', () => {
    const command = speakerCommandLine();
    const [, , ...words] = (values('ExecStart')[0] ?? '').split(' ');
    const options = words.filter((word) => word.startsWith('--'));
    expect(options).toEqual(['--planned', '--state-dir', '--status']);
    expect(options.filter((option) => !command.options.some(({ long }) => long === option))).toEqual([]);
    expect(values('ExecReload')).toEqual(['/bin/kill -HUP $MAINPID']);
  });

  it('gives it port 179 and little else', () => {
    const granted = ['CAP_NET_BIND_SERVICE CAP_NET_RAW'];
    expect([values('AmbientCapabilities'), values('CapabilityBoundingSet')]).toEqual([granted, granted]);
    for (const key of ['NoNewPrivileges', 'DynamicUser', 'ProtectHome', 'PrivateTmp', 'RestrictNamespaces', 'LockPersonality'])
      expect([key, values(key)]).toEqual([key, ['yes']]);
    expect(values('ProtectSystem')).toEqual(['strict']);
    expect([values('StateDirectory'), values('RuntimeDirectory')]).toEqual([['linnet'], ['linnet']]);
  });

  it.skipIf(ANALYZE === undefined)('is one that systemd takes', async () => {
    // Where the program is not installed systemd finds fault with that alone: another program stands in for it.
    const file = join(folder, 'linnet-speaker.service');
    await writeFile(file, text.replace('/usr/bin/linnet', process.execPath));
    const said = await new Promise<string>((resolve) => {
      execFile(ANALYZE ?? '', ['verify', '--man=no', file], (error, out, err) =>
        resolve(`${error === null ? '' : error.message}${out}${err}`),
      );
    });
    expect(said.split('\n').filter((line) => line.includes('linnet-speaker'))).toEqual([]);
  });
});

function speakerCommandLine(): Command {
  const command = new Command('speaker');
  define(command, { environment: {}, exit: 0 });
  return command;
}
