/** Two sources as one: what a change asks of the other source is there before the change. */
import { describe, expect, it } from 'vitest';
import { formatIssue } from '../../../src/confd/resources/issue.ts';
import { parseObject } from '../../../src/confd/resources/parse-object.ts';
import type { Resource } from '../../../src/confd/resources/types.ts';
import { joinSources } from '../../../src/confd/source/joined.ts';
import { createMailbox, type Mailbox } from '../../../src/confd/source/mailbox.ts';
import { createNoServices } from '../../../src/confd/source/no-services.ts';
import type { Change, Source } from '../../../src/confd/source/types.ts';
import { createDemand } from '../../../src/confd/source/wanted.ts';

function resource(raw: unknown): Resource {
  const { outcome } = parseObject(raw);
  if (outcome.type !== 'resource') throw new Error('no resource');
  return outcome.resource;
}

const peer = (name: string, password?: string): Resource =>
  resource({
    apiVersion: 'projectcalico.org/v3',
    kind: 'BGPPeer',
    metadata: { name },
    spec: {
      peerIP: '192.0.2.254',
      asNumber: 64700,
      ...(password === undefined ? {} : { password: { secretKeyRef: { name: password, key: 'k' } } }),
    },
  });
const services = (cidr: string): Resource =>
  resource({
    apiVersion: 'projectcalico.org/v3',
    kind: 'BGPConfiguration',
    metadata: { name: 'default' },
    spec: { serviceExternalIPs: [{ cidr }] },
  });
const change = (...upsert: readonly Resource[]): Change => ({ upsert, remove: [], issues: [], inSync: true });

/** A source that says what a test tells it to. */
function scripted(): { source: Source; say: (change: Change) => void } {
  const waiting: Change[] = [];
  let mailbox: Mailbox<Change> | undefined;
  return {
    say: (told) => void (mailbox === undefined ? waiting.push(told) : mailbox.put(told)),
    source: {
      async *watch(signal) {
        const own = createMailbox<Change>(signal);
        mailbox = own;
        for (const told of waiting) own.put(told);
        for (let told = await own.next(); told !== undefined; told = await own.next()) yield told;
      },
    },
  };
}

const names = (told: Change): readonly string[] => told.upsert.map(({ ref }) => ref.name);

describe('two sources as one', () => {
  it('is in sync when both are', async () => {
    const [main, other] = [scripted(), scripted()];
    const abort = new AbortController();
    const told = joinSources(main.source, other.source, createDemand(false)).watch(abort.signal)[Symbol.asyncIterator]();
    main.say(change(peer('a')));
    expect((await told.next()).value).toMatchObject({ inSync: false });
    other.say(change());
    expect((await told.next()).value).toMatchObject({ inSync: true });
    other.say({ ...change(), inSync: false });
    expect((await told.next()).value).toMatchObject({ inSync: false });
    abort.abort();
    expect((await told.next()).done).toBe(true);
  });

  it('holds a change that asks for something, and all after it, until that is settled', async () => {
    const [main, other] = [scripted(), scripted()];
    const abort = new AbortController();
    const demand = createDemand(false);
    const told = joinSources(main.source, other.source, demand).watch(abort.signal)[Symbol.asyncIterator]();
    const rung: unknown[] = [];
    demand.listen(() => rung.push(demand.wanted()));
    main.say(change(peer('first', 'passwords')));
    main.say(change(peer('second')));
    other.say({ ...change(), remove: [{ apiVersion: 'v1', kind: 'Service', namespace: 'a', name: 'gone' }] });
    expect((await told.next()).value).toMatchObject({ remove: [{ name: 'gone' }] });
    expect(rung).toEqual([{ services: false, secrets: ['passwords'] }]);
    demand.settle();
    const following: Change[] = [(await told.next()).value, (await told.next()).value];
    expect(following.map(names)).toEqual([['first'], ['second']]);
    abort.abort();
    await told.return?.(undefined);
  });

  it('says what is missing where no API server is named, and stops saying it', async () => {
    const main = scripted();
    const abort = new AbortController();
    const demand = createDemand(false);
    const told = joinSources(main.source, createNoServices(demand), demand).watch(abort.signal)[Symbol.asyncIterator]();
    const issues = async (): Promise<readonly string[]> => {
      const { value }: { value: Change } = await told.next();
      return value.issues.flatMap(({ issues: found }) => found.map(formatIssue));
    };
    expect(await issues()).toEqual([]);
    main.say(change(services('198.51.100.0/24')));
    expect(await issues()).toEqual(['Datastore/kubernetes: cannot be asked (no API server is named: without Services)']);
    expect(names((await told.next()).value)).toEqual(['default']);
    main.say({ ...change(), remove: [services('198.51.100.0/24').ref] });
    expect(await issues()).toEqual([]);
    abort.abort();
    await told.return?.(undefined);
  });
});
