/** The connection to the kernel breaks: it is opened anew with growing pauses, and then the whole table is read (dataplane B19). */
import { describe, expect, it } from 'vitest';
import { AUDIT_MS, READ_SPACING_MS } from '../../../src/routes/kernel/sync.ts';
import type { FakeKernel } from './fake-kernel.ts';
import { makeFakeKernel } from './fake-kernel.ts';
import { change, makeWorld, shown } from './sync-world.ts';

/** A kernel whose connection can be cut: nothing is told, read or written until it is opened again, which `refused` openings more are not. */
function makeCuttable(): {
  readonly kernel: FakeKernel;
  readonly openings: () => number;
  cut(refused: number): void;
  /** Requests are answered again before notifications come. */
  heal(): void;
  brokenTable: boolean;
} {
  let openings = 0;
  let refusals = 0;
  let isCut = false;
  const fake = makeFakeKernel();
  const watch = fake.watch.bind(fake);
  const read = fake.read.bind(fake);
  const apply = fake.apply.bind(fake);
  const world = {
    kernel: fake,
    openings: () => openings,
    brokenTable: false,
    heal: () => {
      isCut = false;
    },
    cut: (refused: number) => {
      refusals = refused;
      isCut = true;
      fake.watcher?.failed(new Error('ENOTCONN'));
    },
  };
  const open = (): void => {
    if (isCut || world.brokenTable) throw new Error('EBADF');
  };
  Object.assign(fake, {
    watch: (watcher: Parameters<FakeKernel['watch']>[0]) => {
      openings += 1;
      if (refusals > 0) {
        refusals -= 1;
        throw new Error('EMFILE');
      }
      isCut = false;
      watch(watcher);
    },
    read: () => {
      open();
      return read();
    },
    apply: (operations: Parameters<FakeKernel['apply']>[0]) => {
      open();
      return apply(operations);
    },
  });
  return world;
}

