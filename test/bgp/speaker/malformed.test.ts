/** What a peer may do wrong, each with the outcome its RFC asks for, by session type: run through the whole speaker. */
import { describe, expect, it } from 'vitest';
import { formatPrefix } from '../../../src/bgp/index.ts';
import type { ScriptedPeer } from '../../../src/bgp/testing/index.ts';
import type { Capabilities } from '../../../src/bgp/wire/index.ts';
import { encodeKeepalive, encodeOpen, frame, joinAttributes, MESSAGE_TYPE, splitAttributes } from '../../../src/bgp/wire/index.ts';
import { hex, toHex } from '../wire/hex.ts';
import { ATTRIBUTE_CASES } from './malformed/attributes.ts';
import { MESSAGE_CASES, NOTIFICATION_CASES } from './malformed/messages.ts';
import type { AttributeRow, MessageRow, Outcome } from './malformed/types.ts';
import { address, PORT, peer, World } from './world.ts';

const PREFIX = '198.51.100.0/24';
const NLRI = hex('18 c63364');
const EXTERNAL = 65001;
const INTERNAL = 64512;

interface Session {
  readonly world: World;
  readonly scripted: ScriptedPeer;
}

const OFFERS: { readonly [offer in NonNullable<MessageRow['offer']>]: Partial<Capabilities> } = {
  'add-path': { addPath: [{ family: 'ipv4-unicast', mode: 'both' }] },
  'extended-message': { extendedMessage: true },
  'enhanced-refresh': { enhancedRouteRefresh: true },
};

/** A speaker of AS 64512 with a peer that connected. */
function connected(remoteAs: number, offer: Partial<Capabilities> = {}): Session {
  const world = new World();
  const families = ['ipv4-unicast', 'ipv6-unicast'] as const;
  world.add(1, [peer(2, { passive: true, remoteAs, families, addPath: offer.addPath === undefined ? 'off' : 'receive' })]);
  const scripted = world.script(2, { as: remoteAs, capabilities: { families, ...offer } });
  scripted.connect({ address: address(1), port: PORT });
  world.network.settle();
  return { world, scripted };
}

/** The peer's OPEN; one with 2-octet AS numbers lacks the capability. */
function sendOpen({ world, scripted }: Session, oldPeer: boolean): void {
  const open = scripted.open();
  const { fourOctetAs: _as4, ...rest } = open.capabilities;
  scripted.send(encodeOpen(oldPeer ? { ...open, capabilities: rest } : open));
  world.network.settle();
}

function established(remoteAs: number, oldPeer = false, offer: Partial<Capabilities> = {}): Session {
  const session = connected(remoteAs, offer);
  sendOpen(session, oldPeer);
  session.scripted.sendKeepalive();
  session.world.network.settle();
  expect(session.world.state(1, 'p2')).toBe('established');
  return session;
}

/** Good attributes of a route from such a peer. */
const good = (remoteAs: number, oldPeer: boolean): Uint8Array => {
  const asn = oldPeer ? 'fde9' : '0000fde9';
  const path = `4002 ${oldPeer ? '04' : '06'} 0201 ${asn}`;
  return hex(`400101 00 ${path} 400304 0a000002 ${remoteAs === INTERNAL ? '400504 00000064' : ''}`);
};

function update(block: Uint8Array): Uint8Array {
  return frame(MESSAGE_TYPE.update, Uint8Array.of(0, 0, block.length >>> 8, block.length & 255, ...block, ...NLRI));
}

/** The best route for the prefix with its attributes; undefined where there is none. */
function best({ world }: Session): unknown {
  const { routes } = world.speaker(1).routes({ view: 'best', family: 'ipv4-unicast' }, 0, 100);
  return routes.find(({ prefix }) => formatPrefix(prefix).startsWith('198.51.100.0/'))?.attributes;
}

/** The NOTIFICATIONs that the peer got, as a row says them. */
const answers = ({ scripted }: Session): string[] =>
  scripted.notifications().map(({ code, subcode, data }) => `${code}/${subcode} ${toHex(data)}`.trim());

/** The block with the row's octets in place of good attributes of the same types. */
function changed(block: Uint8Array, octets: Uint8Array): Uint8Array {
  const types = new Set(splitAttributes(octets).map(({ code }) => code));
  if (types.size === 0) types.add(octets[1] ?? 0);
  const kept = joinAttributes(splitAttributes(block).filter(({ code }) => !types.has(code)));
  return Uint8Array.of(...kept, ...octets);
}

