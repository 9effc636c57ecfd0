/**
 * Recorded router logs, replayed into the core: every neighbour ends with the same routes and attributes, the OPENs say the same and
 * offer at least the same, the NOTIFICATIONs are the same, and so are sessions and best routes where the recording has its state.
 */
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { PathAttributes } from 'bgp-ts/wire';
import { describe, expect, it } from 'vitest';
import { list, member, number, text } from '../interop/harness/json.ts';
import { corpusAbsent, corpusFiles, corpusTitle } from '../shared.ts';
import type { Sent } from './replay-log.ts';
import { bestOrigins, recordedOrigins, recordedSessions, replayLog } from './replay-log.ts';
import type { LogLine, View } from './router-log.ts';
import { applyLogged, capabilitiesOf, idOf, readLines, variant } from './router-log.ts';

const folders = corpusFiles(/^events\.jsonl$/)
  .map((file) => dirname(file))
  .filter((folder) => existsSync(join(folder, 'config.json')) && existsSync(join(folder, 'output', 'protocol.jsonl')))
  .map((folder) => ({ folder, name: `${basename(dirname(folder))}/${basename(folder)}` }));

const readJson = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));

/** Messages that the recorded router sent to a neighbour, in order. */
function messagesTo(output: readonly LogLine[], address: string): unknown[] {
  return output.flatMap(({ value, kind }) => {
    if (text(value, 'nbr_addr') !== address) return [];
    if (kind === 'SendMessage') return [member(value, 'msg')];
    return kind === 'SendMessageList' ? list(value, 'msg_list') : [];
  });
}

/**
 * Attributes as they compare. ORIGIN of a route that the recorded router redistributed is its own choice (RFC 4271 section 5.1.1); a
 * LOCAL_PREF of 100 is the default said aloud.
 */
function comparable(view: View, local: ReadonlySet<string>, neighborAs: number, external: boolean): Map<string, unknown> {
  const kept = [...view].filter(
    // RFC 4271 section 9.1.2: the receiver has to ignore a path with its own AS in it, so whether it is sent makes no difference.
    ([, { asPath }]) => !external || !asPath.some(({ asns }) => asns.includes(neighborAs)),
  );
  const plain = (prefix: string, { origin, localPref, ...rest }: PathAttributes): unknown => ({
    ...rest,
    ...(local.has(prefix) ? {} : { origin }),
    localPref: external ? undefined : (localPref ?? 100),
  });
  return new Map(
    kept.map(([prefix, attributes]) => [prefix, plain(prefix, attributes)] as const).toSorted(([a], [b]) => a.localeCompare(b)),
  );
}

/** Prefixes that the recorded router redistributed. */
function redistributed(events: readonly LogLine[]): Set<string> {
  const results = events.filter(({ kind }) => kind === 'PolicyResult').map(({ value }) => member(value, 'Redistribute'));
  return new Set(results.filter((result) => variant(member(result, 'result')) === 'Accept').map((result) => text(result, 'prefix')));
}

function check(folder: string): void {
  const config = readJson(join(folder, 'config.json'));
  const events = readLines(readFileSync(join(folder, 'events.jsonl'), 'utf8'));
  const output = readLines(readFileSync(join(folder, 'output', 'protocol.jsonl'), 'utf8'));
  const { sent, speaker, localAs } = replayLog(config, events);
  const local = redistributed(events);
  expect(sent.size).toBeGreaterThan(0);
  for (const [address, ours] of sent) {
    const messages = messagesTo(output, address);
    const view: View = new Map();
    for (const message of messages) {
      if (variant(message) === 'Open') view.clear();
      if (variant(message) === 'Update') applyLogged(view, member(message, 'Update'));
    }
    const { remoteAs } = speaker.status().peers.find(({ id }) => id === address) ?? { remoteAs: 0 };
    const external = remoteAs !== localAs;
    expect(comparable(ours.view, local, remoteAs, external), `what ${address} has`).toEqual(comparable(view, local, remoteAs, external));
    checkOpens(messages, ours.opens.at(-1));
    const notifications = messages
      .filter((message) => variant(message) === 'Notification')
      .map((message) => member(message, 'Notification'));
    expect(ours.notifications.map(({ code, subcode }) => [code, subcode])).toEqual(
      notifications.map((each) => [number(each, 'error_code'), number(each, 'error_subcode')]),
    );
  }
  checkState(join(folder, 'output', 'northbound-state.json'), speaker);
}

function checkOpens(messages: readonly unknown[], ours: Sent['opens'][number] | undefined): void {
  const open = messages.filter((message) => variant(message) === 'Open').at(-1);
  const value = member(open, 'Open');
  if (open === undefined || ours === undefined) return expect(ours).toBe(open);
  const theirs = capabilitiesOf(list(value, 'capabilities'));
  expect([ours.as, ours.holdTime, ours.bgpId]).toEqual([
    number(value, 'my_as'),
    number(value, 'holdtime'),
    idOf(text(value, 'identifier')),
  ]);
  expect(new Set(ours.families)).toEqual(new Set(theirs.families));
  expect(ours).toMatchObject({ routeRefresh: theirs.routeRefresh, multiprotocol: theirs.multiprotocol, fourOctetAs: theirs.fourOctetAs });
}

function checkState(file: string, speaker: ReturnType<typeof replayLog>['speaker']): void {
  if (!existsSync(file)) return;
  const state = readJson(file);
  const sessions = new Map(speaker.status().peers.map(({ id, state: session }) => [id, session.replace('-', '')]));
  expect(sessions).toEqual(new Map([...recordedSessions(state)].map(([id, session]) => [id, session.replace('-', '')])));
  const byPrefix = (origins: Map<string, string>): [string, string][] => [...origins].toSorted(([a], [b]) => a.localeCompare(b));
  expect(byPrefix(bestOrigins(speaker))).toEqual(byPrefix(recordedOrigins(state)));
}

describe.skipIf(corpusAbsent(folders.length))(corpusTitle('recorded router logs'), () => {
  it('are there', () => {
    expect(folders.length).toBeGreaterThan(0);
  });

  it.each(folders)('$name', ({ folder }) => {
    check(folder);
  });
});
