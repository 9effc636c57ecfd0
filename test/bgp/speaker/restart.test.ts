/** Graceful restart (RFC 4724): as helper of a peer that restarts, and as the one who restarted. */
import { describe, expect, it } from 'vitest';
import { COLLISION_WINDOW_MS } from '../../../src/bgp/session/index.ts';
import { encodeEndOfRib } from '../../../src/bgp/wire/index.ts';
import { address, PORT, peer, route, World } from './world.ts';

const GR = { gracefulRestart: { restartTime: 60 } };

/** 1 helps, 2 restarts; 3 watches what 1 tells about 2. */
function trio(options: { readonly plain?: boolean } = {}): World {
  const world = new World();
  const gr = options.plain === true ? {} : GR;
  world.add(1, [peer(2, { ...gr, passive: true, reflectorClient: true }), peer(3, { reflectorClient: true, passive: true })]);
  world.add(2, [peer(1, gr)], { routes: [route('10.1.2.0/26'), route('10.2.2.0/26')] });
  world.add(3, [peer(1)]);
  world.network.advance(10_000);
  expect(world.best(3)).toEqual(['10.1.2.0/26 from p1', '10.2.2.0/26 from p1']);
  return world;
}

describe('helper', () => {
  it('keeps the routes of a peer whose process died, and drops what it does not announce again', () => {
    const world = trio();
    const updates = world.speaker(1).status().peers[1]?.updatesSent;
    world.network.leave('s2');
    world.network.advance(20_000);
    expect(world.best(1)).toEqual(['10.1.2.0/26 from p2 stale', '10.2.2.0/26 from p2 stale']);
    world.add(2, [peer(1, GR)], { routes: [route('10.1.2.0/26')] }, { restarting: { forwarding: true } });
    world.network.advance(20_000);
    expect(world.best(1)).toEqual(['10.1.2.0/26 from p2']);
    expect(world.best(3)).toEqual(['10.1.2.0/26 from p1']);
    // The client heard of one withdrawal and nothing else.
    expect(world.speaker(1).status().peers[1]?.updatesSent).toBe((updates ?? 0) + 1);
  });

  it('drops them at once where the new OPEN has no F bit', () => {
    const world = trio();
    world.network.leave('s2');
    const scripted = world.script(2, {
      capabilities: {
        gracefulRestart: {
          restarting: false,
          notification: false,
          restartTime: 60,
          families: [{ family: 'ipv4-unicast', forwarding: false }],
        },
      },
    });
    scripted.connect({ address: address(1), port: PORT });
    world.network.settle();
    expect(world.best(1)).toHaveLength(2);
    scripted.sendOpen();
    scripted.sendKeepalive();
    world.network.settle();
    expect(world.best(1)).toEqual([]);
  });

  it('takes a connection for a restart only where it comes well after the session: what was dialled before, or crossed it, is a collision', () => {
    const world = new World();
    world.add(1, [peer(2, { ...GR, passive: true })]);
    const scripted = world.script(2, {
      capabilities: { gracefulRestart: { restarting: false, notification: false, restartTime: 60, families: [] } },
    });
    const connect = (): number => {
      scripted.connect({ address: address(1), port: PORT });
      world.network.settle();
      return scripted.newest();
    };
    const [first, second] = [connect(), connect()];
    scripted.sendOpen({}, first);
    scripted.sendKeepalive(first);
    world.network.settle();
    expect(world.state(1, 'p2')).toBe('established');
    scripted.sendOpen({}, second);
    world.network.settle();
    expect(world.states(1).filter((state) => state === 'established')).toHaveLength(1);
    expect(world.state(1, 'p2')).toBe('established');
    // The peer dialled before it heard of the session, or this one was accepted late.
    world.network.advance(COLLISION_WINDOW_MS - 1_000);
    const crossed = connect();
    scripted.sendOpen({}, crossed);
    world.network.settle();
    expect(world.states(1).filter((state) => state === 'established')).toHaveLength(1);
    expect([world.state(1, 'p2'), world.notifications(1).at(-1)]).toEqual(['established', 'sent Cease/Connection Collision Resolution']);
    world.network.advance(2_000);
    const third = connect();
    scripted.sendOpen({}, third);
    scripted.sendKeepalive(third);
    world.network.settle();
    expect(world.states(1).filter((state) => state === 'established')).toHaveLength(2);
  });

  it('drops them when the restart time is over', () => {
    const world = trio();
    world.network.leave('s2');
    world.network.advance(59_000);
    expect(world.best(3)).toHaveLength(2);
    world.network.advance(2_000);
    expect(world.best(3)).toEqual([]);
    expect(world.best(1)).toEqual([]);
  });

  it.each([undefined, 5])('drops those of a peer that is back and never comes to its End-of-RIB, stalePathTime %s', (stalePathTime) => {
    const world = new World();
    const gracefulRestart = { restartTime: 60, ...(stalePathTime === undefined ? {} : { stalePathTime }) };
    world.add(1, [peer(2, { gracefulRestart, passive: true })]);
    world.add(2, [peer(1, GR)], { routes: [route('10.1.2.0/26')] });
    world.network.advance(10_000);
    world.network.leave('s2');
    world.network.settle();
    const families = [{ family: 'ipv4-unicast' as const, forwarding: true }];
    const scripted = world.script(2, {
      holdTime: 0,
      capabilities: { gracefulRestart: { restarting: true, notification: false, restartTime: 60, families } },
    });
    scripted.connect({ address: address(1), port: PORT });
    world.network.settle();
    scripted.sendOpen();
    scripted.sendKeepalive();
    world.network.advance((stalePathTime ?? 360) * 1000 - 1000);
    expect(world.best(1)).toEqual(['10.1.2.0/26 from p2 stale']);
    world.network.advance(2000);
    expect([world.best(1), world.state(1, 'p2')]).toEqual([[], 'established']);
  });

  it('drops them at once after a NOTIFICATION, and without the capability', () => {
    const world = trio();
    world.network.feed('s2', { type: 'shutdown', planned: false });
    world.network.settle();
    expect(world.best(3)).toEqual([]);
    const plain = trio({ plain: true });
    plain.network.leave('s2');
    plain.network.settle();
    expect(plain.best(3)).toEqual([]);
  });

  it('keeps them through a planned end, which says nothing', () => {
    const world = trio();
    world.network.feed('s2', { type: 'shutdown', planned: true });
    world.network.settle();
    expect(world.best(1)).toEqual(['10.1.2.0/26 from p2 stale', '10.2.2.0/26 from p2 stale']);
    expect(world.notifications(1)).toEqual([]);
  });

  it('does not keep through a second restart what the first one did not bring back', () => {
    const world = trio();
    world.network.leave('s2');
    world.network.settle();
    const families = [{ family: 'ipv4-unicast' as const, forwarding: true }];
    const scripted = world.script(2, {
      capabilities: { gracefulRestart: { restarting: true, notification: false, restartTime: 60, families } },
    });
    scripted.connect({ address: address(1), port: PORT });
    world.network.settle();
    scripted.sendOpen();
    scripted.sendKeepalive();
    world.network.settle();
    expect(world.best(1)).toHaveLength(2);
    world.network.cut('s1', 's2');
    world.network.settle();
    expect(world.best(1)).toEqual([]);
  });

  it('takes a new connection of a peer that it believes up', () => {
    const world = new World();
    world.add(1, [peer(2, { ...GR, passive: true })]);
    const capabilities = {
      gracefulRestart: {
        restarting: true,
        notification: false,
        restartTime: 60,
        families: [{ family: 'ipv4-unicast' as const, forwarding: true }],
      },
    };
    const scripted = world.script(2, { capabilities });
    for (let i = 0; i < 2; i++) {
      scripted.connect({ address: address(1), port: PORT });
      world.network.settle();
      scripted.sendOpen();
      scripted.sendKeepalive();
      world.network.settle();
      world.network.advance(COLLISION_WINDOW_MS + 1_000);
    }
    expect(world.state(1, 'p2')).toBe('established');
    expect(world.states(1).filter((state) => state === 'established')).toHaveLength(2);
    expect(world.network.connections('s1', 's2')).toBe(1);
    expect(scripted.notifications()).toEqual([]);
  });
});

