/** The driver with real daemons: they die, hang, refuse, are run by somebody else, and outlive the process that started them. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { BirdOptions } from '../../../src/confd/bird/driver.ts';
import type { Flavor } from '../../../src/confd/bird/render.ts';
import { address, desired, peer, route } from '../native/fixtures.ts';
import { daemonTitle } from './daemons.ts';
import { askBird, canRun, namespaced, type TestEngine, testEngine } from './engine.ts';

const never = new AbortController().signal;
const node = (number: number, more: Parameters<typeof peer>[0] = {}) =>
  peer({ id: `Node_${number}`, address: address(`192.0.2.${number}`), ...more });

const engines: TestEngine[] = [];
const children: ChildProcess[] = [];
afterEach(async () => {
  await Promise.all(engines.splice(0).map(async ({ driver, remove }) => driver.stop(false).then(remove)));
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function make(flavor: Flavor, more: Partial<BirdOptions> = {}, folder?: string): TestEngine {
  const engine = testEngine(flavor, more, folder);
  engines.push(engine);
  return engine;
}

async function running(flavor: Flavor, more: Partial<BirdOptions> = {}): Promise<TestEngine> {
  const engine = make(flavor, more);
  await engine.driver.start(never);
  await engine.driver.apply(desired({ peers: [node(2)] }), never);
  return engine;
}

/** Throws while the file is not written yet: an empty one must never become process 0, which is the whole group. */
function pidOf({ folder }: TestEngine): number {
  const pid = Number(readFileSync(join(folder, 'bird.ctl.pid'), 'utf8'));
  if (!Number.isInteger(pid) || pid <= 1) throw new Error('no process id yet');
  return pid;
}

/** Kills BIRD where it runs; it may be between two lives. */
function killNow(engine: TestEngine): void {
  try {
    process.kill(pidOf(engine), 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && /ESRCH|ENOENT|no process id yet/.test(error.message))) throw error;
  }
}

/** Waits for something that the daemons do in their own time. */
async function eventually<T>(look: () => T | Promise<T>, wanted: (value: T) => boolean): Promise<T> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const value = await Promise.resolve()
      .then(look)
      .catch(() => undefined);
    if (value !== undefined && wanted(value)) return value;
    if (performance.now() > deadline) throw new Error(`still ${JSON.stringify(value)}`);
    await pause(20);
  }
}

