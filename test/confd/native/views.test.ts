import type { PeerStatus, SpeakerStatus } from 'bgp-ts';
import type { RouteExplanation, RouteView } from 'bgp-ts/rib';
import { describe, expect, it } from 'vitest';
import { explanationView } from '../../../src/confd/native/explain-view.ts';
import type { HealthReply } from '../../../src/confd/native/protocol.ts';
import { createPushes, formatAsPath, formatCommunity, peerView, routeView } from '../../../src/confd/native/views.ts';
import type { ExplainPeer, PeerView, RouteJson, SpeakerMessage } from '../../../src/health/status.ts';
import { CHANGES } from '../../health/fixtures.ts';
import { address, prefix } from './fixtures.ts';

const status: PeerStatus = {
  id: 'Global_192_0_2_254',
  remote: { address: address('192.0.2.254'), port: 179 },
  local: undefined,
  remoteAs: 65001,
  localAs: 64512,
  remoteId: 0xc00002fe,
  type: 'ebgp',
  reflectorClient: false,
  passive: false,
  state: 'established',
  since: 5,
  flaps: 0,
  holdTime: 90,
  keepaliveTime: 30,
  lastErrorSent: undefined,
  lastErrorReceived: { at: 1, text: 'Cease' },
  nextRetryAt: undefined,
  adminDown: false,
  heldBack: undefined,
  range: undefined,
  draining: false,
  diagnosis: undefined,
  capabilities: ['route refresh'],
  families: [
    {
      family: 'ipv4-unicast',
      received: 3,
      accepted: 2,
      preferred: 1,
      advertised: 1,
      changes: CHANGES,
      group: 'g',
      lag: 0,
      slow: false,
      endOfRibReceived: true,
      maxPrefix: undefined,
      maxPrefixOut: undefined,
    },
  ],
  messagesReceived: 4,
  messagesSent: 5,
  updatesReceived: 1,
  updatesSent: 2,
  reasons: [{ object: 'BGPPeer/tor', rule: 'control-plane 2.3' }],
};

const speaker = (peers: readonly PeerStatus[]): SpeakerStatus => ({
  routerId: 0xc0000201,
  localAs: 64512,
  peers,
  ranges: [],
  deferring: false,
  memoryUsed: 0,
  prefixes: { 'ipv4-unicast': 1, 'ipv6-unicast': 0 },
  paths: { 'ipv4-unicast': 1, 'ipv6-unicast': 0 },
  attributeSets: 1,
  groups: [],
  work: {},
});

const route: RouteView = {
  prefix: prefix('198.51.100.1/32'),
  from: 'local',
  best: true,
  accepted: true,
  stale: false,
  at: 9,
  reasons: [],
  attributes: {
    origin: 'igp',
    asPath: [
      { type: 'sequence', asns: [65001, 65002] },
      { type: 'set', asns: [1, 2] },
    ],
    nextHop: address('192.0.2.1'),
    communities: [0xffff0001],
    largeCommunities: [[1, 2, 3]],
    originatorId: 1,
    clusterList: [2, 3],
  },
};

describe('views for the health thread', () => {
  it('have its shapes, held by the type checker', () => {
    const peer: PeerView = peerView(status, { received: 1, sent: 2 });
    const shown: RouteJson = routeView(route);
    const message = (reply: HealthReply): SpeakerMessage => reply;
    expect([peer.notificationsReceived, peer.notificationsSent, peer.remoteId, peer.local, shown.nextHop]).toEqual([
      1,
      2,
      '192.0.2.254',
      null,
      '192.0.2.1',
    ]);
    expect(message({ type: 'fault', id: 1, fault: { code: 'internal', message: '' } }).type).toBe('fault');
  });

  it('write attributes as people do', () => {
    expect(routeView(route)).toMatchObject({
      asPath: '65001 65002 {1,2}',
      communities: ['65535:1'],
      largeCommunities: ['1:2:3'],
      originatorId: '0.0.0.1',
      clusterList: ['0.0.0.2', '0.0.0.3'],
    });
    expect(formatAsPath([{ type: 'confed-sequence', asns: [1, 2] }])).toBe('(1 2)');
    expect(formatCommunity(0xfffffff0)).toBe('65535:65520');
  });

  it('push only the peers that changed, and everything after a restart', () => {
    const pushes = createPushes();
    const parts = (peers: readonly PeerStatus[]) => ({
      now: 1,
      status: speaker(peers),
      listeners: [],
      notifications: new Map(),
      loop: { meanMs: 0, p99Ms: 0, maxMs: 0 },
    });
    const ids = (peers: readonly PeerStatus[]) => {
      const push = pushes.next(parts(peers));
      return [push.peers.complete, push.peers.upsert.map((peer) => peer.id), push.peers.remove];
    };
    const other = { ...status, id: 'b' };
    expect(ids([status, other])).toEqual([true, [status.id, 'b'], []]);
    expect(ids([status, other])).toEqual([false, [], []]);
    expect(ids([status, { ...other, state: 'idle' }])).toEqual([false, ['b'], []]);
    expect(ids([status])).toEqual([false, [], ['b']]);
    pushes.restart();
    expect(ids([status])).toEqual([true, [status.id], []]);
  });
});

