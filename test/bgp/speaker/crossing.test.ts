/** The peer's connection beside our own dial: it does not become the session before ours is answered or has failed (RFC 4271 section 6.8, RFC 4724 section 5). */
import { describe, expect, it } from 'vitest';
import type { PeerConfig } from '../../../src/bgp/index.ts';
import { CROSSING_WAIT_MS } from '../../../src/bgp/session/index.ts';
import type { ScriptedPeer } from '../../../src/bgp/testing/index.ts';
import type { Capabilities } from '../../../src/bgp/wire/index.ts';
import { encodeKeepalive, MAX_MESSAGE, MESSAGE_TYPE } from '../../../src/bgp/wire/index.ts';
import { address, PORT, peer, World } from './world.ts';

const GR = { gracefulRestart: { restartTime: 60 } };
const RESTARTS: Partial<Capabilities> = {
  gracefulRestart: { restarting: false, notification: false, restartTime: 60, families: [{ family: 'ipv4-unicast', forwarding: true }] },
};

/** `local` dials `remote`, which has the connection and says nothing on it; then the remote's own comes up, with OPEN and KEEPALIVE. */
function crossed(local: number, remote: number, capabilities: Partial<Capabilities> = RESTARTS, options: Partial<PeerConfig> = GR) {
  const world = new World();
  const scripted = world.script(remote, { capabilities });
  scripted.listen([{ address: address(remote), port: PORT }]);
  world.network.settle();
  world.add(local, [peer(remote, options)]);
  world.network.settle();
  const ours = scripted.newest();
  scripted.connect({ address: address(local), port: PORT });
  world.network.settle();
  const theirs = scripted.newest();
  scripted.sendOpen({}, theirs);
  scripted.sendKeepalive(theirs);
  world.network.settle();
  const state = (): string => world.state(local, `p${remote}`);
  return { world, scripted, ours, theirs, state };
}

const got = (scripted: ScriptedPeer, connection: number): number[] =>
  scripted.received.filter((message) => message.connection === connection).map(({ type }) => type);
const { open, keepalive, update, notification } = MESSAGE_TYPE;

describe('a connection of the peer beside our own', () => {
  it('waits for the answer on ours, and is the session where its side has the higher identifier', () => {
    const { world, scripted, ours, theirs, state } = crossed(1, 2);
    expect([got(scripted, ours), got(scripted, theirs), state()]).toEqual([[open], [open], 'open-sent']);
    scripted.sendOpen({}, ours);
    world.network.settle();
    expect(state()).toBe('established');
    expect([got(scripted, ours), got(scripted, theirs)]).toEqual([
      [open, notification],
      [open, keepalive, update],
    ]);
    expect(world.states(1)).not.toContain('idle');
  });

  it('is ended without having been confirmed where ours wins', () => {
    const { world, scripted, ours, theirs, state } = crossed(2, 1);
    scripted.sendOpen({}, ours);
    scripted.sendKeepalive(ours);
    world.network.settle();
    expect(state()).toBe('established');
    expect([got(scripted, ours), got(scripted, theirs)]).toEqual([
      [open, keepalive, update],
      [open, notification],
    ]);
  });

  it('waits no longer than that', () => {
    const { world, scripted, theirs, state } = crossed(1, 2);
    world.network.advance(CROSSING_WAIT_MS - 100);
    expect(got(scripted, theirs)).toEqual([open]);
    world.network.advance(200);
    expect([got(scripted, theirs), state()]).toEqual([[open, keepalive, update], 'established']);
  });

  it('is taken at once where the peer ends ours', () => {
    const { world, scripted, ours, theirs, state } = crossed(1, 2);
    scripted.close(ours);
    world.network.settle();
    expect([got(scripted, theirs), state()]).toEqual([[open, keepalive, update], 'established']);
  });

  it('is forgotten where the peer ends it while it waits', () => {
    const { world, scripted, ours, theirs, state } = crossed(1, 2);
    scripted.close(theirs);
    world.network.settle();
    expect(world.speaker(1).nextDeadline()).toBeGreaterThan(world.network.clock.now() + CROSSING_WAIT_MS);
    scripted.sendOpen({}, ours);
    scripted.sendKeepalive(ours);
    world.network.settle();
    expect([got(scripted, ours), state()]).toEqual([[open, keepalive, update], 'established']);
  });

  it('is forgotten with the peer', () => {
    const { world, theirs, scripted } = crossed(1, 2);
    world.configure(1, []);
    world.network.settle();
    expect(got(scripted, theirs)).toEqual([open, notification]);
    expect(world.speaker(1).nextDeadline()).toBe(Infinity);
  });

  it('waits while our own is still being made, and is taken where that fails', () => {
    const world = new World();
    const scripted = world.script(2, { capabilities: RESTARTS });
    world.add(1, [peer(2, GR)]);
    scripted.connect({ address: address(1), port: PORT });
    world.network.work('s2');
    // The first of what is under way is our dial.
    const deliverOthers = (): void => {
      while (world.network.deliverable() > 1) world.network.deliver(1);
    };
    deliverOthers();
    const theirs = scripted.newest();
    scripted.sendOpen({}, theirs);
    scripted.sendKeepalive(theirs);
    world.network.work('s2');
    deliverOthers();
    expect([got(scripted, theirs), world.state(1, 'p2')]).toEqual([[open], 'open-sent']);
    world.network.settle();
    expect([got(scripted, theirs), world.state(1, 'p2')]).toEqual([[open, keepalive, update], 'established']);
  });

  it('does not wait for another one of the peer', () => {
    const world = new World();
    const scripted = world.script(2, { capabilities: RESTARTS });
    world.add(1, [peer(2, { ...GR, passive: true })]);
    for (let times = 0; times < 2; times++) scripted.connect({ address: address(1), port: PORT });
    world.network.settle();
    scripted.sendOpen();
    world.network.settle();
    expect(got(scripted, scripted.newest())).toEqual([open, keepalive]);
  });

  it('does not wait any longer once it sends more than a message before it heard that we agree', () => {
    const { world, scripted, theirs, state } = crossed(1, 2);
    const octets = encodeKeepalive();
    for (let sent = 2 * octets.length; sent <= MAX_MESSAGE; sent += octets.length) scripted.send(octets, theirs);
    world.network.settle();
    expect(state()).toBe('open-sent');
    scripted.send(octets, theirs);
    world.network.settle();
    expect([got(scripted, theirs), state()]).toEqual([[open, keepalive, update], 'established']);
  });

  it.each([
    ['the peer does', {}, GR],
    ['we do', RESTARTS, {}],
  ])('does not wait where %s not know graceful restart', (_who, theirCapabilities, ourOptions) => {
    const { scripted, theirs, state } = crossed(1, 2, theirCapabilities, ourOptions);
    expect(got(scripted, theirs).slice(0, 2)).toEqual([open, keepalive]);
    expect(state()).toBe('established');
  });
});
