/** One speaker against a peer that follows a script: OPEN checks, timers, errors. */
import { describe, expect, it } from 'vitest';
import { encodeEndOfRib, encodeNotification, encodeRouteRefresh, notificationFor } from '../../../src/bgp/wire/index.ts';
import { AT_1, connect, establish, pair } from './scripted.ts';
import { address, peer, route, World } from './world.ts';

describe('coming up', () => {
  it('sends OPEN, KEEPALIVE, then the table and End-of-RIB', () => {
    const { world, scripted } = pair();
    establish(world, scripted);
    expect(scripted.types()).toEqual(['open', 'keepalive', 'update', 'update']);
    expect(world.states(1)).toEqual(['active', 'open-sent', 'open-confirm', 'established']);
    expect(world.network.events('s1')).toContainEqual({ kind: 'end-of-rib', peer: 'p2', family: 'ipv4-unicast', direction: 'sent' });
    expect(world.speaker(1).status().peers[0]).toMatchObject({ updatesSent: 2, holdTime: 90, remoteId: 0x0a000002, flaps: 0 });
  });

  it('takes octets in any pieces', () => {
    const { world, scripted } = pair();
    connect(world, scripted);
    scripted.sendOpen();
    scripted.sendKeepalive();
    while (world.network.deliverable() > 0 || scripted.hasWork()) {
      if (scripted.hasWork()) world.network.work('s2');
      if (world.network.deliverable() > 0) world.network.deliver(0, 1);
    }
    world.network.settle();
    expect(world.state(1, 'p2')).toBe('established');
  });

  it.each([
    ['another AS', { myAs: 64513 }, 'sent OPEN Message Error/Bad Peer AS'],
    ['hold time 2', { holdTime: 2 }, 'sent OPEN Message Error/Unacceptable Hold Time'],
    ['our identifier', { bgpId: 0x0a000001 }, 'sent OPEN Message Error/Bad BGP Identifier'],
  ])('refuses %s and holds the peer back', (_name, open, text) => {
    const { world, scripted } = pair({}, { capabilities: {} });
    connect(world, scripted);
    const capabilities = 'myAs' in open ? { capabilities: { ...scripted.open().capabilities, fourOctetAs: 64513 } } : {};
    scripted.sendOpen({ ...open, ...capabilities });
    world.network.settle();
    expect(world.notifications(1)).toEqual([text]);
    expect(world.state(1, 'p2')).toBe('idle');
    scripted.connect(AT_1);
    world.network.settle();
    expect(world.network.events('s1').at(-1)).toMatchObject({
      kind: 'refused-connection',
      because: 'the peer is held back after an error',
    });
    world.network.advance(1000);
    expect(world.state(1, 'p2')).toBe('active');
  });

  it('refuses a peer that is not configured with Connection Rejected', () => {
    const { world } = pair();
    const stranger = world.script(66);
    stranger.connect(AT_1);
    world.network.settle();
    expect(stranger.notifications()).toMatchObject([{ code: 6, subcode: 5 }]);
    expect(world.network.events('s1').at(-1)).toMatchObject({ kind: 'refused-connection', because: 'no such peer is configured' });
  });

  it('gives a connection that fits several peers to the one with the AS of the OPEN', () => {
    const world = new World();
    const at = (port: number, remoteAs: number) =>
      peer(2, { id: `port ${port}`, remote: { address: address(2), port }, remoteAs, passive: true });
    world.add(1, [at(1, 65001), at(2, 65002), at(3, 65002)]);
    const scripted = world.script(2, { as: 65002 });
    connect(world, scripted);
    expect(scripted.types()).toEqual([]);
    scripted.sendOpen();
    world.network.settle();
    expect([world.state(1, 'port 1'), world.state(1, 'port 2'), world.state(1, 'port 3')]).toEqual(['active', 'open-confirm', 'active']);
    expect(scripted.types()).toEqual(['open', 'keepalive']);
  });

  it('takes a new connection of a peer whose last one is dead in OpenConfirm, while our own dial is under way', () => {
    const world = new World();
    world.add(1, [peer(2)]);
    const scripted = world.script(2);
    // Everything but our dial, which stays first in the queue, arrives.
    const arrive = (): void => {
      while (scripted.hasWork() || world.network.deliverable() > 1) {
        if (scripted.hasWork()) world.network.work('s2');
        else world.network.deliver(1);
      }
    };
    const up = (): number => {
      scripted.connect(AT_1);
      arrive();
      scripted.sendOpen({}, scripted.newest());
      arrive();
      expect(world.state(1, 'p2')).toBe('open-confirm');
      return scripted.newest();
    };
    const [first, second] = [up(), up()];
    expect(second).not.toBe(first);
    scripted.sendKeepalive(second);
    arrive();
    expect(world.state(1, 'p2')).toBe('established');
  });

  it('closes a connection that never says which peer it is', () => {
    const world = new World();
    world.add(1, [peer(2, { passive: true }), peer(2, { id: 'b', remote: { address: address(2), port: 1 }, passive: true })]);
    const scripted = world.script(2);
    connect(world, scripted);
    world.network.advance(30_000);
    expect(scripted.notifications()).toMatchObject([{ code: 6, subcode: 5 }]);
  });
});

