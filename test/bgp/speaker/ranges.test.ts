/** Peers that are not named: who gets in from a range, what becomes of them, and what a restart remembers (bgp-speaker 4.5). */
import { describe, expect, it } from 'vitest';
import type { PeerMemory, PeerRange } from '../../../src/bgp/index.ts';
import { parsePrefix } from '../../../src/bgp/index.ts';
import { address, PORT, peer, route, World } from './world.ts';

const { id: _id, remote: _remote, remoteAs: _as, passive: _passive, ...TEMPLATE } = peer(2, { reflectorClient: true });

function range(overrides: Partial<PeerRange> = {}): PeerRange {
  const prefix = parsePrefix('10.0.0.0/24');
  if (prefix === undefined) throw new Error('no prefix');
  return { id: 'nodes', prefix, remoteAs: [{ from: 64512, to: 64513 }], limit: 2, template: TEMPLATE, ...overrides };
}

/** Speaker 1 with a range, and speakers 2 to 4 that dial it. */
function reflector(ranges: readonly PeerRange[] = [range()], dialers: readonly number[] = [2, 3]): World {
  const world = new World();
  world.add(1, [], { ranges });
  for (const host of dialers) world.add(host, [peer(1)], { routes: [route(`10.1.${host}.0/26`)] });
  world.network.advance(10_000);
  return world;
}

const peersOf = (world: World): (readonly [string, string, string | undefined])[] =>
  world
    .speaker(1)
    .status()
    .peers.map((each) => [each.id, each.state, each.range] as const);
const members = (world: World): number | undefined => world.speaker(1).status().ranges[0]?.peers;

describe('a range of peers', () => {
  it('lets in who has an accepted AS, as passive peers of its kind', () => {
    const world = reflector();
    expect(peersOf(world)).toEqual([
      ['10.0.0.2', 'established', 'nodes'],
      ['10.0.0.3', 'established', 'nodes'],
    ]);
    expect(world.speaker(1).status().peers[0]).toMatchObject({ passive: true, reflectorClient: true, remoteAs: 64512 });
    expect(members(world)).toBe(2);
    expect(world.best(2)).toEqual(['10.1.2.0/26 from local', '10.1.3.0/26 from p1']);
  });

  it('refuses who is one too many, and lets the next in when one is gone', () => {
    const world = reflector([range()], [2, 3, 4]);
    expect(peersOf(world).length).toBe(2);
    const late = [2, 3, 4].find((host) => world.state(host, 'p1') !== 'established') ?? 0;
    expect(world.network.events('s1')).toContainEqual(
      expect.objectContaining({ kind: 'refused-connection', because: 'range nodes has 2 peers already' }),
    );
    const gone = [2, 3, 4].find((host) => host !== late) ?? 0;
    world.configure(gone, []);
    world.network.advance(60_000);
    expect(world.state(late, 'p1')).toBe('established');
    expect(members(world)).toBe(2);
  });

  it('answers an AS that it does not accept with Bad Peer AS, without a record of it', () => {
    const world = new World();
    world.add(1, [], { ranges: [range()] });
    const scripted = world.script(9, { as: 65001 });
    scripted.connect({ address: address(1), port: PORT });
    world.network.settle();
    scripted.sendOpen();
    world.network.settle();
    expect(peersOf(world)).toEqual([]);
    expect(world.network.events('s1')).toContainEqual(
      expect.objectContaining({ kind: 'refused-connection', because: 'AS 65001 is none of its range' }),
    );
    expect(members(world)).toBe(0);
  });

  it('gives a connection that says nothing no record, and forgets it', () => {
    const world = new World();
    world.add(1, [], { ranges: [range({ limit: 1 })] });
    const silent = world.script(9);
    silent.connect({ address: address(1), port: PORT });
    world.network.settle();
    world.add(2, [peer(1)]);
    world.network.advance(5000);
    expect(peersOf(world)).toEqual([]);
    // After the half minute that it may be silent for its place is free.
    world.network.advance(60_000);
    expect(peersOf(world)).toEqual([['10.0.0.2', 'established', 'nodes']]);
  });

  it('forgets who is gone, with its routes', () => {
    const world = reflector();
    world.configure(2, []);
    world.network.advance(1000);
    expect(peersOf(world).map(([id]) => id)).toEqual(['10.0.0.3']);
    expect(world.best(3)).toEqual(['10.1.3.0/26 from local']);
    expect(members(world)).toBe(1);
  });

  it('keeps who restarts gracefully until its restart time is over', () => {
    const graceful = { gracefulRestart: { restartTime: 30 } };
    const world = new World();
    world.add(1, [], { ranges: [range({ template: { ...TEMPLATE, ...graceful } })] });
    world.add(2, [peer(1, graceful)], { routes: [route('10.1.2.0/26')] });
    world.network.advance(10_000);
    world.network.leave('s2');
    world.network.advance(10_000);
    expect(peersOf(world)).toEqual([['10.0.0.2', 'active', 'nodes']]);
    expect(world.best(1)).toEqual(['10.1.2.0/26 from 10.0.0.2 stale']);
    world.network.advance(30_000);
    expect(peersOf(world)).toEqual([]);
    expect(world.best(1)).toEqual([]);
  });

  it('keeps who is shut down by an operator, and who is held back after an error', () => {
    const world = reflector();
    world.network.feed('s1', { type: 'peer-action', peer: '10.0.0.2', action: { kind: 'shutdown', text: 'broken node' } });
    world.network.advance(30_000);
    expect(peersOf(world)[0]).toEqual(['10.0.0.2', 'idle', 'nodes']);
    expect(world.speaker(1).status().peers[0]?.heldBack).toBe('shut down by an operator: broken node');
    world.network.feed('s1', { type: 'peer-action', peer: '10.0.0.2', action: { kind: 'enable' } });
    world.network.advance(60_000);
    expect(world.state(1, '10.0.0.2')).toBe('established');
  });

  it('leaves its peers alone when named ones come beside it, and a named peer takes its session over', () => {
    const world = reflector();
    const flaps = (): (number | undefined)[] =>
      world
        .speaker(1)
        .status()
        .peers.map((each) => each.flaps);
    world.configure(1, [peer(2, { passive: true, reflectorClient: true })], { ranges: [range({ limit: 5 })] });
    world.network.advance(1000);
    expect(peersOf(world)).toEqual([
      ['p2', 'established', undefined],
      ['10.0.0.3', 'established', 'nodes'],
    ]);
    expect(flaps()).toEqual([0, 0]);
    expect(members(world)).toBe(1);
    world.configure(1, [], { ranges: [range({ remoteAs: [{ from: 64513, to: 64513 }] })] });
    world.network.advance(1000);
    expect(peersOf(world)).toEqual([]);
  });
});

