/**
 * Replays a recorded router log into the pure core: what came in goes in, what goes out is collected by neighbour.
 *
 * The recorded router has a routing table below it and policies beside it, the core has not: routes whose next hop the recording says
 * cannot be resolved (by its end) are withheld, and recorded verdicts of policies on redistributed routes, imports and exports stand for
 * the policies. Which of two connections of a pair lives is not recorded; the one that messages came on is the one replayed.
 */
import type { Policy, Speaker, SpeakerConfig, SpeakerOutput } from 'bgp-ts';
import { createSpeaker } from 'bgp-ts';
import type { Address } from 'bgp-ts/net';
import { addressesEqual, formatAddress, formatPrefix } from 'bgp-ts/net';
import { seededRandom } from 'bgp-ts/testing';
import type { Family, NotificationMessage } from 'bgp-ts/wire';
import { decodeNotification, encodeKeepalive, Framer, MESSAGE_TYPE } from 'bgp-ts/wire';
import { entries, list, member, number, text } from '../interop/harness/json.ts';
import type { LogLine, View } from './router-log.ts';
import { addressOf, applySent, encodeLogged, idOf, prefixOf, readOpen, variant } from './router-log.ts';

const PORT = 179;
const DEFAULT_HOLD_TIME = 90;
/** Between two keepalives of the others while one session's hold time passes, ms. */
const STEP_MS = 10_000;

/** What one neighbour was sent. */
export interface Sent {
  readonly opens: ReturnType<typeof readOpen>[];
  readonly notifications: NotificationMessage[];
  readonly view: View;
}

/** Outcome of a replay. */
export interface Replayed {
  readonly sent: ReadonlyMap<string, Sent>;
  readonly speaker: Speaker;
  readonly localAs: number;
}

interface Neighbor {
  readonly address: string;
  readonly as: number;
  readonly sent: Sent;
  readonly waitsForStart: boolean;
  started: boolean;
  connection: number | undefined;
  framer: Framer;
}

const bgpOf = (config: unknown): unknown =>
  list(config, 'ietf-routing:routing', 'control-plane-protocols', 'control-plane-protocol')
    .map((protocol) => member(protocol, 'ietf-bgp:bgp'))
    .find((found) => found !== undefined);

const FAMILY_NAMES: { readonly [name: string]: Family } = { 'ipv4-unicast': 'ipv4-unicast', 'ipv6-unicast': 'ipv6-unicast' };
const familyNamed = (name: string): Family | undefined => FAMILY_NAMES[name.split(':').at(-1) ?? ''];

/** Prefixes that the recording's policies refused in a direction for a neighbour, as a policy. */
function policyOf(events: readonly LogLine[], neighbor: unknown, direction: 'Import' | 'Export'): Policy {
  const address = text(neighbor, 'remote-address');
  const results = events
    .filter(({ kind }) => kind === 'PolicyResult')
    .map(({ value }) => member(value, 'Neighbor'))
    .filter((result) => text(result, 'nbr_addr') === address && text(result, 'policy_type') === direction)
    .flatMap((result) => list(result, 'routes'));
  // The last verdict on a prefix is the one that holds at the end.
  const verdicts = new Map(results.map((pair) => [text(pair, 0), variant(member(pair, 1))]));
  const refused = [...verdicts].filter(([, verdict]) => verdict === 'Reject').map(([prefix]) => prefixOf(prefix));
  const terms = refused.map((prefix) => ({
    name: formatPrefix(prefix),
    when: [{ kind: 'prefix', any: [{ prefix, match: { kind: 'exact' } }] } as const],
    then: [{ kind: 'reject' } as const],
    reasons: [],
  }));
  return { name: `${direction} ${address}`, terms, otherwise: 'accept' };
}