describe.each<Flavor>(['bird2', 'bird1'])('driver', (flavor) => {
  describe.skipIf(!canRun(flavor))(daemonTitle('with real daemons', flavor), () => {
    it('brings BIRD back when it is killed, with what it should hold by then', async () => {
      const engine = await running(flavor);
      process.kill(pidOf(engine), 'SIGKILL');
      const result = await engine.driver.apply(desired({ peers: [node(2), node(3)] }), never);
      expect(result.issues).toEqual([]);
      expect(await engine.peers()).toEqual(['Node_2', 'Node_3']);
      expect(engine.driver.engineIssues()).toEqual([]);
    });

    it('brings BIRD back when nothing is asked of it', async () => {
      const engine = await running(flavor);
      const before = pidOf(engine);
      process.kill(before, 'SIGKILL');
      await eventually(
        () => pidOf(engine),
        (pid) => pid !== before,
      );
      expect(
        await eventually(
          () => engine.peers(),
          (peers) => peers.length > 0,
        ),
      ).toEqual(['Node_2']);
    });

    it('survives a kill at any moment of a series of changes', { timeout: 60_000 }, async () => {
      const engine = await running(flavor);
      for (let round = 0; round < 12; round += 1) {
        const applied = engine.driver.apply(
          desired({ peers: [node(2), node(3 + round)], advertise: [route(`198.51.100.${round}/32`)] }),
          never,
        );
        await pause(round * 7);
        killNow(engine);
        await applied;
      }
      const last = desired({ peers: [node(9)], advertise: [route('198.51.100.9/32')] });
      expect((await engine.driver.apply(last, never)).issues).toEqual([]);
      expect([await engine.peers(), await engine.routes()]).toEqual([['Node_9'], ['198.51.100.9/32']]);
    });

    it('a peer that BIRD rejects costs that peer', async () => {
      const engine = await running(flavor);
      // No AS number is above 32 bits.
      const { issues } = await engine.driver.apply(desired({ peers: [node(2), node(3, { remoteAs: 2 ** 33 }), node(4)] }), never);
      expect(issues.map(({ code, got }) => [code, got])).toEqual([['PEER_REJECTED_BY_BIRD', '"Node_3"']]);
      expect(await engine.peers()).toEqual(['Node_2', 'Node_4']);
    });

    it('keeps the last good set where the whole is rejected', async () => {
      const engine = await running(flavor);
      const { issues, touched } = await engine.driver.apply(desired({ routerId: 'nonsense;', peers: [node(3)] }), never);
      expect([issues.map(({ code }) => code), touched.peers]).toEqual([['BIRD_CONFIG_REJECTED'], 0]);
      expect(await engine.peers()).toEqual(['Node_2']);
      expect((await engine.driver.apply(desired({ peers: [node(3)] }), never)).issues).toEqual([]);
    });

    it('changes nothing and asks nothing for the same state', async () => {
      const engine = await running(flavor);
      const set = readlinkSync(join(engine.folder, 'conf', 'current'));
      await engine.driver.apply(desired({ peers: [node(2)] }), never);
      expect(readlinkSync(join(engine.folder, 'conf', 'current'))).toBe(set);
      expect(readdirSync(join(engine.folder, 'conf')).filter((name) => name.startsWith('set-'))).toHaveLength(1);
    });

    it('reconfigures once a change, and says so only when it is in force', async () => {
      const engine = await running(flavor);
      const socket = engine.sockets[0] ?? '';
      const configured = async (): Promise<string> =>
        (await askBird(socket, 'show status')).find((line) => line.startsWith('Last reconfiguration')) ?? '';
      await engine.driver.apply(desired({ peers: [node(2), node(3)] }), never);
      expect(await engine.peers()).toEqual(['Node_2', 'Node_3']);
      const at = await configured();
      await engine.driver.apply(desired({ peers: [node(2), node(3)] }), never);
      expect(await configured()).toBe(at);
    });

    it('says that BIRD hangs, and goes on when it is back', { timeout: 60_000 }, async () => {
      const engine = await running(flavor);
      const pid = pidOf(engine);
      process.kill(pid, 'SIGSTOP');
      expect((await engine.driver.apply(desired({ peers: [node(3)] }), never)).issues).toEqual([]);
      expect(engine.driver.engineIssues().map(({ code, transient }) => [code, transient])).toEqual([['BIRD_UNREACHABLE', true]]);
      process.kill(pid, 'SIGCONT');
      // Nothing else is applied: what it missed reaches it by itself.
      await eventually(
        () => engine.peers(),
        (peers) => peers.includes('Node_3'),
      );
      await eventually(
        () => engine.driver.engineIssues(),
        (issues) => issues.length === 0,
      );
      expect(await engine.peers()).toEqual(['Node_3']);
    });

    it('takes over the BIRD that a process before it left running', async () => {
      const first = await running(flavor);
      const pid = pidOf(first);
      const second = make(flavor, {}, first.folder);
      await second.driver.start(never);
      expect((await second.driver.apply(desired({ peers: [node(2), node(3)] }), never)).issues).toEqual([]);
      expect([pidOf(second), await second.peers()]).toEqual([pid, ['Node_2', 'Node_3']]);
      await second.driver.stop(true);
      await eventually(
        () => spawnSync('kill', ['-0', String(pid)]).status,
        (status) => status !== 0,
      );
    });

    it('starts with the last good files before anything is applied', async () => {
      const first = await running(flavor);
      await first.driver.stop(false);
      const second = make(flavor, {}, first.folder);
      await second.driver.start(never);
      expect(
        await eventually(
          () => second.peers(),
          (peers) => peers.length > 0,
        ),
      ).toEqual(['Node_2']);
    });

    it('does not use a BIRD that reads other files', async () => {
      const engine = make(flavor);
      const other = join(engine.folder, 'other');
      mkdirSync(other);
      writeFileSync(join(other, 'x.conf'), 'router id 192.0.2.1;\nprotocol device { }\n');
      for (const [index, socket] of engine.sockets.entries()) {
        const [program = '', ...args] = index === 0 ? namespaced(flavor).bird : namespaced(flavor).bird6;
        children.push(
          spawn(program, [...args, '-f', '-c', join(other, 'x.conf'), '-s', socket, '-P', `${socket}.pid`], { stdio: 'ignore' }),
        );
        await eventually(
          () => askBird(socket, 'show status'),
          (lines) => lines.length > 0,
        );
      }
      await engine.driver.start(never);
      await engine.driver.apply(desired(), never);
      expect(new Set(engine.driver.engineIssues().map(({ code }) => code))).toEqual(new Set(['BIRD_REFUSED']));
      await engine.driver.stop(false);
      for (const socket of engine.sockets) expect(await askBird(socket, 'show status')).not.toEqual([]);
    });

    it('attaches to a BIRD that somebody else runs, and leaves it running', async () => {
      const engine = make(flavor, { mode: 'attach' });
      await engine.driver.start(never);
      const applied = engine.driver.apply(desired({ peers: [node(2)] }), never);
      // The same place by another name.
      symlinkSync(join(engine.folder, 'conf'), join(engine.folder, 'alias'));
      await eventually(
        () => readlinkSync(join(engine.folder, 'conf', 'current')),
        () => true,
      );
      for (const [index, socket] of engine.sockets.entries()) {
        const [program = '', ...args] = index === 0 ? namespaced(flavor).bird : namespaced(flavor).bird6;
        const main = flavor === 'bird2' ? 'bird.conf' : index === 0 ? 'bird.cfg' : 'bird6.cfg';
        children.push(
          spawn(program, [...args, '-f', '-c', join(engine.folder, 'alias', 'current', main), '-s', socket, '-P', `${socket}.pid`], {
            stdio: 'ignore',
          }),
        );
      }
      expect((await applied).issues).toEqual([]);
      await engine.driver.stop(false);
      expect(await engine.peers()).toEqual(['Node_2']);
    });

    it('says what is wrong with a program that is not there', async () => {
      const missing = ['/nonexistent/bird'];
      const engine = make(flavor, { commands: { bird: missing, bird6: missing } });
      await engine.driver.start(never);
      await expect(engine.driver.apply(desired(), never)).rejects.toThrow('/nonexistent/bird cannot be run: ENOENT');
    });
  });
});
