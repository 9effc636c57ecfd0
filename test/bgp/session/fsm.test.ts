/** Every cell of the session table: what the state becomes and what has to be done. */
import { describe, expect, it } from 'vitest';
import type { FsmEffect, FsmEventType } from '../../../src/bgp/session/index.ts';
import { createFsm, FSM_TABLE, handleEvent, nextFsmDeadline, takeDueTimers } from '../../../src/bgp/session/index.ts';
import type { SessionState } from '../../../src/bgp/speaker-types.ts';
import { notificationFor } from '../../../src/bgp/wire/index.ts';
import { context, EVENTS, machineIn, open } from './fixtures.ts';

/** An effect as the table below writes it. */
function brief(effect: FsmEffect): string {
  switch (effect.type) {
    case 'state':
      return `→${effect.to}`;
    case 'send-notification':
      return `notify ${effect.message.code}/${effect.message.subcode}`;
    case 'down':
      return `down ${effect.cause}`;
    default:
      return effect.type;
  }
}

const STATES: readonly SessionState[] = ['idle', 'connect', 'active', 'open-sent', 'open-confirm', 'established'];

type Cells = { readonly [event in FsmEventType]: string };

/* What a session that is lost without the peer's fault does in the end: ready again at once. */
const again = '→idle →active';

const EXPECTED: { readonly [state in SessionState]: Cells } = {
  idle: {
    start: '→connect dial',
    stop: '',
    'connect-retry-expired': '',
    'hold-expired': '',
    'keepalive-expired': '',
    'delay-open-expired': '',
    'send-hold-expired': '',
    'idle-hold-expired': '→connect dial',
    connected: 'close',
    disconnected: '',
    open: '',
    'header-error': '',
    'open-error': '',
    'collision-dump': '',
    notification: '',
    keepalive: '',
    update: '',
    'route-refresh': '',
    'update-error': '',
  },
  connect: {
    start: '',
    stop: 'cancel-dial →idle',
    'connect-retry-expired': 'cancel-dial dial',
    'hold-expired': 'cancel-dial →idle',
    'keepalive-expired': 'cancel-dial →idle',
    'delay-open-expired': '→open-sent send-open',
    'send-hold-expired': 'cancel-dial →idle',
    'idle-hold-expired': 'cancel-dial →idle',
    connected: '→open-sent send-open',
    disconnected: '→active',
    open: 'cancel-dial →idle',
    'header-error': 'cancel-dial →idle',
    'open-error': 'cancel-dial →idle',
    'collision-dump': 'cancel-dial →idle →active',
    notification: 'notification-received cancel-dial →idle →active',
    keepalive: 'cancel-dial →idle',
    update: 'cancel-dial →idle',
    'route-refresh': 'cancel-dial →idle',
    'update-error': 'cancel-dial →idle',
  },
  active: {
    start: '',
    stop: '→idle',
    'connect-retry-expired': '→connect dial',
    'hold-expired': '→idle',
    'keepalive-expired': '→idle',
    'delay-open-expired': '→open-sent send-open',
    'send-hold-expired': '→idle',
    'idle-hold-expired': '→idle',
    connected: '→open-sent send-open',
    disconnected: '',
    open: '→idle',
    'header-error': '→idle',
    'open-error': '→idle',
    'collision-dump': again,
    notification: `notification-received ${again}`,
    keepalive: '→idle',
    update: '→idle',
    'route-refresh': '→idle',
    'update-error': '→idle',
  },
  'open-sent': {
    start: '',
    stop: 'notify 6/2 close →idle',
    'connect-retry-expired': 'notify 5/1 close →idle',
    'hold-expired': `notify 4/0 close ${again}`,
    'keepalive-expired': 'notify 5/1 close →idle',
    'delay-open-expired': 'notify 5/1 close →idle',
    'send-hold-expired': 'notify 5/1 close →idle',
    'idle-hold-expired': 'notify 5/1 close →idle',
    connected: 'close',
    disconnected: '→active',
    open: '→open-confirm send-keepalive',
    'header-error': 'notify 1/2 close →idle',
    'open-error': 'notify 2/0 close →idle',
    'collision-dump': `notify 6/7 close ${again}`,
    notification: `notification-received close ${again}`,
    keepalive: 'notify 5/1 close →idle',
    update: 'notify 5/1 close →idle',
    'route-refresh': 'notify 5/1 close →idle',
    'update-error': 'notify 5/1 close →idle',
  },
  'open-confirm': {
    start: '',
    stop: 'notify 6/2 close →idle',
    'connect-retry-expired': 'notify 5/2 close →idle',
    'hold-expired': `notify 4/0 close ${again}`,
    'keepalive-expired': 'send-keepalive',
    'delay-open-expired': 'notify 5/2 close →idle',
    'send-hold-expired': 'notify 5/2 close →idle',
    'idle-hold-expired': 'notify 5/2 close →idle',
    connected: 'close',
    disconnected: again,
    open: 'notify 5/2 close →idle',
    'header-error': 'notify 1/2 close →idle',
    'open-error': 'notify 2/0 close →idle',
    'collision-dump': `notify 6/7 close ${again}`,
    notification: `notification-received close ${again}`,
    keepalive: '→established established',
    update: 'notify 5/2 close →idle',
    'route-refresh': 'notify 5/2 close →idle',
    'update-error': 'notify 5/2 close →idle',
  },
  established: {
    start: '',
    stop: 'notify 6/2 close down notification-sent →idle',
    'connect-retry-expired': 'notify 5/3 close down notification-sent →idle',
    'hold-expired': `notify 4/0 close down notification-sent ${again}`,
    'keepalive-expired': 'send-keepalive',
    'delay-open-expired': 'notify 5/3 close down notification-sent →idle',
    'send-hold-expired': `notify 8/0 close down notification-sent ${again}`,
    'idle-hold-expired': 'notify 5/3 close down notification-sent →idle',
    connected: 'close',
    disconnected: `down tcp ${again}`,
    open: 'notify 5/3 close down notification-sent →idle',
    'header-error': 'notify 1/2 close down notification-sent →idle',
    'open-error': 'notify 5/3 close down notification-sent →idle',
    'collision-dump': `notify 6/7 close down notification-sent ${again}`,
    notification: `notification-received close down notification-received ${again}`,
    keepalive: '',
    update: '',
    'route-refresh': '',
    'update-error': 'notify 3/1 close down notification-sent →idle',
  },
};

