/** What a change of configuration costs, field by field, and who keeps a session through it. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { PeerConfig, SpeakerOutput } from '../../../src/bgp/index.ts';
import { createSpeaker } from '../../../src/bgp/index.ts';
import { secretText } from '../../../src/bgp/net/index.ts';
import { changedFields, classOf, PEER_FIELD_CLASSES } from '../../../src/bgp/speaker/config-classes.ts';
import { LLGR_STALE } from '../../../src/bgp/speaker/long-lived.ts';
import { encodeKeepalive, encodeOpen, encodeUpdate } from '../../../src/bgp/wire/index.ts';
import { open } from '../session/fixtures.ts';
import { address, config, PORT, peer, route, World } from './world.ts';

/** Two speakers, 1 dials 2; both with a route. */
function pair(): World {
  const world = new World();
  world.add(1, [peer(2)], { routes: [route('10.1.1.0/26')] });
  world.add(2, [peer(1, { passive: true })], { routes: [route('10.1.2.0/26')] });
  world.network.advance(10_000);
  expect(world.state(1, 'p2')).toBe('established');
  return world;
}

/** A value for each field that differs from that of `peer()`. */
const OTHER: { readonly [field in keyof Required<PeerConfig>]: PeerConfig[field] } = {
  id: 'renamed',
  remote: { address: address(7), port: PORT },
  local: address(1),
  remoteAs: 64513,
  localAs: 64513,
  families: ['ipv4-unicast', 'ipv6-unicast'],
  passive: true,
  holdTime: 30,
  keepaliveTime: 7,
  sendHoldTime: 600,
  connectRetryTime: 9,
  connectDelay: 3,
  delayOpenTime: 1,
  reflectorClient: true,
  clusterId: 99,
  clientToClientReflection: false,
  nextHop: 'self',
  nextHopSelf: { ipv4: address(77) },
  importPolicy: { name: 'none', terms: [], otherwise: 'reject' },
  exportPolicy: { name: 'none', terms: [], otherwise: 'reject' },
  allowLocalAs: 1,
  dialect: 'bird-1.6',
  addPath: 'receive',
  addPathLimit: 4,
  diversePath: 2,
  gracefulRestart: { restartTime: 60 },
  longLivedPartialDeployment: true,
  enforceFirstAs: false,
  extendedNextHop: true,
  maxPrefix: 100,
  maxPrefixWarning: 50,
  maxPrefixAction: 'hold',
  maxPrefixRestartTime: 60,
  maxPrefixOut: 100,
  gracefulShutdown: true,
  honourGracefulShutdown: false,
  md5Key: secretText('new-key'),
  ttlSecurity: 1,
  typeOfService: 0x48,
  userTimeout: 30_000,
  device: 'eth1',
  range: 'pods',
  reasons: [{ object: 'BGPPeer/x', rule: 'control-plane 2.2' }],
};

const FIELDS = Object.entries(PEER_FIELD_CLASSES).map(([field, change]) => ({ field, change }));

function changed(field: string): PeerConfig {
  const value = Object.entries(OTHER).find(([name]) => name === field)?.[1];
  return { ...peer(2), [field]: value };
}