describe('explanations', () => {
  const peers: RouteExplanation['peers'] = [
    { peer: 'a', up: true, advertised: true, exportTerm: 'lb', group: 'g', lastSent: { at: 1, updateHex: 'ff' }, delivered: true },
    {
      peer: 'b',
      up: false,
      advertised: false,
      blockedBy: { rule: 'session down', citation: 'RFC 4271 section 8', reasons: [] },
      group: '',
      delivered: false,
    },
    { peer: 'c', up: true, advertised: true, group: 'g', delivered: false },
  ];
  const explain = (more: Partial<RouteExplanation>, peer: string | null = null) =>
    explanationView({ prefix: route.prefix, candidates: [], peers, ...more }, peer);

  it.each<[string, ExplainPeer['verdict'], string | undefined]>([
    ['a', 'advertised', undefined],
    ['b', 'not-advertised', 'session down'],
    ['c', 'not-advertised', 'queued for the peer'],
  ])('peer %s: %s', (peer, verdict, rule) => {
    const shown = explain({}).peers.find((entry) => entry.peer === peer);
    expect([shown?.verdict, shown?.blockedBy?.rule]).toEqual([verdict, rule]);
  });

  it('begin with the paths and why each lost', () => {
    const view = explain({
      candidates: [
        { ...route, importTerm: '' },
        {
          ...route,
          from: 'tor',
          best: false,
          importTerm: 'default',
          lostAt: { step: 'shorter AS_PATH', citation: 'RFC 4271 section 9.1.2.2 a' },
        },
        { ...route, from: 'bad', best: false, accepted: false, importTerm: 'BGPFilter/deny importV4[0]' },
      ],
      decidedBy: { step: 'shorter AS_PATH', citation: 'RFC 4271 section 9.1.2.2 a' },
    });
    expect(view.steps.map((step) => [step.stage, step.verdict, step.rule])).toEqual([
      ['origin', 'pass', 'own route'],
      ['decision', 'pass', 'own route: best by shorter AS_PATH'],
      ['origin', 'pass', 'path from tor, next hop 192.0.2.1'],
      ['import', 'pass', 'path from tor: accepted by import term default'],
      ['decision', 'stop', 'path from tor: lost at shorter AS_PATH'],
      ['origin', 'pass', 'path from bad, next hop 192.0.2.1'],
      ['import', 'stop', 'path from bad: rejected by import term BGPFilter/deny importV4[0]'],
    ]);
  });

  it('tell paths of one peer apart, and say of each what is special', () => {
    const loop = { rule: 'CLUSTER_LIST has a cluster id of ours', citation: 'RFC 4456 section 8' };
    const view = explain({
      candidates: [
        { ...route, from: 'rr', pathId: 7, stale: true, importTerm: 'default' },
        { ...route, from: 'rr', pathId: 8, best: false, accepted: false, importTerm: 'clusterLoop', loop },
        { ...route, from: 'tor', pathId: 9, best: false, importTerm: 'otherwise' },
      ],
    });
    expect(view.steps.map((step) => [step.stage, step.verdict, step.rule, step.citation])).toEqual([
      ['origin', 'pass', 'path from rr with path id 7, next hop 192.0.2.1', 'RFC 4271 section 9.1'],
      [
        'origin',
        'pass',
        'path from rr with path id 7: stale, kept from before the session was lost until it is told again',
        'RFC 4724 section 4.2',
      ],
      ['import', 'pass', 'path from rr with path id 7: accepted by import term default', 'RFC 4271 section 9.1.1'],
      ['decision', 'pass', 'path from rr with path id 7: the only one', 'RFC 4271 section 9.1.2'],
      ['origin', 'pass', 'path from rr with path id 8, next hop 192.0.2.1', 'RFC 4271 section 9.1'],
      ['import', 'stop', 'path from rr with path id 8: CLUSTER_LIST has a cluster id of ours', 'RFC 4456 section 8'],
      ['origin', 'pass', 'path from tor, next hop 192.0.2.1', 'RFC 4271 section 9.1'],
      ['import', 'pass', 'path from tor: accepted, no import term applies', 'RFC 4271 section 9.1.1'],
    ]);
  });

  it('name the objects behind a decision with it, not with the path', () => {
    const reasons = [{ object: 'BGPFilter/deny', rule: 'control-plane 1.4' }];
    const shown = (candidate: Partial<typeof route>) =>
      explain({ candidates: [{ ...route, importTerm: 'deny', reasons, ...candidate }] }).steps.map((step) => [
        step.stage,
        step.citation,
        step.objects,
      ]);
    expect(shown({ from: 'tor' }).slice(0, 2)).toEqual([
      ['origin', 'RFC 4271 section 9.1', []],
      ['import', 'control-plane 1.4', ['BGPFilter/deny']],
    ]);
    expect(shown({})[0]).toEqual(['origin', 'RFC 4271 section 9.1', ['BGPFilter/deny']]);
  });

  it('name what covers the prefix', () => {
    expect(explain({}).coveredBy).toBeNull();
    expect(explain({ coveredBy: prefix('198.51.0.0/16') }).coveredBy).toBe('198.51.0.0/16');
  });

  it('end with one peer’s export, group and message where one is asked for', () => {
    expect(explain({}, 'a').steps.map((step) => step.stage)).toEqual(['origin', 'export', 'group', 'sent']);
    expect(explain({}, 'b').steps.at(-1)).toMatchObject({ stage: 'export', verdict: 'stop', rule: 'b: session down' });
    expect(explain({}, 'a').peers.map((peer) => peer.peer)).toEqual(['a']);
  });

  it('say so where nothing is known of the prefix', () => {
    expect(explain({ peers: [] }).steps).toMatchObject([{ stage: 'origin', verdict: 'stop' }]);
  });
});
