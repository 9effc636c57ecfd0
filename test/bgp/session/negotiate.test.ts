import { describe, expect, it } from 'vitest';
import type { Scheduled } from '../../../src/bgp/session/index.ts';
import { capabilityNames, collisionLoser, DeadlineQueue, localOpen, negotiate } from '../../../src/bgp/session/index.ts';
import { OFFER, open } from './fixtures.ts';

describe('an OPEN that is refused', () => {
  it.each([
    ['version 3', OFFER, open({ version: 3 }), '2/1', [0, 4]],
    ['another AS', OFFER, open({ myAs: 64513 }, { fourOctetAs: 64513 }), '2/2', []],
    ['AS 0 in the capability', OFFER, open({}, { fourOctetAs: 0 }), '2/2', []],
    ['AS 0 in the field', OFFER, open({ myAs: 0 }), '2/2', []],
    ['hold time 1', OFFER, open({ holdTime: 1 }), '2/6', []],
    ['hold time 2', OFFER, open({ holdTime: 2 }), '2/6', []],
    ['identifier 0', OFFER, open({ bgpId: 0 }), '2/3', []],
    ['our own identifier from inside our AS', OFFER, open({ bgpId: OFFER.routerId }), '2/3', []],
    ['no family in common', { ...OFFER, families: ['ipv6-unicast'] as const }, open(), '2/7', [1, 4, 0, 2, 0, 1]],
    [
      'no multiprotocol capability where only IPv6 is wanted',
      { ...OFFER, families: ['ipv6-unicast'] as const },
      open({}, { multiprotocol: false, families: [] }),
      '2/7',
      [1, 4, 0, 2, 0, 1],
    ],
  ])('%s', (_name, offer, message, code, data) => {
    const result = negotiate(offer, message);
    if (result.ok) throw new Error('accepted');
    expect(`${result.error.code}/${result.error.subcode}`).toBe(code);
    expect([...result.error.data]).toEqual(data);
  });
});

describe('an OPEN that is accepted', () => {
  const agreed = (offer = OFFER, message = open()) => {
    const result = negotiate(offer, message);
    if (!result.ok) throw new Error('refused');
    return result.value;
  };

  it('our own identifier from another AS (RFC 6286)', () => {
    expect(agreed({ ...OFFER, remoteAs: 64513 }, open({ bgpId: OFFER.routerId, myAs: 64513 }, { fourOctetAs: 64513 })).external).toBe(true);
  });

  it('the smaller hold time, a third of it as keepalive time, 0 wins', () => {
    expect(agreed().holdTime).toBe(30);
    expect(agreed().keepaliveTime).toBe(10);
    expect(agreed({ ...OFFER, keepaliveTime: 5 }).keepaliveTime).toBe(5);
    expect(agreed({ ...OFFER, keepaliveTime: 50 }).keepaliveTime).toBe(10);
    expect(agreed(OFFER, open({ holdTime: 0 })).holdTime).toBe(0);
  });

  it('families of both; IPv4 without the capability', () => {
    expect(agreed().families).toEqual(['ipv4-unicast']);
    expect(agreed(OFFER, open({}, { families: ['ipv6-unicast', 'ipv4-unicast'] })).families).toEqual(['ipv4-unicast', 'ipv6-unicast']);
    expect(agreed(OFFER, open({}, { multiprotocol: false, families: [] })).families).toEqual(['ipv4-unicast']);
  });

  it('2-octet AS of a peer without the capability', () => {
    const { fourOctetAs: _, ...rest } = open().capabilities;
    expect(agreed(OFFER, { ...open(), capabilities: rest }).fourOctetAs).toBe(false);
  });

  it('add-path where one side receives and the other sends', () => {
    const result = agreed({ ...OFFER, addPath: 'receive' }, open({}, { addPath: [{ family: 'ipv4-unicast', mode: 'send' }] }));
    expect(result.addPathReceive).toEqual(['ipv4-unicast']);
    expect(result.addPathSend).toEqual([]);
  });

  it('graceful restart only where both sent it, for shared families', () => {
    const theirs = {
      gracefulRestart: {
        restarting: true,
        notification: false,
        restartTime: 60,
        families: [
          { family: 'ipv4-unicast' as const, forwarding: true },
          { family: 'ipv6-unicast' as const, forwarding: true },
        ],
      },
    };
    expect(agreed(OFFER, open({}, theirs)).gracefulRestart).toBe(undefined);
    expect(
      agreed({ ...OFFER, gracefulRestart: { restartTime: 120, restarting: false, forwarding: false } }, open({}, theirs)).gracefulRestart,
    ).toEqual({ restarting: true, notification: false, restartTime: 60, families: [{ family: 'ipv4-unicast', forwarding: true }] });
  });

  it('extended messages for both', () => {
    expect(agreed().maxMessage).toBe(4096);
    expect(agreed(OFFER, open({}, { extendedMessage: true })).maxMessage).toBe(65535);
  });

  it('names what it agreed on', () => {
    expect(capabilityNames(agreed())).toEqual(['families ipv4-unicast (RFC 4760)', '4-octet AS (RFC 6793)', 'route refresh (RFC 2918)']);
  });
});