describe('restarting', () => {
  it('sends R and F, learns from all, and only then announces', () => {
    const world = new World();
    world.add(
      1,
      [peer(2, { ...GR, passive: true, reflectorClient: true }), peer(3, { ...GR, passive: true, reflectorClient: true })],
      {},
      { restarting: { forwarding: true } },
    );
    const families = [{ family: 'ipv4-unicast' as const, forwarding: true }];
    const capabilities = { gracefulRestart: { restarting: false, notification: false, restartTime: 60, families } };
    const peers = [2, 3].map((host) => world.script(host, { capabilities }));
    for (const scripted of peers) {
      scripted.connect({ address: address(1), port: PORT });
      world.network.settle();
      scripted.sendOpen();
      scripted.sendKeepalive();
      world.network.settle();
    }
    expect(peers[0]?.receivedOpen()?.capabilities.gracefulRestart).toMatchObject({ restarting: true, families });
    const updates = (): number[] => peers.map((scripted) => scripted.types().filter((type) => type === 'update').length);
    expect(updates()).toEqual([0, 0]);
    peers[0]?.send(encodeEndOfRib('ipv4-unicast'));
    world.network.settle();
    expect(updates()).toEqual([0, 0]);
    peers[1]?.send(encodeEndOfRib('ipv4-unicast'));
    world.network.settle();
    expect(updates()).toEqual([1, 1]);
  });

  it('announces its own routes at once, others and End-of-RIB when all peers have sent theirs', () => {
    const world = new World();
    world.add(
      1,
      [peer(2, { ...GR, passive: true, reflectorClient: true }), peer(3, { ...GR, passive: true, reflectorClient: true })],
      { routes: [route('10.1.1.0/26')] },
      { restarting: { forwarding: true } },
    );
    const updatesSent = (id: number): number => world.speaker(1).status().peers[id]?.updatesSent ?? 0;
    world.add(2, [peer(1, GR)], { routes: [route('10.1.2.0/26')] });
    const families = [{ family: 'ipv4-unicast' as const, forwarding: true }];
    const capabilities = { gracefulRestart: { restarting: false, notification: true, restartTime: 60, families } };
    const scripted = world.script(3, { capabilities });
    scripted.connect({ address: address(1), port: PORT });
    world.network.settle();
    scripted.sendOpen();
    scripted.sendKeepalive();
    world.network.advance(1000);
    expect(world.best(1)).toEqual(['10.1.1.0/26 from local', '10.1.2.0/26 from p2']);
    expect(world.best(2)).toEqual(['10.1.1.0/26 from p1', '10.1.2.0/26 from local']);
    expect(scripted.types().filter((type) => type === 'update')).toHaveLength(1);
    expect(world.network.events('s1').some((event) => event.kind === 'end-of-rib' && event.direction === 'sent')).toBe(false);
    expect(
      world
        .speaker(1)
        .explain(route('10.1.2.0/26').prefix)
        .peers.find((each) => each.peer === 'p3')?.blockedBy,
    ).toMatchObject({
      citation: 'RFC 4724 section 4.1',
    });
    scripted.send(encodeEndOfRib('ipv4-unicast'));
    world.network.settle();
    // The other route, then the marker, and nothing twice.
    expect(scripted.types().filter((type) => type === 'update')).toHaveLength(3);
    expect(updatesSent(1)).toBe(3);
    expect(world.network.events('s1').filter((event) => event.kind === 'end-of-rib' && event.direction === 'sent')).toHaveLength(2);
  });

  it.each([
    ['a restart kept it', { restarting: { forwarding: true } }, true],
    ['a restart did not keep it', { restarting: { forwarding: false } }, false],
    ['nothing was there before', {}, false],
  ])('tells a peer that comes after the deferral whether forwarding state was kept: %s', (_name, options, forwarding) => {
    const world = new World();
    world.add(1, [peer(2, { ...GR, passive: true })], {}, options);
    world.network.advance(11_000);
    expect(world.speaker(1).status().deferring).toBe(false);
    const scripted = world.script(2, {});
    scripted.connect({ address: address(1), port: PORT });
    world.network.settle();
    // The R bit is over, since it says that End-of-RIB is not to be waited for; the F bit keeps what the peer holds as stale.
    expect(scripted.receivedOpen()?.capabilities.gracefulRestart).toMatchObject({
      restarting: false,
      families: [{ family: 'ipv4-unicast', forwarding }],
    });
  });

  it('does not wait for a peer that never comes, nor longer than ten seconds for an End-of-RIB', () => {
    const world = new World();
    world.add(1, [peer(2, { passive: true }), peer(3, { passive: true })], {}, { restarting: { forwarding: true } });
    world.add(2, [peer(1)]);
    world.network.advance(2_900);
    expect(world.speaker(1).status().peers[0]?.updatesSent).toBe(0);
    world.network.advance(200);
    expect(world.speaker(1).status().peers[0]?.updatesSent).toBe(1);
    const slow = new World();
    slow.add(1, [peer(2, { ...GR, passive: true })], {}, { restarting: { forwarding: true } });
    const families = [{ family: 'ipv4-unicast' as const, forwarding: true }];
    const scripted = slow.script(2, {
      capabilities: { gracefulRestart: { restarting: false, notification: false, restartTime: 60, families } },
    });
    scripted.connect({ address: address(1), port: PORT });
    slow.network.settle();
    scripted.sendOpen();
    scripted.sendKeepalive();
    slow.network.advance(9_900);
    expect(scripted.types()).not.toContain('update');
    slow.network.advance(200);
    expect(scripted.types()).toContain('update');
  });

  it.each([
    ['a helper that keeps nothing itself, without families', [], false, true],
    ['a peer that kept nothing of one of them', [{ family: 'ipv4-unicast' as const, forwarding: false }], false, true],
    ['a peer that restarted too', [{ family: 'ipv4-unicast' as const, forwarding: true }], true, false],
  ])('waits for the End-of-RIB of everybody with the capability but those with the R bit: %s', (_who, families, theirs, waited) => {
    const world = new World();
    world.add(1, [peer(2, { ...GR, passive: true })], { deferralTime: 60 }, { restarting: { forwarding: true } });
    const scripted = world.script(2, {
      capabilities: { gracefulRestart: { restarting: theirs, notification: false, restartTime: 60, families } },
    });
    scripted.connect({ address: address(1), port: PORT });
    world.network.settle();
    scripted.sendOpen();
    scripted.sendKeepalive();
    world.network.advance(30_000);
    expect(scripted.types().includes('update')).toBe(!waited);
    scripted.send(encodeEndOfRib('ipv4-unicast'));
    world.network.settle();
    expect(scripted.types()).toContain('update');
  });

  it('waits for every family of a session', () => {
    const world = new World();
    const families = ['ipv4-unicast', 'ipv6-unicast'] as const;
    world.add(1, [peer(2, { ...GR, families, passive: true })], { deferralTime: 60 }, { restarting: { forwarding: true } });
    const gracefulRestart = { restarting: false, notification: false, restartTime: 60, families: [] };
    const scripted = world.script(2, { capabilities: { families, gracefulRestart } });
    scripted.connect({ address: address(1), port: PORT });
    world.network.settle();
    scripted.sendOpen();
    scripted.sendKeepalive();
    scripted.send(encodeEndOfRib('ipv4-unicast'));
    world.network.advance(30_000);
    expect(scripted.types()).not.toContain('update');
    scripted.send(encodeEndOfRib('ipv6-unicast'));
    world.network.settle();
    expect(scripted.types().filter((type) => type === 'update')).toHaveLength(2);
  });

  it.each([0, 2, 25])('waits %i seconds where that is configured', (deferralTime) => {
    const world = new World();
    world.add(1, [peer(2, { ...GR, passive: true })], { deferralTime }, { restarting: { forwarding: true } });
    const scripted = world.script(2, {
      capabilities: { gracefulRestart: { restarting: false, notification: false, restartTime: 60, families: [] } },
    });
    scripted.connect({ address: address(1), port: PORT });
    world.network.settle();
    scripted.sendOpen();
    scripted.sendKeepalive();
    world.network.advance(Math.max(0, deferralTime * 1000 - 100));
    expect(scripted.types().includes('update')).toBe(deferralTime === 0);
    world.network.advance(200);
    expect(scripted.types()).toContain('update');
  });
});
