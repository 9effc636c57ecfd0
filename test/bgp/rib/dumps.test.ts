/** What a RIB shows: cursors over every view, and the UPDATE of an explanation. */
import { describe, expect, it } from 'vitest';
import { CLIENT, clients, net, P } from './clients.ts';
import { ALL, Harness, prefix, ROUTER_ID } from './harness.ts';

describe('dumps', () => {
  it('list every view with a cursor', () => {
    const harness = new Harness();
    const source = harness.peer({
      ...CLIENT,
      importPolicy: { ...ALL, name: 'i', terms: [{ name: 't', when: [], then: [{ kind: 'setLocalPref', value: 9 }], reasons: [] }] },
    });
    const target = harness.peer(CLIENT);
    harness.announce(
      source,
      Array.from({ length: 25 }, (_, i) => net(i)),
    );
    harness.local(P);
    harness.settle();
    const dump = (query: Omit<Parameters<typeof harness.rib.routes>[0], 'family'>): readonly string[] => {
      const found: string[] = [];
      let cursor: number | undefined = 0;
      while (cursor !== undefined) {
        const page: ReturnType<typeof harness.rib.routes> = harness.rib.routes({ ...query, family: 'ipv4-unicast' }, cursor, 10);
        expect(page.routes.length).toBeLessThanOrEqual(10);
        found.push(...page.routes.map((route) => `${route.from} ${route.attributes.localPref ?? '-'}`));
        cursor = page.next;
      }
      return found;
    };
    expect(dump({ view: 'best' }).length).toBe(26);
    expect(dump({ view: 'all' }).filter((text) => text === 'p0 9').length).toBe(25);
    expect(dump({ view: 'received', peer: source.index }).filter((text) => text === 'p0 100').length).toBe(25);
    expect(dump({ view: 'advertised', peer: target.index }).length).toBe(26);
    expect(dump({ view: 'advertised', peer: source.index })).toEqual(['local 100']);
    expect(dump({ view: 'best', prefix: prefix(P) })).toEqual(['local -']);
  });

  it('explain names the longest prefix around that has a path in use', () => {
    const harness = new Harness();
    const [source] = clients(harness, 1);
    if (source === undefined) throw new Error('no client');
    harness.announce(source, ['203.0.0.0/16', '203.0.112.0/23']);
    harness.announce(source, ['203.0.113.128/25'], { originatorId: ROUTER_ID });
    harness.settle();
    const around = (text: string) => harness.rib.explain(prefix(text)).coveredBy;
    expect(around('203.0.113.129/32')).toEqual(prefix('203.0.112.0/23'));
    expect(around('203.0.112.0/23')).toEqual(prefix('203.0.0.0/16'));
    expect(around('203.0.0.0/16')).toBeUndefined();
    expect(around('2001:db8::1/128')).toBeUndefined();
    harness.announce(source, ['0.0.0.0/0']);
    harness.settle();
    expect(around('203.0.0.0/16')).toEqual(prefix('0.0.0.0/0'));
    expect(around('0.0.0.0/0')).toBeUndefined();
    const { candidates, peers } = harness.rib.explain(prefix('198.51.100.0/24'));
    expect([candidates.length, peers.map(({ blockedBy }) => blockedBy?.rule)]).toEqual([0, ['no route']]);
  });

  it('the UPDATE of explain decodes to the peer’s route', () => {
    const harness = new Harness();
    const [source, target] = clients(harness, 2);
    if (source === undefined || target === undefined) throw new Error('no clients');
    harness.announce(source, [P], { med: 3 });
    harness.settle();
    const held = target.view.get(P);
    target.view.clear();
    const sent = harness.rib.explain(prefix(P)).peers[1]?.lastSent;
    const replay = new Harness();
    const reader = replay.peer(CLIENT);
    replay.send(reader, [Uint8Array.from(Buffer.from(sent?.updateHex ?? '', 'hex'))]);
    replay.work();
    const read = replay.rib.routes({ view: 'received', family: 'ipv4-unicast', peer: reader.index }, 0, 10).routes[0];
    expect(read?.attributes).toEqual(held);
    expect(sent?.at).toBe(harness.wallClock);
  });
});