/** Sends a route and, in its place, one with the row's attribute. */
function outcomeOf(row: AttributeRow, remoteAs: number): Outcome | 'kept as it was' {
  const session = established(remoteAs, row.oldPeer ?? false);
  const block = good(remoteAs, row.oldPeer ?? false);
  session.scripted.send(update(block));
  session.world.network.settle();
  const before = best(session);
  expect(before).toBeDefined();
  session.scripted.send(update(changed(block, hex(row.octets))));
  session.world.network.settle();
  const [answer] = answers(session);
  if (answer !== undefined) return answer as Outcome;
  expect(session.world.state(1, 'p2')).toBe('established');
  const after = best(session);
  if (after === undefined) return 'withdraw';
  return JSON.stringify(after) === JSON.stringify(before) ? 'discard' : 'accept';
}

const SESSIONS = [
  ['an external peer', EXTERNAL],
  ['an internal peer', INTERNAL],
] as const;

describe('attributes', () => {
  const cells = ATTRIBUTE_CASES.flatMap((row) =>
    SESSIONS.map(([from, remoteAs]) => {
      const wanted = remoteAs === INTERNAL ? (row.internal ?? row.outcome) : row.outcome;
      return { row, remoteAs, wanted, title: `${row.name}, from ${from} (${row.section})` };
    }),
  );

  it.each(cells)('$title', ({ row, remoteAs, wanted }) => {
    const outcome = outcomeOf(row, remoteAs);
    // An attribute that changes nothing looks the same accepted and discarded.
    if (wanted === 'accept') expect(['accept', 'discard']).toContain(outcome);
    else expect(outcome).toBe(wanted);
  });
});

describe('messages', () => {
  function reached({ state, offer }: MessageRow): Session {
    const offered = offer === undefined ? {} : OFFERS[offer];
    if (state === 'established') return established(EXTERNAL, false, offered);
    const session = connected(EXTERNAL, offered);
    if (state === 'open-confirm') sendOpen(session, false);
    return session;
  }

  it.each(MESSAGE_CASES.map((row) => ({ row, title: `${row.name}, in ${row.state} (${row.section})` })))('$title', ({ row }) => {
    const session = reached(row);
    const { world, scripted } = session;
    expect(world.state(1, 'p2')).toBe(row.state);
    if (row.type === MESSAGE_TYPE.update && row.offer === undefined) scripted.send(update(good(EXTERNAL, false)));
    const octets = hex(row.octets);
    scripted.send(row.type === undefined ? octets : frame(row.type, octets));
    world.network.settle();
    if (row.outcome.includes('/')) {
      expect(answers(session)).toEqual([row.outcome]);
      expect(world.state(1, 'p2')).not.toBe('established');
      return;
    }
    expect(answers(session)).toEqual([]);
    if (row.type === MESSAGE_TYPE.open) {
      scripted.send(encodeKeepalive());
      world.network.settle();
    }
    expect(world.state(1, 'p2')).toBe('established');
    if (row.type === MESSAGE_TYPE.update) expect(best(session) !== undefined).toBe(row.outcome !== 'withdraw');
  });

  it.each(NOTIFICATION_CASES)('(%s) a NOTIFICATION %s ends the session without an answer', (_section, _name, octets) => {
    const session = established(EXTERNAL);
    session.scripted.send(frame(MESSAGE_TYPE.notification, hex(octets)));
    session.world.network.settle();
    expect(answers(session)).toEqual([]);
    expect(session.world.state(1, 'p2')).not.toBe('established');
    expect(session.world.notifications(1).filter((text) => text.startsWith('received'))).toHaveLength(1);
  });
});

describe('the table', () => {
  it('has enough rows, each with its section and no two the same', () => {
    const all = [...ATTRIBUTE_CASES, ...MESSAGE_CASES];
    expect(all.length + NOTIFICATION_CASES.length).toBeGreaterThan(150);
    expect(all.filter(({ section }) => !/^(RFC \d+|draft-)/.test(section))).toEqual([]);
    const names = [...ATTRIBUTE_CASES.map(({ name }) => name), ...MESSAGE_CASES.map(({ name, state }) => `${name} ${state}`)];
    expect(new Set(names).size).toBe(names.length);
    expect(PREFIX).toBe('198.51.100.0/24');
  });
});
