/** Graceful restart after NOTIFICATION (RFC 8538): only a hard reset takes the routes along. */
import { describe, expect, it } from 'vitest';
import type { ScriptedPeer } from '../../../src/bgp/testing/index.ts';
import type { Capabilities, NotificationMessage } from '../../../src/bgp/wire/index.ts';
import { encodeNotification, encodeUpdate, hardReset, notificationFor } from '../../../src/bgp/wire/index.ts';
import { address, PORT, peer, route, World } from './world.ts';

const GR = { gracefulRestart: { restartTime: 60 } };

/** The capability, with or without the N bit. */
function restart(notification: boolean): NonNullable<Capabilities['gracefulRestart']> {
  return { restarting: false, notification, restartTime: 60, families: [{ family: 'ipv4-unicast', forwarding: true }] };
}

function establish(world: World, scripted: ScriptedPeer): void {
  scripted.connect({ address: address(1), port: PORT });
  world.network.settle();
  scripted.sendOpen();
  scripted.sendKeepalive();
  world.network.settle();
  expect(world.state(1, 'p2')).toBe('established');
}

/** Speaker 1 with a route of scripted peer 2. */
function pair(options: { readonly notification: boolean } = { notification: true }): {
  readonly world: World;
  readonly scripted: ScriptedPeer;
} {
  const world = new World();
  world.add(1, [peer(2, { ...GR, passive: true })]);
  const scripted = world.script(2, { capabilities: { gracefulRestart: restart(options.notification) } });
  establish(world, scripted);
  const attributes = { origin: 'igp' as const, asPath: [], nextHop: address(2), localPref: 100 };
  for (const octets of encodeUpdate({ announced: [{ prefix: route('10.9.0.0/16').prefix }], attributes })) scripted.send(octets);
  world.network.settle();
  expect(world.best(1)).toEqual(['10.9.0.0/16 from p2']);
  return { world, scripted };
}

const STALE = ['10.9.0.0/16 from p2 stale'];

describe('N bit', () => {
  it('is offered with graceful restart', () => {
    const { scripted, world } = pair();
    expect(scripted.receivedOpen()?.capabilities.gracefulRestart).toMatchObject({ notification: true, restarting: false });
    expect(world.speaker(1).status().peers[0]?.capabilities).toContain('graceful restart after NOTIFICATION (RFC 8538)');
  });

  const received: readonly [string, NotificationMessage, boolean][] = [
    ['Other Configuration Change', notificationFor({ code: 'CEASE_CONFIGURATION_CHANGE' }), true],
    ['Hold Timer Expired', notificationFor({ code: 'HOLD_TIMER_EXPIRED' }), true],
    ['an unwrapped Administrative Shutdown', notificationFor({ code: 'CEASE_ADMIN_SHUTDOWN' }), true],
    ['a hard reset', hardReset(notificationFor({ code: 'CEASE_ADMIN_SHUTDOWN' })), false],
  ];
  it.each(received)('on %s received', (_name, message, kept) => {
    const { world, scripted } = pair();
    scripted.send(encodeNotification(message));
    world.network.settle();
    expect(world.best(1)).toEqual(kept ? STALE : []);
  });

  it('without it on one side every NOTIFICATION takes the routes along, and none is a hard reset', () => {
    const { world, scripted } = pair({ notification: false });
    scripted.send(encodeNotification(notificationFor({ code: 'HOLD_TIMER_EXPIRED' })));
    world.network.settle();
    expect(world.best(1)).toEqual([]);
    const other = pair({ notification: false });
    other.world.network.feed('s1', { type: 'shutdown', planned: false, text: 'bye' });
    other.world.network.settle();
    expect(other.world.notifications(1)).toEqual(['sent Cease/Administrative Shutdown: bye']);
  });

  it('keeps the routes of a peer whose hold timer expired, until its restart time is over', () => {
    const { world } = pair();
    world.network.advance(91_000);
    expect(world.notifications(1)).toEqual(['sent Hold Timer Expired']);
    expect(world.best(1)).toEqual(STALE);
    world.network.advance(60_000);
    expect(world.best(1)).toEqual([]);
  });

  it.each([
    ['shutdown', { kind: 'shutdown', text: 'maintenance' } as const, 'sent Cease/Hard Reset (Cease/Administrative Shutdown: maintenance)'],
    ['reset', { kind: 'reset' } as const, 'sent Cease/Hard Reset (Cease/Administrative Reset)'],
  ])('%s by an operator is a hard reset', (_name, action, text) => {
    const { world } = pair();
    world.network.feed('s1', { type: 'peer-action', peer: 'p2', action });
    world.network.settle();
    expect(world.notifications(1)).toEqual([text]);
    expect(world.best(1)).toEqual([]);
  });

  it('a changed configuration leaves routes on both sides, and the next OPEN has the F bit', () => {
    const { world, scripted } = pair();
    world.configure(1, [peer(2, { ...GR, passive: true, holdTime: 30 })]);
    world.network.settle();
    expect(world.notifications(1)).toEqual(['sent Cease/Other Configuration Change']);
    expect(world.best(1)).toEqual(STALE);
    scripted.received.splice(0);
    establish(world, scripted);
    expect(scripted.receivedOpen()?.capabilities.gracefulRestart).toMatchObject({
      restarting: false,
      families: [{ family: 'ipv4-unicast', forwarding: true }],
    });
    expect(world.best(1)).toEqual(STALE);
  });

  it('the routes of another AS are not kept', () => {
    const { world } = pair();
    world.configure(1, [peer(2, { ...GR, passive: true, remoteAs: 64999 })]);
    world.network.settle();
    expect(world.best(1)).toEqual([]);
  });
});
