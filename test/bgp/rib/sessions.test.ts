/** Sessions over their lives in a RIB: who does not read, refreshes, limits, stale routes. */
import { describe, expect, it } from 'vitest';
import { CLIENT, clients, net, P } from './clients.ts';
import { counter, Harness, prefix } from './harness.ts';

describe('a peer that does not read', () => {
  it('walks the table once it falls behind the log, and ends with the current state', () => {
    const harness = new Harness({ maxLogOctets: 20_000 });
    const [source, slow, fast] = clients(harness, 3);
    if (source === undefined || slow === undefined || fast === undefined) throw new Error('no clients');
    harness.announce(source, ['10.255.0.0/24', '10.255.1.0/24']);
    harness.settle();
    slow.heard.length = 0;
    harness.withdraw(source, ['10.255.0.0/24']);
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 50; i++) harness.announce(source, [net(i)], { med: round });
      harness.announce(source, [net(1000 + round)]);
      harness.settle([slow]);
      harness.withdraw(source, [net(1000 + round)]);
      harness.settle([slow]);
    }
    expect(harness.rib.familyStatus(slow.index, 'ipv4-unicast')).toMatchObject({ slow: true, advertised: 51 });
    for (const group of harness.rib.stats().groups) expect(group.logOctets).toBeLessThan(40_000);
    harness.settle();
    expect(slow.view).toEqual(fast.view);
    // Intermediate states collapse, and what came and went meanwhile is not mentioned.
    expect(slow.heard.filter((what) => what.startsWith('announce')).length).toBe(50);
    expect(slow.heard.filter((what) => what.startsWith('withdraw'))).toEqual(['withdraw 10.255.0.0/24']);
    expect(counter(harness, 'walks')).toBeGreaterThan(0);
    expect(harness.rib.familyStatus(slow.index, 'ipv4-unicast')).toMatchObject({ slow: false, lag: 0 });
  });

  it('is the only one that walks: who read the second half of the log goes on with it', () => {
    const harness = new Harness({ maxLogOctets: 20_000 });
    const [source, slow, fast] = clients(harness, 3);
    if (source === undefined || slow === undefined || fast === undefined) throw new Error('no clients');
    for (let i = 0; i < 400; i++) {
      harness.announce(source, [net(i % 50)], { med: i });
      harness.settle([slow]);
    }
    expect([slow, fast].map(({ index }) => harness.rib.familyStatus(index, 'ipv4-unicast').slow)).toEqual([true, false]);
    // The slow one has not read a thing yet.
    expect(counter(harness, 'walks')).toBe(0);
    harness.settle();
    expect(fast.view).toEqual(slow.view);
  });

  it('takes nothing of the log with it where it goes while it walks: who still reads gets everything', () => {
    const harness = new Harness({ maxLogOctets: 20_000 });
    const [source, slow, late, fast] = clients(harness, 4);
    if (source === undefined || slow === undefined || late === undefined || fast === undefined) throw new Error('no clients');
    for (let i = 0; i < 400; i++) {
      harness.announce(source, [net(i % 50)], { med: i });
      harness.settle([slow]);
    }
    expect(harness.rib.familyStatus(slow.index, 'ipv4-unicast').slow).toBe(true);
    for (let i = 50; i < 60; i++) {
      harness.announce(source, [net(i)], { med: i });
      harness.settle([slow, late]);
    }
    harness.rib.sessionDown(slow.index, 'flush');
    harness.settle([slow]);
    expect(fast.view.size).toBe(60);
    expect(late.view).toEqual(fast.view);
    // Nothing was found missing: the log had it.
    expect(counter(harness, 'walks')).toBe(0);
  });

  it('holds the log no longer once it is gone', () => {
    const harness = new Harness({ maxLogOctets: 20_000 });
    const [source, slow] = clients(harness, 3);
    if (source === undefined || slow === undefined) throw new Error('no clients');
    for (let i = 0; i < 20; i++) {
      harness.announce(source, [net(i)], { med: i });
      harness.settle([slow]);
    }
    harness.rib.sessionDown(slow.index, 'flush');
    for (let i = 0; i < 400; i++) {
      harness.announce(source, [net(i % 20)], { med: 100 + i });
      harness.settle([slow]);
    }
    for (const { logOctets } of harness.rib.stats().groups) expect(logOctets).toBeLessThan(25_000);
  });

  it('is flagged slow after 30 s behind more than half of the log', () => {
    const harness = new Harness({ maxLogOctets: 100_000 });
    const [source, slow] = clients(harness, 2);
    if (source === undefined || slow === undefined) throw new Error('no clients');
    for (let i = 0; i < 180; i++) {
      harness.announce(source, [net(i)], { med: i });
      harness.settle([slow]);
    }
    expect(harness.rib.familyStatus(slow.index, 'ipv4-unicast')).toMatchObject({ slow: false });
    harness.wallClock += 31_000;
    harness.announce(source, [net(500)]);
    harness.settle([slow]);
    expect(harness.rib.familyStatus(slow.index, 'ipv4-unicast')).toMatchObject({ slow: true });
    harness.settle();
    expect(harness.rib.familyStatus(slow.index, 'ipv4-unicast')).toMatchObject({ slow: false, lag: 0 });
  });
});