describe('each field of a peer', () => {
  it.each(FIELDS)('$field: $change', ({ field, change }) => {
    const after = changed(field);
    expect(classOf(changedFields(peer(2), after))).toBe(change);
    const world = pair();
    const before = world.states(1).length;
    world.configure(1, [after], { routes: [route('10.1.1.0/26')] });
    const states = world.states(1).slice(before);
    if (change === 'bounce' || change === 'socket') {
      expect(states[0]).toBe('idle');
      expect(world.notifications(1)).toEqual(['sent Cease/Other Configuration Change']);
    } else if (change === 'identity') {
      expect(world.notifications(1)).toEqual(['sent Cease/Peer De-configured']);
    } else {
      expect(states).toEqual([]);
      world.network.advance(100_000);
      expect(world.state(1, after.id)).toBe('established');
      expect(world.states(1).slice(before)).toEqual([]);
    }
  });

  it('stands in the README where it belongs', () => {
    const text = readFileSync(new URL('../../../src/bgp/README.md', import.meta.url), 'utf8');
    const rows = text.matchAll(/^\| (identity|bounce|socket|policy|timers|none) \| ([^|]*) \|/gm);
    const said = [...rows].flatMap(([, change, fields = '']) => fields.split(', ').map((field) => ({ field, change })));
    const byName = (a: { readonly field: string }, b: { readonly field: string }): number => (a.field < b.field ? -1 : 1);
    expect(said.sort(byName)).toEqual([...FIELDS].sort(byName));
  });

  it('keepaliveTime: the pace of the session that is up, at once and without a word', () => {
    const world = pair();
    const sentIn = (seconds: number): number => {
      const before = world.speaker(1).status().peers[0]?.messagesSent ?? 0;
      world.network.advance(seconds * 1000);
      return (world.speaker(1).status().peers[0]?.messagesSent ?? 0) - before;
    };
    world.configure(1, [peer(2, { keepaliveTime: 2 })], { routes: [route('10.1.1.0/26')] });
    expect(world.speaker(1).status().peers[0]?.keepaliveTime).toBe(2);
    expect(sentIn(60)).toBeGreaterThanOrEqual(30);
    world.configure(1, [peer(2)], { routes: [route('10.1.1.0/26')] });
    world.network.advance(5_000);
    expect(sentIn(60)).toBeLessThanOrEqual(6);
    expect(world.notifications(1)).toEqual([]);
  });

  it('the same again: nothing at all', () => {
    const world = pair();
    const sent = world.speaker(1).status().peers[0]?.messagesSent;
    const outputs = world
      .speaker(1)
      .handle({ type: 'configure', config: config(1, [peer(2)], { routes: [route('10.1.1.0/26')] }) }, world.network.clock.now());
    expect(outputs).toEqual([]);
    world.network.settle();
    expect(world.speaker(1).status().peers[0]?.messagesSent).toBe(sent);
  });
});

describe('another MD5 key', () => {
  const keyed = (key: string, host: number, more: Partial<PeerConfig> = {}): PeerConfig =>
    peer(host, { md5Key: secretText(key), gracefulRestart: { restartTime: 60 }, ...more });

  function keyedPair(): World {
    const world = new World();
    world.add(1, [keyed('old', 2)], { routes: [route('10.1.1.0/26')] });
    world.add(2, [keyed('old', 1, { passive: true })], { routes: [route('10.1.2.0/26')] });
    world.network.advance(10_000);
    expect(world.best(1)).toEqual(['10.1.1.0/26 from local', '10.1.2.0/26 from p2']);
    return world;
  }

  it('makes one new connection, says nothing, and neither end loses a route meanwhile (bgp-speaker 4.8)', () => {
    const world = keyedPair();
    const before = world.states(1).length;
    world.configure(1, [keyed('new', 2)], { routes: [route('10.1.1.0/26')] });
    expect(world.states(1).slice(before)[0]).toBe('idle');
    expect(world.state(1, 'p2')).toBe('connect');
    expect(world.best(1)).toEqual(['10.1.1.0/26 from local', '10.1.2.0/26 from p2 stale']);
    let fewest = 2;
    while (world.state(1, 'p2') !== 'established') {
      if (world.network.deliverable() > 0) world.network.deliver(0);
      else world.network.advance(100);
      fewest = Math.min(fewest, world.best(2).length);
    }
    expect(fewest).toBe(2);
    world.network.advance(10_000);
    expect(world.state(1, 'p2')).toBe('established');
    expect(world.notifications(1)).toEqual([]);
    expect(world.states(1).filter((state) => state === 'established')).toHaveLength(2);
    expect(world.best(1)).toEqual(['10.1.1.0/26 from local', '10.1.2.0/26 from p2']);
    expect(world.best(2)).toEqual(['10.1.1.0/26 from p1', '10.1.2.0/26 from local']);
  });

  it('is not disturbed by what still came on the old connection', () => {
    const speaker = createSpeaker({ random: () => 0.5, wallClock: (now) => now });
    const configure = (key: string): SpeakerOutput[] =>
      speaker.handle({ type: 'configure', config: config(1, [keyed(key, 2, { passive: true })]) }, 0);
    const hear = (octets: Uint8Array): SpeakerOutput[] => speaker.handle({ type: 'octets', connection: 1, octets }, 0);
    configure('old');
    const ends = { local: { address: address(1), port: PORT }, remote: { address: address(2), port: 40_000 } };
    speaker.handle({ type: 'connected', connection: 1, ...ends }, 0);
    const gracefulRestart = { restarting: false, notification: false, restartTime: 60, families: [] };
    hear(encodeOpen(open({}, { gracefulRestart })));
    hear(encodeKeepalive());
    expect(speaker.status().peers[0]?.state).toBe('established');
    expect(configure('new')).toContainEqual({ type: 'close', connection: 1, reset: false });
    expect(hear(encodeKeepalive())).toEqual([]);
    expect(speaker.status().peers[0]?.state).toBe('active');
  });

  it('the same text in another wrapping is no change', () => {
    const world = keyedPair();
    const before = world.states(1).length;
    world.configure(1, [keyed('old', 2)], { routes: [route('10.1.1.0/26')] });
    world.network.advance(10_000);
    expect(world.states(1).slice(before)).toEqual([]);
  });
});

