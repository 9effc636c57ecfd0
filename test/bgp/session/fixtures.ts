/** Machines in each state and the inputs to drive them. */

import type { Fsm, FsmContext, FsmEvent, FsmEventType, FsmSettings, LocalOffer } from '../../../src/bgp/session/index.ts';
import { createFsm, handleEvent } from '../../../src/bgp/session/index.ts';
import type { SessionState } from '../../../src/bgp/speaker-types.ts';
import type { Capabilities, OpenMessage } from '../../../src/bgp/wire/index.ts';
import { notificationFor } from '../../../src/bgp/wire/index.ts';

export const OFFER: LocalOffer = {
  localAs: 64512,
  remoteAs: 64512,
  routerId: 0x0a000001,
  holdTime: 90,
  keepaliveTime: undefined,
  families: ['ipv4-unicast', 'ipv6-unicast'],
  addPath: 'off',
  extendedNextHop: false,
  gracefulRestart: undefined,
  plain: false,
};

export const SETTINGS: FsmSettings = {
  offer: OFFER,
  passive: false,
  connectRetryMs: 5000,
  connectDelayMs: 0,
  delayOpenMs: 0,
  sendHoldMs: undefined,
};

/** No jitter: random 1 gives the full value. */
export function context(now = 0, settings: Partial<FsmSettings> = {}, random = 1): FsmContext {
  return { settings: { ...SETTINGS, ...settings }, now, random: () => random };
}

const CAPABILITIES: Capabilities = {
  families: ['ipv4-unicast'],
  multiprotocol: true,
  fourOctetAs: 64512,
  routeRefresh: true,
  enhancedRouteRefresh: false,
  extendedMessage: false,
  unknown: [],
};

export function open(overrides: Partial<OpenMessage> = {}, capabilities: Partial<Capabilities> = {}): OpenMessage {
  return {
    type: 'open',
    version: 4,
    myAs: 64512,
    holdTime: 30,
    bgpId: 0x0a000002,
    capabilities: { ...CAPABILITIES, ...capabilities },
    ...overrides,
  };
}

const ERROR = notificationFor({ code: 'UPDATE_MALFORMED_ATTRIBUTES' });

/** One event of each type. */
export const EVENTS: { readonly [T in FsmEventType]: Extract<FsmEvent, { readonly type: T }> } = {
  start: { type: 'start' },
  stop: { type: 'stop', notification: notificationFor({ code: 'CEASE_ADMIN_SHUTDOWN' }), because: 'stopped', then: 'stay-idle' },
  'connect-retry-expired': { type: 'connect-retry-expired' },
  'hold-expired': { type: 'hold-expired' },
  'keepalive-expired': { type: 'keepalive-expired' },
  'delay-open-expired': { type: 'delay-open-expired' },
  'send-hold-expired': { type: 'send-hold-expired' },
  'idle-hold-expired': { type: 'idle-hold-expired' },
  connected: { type: 'connected', connection: 7, incoming: false },
  disconnected: { type: 'disconnected', because: 'connection reset by the peer' },
  open: { type: 'open', message: open() },
  'header-error': { type: 'header-error', notification: notificationFor({ code: 'HEADER_BAD_LENGTH' }), because: 'bad length' },
  'open-error': { type: 'open-error', notification: notificationFor({ code: 'OPEN_UNSPECIFIC' }), because: 'bad open' },
  'collision-dump': { type: 'collision-dump' },
  notification: { type: 'notification', message: notificationFor({ code: 'CEASE_ADMIN_RESET' }) },
  keepalive: { type: 'keepalive' },
  update: { type: 'update' },
  'route-refresh': { type: 'route-refresh' },
  'update-error': { type: 'update-error', notification: ERROR, because: 'malformed' },
};

const WAY: { readonly [state in SessionState]: readonly FsmEventType[] } = {
  idle: [],
  connect: ['start'],
  active: ['start', 'disconnected'],
  'open-sent': ['start', 'connected'],
  'open-confirm': ['start', 'connected', 'open'],
  established: ['start', 'connected', 'open', 'keepalive'],
};

/** A machine brought to a state by events, at time 0. */
export function machineIn(state: SessionState, settings: Partial<FsmSettings> = {}): Fsm {
  const fsm = createFsm(false);
  for (const type of WAY[state]) handleEvent(fsm, EVENTS[type], context(0, settings));
  if (fsm.state !== state) throw new Error(`the way to ${state} ends in ${fsm.state}`);
  return fsm;
}
