import type { MonitorOptions } from 'netlink';
import { describe, expect, it } from 'vitest';
import { REOPEN_MS, watchKernel } from '../../../node-agent/kernel/watch.ts';
import { SILENT_LOG } from '../../../src/confd/log.ts';
import { makeHandClock } from './clock.ts';

/** A watch over sockets in memory; `refuse` makes the next openings fail. */
function scene() {
  const clock = makeHandClock();
  const opened: MonitorOptions[] = [];
  const told: string[] = [];
  const world = { closed: 0, refuse: 0 };
  const watch = watchKernel({
    ...clock,
    log: SILENT_LOG,
    ignorePorts: [7],
    listeners: [{ events: (events) => told.push(`events ${events.length}`), lost: (because) => told.push(`lost: ${because}`) }],
    open: (options) => {
      if (world.refuse-- > 0) throw new Error('EMFILE');
      opened.push(options);
      return { close: () => (world.closed += 1) };
    },
  });
  const last = (): MonitorOptions => {
    const options = opened.at(-1);
    if (options === undefined) throw new Error('nothing opened');
    return options;
  };
  return { clock, opened, told, world, watch, last };
}

describe('the watch on the kernel', () => {
  it('hands on what the socket hears', () => {
    const { last, told } = scene();
    expect(last().ignorePorts).toEqual([7]);
    last().onEvents([]);
    expect(told).toEqual(['events 0']);
  });

  it('opens the socket anew after a loss, and only then has everything read', () => {
    const { clock, last, opened, told, world, watch } = scene();
    last().onLost();
    last().onLost();
    expect([opened.length, world.closed, told.length]).toEqual([1, 1, 0]);
    clock.pass(REOPEN_MS.first);
    expect(opened).toHaveLength(2);
    expect(told).toEqual(['lost: notifications of the kernel were lost']);
    expect(watch.figures()).toEqual({ losses: 1, reopened: 1 });
  });

  it('waits longer each time while the storm goes on, and no longer than the last', () => {
    const { clock, last, opened } = scene();
    const times: number[] = [];
    for (let round = 0; round < 9; round++) {
      const before = clock.now();
      const count = opened.length;
      last().onLost();
      while (opened.length === count) clock.pass(10);
      times.push(clock.now() - before);
    }
    expect(times).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
    clock.pass(REOPEN_MS.quiet);
    last().onLost();
    clock.pass(REOPEN_MS.first);
    expect(opened).toHaveLength(11);
  });

  it('tries again where the socket cannot be opened, and does nothing after its end', () => {
    const { clock, last, opened, told, world, watch } = scene();
    world.refuse = 2;
    last().onError(new Error('ENOTCONN'));
    clock.pass(699);
    expect(opened).toHaveLength(1);
    clock.pass(1);
    expect(opened).toHaveLength(2);
    expect(told).toEqual(['lost: ENOTCONN']);
    last().onLost();
    watch.close();
    last().onLost();
    expect([clock.waiting(), world.closed]).toEqual([0, 2]);
  });
});
