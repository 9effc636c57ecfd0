/**
 * Recorded router logs, replayed into the core: every neighbour ends with the same routes and attributes, the OPENs say the same and
 * offer at least the same, the NOTIFICATIONs are the same, and so are sessions and best routes where the recording has its state.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { PathAttributes } from 'bgp-ts/wire';
import { describe, expect, it } from 'vitest';
import { list, member, number, text } from '../interop/harness/json.ts';
import { corpusAbsent, corpusFiles, corpusTitle } from '../shared.ts';
import type { Sent } from './replay-log.ts';
import { replayLog } from './replay-log.ts';
import type { LogLine, View } from './router-log.ts';
import { addressText, applyLogged, capabilitiesOf, idOf, readLines, variant } from './router-log.ts';
import { bestOrigins, recordedOrigins, recordedSessions } from './router-log-state.ts';

const isWhole = (folder: string): boolean => ['config.json', 'output/protocol.jsonl'].every((file) => existsSync(join(folder, file)));
const named = (folder: string): { folder: string; name: string } => ({ folder, name: `${basename(dirname(folder))}/${basename(folder)}` });

const found = corpusFiles(/^events\.jsonl$/).map((file) => dirname(file));
const folders = found.filter(isWhole).map(named);
const partial = found.filter((folder) => !isWhole(folder)).map(named);

/** Own logs of that form, beside this file. */
const OWN = join(import.meta.dirname, 'logs');
const own = readdirSync(OWN).map((name) => join(OWN, name));

const readJson = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));

/** Messages that the recorded router sent to a neighbour, in order. */
function messagesTo(output: readonly LogLine[], address: string): unknown[] {
  return output.flatMap(({ value, kind }) => {
    const to = text(value, 'nbr_addr');
    if (to === '' || addressText(to) !== address) return [];
    if (kind === 'SendMessage') return [member(value, 'msg')];
    return kind === 'SendMessageList' ? list(value, 'msg_list') : [];
  });
}

/**
 * Attributes as they compare. ORIGIN of a route that the recorded router redistributed is its own choice (RFC 4271 section 5.1.1); a
 * LOCAL_PREF of 100 is the default said aloud.
 */
function comparable(
  view: View,
  { unreplayed }: Sent,
  local: ReadonlySet<string>,
  neighborAs: number,
  external: boolean,
): Map<string, unknown> {
  const kept = [...view].filter(
    // RFC 4271 section 9.1.2: the receiver has to ignore a path with its own AS in it, so whether it is sent makes no difference.
    ([, { asPath }]) => !external || !asPath.some(({ asns }) => asns.includes(neighborAs)),
  );
  // A second, link-local next hop is the sender's choice (RFC 2545 section 3).
  const plain = (key: string, { origin, localPref, linkLocalNextHop: _local, ...rest }: PathAttributes): unknown => {
    const prefix = key.split(' ')[0] ?? '';
    const all = { ...rest, ...(local.has(prefix) ? {} : { origin }), localPref: external ? undefined : (localPref ?? 100) };
    const left: readonly string[] = unreplayed.get(prefix) ?? [];
    return Object.fromEntries(Object.entries(all).filter(([name]) => !left.includes(name)));
  };
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
    const wanted = comparable(view, ours, local, remoteAs, external);
    expect(comparable(ours.view, ours, local, remoteAs, external), `what ${address} has`).toEqual(wanted);
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

  for (const { name } of partial) it.skipIf(true)(`${name} (skipped: config.json or output/protocol.jsonl is missing)`, () => undefined);
});

describe('router logs of our own', () => {
  it.each(own.map(named))('$name', ({ folder }) => {
    check(folder);
  });
});