describe('our OPEN', () => {
  it('has AS_TRANS for a 4-octet AS and no capabilities when plain', () => {
    expect(localOpen({ ...OFFER, localAs: 4_200_000_000 }).myAs).toBe(23_456);
    expect(localOpen({ ...OFFER, plain: true }).capabilities).toMatchObject({ multiprotocol: false, routeRefresh: false, families: [] });
  });
});

describe('collision (RFC 4271 section 6.8)', () => {
  const base = { localId: 1, remoteId: 2, localAs: 64512, remoteAs: 64512 };
  it.each([
    [
      'the higher side is the peer: its connection, incoming here, wins',
      base,
      true,
      { incoming: false, state: 'open-confirm' as const },
      'other',
    ],
    ['our own dial is the newer and loses to the higher peer', base, false, { incoming: true, state: 'open-confirm' as const }, 'fresh'],
    ['we are higher: our dial wins', { ...base, localId: 3 }, false, { incoming: true, state: 'open-confirm' as const }, 'other'],
    ['we are higher: the incoming one loses', { ...base, localId: 3 }, true, { incoming: false, state: 'open-confirm' as const }, 'fresh'],
    ['an established connection always wins', base, true, { incoming: false, state: 'established' as const }, 'fresh'],
    ['of two incoming ones the peer gave up the older', base, true, { incoming: true, state: 'open-confirm' as const }, 'other'],
    [
      'equal identifiers: the higher AS',
      { ...base, remoteId: 1, remoteAs: 64513 },
      true,
      { incoming: false, state: 'open-confirm' as const },
      'other',
    ],
  ])('%s', (_name, ids, incoming, other, loser) => {
    expect(collisionLoser({ ...ids, fresh: { incoming }, other })).toBe(loser);
  });

  it('both sides agree on the survivor', () => {
    for (const [a, b] of [
      [1, 2],
      [2, 1],
      [0xffff_ffff, 1],
    ] as const) {
      // Connection x was dialed by a, y by b; each side decides when the second OPEN arrives.
      for (const fresh of ['x', 'y'] as const) {
        const atA = collisionLoser({
          ...base,
          localId: a,
          remoteId: b,
          fresh: { incoming: fresh === 'y' },
          other: { incoming: fresh !== 'y', state: 'open-confirm' },
        });
        const atB = collisionLoser({
          ...base,
          localId: b,
          remoteId: a,
          fresh: { incoming: fresh === 'x' },
          other: { incoming: fresh !== 'x', state: 'open-confirm' },
        });
        expect(atA).toBe(atB);
      }
    }
  });
});

describe('deadlines', () => {
  it('come earliest first, lazily moved, once', () => {
    const queue = new DeadlineQueue<Scheduled & { name: string }>();
    const [a, b, c] = ['a', 'b', 'c'].map((name) => ({ name, scheduledAt: Infinity }));
    if (a === undefined || b === undefined || c === undefined) throw new Error('three items');
    queue.schedule(a, 30);
    queue.schedule(b, 20);
    queue.schedule(c, 40);
    queue.schedule(a, 50);
    queue.schedule(c, 10);
    queue.cancel(b);
    expect(queue.next()).toBe(10);
    expect([queue.takeDue(35)?.name, queue.takeDue(35)?.name, queue.takeDue(35)?.name]).toEqual(['c', 'a', undefined]);
    expect(queue.next()).toBe(Infinity);
  });
});

it('in the dialect of BIRD 1.6 nothing is offered that it does not know, and an empty long-lived restart is', () => {
  const gracefulRestart = { restartTime: 120, restarting: true, forwarding: true };
  const { capabilities } = localOpen({ ...OFFER, gracefulRestart, dialect: 'bird-1.6' });
  expect(capabilities).toMatchObject({ extendedMessage: false, longLivedGracefulRestart: [], gracefulRestart: { notification: false } });
  const usual = localOpen({ ...OFFER, gracefulRestart }).capabilities;
  expect(usual).toMatchObject({ extendedMessage: true, gracefulRestart: { notification: true } });
  expect(usual).not.toHaveProperty('longLivedGracefulRestart');
});