const CELLS = STATES.flatMap((state) => Object.entries(EXPECTED[state]).map(([type, expected]) => ({ state, type, expected })));

describe('every cell', () => {
  it.each(CELLS)('$state × $type: $expected', ({ state, type, expected }) => {
    const event = Object.values(EVENTS).find((each) => each.type === type);
    if (event === undefined) throw new Error(`no event ${type}`);
    const fsm = machineIn(state);
    const before = fsm.state;
    const effects = handleEvent(fsm, event, context(1000));
    expect(effects.map(brief).join(' ')).toBe(expected);
    const moves = effects.flatMap((effect) => (effect.type === 'state' ? [effect.to] : []));
    expect(fsm.state).toBe(moves.at(-1) ?? before);
  });

  it('covers the table', () => {
    expect(CELLS).toHaveLength(STATES.length * Object.keys(EVENTS).length);
    for (const state of STATES) for (const type of Object.keys(FSM_TABLE[state])) expect(Object.keys(EVENTS)).toContain(type);
  });
});

describe('timers', () => {
  it('waits 4 minutes for an OPEN, then by the smaller hold time', () => {
    const fsm = machineIn('open-sent');
    expect(fsm.timers.hold).toBe(240_000);
    handleEvent(fsm, EVENTS.open, context(1000));
    expect(fsm.timers.hold).toBe(31_000);
    expect(fsm.timers.keepalive).toBe(11_000);
  });

  it.each([['keepalive'], ['update'], ['route-refresh']] as const)('restarts the hold timer for %s', (type) => {
    const fsm = machineIn('established');
    handleEvent(fsm, EVENTS[type], context(20_000));
    expect(fsm.timers.hold).toBe(50_000);
  });

  it('runs neither hold nor keepalive timer at hold time 0', () => {
    const fsm = machineIn('open-sent');
    handleEvent(fsm, { type: 'open', message: open({ holdTime: 0 }) }, context());
    handleEvent(fsm, EVENTS.keepalive, context());
    expect(nextFsmDeadline(fsm)).toBe(Infinity);
  });

  it.each([
    [0, 0.75],
    [0.5, 0.875],
    [1, 1],
  ])('jitters by RFC 4271 section 10: random %d gives %d of the time', (random, share) => {
    const fsm = createFsm(false);
    handleEvent(fsm, EVENTS.start, context(0, {}, random));
    expect(fsm.timers.connectRetry).toBe(5000 * share);
  });

  it('waits out the connect delay before the first dial', () => {
    const fsm = createFsm(false);
    const settings = { connectDelayMs: 2000 };
    handleEvent(fsm, EVENTS.start, context(0, settings));
    expect(fsm.state).toBe('active');
    expect(fsm.timers.connectRetry).toBe(2000);
    handleEvent(fsm, EVENTS['connect-retry-expired'], context(2000, settings));
    expect(fsm.state).toBe('connect');
  });

  it('never dials when passive', () => {
    const fsm = createFsm(false);
    handleEvent(fsm, EVENTS.start, context(0, { passive: true }));
    expect(fsm.state).toBe('active');
    expect(nextFsmDeadline(fsm)).toBe(Infinity);
  });

  it('hands out due timers once and leaves the hold timer', () => {
    const fsm = machineIn('established');
    expect(takeDueTimers(fsm, 40_000)).toEqual(['keepalive-expired']);
    expect(takeDueTimers(fsm, 40_000)).toEqual([]);
    expect(fsm.timers.hold).toBe(30_000);
  });

  it('backs off after errors we report: 1, 2, 4 ... 30 s in Idle, refusing connections', () => {
    const fsm = createFsm(false);
    const waits: number[] = [];
    for (let i = 0; i < 7; i++) {
      handleEvent(fsm, EVENTS.start, context());
      handleEvent(fsm, EVENTS.connected, context());
      handleEvent(fsm, EVENTS['open-error'], context());
      expect(fsm.state).toBe('idle');
      waits.push(fsm.timers.idleHold);
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  });

  it('forgets failures after a minute of being established', () => {
    const fsm = machineIn('established');
    fsm.failures = 5;
    handleEvent(fsm, EVENTS.disconnected, context(61_000));
    expect(fsm.failures).toBe(1);
    expect(fsm.timers.connectRetry).toBe(62_000);
  });
});

describe('delay open', () => {
  const settings = { delayOpenMs: 3000 };

  it('holds the OPEN back, then sends it', () => {
    const fsm = machineIn('connect', settings);
    expect(handleEvent(fsm, EVENTS.connected, context(0, settings))).toEqual([]);
    expect(fsm.timers.delayOpen).toBe(3000);
    expect(handleEvent(fsm, EVENTS['delay-open-expired'], context(3000, settings)).map(brief)).toEqual(['→open-sent', 'send-open']);
  });

  it('answers the OPEN of the peer that came first', () => {
    const fsm = machineIn('connect', settings);
    handleEvent(fsm, EVENTS.connected, context(0, settings));
    expect(handleEvent(fsm, EVENTS.open, context(100, settings)).map(brief)).toEqual(['send-open', '→open-confirm', 'send-keepalive']);
  });
});

describe('a peer without capabilities', () => {
  it('is met without them after it refused the parameter (RFC 5492 section 3)', () => {
    const fsm = machineIn('open-sent');
    handleEvent(fsm, { type: 'notification', message: notificationFor({ code: 'OPEN_UNSUPPORTED_PARAMETER' }) }, context());
    expect(fsm.plain).toBe(true);
  });
});