describe('refresh, limits, stale routes', () => {
  it.each([
    [true, ['refresh 1', `announce ${P}`, 'refresh 2']],
    [false, [`announce ${P}`]],
  ])('sends the whole view again, enhanced %s (RFC 7313)', (enhanced, expected) => {
    const harness = new Harness();
    const [source, target] = clients(harness, 2);
    if (source === undefined || target === undefined) throw new Error('no clients');
    harness.announce(source, [P]);
    harness.settle();
    target.heard.length = 0;
    harness.rib.refresh(target.index, 'ipv4-unicast', enhanced);
    harness.settle();
    expect(target.heard).toEqual(expected);
    expect(source.heard.filter((what) => what !== 'end-of-rib')).toEqual([]);
  });

  it('reports the limit once and ignores more announcements until the session ends', () => {
    const harness = new Harness();
    const target = harness.peer(CLIENT);
    const source = harness.peer({ ...CLIENT, maxPrefix: 2 });
    harness.announce(source, [net(1), net(2)]);
    harness.announce(source, [net(3), net(4)]);
    harness.announce(source, [net(5)]);
    harness.settle();
    expect(harness.events).toEqual(['max-prefix 1 ipv4-unicast 2']);
    expect(harness.rib.familyStatus(source.index, 'ipv4-unicast').received).toBe(3);
    harness.rib.sessionDown(source.index, 'flush');
    harness.settle();
    expect(target.view.size).toBe(0);
  });

  it('keeps stale routes until they are announced again or swept (RFC 4724)', () => {
    const harness = new Harness();
    const [source, target] = clients(harness, 2);
    if (source === undefined || target === undefined) throw new Error('no clients');
    harness.announce(source, [net(1), net(2)]);
    harness.settle();
    target.heard.length = 0;
    harness.rib.sessionDown(source.index, 'stale');
    harness.settle();
    expect(harness.rib.explain(prefix(net(1))).candidates[0]).toMatchObject({ stale: true, best: true });
    harness.up(source);
    harness.announce(source, [net(1)]);
    harness.settle();
    expect(target.heard).toEqual([]);
    harness.rib.sweepStale(source.index, 'ipv4-unicast');
    harness.settle();
    expect(target.heard).toEqual([`withdraw ${net(2)}`]);
    expect(harness.rib.explain(prefix(net(1))).candidates[0]).toMatchObject({ stale: false });
  });

  it('deletes stale routes when the session fails again, keeps the newer ones', () => {
    const harness = new Harness();
    const [source, target] = clients(harness, 2);
    if (source === undefined || target === undefined) throw new Error('no clients');
    harness.announce(source, [net(1), net(2)]);
    harness.rib.sessionDown(source.index, 'stale');
    harness.up(source);
    harness.announce(source, [net(1)]);
    harness.rib.sessionDown(source.index, 'stale');
    harness.settle();
    expect([...target.view.keys()]).toEqual([net(1)]);
  });

  it('a malformed set withdraws its routes and is reported (RFC 7606)', () => {
    const harness = new Harness();
    const [source, target] = clients(harness, 2);
    if (source === undefined || target === undefined) throw new Error('no clients');
    harness.announce(source, [P]);
    harness.settle();
    // ORIGIN of value 9.
    const bad = [0x40, 1, 1, 9, 0x40, 2, 0, 0x40, 3, 4, 10, 0, 0, 9, 0x40, 5, 4, 0, 0, 0, 100];
    const body = [0, 0, 0, bad.length, ...bad, 24, 203, 0, 113];
    harness.send(source, [Uint8Array.from([...new Uint8Array(16).fill(255), 0, body.length + 19, 2, ...body])]);
    harness.settle();
    expect(target.view.size).toBe(0);
    expect(harness.events).toEqual(['fault 0 treat-as-withdraw']);
  });
});