describe('timers', () => {
  it('sends keepalives at most a third of the hold time apart and ends a silent session when it is over', () => {
    const { world, scripted } = pair();
    establish(world, scripted);
    world.network.advance(89_000);
    const keepalives = scripted.types().filter((type) => type === 'keepalive').length;
    expect(keepalives).toBeGreaterThanOrEqual(3);
    expect(keepalives).toBeLessThanOrEqual(5);
    expect(world.state(1, 'p2')).toBe('established');
    world.network.advance(1_100);
    expect(world.notifications(1)).toEqual(['sent Hold Timer Expired']);
    expect(world.state(1, 'p2')).toBe('active');
  });

  it('waits four minutes for an OPEN', () => {
    const { world, scripted } = pair();
    connect(world, scripted);
    world.network.advance(239_000);
    expect(world.state(1, 'p2')).toBe('open-sent');
    world.network.advance(2_000);
    expect(world.notifications(1)).toEqual(['sent Hold Timer Expired']);
  });

  it.each([
    ['one', 's1'],
    ['the other', 's2'],
  ])('a loop that stalls for 2/3 of the hold time on %s side costs nothing', (_side, stalled) => {
    const world = new World();
    world.add(1, [peer(2)], { routes: [route('10.1.1.0/26')] });
    world.add(2, [peer(1, { passive: true })]);
    world.network.advance(20_000);
    for (let i = 0; i < 5; i++) {
      world.network.stall(stalled);
      world.network.advance(60_000);
      world.network.resume(stalled);
      world.network.advance(15_000);
    }
    expect(world.notifications(1)).toEqual([]);
    expect(world.states(1).filter((state) => state === 'established')).toHaveLength(1);
    expect(world.best(2)).toEqual(['10.1.1.0/26 from p1']);
  });

  it('gives up only after two full polls without a sign of life', () => {
    const { world, scripted } = pair();
    establish(world, scripted);
    world.network.advance(89_999);
    world.network.clock.moveTo(world.network.clock.now() + 1);
    const seen: string[] = [];
    for (let polls = 0; polls <= 2; polls++) {
      world.network.feed('s1', { type: 'tick' });
      seen.push(world.state(1, 'p2'));
    }
    expect(seen).toEqual(['established', 'established', 'active']);
  });

  it('survives a stall longer than the hold time when the keepalives are waiting in the socket', () => {
    const { world, scripted } = pair({ holdTime: 9 }, { holdTime: 9 });
    establish(world, scripted);
    world.network.stall('s1');
    for (let i = 0; i < 6; i++) {
      scripted.sendKeepalive();
      world.network.advance(2_000);
    }
    world.network.resume('s1');
    world.network.advance(100);
    expect(world.state(1, 'p2')).toBe('established');
    expect(world.notifications(1)).toEqual([]);
  });
});

describe('errors', () => {
  it('answers a bad header and ends the session', () => {
    const { world, scripted } = pair();
    establish(world, scripted);
    scripted.send(new Uint8Array(19));
    world.network.settle();
    expect(world.notifications(1)).toEqual(['sent Message Header Error/Connection Not Synchronized']);
    expect(world.best(1)).toEqual(['10.1.1.0/26 from local']);
  });

  it('answers an UPDATE before its time with the subcode of the state', () => {
    const { world, scripted } = pair();
    connect(world, scripted);
    scripted.send(encodeEndOfRib('ipv4-unicast'));
    world.network.settle();
    expect(world.notifications(1)).toEqual(['sent Finite State Machine Error/Receive Unexpected Message in OpenSent State']);
  });

  it('notes what the peer says when it leaves', () => {
    const { world, scripted } = pair();
    establish(world, scripted);
    scripted.send(encodeNotification(notificationFor({ code: 'CEASE_ADMIN_RESET' })));
    world.network.settle();
    expect(world.speaker(1).status().peers[0]).toMatchObject({
      state: 'active',
      flaps: 1,
      lastErrorReceived: { text: 'Cease/Administrative Reset' },
    });
  });

  it('ignores a refresh of a family that was not agreed on', () => {
    const { world, scripted } = pair();
    establish(world, scripted);
    const before = scripted.types().length;
    scripted.send(encodeRouteRefresh({ family: 'ipv6-unicast' }));
    world.network.settle();
    expect(scripted.types()).toHaveLength(before);
    scripted.send(encodeRouteRefresh({ family: 'ipv4-unicast' }));
    world.network.settle();
    expect(
      scripted
        .types()
        .slice(before)
        .filter((type) => type === 'update').length,
    ).toBeGreaterThan(0);
  });
});