function configOf(config: unknown, events: readonly LogLine[], routerId: string): SpeakerConfig {
  const bgp = bgpOf(config);
  const localAs = number(bgp, 'global', 'as') ?? 0;
  const peers = list(bgp, 'neighbors', 'neighbor').map((neighbor) => {
    const address = text(neighbor, 'remote-address');
    const families = list(neighbor, 'afi-safis', 'afi-safi')
      .filter((each) => member(each, 'enabled') !== false)
      .flatMap((each) => familyNamed(text(each, 'name')) ?? []);
    return {
      id: address,
      remote: { address: addressOf(address), port: PORT },
      remoteAs: number(neighbor, 'peer-as') ?? localAs,
      localAs: number(neighbor, 'local-as') ?? localAs,
      families,
      passive: true,
      holdTime: number(neighbor, 'timers', 'hold-time') ?? DEFAULT_HOLD_TIME,
      connectRetryTime: 5,
      connectDelay: 0,
      reflectorClient: member(neighbor, 'route-reflector', 'client') === true,
      nextHop: 'auto' as const,
      importPolicy: policyOf(events, neighbor, 'Import'),
      exportPolicy: policyOf(events, neighbor, 'Export'),
      allowLocalAs: number(neighbor, 'as-path-options', 'allow-own-as') ?? 0,
      addPath: 'off' as const,
      reasons: [],
    };
  });
  return { routerId: idOf(text(bgp, 'global', 'identifier') || routerId), localAs, listen: [], peers, routes: [] };
}

class Run {
  readonly speaker = createSpeaker({ random: seededRandom(1), wallClock: (now) => now });
  readonly config: SpeakerConfig;
  readonly neighbors: ReadonlyMap<string, Neighbor>;
  readonly #unresolved: readonly Address[];
  #now = 0;
  #nextConnection = 1;

  constructor(config: unknown, events: readonly LogLine[]) {
    const routerId = events.find(({ kind }) => kind === 'RouterIdUpdate')?.value;
    this.config = configOf(config, events, typeof routerId === 'string' ? routerId : '');
    const hops = new Map(
      events.filter(({ kind }) => kind === 'NexthopUpd').map(({ value }) => [text(value, 'addr'), member(value, 'metric')]),
    );
    this.#unresolved = [...hops].filter(([, metric]) => metric === null).map(([address]) => addressOf(address));
    this.neighbors = new Map(
      this.config.peers.map(({ id, remoteAs }) => {
        const waitsForStart = events.some(
          ({ kind, value }) => kind === 'NbrTimer' && text(value, 'nbr_addr') === id && text(value, 'timer') === 'AutoStart',
        );
        const sent: Sent = { opens: [], notifications: [], view: new Map() };
        return [
          id,
          { address: id, as: remoteAs, sent, waitsForStart, started: !waitsForStart, connection: undefined, framer: new Framer(65_535) },
        ];
      }),
    );
    this.#take(this.speaker.handle({ type: 'configure', config: this.config }, this.#now));
  }

