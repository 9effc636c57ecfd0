/** The peer's connection beside our own dial: it does not become the session before ours is answered or has failed (RFC 4271 section 6.8, RFC 4724 section 5). */
import { describe, expect, it } from 'vitest';
import { CROSSING_WAIT_MS } from '../../../src/bgp/session/index.ts';
import type { ScriptedPeer } from '../../../src/bgp/testing/index.ts';
import type { Capabilities } from '../../../src/bgp/wire/index.ts';
import { MESSAGE_TYPE } from '../../../src/bgp/wire/index.ts';
import { address, PORT, peer, World } from './world.ts';

const GR = { gracefulRestart: { restartTime: 60 } };
const RESTARTS: Partial<Capabilities> = {
  gracefulRestart: { restarting: false, notification: false, restartTime: 60, families: [{ family: 'ipv4-unicast', forwarding: true }] },
};

/** `local` dials `remote`, which has the connection and says nothing on it; then the remote's own comes up, with OPEN and KEEPALIVE. */
function crossed(local: number, remote: number, capabilities: Partial<Capabilities> = RESTARTS) {
  const world = new World();
  const scripted = world.script(remote, { capabilities });
  scripted.listen([{ address: address(remote), port: PORT }]);
  world.network.settle();
  world.add(local, [peer(remote, GR)]);
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
    scripted.sendOpen({}, ours);
    scripted.sendKeepalive(ours);
    world.network.settle();
    expect([got(scripted, ours), state()]).toEqual([[open, keepalive, update], 'established']);
  });

  it('does not wait where the peer does not know graceful restart', () => {
    const { scripted, theirs, state } = crossed(1, 2, {});
    expect(got(scripted, theirs).slice(0, 2)).toEqual([open, keepalive]);
    expect(state()).toBe('established');
  });
});