describe('a diagnosis', () => {
  it('is in the status and the log once, and goes when the session comes up', () => {
    const world = new World();
    world.add(1, [peer(2)]);
    const said = (): unknown[] => world.network.events('s1').filter((event) => event.kind === 'diagnosis');
    for (let times = 0; times < 2; times++) world.network.feed('s1', { type: 'diagnosis', peer: 'p2', text: 'no key' });
    expect(world.speaker(1).status().peers[0]?.diagnosis).toBe('no key');
    expect(said()).toEqual([{ kind: 'diagnosis', peer: 'p2', text: 'no key' }]);
    world.add(2, [peer(1)]);
    world.network.advance(20_000);
    expect(world.state(1, 'p2')).toBe('established');
    expect(world.speaker(1).status().peers[0]?.diagnosis).toBeUndefined();
    expect(said().at(-1)).toEqual({ kind: 'diagnosis', peer: 'p2' });
  });
});

describe('what all peers share', () => {
  it('MED as it is to be read decides anew', () => {
    const world = new World();
    world.add(1, [peer(2, { passive: true }), peer(3, { passive: true })]);
    for (const host of [2, 3]) {
      const scripted = world.script(host);
      scripted.connect({ address: address(1), port: PORT });
      world.network.settle();
      scripted.sendOpen();
      scripted.sendKeepalive();
      const attributes = { origin: 'igp', asPath: [], nextHop: address(host), localPref: 100, ...(host === 2 ? { med: 5 } : {}) } as const;
      for (const octets of encodeUpdate({ announced: [{ prefix: route('10.1.0.0/24').prefix }], attributes })) scripted.send(octets);
      world.network.settle();
    }
    expect(world.best(1)).toEqual(['10.1.0.0/24 from p3']);
    world.configure(1, [peer(2, { passive: true }), peer(3, { passive: true })], { med: { missing: 'worst', compare: 'same-as' } });
    world.network.settle();
    expect(world.best(1)).toEqual(['10.1.0.0/24 from p2']);
    world.configure(1, [peer(2, { passive: true }), peer(3, { passive: true })]);
    world.network.settle();
    expect(world.best(1)).toEqual(['10.1.0.0/24 from p3']);
  });

  it('that routes may be kept long counts for the peers that stay as they are', () => {
    const world = new World();
    world.add(1, [peer(2, { passive: true }), peer(3, { passive: true })]);
    world.add(2, [peer(1)], { routes: [route('10.1.0.0/24', { communities: [LLGR_STALE] })] });
    world.add(3, [peer(1)], { routes: [route('10.1.0.0/24')] });
    world.network.advance(10_000);
    expect(world.best(1)).toEqual(['10.1.0.0/24 from p2']);
    const keeps = peer(4, { passive: true, gracefulRestart: { restartTime: 60, longLivedStaleTime: 3600 } });
    world.configure(1, [peer(2, { passive: true }), peer(3, { passive: true }), keeps]);
    world.network.settle();
    expect(world.best(1)).toEqual(['10.1.0.0/24 from p3']);
  });
});