  #work(): void {
    for (let slices = 0; this.speaker.hasWork() && slices < 1000; slices++) {
      this.#now += 10;
      this.#take(this.speaker.work(() => this.#now, 10).outputs);
    }
  }

  #take(outputs: readonly SpeakerOutput[]): void {
    for (const output of outputs) {
      if (output.type !== 'send' && output.type !== 'close') continue;
      const neighbor = [...this.neighbors.values()].find(({ connection }) => connection === output.connection);
      if (neighbor === undefined) continue;
      if (output.type === 'close') neighbor.connection = undefined;
      else for (const buffer of output.buffers) this.#read(neighbor, buffer);
    }
  }

  #read({ framer, sent, as }: Neighbor, octets: Uint8Array): void {
    framer.feed(octets.slice());
    for (let taken = framer.take(); taken !== undefined; taken = framer.take()) {
      if (!taken.ok) throw new Error(`we sent octets that are no message: ${taken.error.detail}`);
      const { type, body } = taken.value;
      if (type === MESSAGE_TYPE.open) sent.opens.push(readOpen(body));
      else if (type === MESSAGE_TYPE.update) applySent(sent.view, body, as !== this.config.localAs);
      else if (type === MESSAGE_TYPE.notification) {
        const decoded = decodeNotification(body);
        if (decoded.ok) sent.notifications.push(decoded.value);
      }
    }
  }

  #connect(info: unknown): void {
    const neighbor = this.neighbors.get(text(info, 'remote_addr'));
    // A second connection of a pair, or one to a session not started yet, has no further trace in a log.
    if (neighbor === undefined || !neighbor.started || neighbor.connection !== undefined) return;
    neighbor.connection = this.#nextConnection++;
    neighbor.framer = new Framer(65_535);
    neighbor.sent.view.clear();
    const end = (side: string) => ({ address: addressOf(text(info, `${side}_addr`)), port: number(info, `${side}_port`) ?? PORT });
    const input = { type: 'connected', connection: neighbor.connection, local: end('local'), remote: end('remote') } as const;
    this.#take(this.speaker.handle(input, this.#now));
  }

  #receive(value: unknown): void {
    const neighbor = this.neighbors.get(text(value, 'nbr_addr'));
    if (neighbor?.connection === undefined) return;
    const message = member(value, 'msg', 'Ok');
    if (message === undefined) {
      const { connection } = neighbor;
      neighbor.connection = undefined;
      return this.#take(this.speaker.handle({ type: 'closed', connection, reason: 'recorded' }, this.#now));
    }
    const reachable = (hop: Address): boolean => !this.#unresolved.some((each) => addressesEqual(each, hop));
    for (const octets of encodeLogged(message, reachable)) this.#octets(neighbor, octets);
  }

  #octets({ connection }: Neighbor, octets: Uint8Array): void {
    if (connection !== undefined) this.#take(this.speaker.handle({ type: 'octets', connection, octets }, this.#now));
  }

  /** The hold time of one session passes while the others are heard. */
  #expire(address: string): void {
    for (
      let waited = 0;
      waited < 2 * DEFAULT_HOLD_TIME * 1000 && this.neighbors.get(address)?.connection !== undefined;
      waited += STEP_MS
    ) {
      this.#now += STEP_MS;
      for (const other of this.neighbors.values()) if (other.address !== address) this.#octets(other, encodeKeepalive());
      for (let poll = 0; poll < 3; poll++) this.#take(this.speaker.handle({ type: 'tick' }, this.#now));
    }
  }

  #redistribute(result: unknown): void {
    const written = text(result, 'prefix');
    const route = { prefix: prefixOf(written), protocol: 'device' as const, reasons: [] };
    const accepted = variant(member(result, 'result')) === 'Accept';
    this.#take(this.speaker.handle({ type: 'routes', set: accepted ? [route] : [], remove: accepted ? [] : [route.prefix] }, this.#now));
  }

  event({ kind, value }: LogLine): void {
    this.#now += 1;
    if (kind === 'TcpAccept' || kind === 'TcpConnect') this.#connect(member(value, 'conn_info'));
    else if (kind === 'NbrRx') this.#receive(value);
    else if (kind === 'NbrTimer' && text(value, 'timer') === 'AutoStart') {
      const neighbor = this.neighbors.get(text(value, 'nbr_addr'));
      if (neighbor !== undefined) neighbor.started = true;
    } else if (kind === 'NbrTimer' && text(value, 'timer') === 'Hold') this.#expire(text(value, 'nbr_addr'));
    else if (kind === 'PolicyResult' && member(value, 'Redistribute') !== undefined) this.#redistribute(member(value, 'Redistribute'));
    else if (kind === 'RouteRedistributeDel')
      this.#take(this.speaker.handle({ type: 'routes', set: [], remove: [prefixOf(text(value, 'prefix'))] }, this.#now));
    this.#work();
  }
}

/** Replays a log. */
export function replayLog(config: unknown, events: readonly LogLine[]): Replayed {
  const run = new Run(config, events);
  for (const event of events) run.event(event);
  const sent = new Map([...run.neighbors].map(([address, neighbor]) => [address, neighbor.sent]));
  return { sent, speaker: run.speaker, localAs: run.config.localAs };
}

/** Where each best route came from, as a log says it: a neighbour's address, or `local`. */
export function bestOrigins(speaker: Speaker): Map<string, string> {
  const families: readonly Family[] = ['ipv4-unicast', 'ipv6-unicast'];
  return new Map(
    families.flatMap((family) =>
      speaker.routes({ view: 'best', family }, 0, 100_000).routes.map(({ prefix, from }) => [formatPrefix(prefix), from] as const),
    ),
  );
}

/** Best routes of a recorded state, as `bestOrigins` gives ours. */
export function recordedOrigins(state: unknown): Map<string, string> {
  const families = list(bgpOf(state), 'rib', 'afi-safis', 'afi-safi');
  const routes = families.flatMap((family) => entries(family).flatMap(([, inner]) => list(inner, 'loc-rib', 'routes', 'route')));
  return new Map(
    routes.map((route) => {
      const origin = text(route, 'origin');
      return [text(route, 'prefix'), origin.includes(':') && origin.startsWith('ietf-routing') ? 'local' : canonical(origin)];
    }),
  );
}

const canonical = (address: string): string => formatAddress(addressOf(address));

/** Session states of a recorded state by neighbour. */
export function recordedSessions(state: unknown): Map<string, string> {
  return new Map(list(bgpOf(state), 'neighbors', 'neighbor').map((each) => [text(each, 'remote-address'), text(each, 'session-state')]));
}
