/** A BIRD driver with real daemons in a network namespace of their own, so that no route of theirs reaches this machine. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openControl } from '../../../src/confd/bird/control.ts';
import { type BirdDriver, type BirdOptions, createBirdDriver } from '../../../src/confd/bird/driver.ts';
import type { Flavor } from '../../../src/confd/bird/render.ts';
import { SILENT_LOG } from '../../../src/confd/log.ts';
import { daemons } from './daemons.ts';

const UNSHARE = process.getuid?.() === 0 ? ['unshare', '-n'] : ['unshare', '-rn'];

/** True where this user may make the namespace and the daemons are here. */
export function canRun(flavor: Flavor): boolean {
  return daemons(flavor).length > 0 && spawnSync('unshare', [...UNSHARE.slice(1), 'true']).status === 0;
}

/** A driver and what its daemons say. */
export interface TestEngine {
  readonly driver: BirdDriver;
  readonly folder: string;
  readonly sockets: readonly string[];
  /** Names of BGP sessions, sorted. */
  peers(): Promise<readonly string[]>;
  /** Prefixes of static routes, sorted. */
  routes(): Promise<readonly string[]>;
  /** Removes its folder; after `stop`. */
  remove(): void;
}

/** Command of each daemon of a flavour, inside the namespace. */
export function namespaced(flavor: Flavor): BirdOptions['commands'] {
  const [bird, bird6 = bird] = daemons(flavor).map(({ program }) => [...UNSHARE, program]);
  if (bird === undefined || bird6 === undefined) throw new Error(`no daemons of ${flavor}`);
  return { bird, bird6 };
}

/** Makes the driver; nothing runs before its `start`. */
export function testEngine(
  flavor: Flavor,
  more: Partial<BirdOptions> = {},
  folder = mkdtempSync(join(tmpdir(), 'linnet-engine-')),
): TestEngine {
  const driver = createBirdDriver({
    options: {
      flavor,
      commands: namespaced(flavor),
      mode: 'start',
      configDirectory: join(folder, 'conf'),
      socketDirectory: folder,
      view: {},
      ...more,
    },
    log: SILENT_LOG,
    issuesChanged: () => undefined,
  });
  const sockets = (flavor === 'bird1' ? ['bird.ctl', 'bird6.ctl'] : ['bird.ctl']).map((name) => join(folder, name));
  const ask = async (command: string, pattern: RegExp): Promise<readonly string[]> => {
    const lines = (await Promise.all(sockets.map((socket) => askBird(socket, command)))).flat();
    return lines.flatMap((line) => pattern.exec(line)?.[1] ?? []).sort();
  };
  return {
    driver,
    folder,
    sockets,
    peers: () => ask('show protocols', /^(\S+)\s+BGP\s/),
    routes: () => ask('show route where source = RTS_STATIC', /^(\S+\/\d+)\s/),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Lines of one reply. */
export async function askBird(socket: string, command: string): Promise<readonly string[]> {
  const control = await openControl(socket);
  try {
    return (await control.command(command)).lines.map(({ text }) => text);
  } finally {
    control.close();
  }
}
