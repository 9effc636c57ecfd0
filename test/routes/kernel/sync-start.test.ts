/** What a synchroniser makes of what it finds at its start, and of a speaker that begins anew. */
import { describe, expect, it } from 'vitest';
import { firstNexthopId } from '../../../src/routes/kernel/nexthop-book.ts';
import { AUDIT_MS } from '../../../src/routes/kernel/sync.ts';
import { address, prefix } from '../../worlds/build.ts';
import { dropObject, makeFakeKernel, swapObject } from './fake-kernel.ts';
import { change, ETH0, makeWorld, shown } from './sync-world.ts';

describe('a start', () => {
  it('adopts what a life before left, touches nothing of it until the speaker has settled, then removes the rest', () => {
    const first = makeWorld();
    first.sync.best([
      change('10.1.0.0/26', ['10.0.0.2']),
      change('10.1.1.0/26', ['10.0.0.3']),
      change('10.1.2.0/26', ['10.0.0.2', '10.0.0.3']),
    ]);
    first.clock.turn(5);
    const left = shown(first.kernel);
    first.sync.stop();
    expect(shown(first.kernel)).toEqual(left);
    first.kernel.log.length = 0;
    const second = makeWorld(first.kernel);
    second.sync.best([change('10.1.0.0/26', ['10.0.0.2']), change('10.1.2.0/26', ['10.0.0.2', '10.0.0.3'])]);
    second.clock.turn(AUDIT_MS * 2);
    expect(second.kernel.log).toEqual([]);
    expect(second.status?.kept).toBe(1);
    second.sync.settled();
    second.clock.turn(5);
    expect(shown(second.kernel)).toEqual(left.filter((line) => !line.startsWith('10.1.1.0/26')));
  });

  it('takes over plain routes, as BIRD leaves them, without a gap', () => {
    const kernel = makeFakeKernel();
    const hops = [{ gateway: address('10.0.0.2'), interface: ETH0, onlink: false }];
    kernel.own.set('10.1.0.0/26 1024', { prefix: prefix('10.1.0.0/26'), metric: 1024, kind: 'via', nexthop: 0, hops });
    const world = makeWorld(kernel);
    world.sync.best([change('10.1.0.0/26', ['10.0.0.2'])]);
    world.clock.turn(5);
    expect(kernel.log.map((operation) => operation.kind)).toEqual(['set-nexthop', 'replace-route']);
  });

  it('passes over ids of nexthop objects that are others', () => {
    const kernel = makeFakeKernel();
    const first = firstNexthopId(12);
    kernel.foreignIds.add(first);
    const world = makeWorld(kernel);
    world.sync.best([change('10.1.0.0/26', ['10.0.0.2'])]);
    world.clock.turn(5);
    expect([...kernel.objects.keys()]).toEqual([first + 1]);
    expect(kernel.log.map((operation) => operation.kind)).toEqual(['set-nexthop', 'add-route']);
  });

  it('does not keep a route that was withdrawn before everybody was heard', () => {
    const first = makeWorld();
    first.sync.best([change('10.1.0.0/26', ['10.0.0.2'])]);
    first.clock.turn(5);
    const second = makeWorld(first.kernel);
    second.sync.best([change('10.1.0.0/26', ['10.0.0.2'])]);
    second.sync.best([change('10.1.0.0/26', [])]);
    second.clock.turn(5);
    expect(shown(second.kernel)).toEqual([]);
  });

  it('keeps what a speaker said that died, until the new one has settled', () => {
    const world = makeWorld();
    world.sync.best([change('10.1.0.0/26', ['10.0.0.2']), change('10.1.1.0/26', ['10.0.0.2'])]);
    world.sync.settled();
    world.sync.beginEpoch();
    world.sync.best([change('10.1.0.0/26', ['10.0.0.2'])]);
    world.clock.turn(AUDIT_MS);
    expect(shown(world.kernel)).toHaveLength(2);
    world.sync.settled();
    world.clock.turn(5);
    expect(shown(world.kernel)).toEqual(['10.1.0.0/26 1024 via 10.0.0.2']);
  });
});

/** An id that two names share would send the routes of one to the other, and no reading would end that. */
describe('ids of nexthop objects found at the start', () => {
  it('are not taken over once the object is gone and its id is that of another node', () => {
    const first = makeWorld();
    first.sync.best([change('10.1.0.0/26', ['10.0.0.2'])]);
    first.clock.turn(5);
    first.sync.stop();
    const second = makeWorld(first.kernel);
    second.sync.settled();
    second.clock.turn(5);
    second.sync.best([change('10.1.1.0/26', ['10.0.0.3'])]);
    second.clock.turn(5);
    second.sync.best([change('10.1.0.0/26', ['10.0.0.2'])]);
    second.clock.turn(5);
    const inOrder = ['10.1.0.0/26 1024 via 10.0.0.2', '10.1.1.0/26 1024 via 10.0.0.3'];
    expect(shown(second.kernel)).toEqual(inOrder);
    second.clock.turn(AUDIT_MS * 2);
    expect(shown(second.kernel)).toEqual(inOrder);
  });

  it('are not taken over once the object is gone and its id is that of a group', () => {
    const first = makeWorld();
    first.sync.best([change('10.1.0.3/32', ['10.0.0.2'])]);
    first.clock.turn(5);
    first.sync.best([change('10.1.0.0/32', ['10.0.0.3', '10.0.0.4'])]);
    first.clock.turn(5);
    const { kernel } = first;
    const [lonely = 0, , , group = 0] = kernel.objects.keys();
    dropObject(kernel, lonely);
    dropObject(kernel, group);
    first.sync.stop();
    const second = makeWorld(kernel);
    second.sync.best([change('10.1.0.3/32', ['10.0.0.2', '10.0.0.3']), change('10.1.0.0/32', ['10.0.0.3', '10.0.0.4'])]);
    second.clock.turn(5);
    expect(shown(kernel)).toEqual(['10.1.0.0/32 1024 via 10.0.0.3,10.0.0.4', '10.1.0.3/32 1024 via 10.0.0.2,10.0.0.3']);
    expect(second.status?.failed).toBe(0);
  });

  it('are given up where an object of the other kind has taken their place', () => {
    const world = makeWorld();
    world.sync.best([change('10.1.0.0/26', ['10.0.0.2']), change('10.1.1.0/26', ['10.0.0.2', '10.0.0.3'])]);
    world.clock.turn(5);
    const before = shown(world.kernel);
    for (const id of [...world.kernel.objects.keys()]) {
      swapObject(world.kernel, id);
      world.clock.turn(AUDIT_MS * 2);
      expect(shown(world.kernel)).toEqual(before);
    }
    expect(world.status?.failed).toBe(0);
  });
});
