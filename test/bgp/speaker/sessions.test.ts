/** One speaker against a peer that follows a script: OPEN checks, timers, errors, operator actions. */
import { describe, expect, it } from 'vitest';
import { createSpeaker, type PeerConfig } from '../../../src/bgp/index.ts';
import { ScriptedPeer } from '../../../src/bgp/testing/index.ts';
import {
  encodeEndOfRib,
  encodeKeepalive,
  encodeNotification,
  encodeOpen,
  encodeRouteRefresh,
  encodeUpdate,
  notificationFor,
  type PathAttributes,
} from '../../../src/bgp/wire/index.ts';
import { address, config, PORT, peer, route, World } from './world.ts';

const AT_1 = { address: address(1), port: PORT };

/** Speaker 1 that waits for scripted peer 2. */
function pair(overrides: Partial<PeerConfig> = {}, options: Parameters<World['script']>[1] = {}): { world: World; scripted: ScriptedPeer } {
  const world = new World();
  world.add(1, [peer(2, { passive: true, ...overrides })], { routes: [route('10.1.1.0/26')] });
  return { world, scripted: world.script(2, options) };
}

function connect(world: World, scripted: ScriptedPeer): void {
  scripted.connect(AT_1);
  world.network.settle();
}

function establish(world: World, scripted: ScriptedPeer): void {
  connect(world, scripted);
  scripted.sendOpen();
  scripted.sendKeepalive();
  world.network.settle();
  expect(world.state(1, 'p2')).toBe('established');
}

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

/** A whole UPDATE that announces 10.5.N.0/24 for each N with these attributes. */
function announce(hosts: readonly number[], extra: Partial<PathAttributes> = {}): Uint8Array {
  const attributes = { origin: 'igp' as const, asPath: [], nextHop: address(2), localPref: 100, ...extra };
  const [update] = encodeUpdate({ announced: hosts.map((host) => ({ prefix: route(`10.5.${host}.0/24`).prefix })), attributes });
  if (update === undefined) throw new Error('no update');
  return update;
}

describe('enhanced route refresh (RFC 7313)', () => {
  const enhanced = { capabilities: { enhancedRouteRefresh: true } };

  it('drops what the peer leaves out between BoRR and EoRR, and nothing before', () => {
    const { world, scripted } = pair({}, enhanced);
    establish(world, scripted);
    scripted.send(announce([1, 2]));
    world.network.settle();
    scripted.send(encodeRouteRefresh({ family: 'ipv4-unicast', subtype: 1 }));
    scripted.send(announce([2]));
    world.network.settle();
    expect(world.best(1).filter((each) => each.startsWith('10.5.'))).toHaveLength(2);
    scripted.send(encodeRouteRefresh({ family: 'ipv4-unicast', subtype: 2 }));
    world.network.settle();
    expect(world.best(1).filter((each) => each.startsWith('10.5.'))).toEqual(['10.5.2.0/24 from p2']);
  });

  it('ignores an EoRR that nothing began', () => {
    const { world, scripted } = pair({}, enhanced);
    establish(world, scripted);
    scripted.send(announce([1]));
    scripted.send(encodeRouteRefresh({ family: 'ipv4-unicast', subtype: 2 }));
    world.network.settle();
    expect(world.best(1)).toContain('10.5.1.0/24 from p2');
  });

  it('puts its own table between BoRR and EoRR when asked', () => {
    const { world, scripted } = pair({}, enhanced);
    establish(world, scripted);
    const before = scripted.types().length;
    scripted.send(encodeRouteRefresh({ family: 'ipv4-unicast' }));
    world.network.settle();
    expect(scripted.types().slice(before)).toEqual(['routeRefresh', 'update', 'routeRefresh']);
  });
});