describe('a restart', () => {
  it('waits for the peers of ranges that were there before, and forgets those that do not come', () => {
    const before = reflector();
    const remembered: readonly PeerMemory[] = before.speaker(1).memory();
    expect(remembered).toEqual([
      { id: '10.0.0.2', dynamic: { remote: address(2), remoteAs: 64512 } },
      { id: '10.0.0.3', dynamic: { remote: address(3), remoteAs: 64512 } },
    ]);
    const graceful = { gracefulRestart: { restartTime: 30 } };
    const world = new World();
    world.add(1, [], {}, { restarting: { forwarding: true } });
    expect(world.speaker(1).memory()).toEqual([]);
    const again = new World();
    again.create(1, { restarting: { forwarding: true } });
    again.network.feed('s1', { type: 'recall', peers: remembered });
    again.configure(1, [peer(5, graceful)], { ranges: [range({ template: { ...TEMPLATE, ...graceful } })] });
    again.add(5, [peer(1, graceful)]);
    again.add(2, [peer(1, graceful)], { routes: [route('10.1.2.0/26')] });
    again.network.settle();
    expect(peersOf(again)).toContainEqual(['10.0.0.3', 'active', 'nodes']);
    // Host 3 is still waited for: nothing learned is told.
    again.network.advance(2500);
    expect(again.state(5, 'p1')).toBe('established');
    expect(again.best(5)).toEqual([]);
    again.network.advance(2000);
    expect(again.best(5)).toEqual(['10.1.2.0/26 from p1']);
    expect(peersOf(again).map(([id]) => id)).toEqual(['p5', '10.0.0.2']);
  });

  it('brings back what operators set, for peers that are configured again', () => {
    const world = new World();
    world.add(1, [peer(2), peer(3)]);
    world.network.feed('s1', { type: 'peer-action', peer: 'p2', action: { kind: 'shutdown', text: 'change 42' } });
    world.network.feed('s1', { type: 'peer-action', peer: 'p3', action: { kind: 'gshut', on: true } });
    const remembered = world.speaker(1).memory();
    expect(remembered).toEqual([
      { id: 'p2', shutdown: 'change 42' },
      { id: 'p3', draining: true },
    ]);
    const again = new World();
    again.create(1);
    again.network.feed('s1', { type: 'recall', peers: remembered });
    again.configure(1, [peer(3)]);
    again.add(2, [peer(1)]);
    // The other one is not configured at present; what was set for it is not lost.
    expect(again.speaker(1).memory()).toEqual([
      { id: 'p3', draining: true },
      { id: 'p2', shutdown: 'change 42' },
    ]);
    again.configure(1, [peer(2), peer(3)]);
    again.network.advance(10_000);
    expect(again.state(1, 'p2')).toBe('idle');
    expect(again.speaker(1).status().peers).toMatchObject([{ heldBack: 'shut down by an operator: change 42' }, { draining: true }]);
    again.network.feed('s1', { type: 'peer-action', peer: 'p2', action: { kind: 'enable' } });
    again.network.advance(10_000);
    expect(again.state(1, 'p2')).toBe('established');
  });
});
