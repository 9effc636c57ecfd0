/** Best routes of the speaker in the kernel: installed, moved, repaired, kept from where others are. */
import { beforeEach, describe, expect, it } from 'vitest';
import { firstNexthopId } from '../../../src/routes/kernel/nexthop-book.ts';
import { AUDIT_MS, READ_SPACING_MS } from '../../../src/routes/kernel/sync.ts';
import type { AlienRoute } from '../../../src/routes/kernel/table.ts';
import { address } from '../../worlds/build.ts';
import { dropObject } from './fake-kernel.ts';
import type { World } from './sync-world.ts';
import { change, connected, ETH0, makeWorld, shown } from './sync-world.ts';

const FIRST_NEXTHOP_ID = firstNexthopId(12);

describe('best routes', () => {
  let world: World;
  beforeEach(() => {
    world = makeWorld();
  });
  const best = (...changes: ReturnType<typeof change>[]): void => {
    world.sync.best(changes);
    world.clock.turn(5);
  };

  it('are installed with the metric of their LOCAL_PREF, over one object a next hop', () => {
    best(
      change('10.1.0.0/26', ['10.0.0.2']),
      change('10.1.0.64/26', ['10.0.0.2']),
      change('10.1.0.5/32', ['10.0.0.3'], 2_147_483_135),
      change('10.2.0.0/16', ['10.0.0.3'], 100),
    );
    expect(shown(world.kernel)).toEqual([
      '10.1.0.0/26 1024 via 10.0.0.2',
      '10.1.0.5/32 512 via 10.0.0.3',
      '10.1.0.64/26 1024 via 10.0.0.2',
      '10.2.0.0/16 2147483547 via 10.0.0.3',
    ]);
    expect([...world.kernel.objects.keys()]).toEqual([FIRST_NEXTHOP_ID, FIRST_NEXTHOP_ID + 1]);
  });

  it('are groups where several are equal, and objects go when nothing uses them', () => {
    best(change('10.1.0.0/26', ['10.0.0.3', '10.0.0.2']));
    expect(shown(world.kernel)).toEqual(['10.1.0.0/26 1024 via 10.0.0.2,10.0.0.3']);
    expect(world.kernel.objects.size).toBe(3);
    best(change('10.1.0.0/26', []));
    expect(world.kernel.own.size).toBe(0);
    expect(world.kernel.objects.size).toBe(0);
  });

  it('move with one message where a node changes its address', () => {
    best(...Array.from({ length: 20 }, (_, index) => change(`10.1.${index}.0/26`, ['10.0.0.2'])), change('10.9.0.0/26', ['10.0.0.3']));
    world.kernel.log.length = 0;
    best(...Array.from({ length: 20 }, (_, index) => change(`10.1.${index}.0/26`, ['10.0.0.77'])));
    expect(world.kernel.log).toHaveLength(1);
    expect(world.kernel.log[0]).toMatchObject({ kind: 'set-nexthop', replace: true });
    expect(shown(world.kernel).filter((line) => line.endsWith('via 10.0.0.77'))).toHaveLength(20);
  });

  it('move with one message where the way to a next hop changes', () => {
    best(...Array.from({ length: 20 }, (_, index) => change(`10.1.${index}.0/26`, ['172.16.0.9'])));
    expect(world.kernel.own.size).toBe(0);
    expect(world.status).toMatchObject({ unreachable: 20, installed: 0 });
    const via = (gateway: string): AlienRoute => ({
      ...connected('172.16.0.0/16', 4),
      hops: [{ gateway: address(gateway), interface: ETH0, onlink: false }],
    });
    world.kernel.foreign.set('172.16.0.0/16 0', via('10.0.0.8'));
    world.kernel.watcher?.events([{ kind: 'alien', gone: false, route: via('10.0.0.8') }]);
    world.clock.turn(5);
    expect(shown(world.kernel)[0]).toBe('10.1.0.0/26 1024 via 10.0.0.8');
    world.kernel.log.length = 0;
    world.kernel.watcher?.events([{ kind: 'alien', gone: false, route: via('10.0.0.9') }]);
    world.clock.turn(5);
    expect(world.kernel.log).toHaveLength(1);
    expect(shown(world.kernel)).toHaveLength(20);
    expect(shown(world.kernel)[19]).toMatch(/via 10\.0\.0\.9$/);
  });

  it('leave the object to the others where only some of its routes go elsewhere', () => {
    best(...[1, 2, 3].map((net) => change(`10.1.${net}.0/26`, ['10.0.0.2'])));
    best(...[1, 2].map((net) => change(`10.1.${net}.0/26`, ['10.0.0.77'])));
    expect(shown(world.kernel)).toEqual([
      '10.1.1.0/26 1024 via 10.0.0.77',
      '10.1.2.0/26 1024 via 10.0.0.77',
      '10.1.3.0/26 1024 via 10.0.0.2',
    ]);
  });

  it('change their metric by coming before going', () => {
    best(change('10.1.0.5/32', ['10.0.0.2']));
    world.kernel.log.length = 0;
    best(change('10.1.0.5/32', ['10.0.0.2'], 2_147_483_135));
    expect(world.kernel.log.map((operation) => operation.kind)).toEqual(['add-route', 'remove-route']);
    expect(shown(world.kernel)).toEqual(['10.1.0.5/32 512 via 10.0.0.2']);
  });

  it('never go where another writer is, and come when it leaves', () => {
    const theirs: AlienRoute = { ...connected('10.1.0.0/26', 4), metric: 1024 };
    world.kernel.foreign.set('10.1.0.0/26 1024', theirs);
    // Not noticed yet: the kernel itself says that somebody is there, and then it is read.
    best(change('10.1.0.0/26', ['10.0.0.2']));
    world.clock.turn(READ_SPACING_MS + 10);
    expect(world.status).toMatchObject({ taken: 1, failed: 0, installed: 0 });
    const { readings } = world.kernel;
    world.clock.turn(10 * READ_SPACING_MS);
    expect(world.kernel.readings).toBe(readings);
    world.kernel.foreign.delete('10.1.0.0/26 1024');
    world.kernel.watcher?.events([{ kind: 'alien', gone: true, route: theirs }]);
    world.clock.turn(5);
    expect(shown(world.kernel)).toEqual(['10.1.0.0/26 1024 via 10.0.0.2']);
  });

  it('come back when another writer that took their place leaves', () => {
    best(change('10.1.0.0/26', ['10.0.0.2']));
    const theirs: AlienRoute = { ...connected('10.1.0.0/26', 4), metric: 1024 };
    // As `ip route replace` does: ours is gone without a word.
    world.kernel.own.clear();
    world.kernel.foreign.set('10.1.0.0/26 1024', theirs);
    world.kernel.watcher?.events([{ kind: 'alien', gone: false, route: theirs }]);
    world.clock.turn(READ_SPACING_MS + 10);
    expect(world.status).toMatchObject({ installed: 0, taken: 1 });
    world.kernel.foreign.delete('10.1.0.0/26 1024');
    world.kernel.watcher?.events([{ kind: 'alien', gone: true, route: theirs }]);
    world.clock.turn(READ_SPACING_MS + 10);
    expect(shown(world.kernel)).toEqual(['10.1.0.0/26 1024 via 10.0.0.2']);
  });

  it('are put back when others delete or change them, at once where the kernel says so', () => {
    best(change('10.1.0.0/26', ['10.0.0.2']));
    const [route] = [...world.kernel.own.values()];
    if (route === undefined) throw new Error('nothing installed');
    world.kernel.own.clear();
    world.kernel.watcher?.events([{ kind: 'own-route', gone: true, route }]);
    world.clock.turn(5);
    expect(shown(world.kernel)).toEqual(['10.1.0.0/26 1024 via 10.0.0.2']);
    // A whole object gone takes its routes with it without a word.
    dropObject(world.kernel, route.nexthop);
    world.kernel.watcher?.events([{ kind: 'own-nexthop', gone: true, id: route.nexthop }]);
    world.clock.turn(READ_SPACING_MS + 10);
    expect(shown(world.kernel)).toEqual(['10.1.0.0/26 1024 via 10.0.0.2']);
  });

  it.each([
    ['goes down and comes up', { up: false }, { up: true }],
    ['loses its carrier and has it again', { up: true, carrier: false }, { up: true, carrier: true }],
  ])('are put back where their interface %s, which takes them away without a word', (_what, away, back) => {
    best(change('10.1.0.0/26', ['10.0.0.2']));
    world.clock.turn(READ_SPACING_MS);
    const say = (state: { readonly up: boolean; readonly carrier?: boolean }): void => {
      const link = { index: ETH0, name: 'eth0', ...state };
      world.kernel.links.set(ETH0, link);
      world.kernel.watcher?.events([{ kind: 'link', gone: false, link }]);
    };
    say(away);
    world.kernel.own.clear();
    world.kernel.objects.clear();
    say(back);
    world.clock.turn(READ_SPACING_MS);
    expect(shown(world.kernel)).toEqual(['10.1.0.0/26 1024 via 10.0.0.2']);
    // Whatever else is said of it costs no reading.
    const { readings } = world.kernel;
    say(back);
    world.clock.turn(2 * READ_SPACING_MS);
    expect(world.kernel.readings).toBe(readings);
  });

  it('are put back by the audit where the kernel said nothing', () => {
    best(change('10.1.0.0/26', ['10.0.0.2']));
    world.kernel.own.clear();
    world.kernel.objects.clear();
    const before = world.status?.repaired ?? 0;
    world.clock.turn(AUDIT_MS + READ_SPACING_MS);
    expect(shown(world.kernel)).toEqual(['10.1.0.0/26 1024 via 10.0.0.2']);
    expect(world.status?.repaired).toBe(before + 1);
  });

  it('survive a storm of lost notifications with one reading a second', () => {
    const before = world.kernel.readings;
    for (let at = 0; at < 3000; at++) {
      world.kernel.watcher?.lost();
      world.clock.turn(1);
    }
    expect(world.kernel.readings - before).toBeGreaterThanOrEqual(2);
    expect(world.kernel.readings - before).toBeLessThanOrEqual(4);
  });
});