describe('the end', () => {
  it('is the end: no configuration and no operator begins anything after it', () => {
    const world = pair();
    const speaker = world.speaker(1);
    world.network.feed('s1', { type: 'shutdown', planned: false });
    const later = config(1, [peer(2, { holdTime: 30 }), peer(3)]);
    expect(speaker.handle({ type: 'configure', config: later }, world.network.clock.now())).toEqual([]);
    for (const kind of ['enable', 'reset'] as const)
      expect(speaker.handle({ type: 'peer-action', peer: 'p2', action: { kind } }, world.network.clock.now())).toEqual([]);
    world.network.advance(100_000);
    expect(world.state(1, 'p2')).toBe('idle');
    expect(world.state(2, 'p1')).toBe('active');
  });
});

describe('roles', () => {
  it('turning a mesh peer into a reflector client, under another name, keeps the session and changes what it gets', () => {
    const world = new World();
    world.add(9, [peer(1, { id: 'Mesh_1' }), peer(2, { id: 'Mesh_2' })]);
    world.add(1, [peer(9, { passive: true })], { routes: [route('10.1.1.0/26')] });
    world.add(2, [peer(9, { passive: true })], { routes: [route('10.1.2.0/26')] });
    world.network.advance(10_000);
    expect(world.best(1)).toEqual(['10.1.1.0/26 from local']);
    const before = [9, 1, 2].map((host) => world.states(host).length);
    world.configure(9, [peer(1, { id: 'Node_1', reflectorClient: true }), peer(2, { id: 'Node_2', reflectorClient: true })]);
    world.network.settle();
    expect(world.best(1)).toEqual(['10.1.1.0/26 from local', '10.1.2.0/26 from p9']);
    expect([9, 1, 2].map((host) => world.states(host).length)).toEqual(before);
    expect(world.best(9)).toEqual(['10.1.1.0/26 from Node_1', '10.1.2.0/26 from Node_2']);
    world.configure(9, [peer(1, { id: 'Mesh_2' }), peer(2, { id: 'Mesh_1' })]);
    world.network.settle();
    expect(world.best(1)).toEqual(['10.1.1.0/26 from local']);
    expect(world.best(9)).toEqual(['10.1.1.0/26 from Mesh_2', '10.1.2.0/26 from Mesh_1']);
    expect([9, 1, 2].map((host) => world.states(host).length)).toEqual(before);
  });

  it('a policy change withdraws and announces without a bounce', () => {
    const world = pair();
    const reject = { name: 'none', terms: [], otherwise: 'reject' as const };
    world.configure(1, [peer(2, { exportPolicy: reject })], { routes: [route('10.1.1.0/26')] });
    world.network.settle();
    expect(world.best(2)).toEqual(['10.1.2.0/26 from local']);
    world.configure(1, [peer(2, { importPolicy: reject })], { routes: [route('10.1.1.0/26')] });
    world.network.settle();
    expect(world.best(2)).toEqual(['10.1.1.0/26 from p1', '10.1.2.0/26 from local']);
    expect(world.best(1)).toEqual(['10.1.1.0/26 from local']);
    expect(world.states(1).filter((state) => state === 'established')).toHaveLength(1);
  });
});