describe('a connection to the kernel that breaks', () => {
  it('is opened anew, and what changed meanwhile is found by a reading and counted as missed', () => {
    const cuttable = makeCuttable();
    const { kernel } = cuttable;
    const world = makeWorld(kernel);
    world.sync.best([change('10.1.0.0/26', ['10.0.0.2']), change('10.1.1.0/26', ['10.0.0.2'])]);
    world.clock.turn(READ_SPACING_MS);
    const lines = shown(kernel);
    cuttable.cut(0);
    kernel.own.delete('10.1.0.0/26 1024');
    world.clock.turn(READ_SPACING_MS);
    expect(cuttable.openings()).toBe(2);
    expect(shown(kernel)).toEqual(lines);
    expect(world.status).toMatchObject({ repaired: 1, drifted: 1, failed: 0 });
    expect([world.failures, world.recovered]).toEqual([['ENOTCONN'], 1]);
    // The new one tells.
    const [route] = [...kernel.own.values()];
    if (route === undefined) throw new Error('nothing installed');
    kernel.own.delete('10.1.1.0/26 1024');
    kernel.watcher?.events([{ kind: 'own-route', gone: true, route }]);
    world.clock.turn(5);
    expect(shown(kernel)).toEqual(lines);
  });

  it('is tried less and less often while it cannot be opened, and at once again after it held', () => {
    const cuttable = makeCuttable();
    const world = makeWorld(cuttable.kernel);
    cuttable.cut(Infinity);
    const opened: number[] = [];
    for (let second = 0; second < 55; second++) {
      const before = cuttable.openings();
      world.clock.turn(1000);
      opened.push(cuttable.openings() - before);
    }
    // After 100, 300, 700 ms, 1.5, 3.1, 6.3 and 12.7 s, and then every 10 s.
    expect(opened.slice(0, 3)).toEqual([3, 1, 0]);
    expect(opened.slice(20).filter((count) => count > 0)).toHaveLength(4);
    expect(world.failures).toHaveLength(cuttable.openings());
    cuttable.cut(0);
    world.clock.turn(AUDIT_MS);
    expect(world.recovered).toBe(1);
    const { readings } = cuttable.kernel;
    cuttable.cut(0);
    world.clock.turn(100 + READ_SPACING_MS);
    expect(cuttable.kernel.readings).toBe(readings + 1);
  });

  it('costs a change that cannot be written nothing but time', () => {
    const cuttable = makeCuttable();
    const world = makeWorld(cuttable.kernel);
    world.clock.turn(READ_SPACING_MS);
    cuttable.brokenTable = true;
    world.sync.best([change('10.1.0.0/26', ['10.0.0.2'])]);
    world.clock.turn(10 * READ_SPACING_MS);
    expect(shown(cuttable.kernel)).toEqual([]);
    expect(cuttable.openings()).toBeLessThan(12);
    cuttable.brokenTable = false;
    world.clock.turn(AUDIT_MS / 2);
    expect(shown(cuttable.kernel)).toEqual(['10.1.0.0/26 1024 via 10.0.0.2']);
    expect(world.recovered).toBe(1);
  });

  it('is not opened anew after the end', () => {
    const cuttable = makeCuttable();
    const world = makeWorld(cuttable.kernel);
    const { watcher } = cuttable.kernel;
    world.sync.stop();
    watcher?.failed(new Error('ECONNRESET'));
    world.clock.turn(AUDIT_MS);
    expect(cuttable.openings()).toBe(1);
  });

  it('is not said to be well by a reading while nothing is told yet', () => {
    const cuttable = makeCuttable();
    const world = makeWorld(cuttable.kernel);
    world.clock.turn(READ_SPACING_MS);
    cuttable.cut(5);
    cuttable.heal();
    world.clock.turn(3 * READ_SPACING_MS);
    const { readings } = cuttable.kernel;
    cuttable.kernel.watcher?.lost();
    world.clock.turn(5);
    expect([cuttable.kernel.readings, cuttable.openings(), world.recovered]).toEqual([readings + 1, 5, 0]);
    world.clock.turn(AUDIT_MS / 2);
    expect([cuttable.openings(), world.recovered]).toEqual([7, 1]);
  });

  it('over which a change could not be sent once is well again with the next reading', () => {
    const kernel = makeFakeKernel();
    const world = makeWorld(kernel);
    world.clock.turn(READ_SPACING_MS);
    const apply = kernel.apply.bind(kernel);
    let refusals = 1;
    Object.assign(kernel, {
      apply: (operations: Parameters<FakeKernel['apply']>[0]) => {
        if (refusals-- > 0) throw new Error('ENOMEM');
        return apply(operations);
      },
    });
    world.sync.best([change('10.1.0.0/26', ['10.0.0.2'])]);
    world.clock.turn(2 * READ_SPACING_MS);
    expect([world.failures, world.recovered]).toEqual([['ENOMEM'], 1]);
    expect(shown(kernel)).toEqual(['10.1.0.0/26 1024 via 10.0.0.2']);
  });

  it('that loses answers to writes is read, as nobody knows what it did', () => {
    const kernel = makeFakeKernel();
    const world = makeWorld(kernel);
    world.clock.turn(READ_SPACING_MS);
    const { readings } = kernel;
    // Nothing is done and no refusal comes back.
    const apply = kernel.apply.bind(kernel);
    let losses = 1;
    Object.assign(kernel, {
      apply: (operations: Parameters<FakeKernel['apply']>[0]) => (losses-- > 0 ? { failures: [], lost: true } : apply(operations)),
    });
    world.sync.best([change('10.1.0.0/26', ['10.0.0.2'])]);
    world.clock.turn(2 * READ_SPACING_MS);
    expect(kernel.readings).toBe(readings + 1);
    expect(shown(kernel)).toEqual(['10.1.0.0/26 1024 via 10.0.0.2']);
  });

  it('is not opened any more after the end', () => {
    const cuttable = makeCuttable();
    const world = makeWorld(cuttable.kernel);
    cuttable.cut(0);
    world.sync.stop();
    world.clock.turn(AUDIT_MS);
    expect(cuttable.openings()).toBe(1);
  });
});
