/** Sessions that are up: refreshes, malformed UPDATEs, operators, back-pressure. */
import { describe, expect, it } from 'vitest';
import { createSpeaker } from '../../../src/bgp/index.ts';
import { ScriptedPeer } from '../../../src/bgp/testing/index.ts';
import { encodeKeepalive, encodeOpen, encodeRouteRefresh, encodeUpdate, type PathAttributes } from '../../../src/bgp/wire/index.ts';
import { AT_1, establish, pair } from './scripted.ts';
import { address, config, peer, route } from './world.ts';

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