describe('the set of peers', () => {
  it('a removed peer is told and its routes go; added again it comes back', () => {
    const world = pair();
    world.configure(1, [], { routes: [route('10.1.1.0/26')] });
    world.network.settle();
    expect(world.notifications(2)).toEqual(['received Cease/Peer De-configured']);
    expect(world.best(1)).toEqual(['10.1.1.0/26 from local']);
    expect(world.best(2)).toEqual(['10.1.2.0/26 from local']);
    world.configure(1, [peer(2)], { routes: [route('10.1.1.0/26')] });
    world.network.advance(10_000);
    expect(world.best(1)).toEqual(['10.1.1.0/26 from local', '10.1.2.0/26 from p2']);
    // One that waits for the other side goes as well.
    world.configure(2, [], { routes: [route('10.1.2.0/26')] });
    world.network.settle();
    expect(world.notifications(1).at(-1)).toBe('received Cease/Peer De-configured');
    expect([world.network.connections('s1', 's2'), world.best(2)]).toEqual([0, ['10.1.2.0/26 from local']]);
  });

  it('what an operator set of a removed peer holds when it is added again', () => {
    const world = pair();
    world.network.feed('s1', { type: 'peer-action', peer: 'p2', action: { kind: 'shutdown', text: 'change 42' } });
    world.configure(1, []);
    expect(world.speaker(1).memory()).toEqual([{ id: 'p2', shutdown: 'change 42' }]);
    world.configure(1, [peer(2)]);
    world.network.advance(10_000);
    expect(world.speaker(1).status().peers).toMatchObject([{ state: 'idle', heldBack: 'shut down by an operator: change 42' }]);
  });

  it('one that is shut down stays so whatever changes', () => {
    const world = pair();
    world.network.feed('s1', { type: 'peer-action', peer: 'p2', action: { kind: 'shutdown', text: '' } });
    world.configure(1, [peer(2, { holdTime: 30 })]);
    world.network.advance(10_000);
    expect(world.state(1, 'p2')).toBe('idle');
  });

  it('one that was removed and added again is there once for who connects', () => {
    const world = new World();
    for (const peers of [[peer(2, { passive: true })], [], [peer(2, { passive: true })]]) {
      if (world.speakers.has(1)) world.configure(1, peers);
      else world.add(1, peers);
    }
    const scripted = world.script(2);
    scripted.connect({ address: address(1), port: PORT });
    world.network.settle();
    expect(scripted.types()).toEqual(['open']);
  });

  it('another router id bounces every session', () => {
    const world = pair();
    world.configure(1, [peer(2)], { routerId: 0x0a0000ff });
    expect(world.notifications(1)).toEqual(['sent Cease/Other Configuration Change']);
    world.network.advance(10_000);
    expect(world.speaker(2).status().peers[0]?.remoteId).toBe(0x0a0000ff);
  });

  it('a name may pass to another peer', () => {
    const world = pair();
    world.configure(1, [peer(2, { id: 'b' }), peer(3, { id: 'p2' })]);
    world.network.settle();
    expect(world.state(1, 'b')).toBe('established');
    expect(world.state(1, 'p2')).not.toBe('established');
  });

  it('refuses two peers of one identity', () => {
    const world = pair();
    expect(() => world.configure(1, [peer(2), peer(2, { id: 'twin' })])).toThrow('two peers with the addresses');
    expect(world.state(1, 'p2')).toBe('established');
  });

  it('closes when a peer sends more routes than it may', () => {
    const world = pair();
    world.configure(1, [peer(2, { maxPrefix: 2 })]);
    world.network.feed('s2', { type: 'routes', set: [1, 2, 3].map((n) => route(`10.7.${n}.0/24`)), remove: [] });
    world.network.settle();
    expect(world.notifications(1)).toEqual(['sent Cease/Maximum Number of Prefixes Reached']);
    expect(world.state(1, 'p2')).toBe('idle');
    expect(world.best(1)).toEqual([]);
  });
});
