/** The speaker's host does not import this folder: what it posts is held to the shapes here, by type and by schema. */
import type { SpeakerStatus } from 'bgp-ts';
import { parseAddress, parsePrefix } from 'bgp-ts/net';
import { describe, expect, it } from 'vitest';
import type { HealthQuestion, HealthReply } from '../../src/confd/native/protocol.ts';
import { createPushes, routeView } from '../../src/confd/native/views.ts';
import { createServer } from '../../src/health/server/server.ts';
import { takeSpeaker } from '../../src/health/state.ts';
import type { QueryMessage, SpeakerMessage, SpeakerQuery } from '../../src/health/status.ts';
import { CHANGES, loop, runningWorld } from './fixtures.ts';
import { schemaChecks } from './server/schema-check.ts';

const check = await schemaChecks();

// The compiler is the test here: each direction must be assignable.
const posted = (reply: HealthReply): SpeakerMessage => reply;
const heard = (message: QueryMessage<SpeakerQuery>): HealthQuestion => message;

function address(text: string) {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
}

function status(local: boolean): SpeakerStatus {
  return {
    routerId: 0x0a000001,
    localAs: 64512,
    peers: [
      {
        id: 'Global_192_0_2_1',
        remote: { address: address('192.0.2.1'), port: 179 },
        local: local ? { address: address('192.0.2.2'), port: 40000 } : undefined,
        remoteAs: 65001,
        localAs: 64512,
        remoteId: local ? 0xc0000201 : undefined,
        type: 'ebgp',
        reflectorClient: false,
        passive: false,
        state: local ? 'established' : 'active',
        since: 1_700_000_000_000,
        flaps: 1,
        holdTime: 90,
        keepaliveTime: 30,
        lastErrorSent: undefined,
        lastErrorReceived: local ? { at: 1_700_000_000_000, text: 'Cease/2' } : undefined,
        nextRetryAt: local ? undefined : 1_700_000_000_500,
        adminDown: false,
        heldBack: undefined,
        range: undefined,
        draining: false,
        diagnosis: undefined,
        capabilities: ['route-refresh'],
        families: [
          {
            family: 'ipv4-unicast',
            received: 1,
            accepted: 1,
            preferred: 1,
            advertised: 0,
            changes: CHANGES,
            group: 'g',
            lag: 0,
            slow: false,
            endOfRibReceived: true,
            maxPrefix: undefined,
            maxPrefixOut: undefined,
          },
        ],
        messagesReceived: 3,
        messagesSent: 4,
        updatesReceived: 1,
        updatesSent: 2,
        reasons: [{ object: 'BGPPeer/tor', rule: 'control-plane 2.3' }],
      },
    ],
    ranges: [],
    prefixes: { 'ipv4-unicast': 1, 'ipv6-unicast': 0 },
    paths: { 'ipv4-unicast': 1, 'ipv6-unicast': 0 },
    attributeSets: 1,
    groups: [{ id: 'g', family: 'ipv4-unicast', members: 1, logOctets: 10, encodes: 1 }],
    work: { decisions: 1 },
    deferring: false,
    memoryUsed: 0,
  };
}

describe('the speaker host', () => {
  it('speaks the protocol of this folder', () => {
    const question = heard({ type: 'query', id: 1, query: { kind: 'explain', prefix: '10.0.0.0/8', peer: null } });
    expect(question.query.kind).toBe('explain');
    expect(posted({ type: 'fault', id: 1, fault: { code: 'internal', message: '' } }).type).toBe('fault');
  });

  it.each([true, false])('pushes peers that the API may show (connected: %s)', async (local) => {
    const at = runningWorld();
    const push = createPushes().next({
      now: 1,
      status: status(local),
      listeners: [{ address: '0.0.0.0', port: 179, up: true, error: null }],
      notifications: new Map(),
      loop,
    });
    // As over a message port.
    takeSpeaker(at.state, structuredClone(push), 0);
    const app = createServer(at, 'everything');
    expect(check('Peers', (await app.inject('/api/v1/peers')).json())).toEqual([]);
    expect(check('Status', (await app.inject('/api/v1/status')).json())).toEqual([]);
    await app.close();
  });

  it('shows routes as the API may', () => {
    const prefix = parsePrefix('10.0.0.0/24');
    if (prefix === undefined) throw new Error('no prefix');
    const nextHop = address('192.0.2.1');
    const attributes = {
      origin: 'igp',
      asPath: [{ type: 'sequence', asns: [65001, 65002] }],
      nextHop,
      communities: [0xfde80064],
      largeCommunities: [[1, 2, 3]],
      unknown: [],
    } as const;
    const route = routeView({
      prefix,
      from: 'local',
      best: true,
      accepted: true,
      stale: false,
      attributes,
      at: 1_700_000_000_000,
      reasons: [],
    });
    expect(check('Route', route)).toEqual([]);
    expect(route).toMatchObject({ prefix: '10.0.0.0/24', nextHop: '192.0.2.1', asPath: '65001 65002', communities: ['65000:100'] });
  });
});