describe('malformed UPDATEs (RFC 7606)', () => {
  it('withdraw their routes and leave the session up', () => {
    const { world, scripted } = pair();
    establish(world, scripted);
    scripted.send(announce([1]));
    world.network.settle();
    const broken = announce([1]);
    // ORIGIN is the first attribute: its value after header, withdrawn length, attribute length, flags, code, length.
    broken[19 + 2 + 2 + 3] = 9;
    scripted.send(broken);
    world.network.settle();
    expect(world.network.events('s1')).toContainEqual(
      expect.objectContaining({ kind: 'malformed-update', peer: 'p2', outcome: 'treat-as-withdraw' }),
    );
    expect(world.best(1)).toEqual(['10.1.1.0/26 from local']);
    expect(world.state(1, 'p2')).toBe('established');
  });

  it('reset the session where their NLRI cannot be trusted', () => {
    const { world, scripted } = pair();
    establish(world, scripted);
    const broken = announce([1]);
    broken[broken.length - 4] = 33;
    scripted.send(broken);
    world.network.settle();
    expect(world.notifications(1)[0]).toMatch(/^sent UPDATE Message Error/);
    expect(world.state(1, 'p2')).toBe('idle');
  });
});

describe('operator actions', () => {
  it('shutdown says why, refuses the peer, and enable lets it in', () => {
    const { world, scripted } = pair();
    establish(world, scripted);
    world.network.feed('s1', { type: 'peer-action', peer: 'p2', action: { kind: 'shutdown', text: 'disk swap' } });
    world.network.settle();
    expect(world.notifications(1)).toEqual(['sent Cease/Administrative Shutdown: disk swap']);
    expect(world.speaker(1).status().peers[0]).toMatchObject({ state: 'idle', adminDown: true, nextRetryAt: undefined });
    scripted.connect(AT_1);
    world.network.settle();
    expect(world.state(1, 'p2')).toBe('idle');
    world.network.feed('s1', { type: 'peer-action', peer: 'p2', action: { kind: 'enable' } });
    establish(world, scripted);
  });

  it('reset ends the session and starts over', () => {
    const { world, scripted } = pair();
    establish(world, scripted);
    world.network.feed('s1', { type: 'peer-action', peer: 'p2', action: { kind: 'reset' } });
    world.network.settle();
    expect(world.notifications(1)).toEqual(['sent Cease/Administrative Reset']);
    establish(world, scripted);
  });

  it('refresh in asks the peer', () => {
    const { world, scripted } = pair();
    establish(world, scripted);
    world.network.feed('s1', { type: 'peer-action', peer: 'p2', action: { kind: 'refresh', direction: 'in' } });
    world.network.settle();
    expect(scripted.types().at(-1)).toBe('routeRefresh');
  });
});

describe('back-pressure', () => {
  it('keeps routes back from a socket that is full, but not keepalives', () => {
    const { world, scripted } = pair();
    establish(world, scripted);
    world.network.setBlocked('s1', 's2', true);
    world.network.feed('s1', { type: 'routes', set: [route('10.2.0.0/26')], remove: [] });
    world.network.settle();
    const updates = (): number => scripted.types().filter((type) => type === 'update').length;
    expect(updates()).toBe(2);
    const keepalives = scripted.types().filter((type) => type === 'keepalive').length;
    world.network.advance(31_000);
    expect(scripted.types().filter((type) => type === 'keepalive').length).toBeGreaterThan(keepalives);
    world.network.setBlocked('s1', 's2', false);
    world.network.settle();
    expect(updates()).toBe(3);
  });
});

describe('a peer that sends faster than routes are decided', () => {
  it('is not read until the RIB has caught up, and its hold timer waits', () => {
    const speaker = createSpeaker({ random: () => 1, wallClock: (now) => now });
    const connection = 1;
    const give = (octets: Uint8Array, now = 0): string[] =>
      speaker.handle({ type: 'octets', connection, octets }, now).map(({ type }) => type);
    speaker.handle({ type: 'configure', config: config(1, [peer(2, { passive: true })]) }, 0);
    speaker.handle({ type: 'connected', connection, local: AT_1, remote: { address: address(2), port: 5000 } }, 0);
    give(encodeOpen(new ScriptedPeer({ as: 64512, bgpId: 2 }).open()));
    give(encodeKeepalive());
    const update = announce(Array.from({ length: 200 }, (_, index) => index));
    const outputs: string[] = [];
    while (!outputs.includes('pause')) outputs.push(...give(update));
    expect(outputs.filter((type) => type === 'pause')).toHaveLength(1);
    for (let polls = 0; polls < 4; polls++) speaker.handle({ type: 'tick' }, 95_000);
    expect(speaker.status().peers[0]?.state).toBe('established');
    const worked = speaker.work(() => 95_000, 10);
    expect(worked.outputs.map(({ type }) => type)).toContain('resume');
  });
});
