/** Finds the real daemons: BIRD 2 as installed, BIRD 1.6 unpacked in the folder that LINNET_BIRD16 names. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FileSet, Flavor } from '../../../src/confd/bird/render.ts';

/** Program and main file of each daemon of a flavour. */
export interface DaemonFile {
  readonly program: string;
  readonly main: string;
}

const unpacked = process.env['LINNET_BIRD16'] ?? '';

const DAEMONS: Readonly<Record<Flavor, readonly DaemonFile[]>> = {
  bird1: [
    { program: join(unpacked, 'usr/sbin/bird'), main: 'bird.cfg' },
    { program: join(unpacked, 'usr/sbin/bird6'), main: 'bird6.cfg' },
  ],
  bird2: [{ program: '/usr/sbin/bird', main: 'bird.conf' }],
};

/** The daemons of a flavour; empty where they are not on this machine. */
export function daemons(flavor: Flavor): readonly DaemonFile[] {
  if (flavor === 'bird1' && unpacked === '') return [];
  return DAEMONS[flavor].every(({ program }) => existsSync(program)) ? DAEMONS[flavor] : [];
}

/** The title of a suite that needs a daemon: says why it is skipped where it is. */
export function daemonTitle(title: string, flavor: Flavor): string {
  if (daemons(flavor).length > 0) return `${title} (${flavor})`;
  const missing = flavor === 'bird1' ? 'LINNET_BIRD16 names no folder with an unpacked BIRD 1.6' : 'no /usr/sbin/bird';
  return `${title} (${flavor}, skipped: ${missing})`;
}

/** What the real daemons say about a set of files: '' where they take it. */
export function realVerdict(flavor: Flavor, files: FileSet): string {
  const folder = mkdtempSync(join(tmpdir(), 'linnet-bird-'));
  try {
    for (const [name, text] of files) writeFileSync(join(folder, name), text);
    return daemons(flavor)
      .map(({ program, main }) => spawnSync(program, ['-p', '-c', join(folder, main)], { encoding: 'utf8' }))
      .map(({ status, stderr }) => (status === 0 ? '' : `exit ${status}: ${stderr}`))
      .join('');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
