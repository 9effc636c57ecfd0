/**
 * Replays a recorded router log into the pure core: what came in goes in, what goes out is collected by neighbour.
 *
 * The recorded router has a routing table below it and policies beside it, the core has not: routes whose next hop the recording says
 * cannot be resolved (by its end) are withheld, and recorded outcomes of policies on redistributed routes, imports and exports stand for
 * the policies (router-log-policies.ts). Which of two connections of a pair lives is not recorded; the one that messages came on is the one replayed.
 */
import type { Speaker, SpeakerConfig, SpeakerOutput } from 'bgp-ts';
import { createSpeaker } from 'bgp-ts';
import type { Address } from 'bgp-ts/net';
import { addressesEqual, formatPrefix } from 'bgp-ts/net';
import { seededRandom } from 'bgp-ts/testing';
import type { Family, NotificationMessage, PathAttributes, PathPrefix } from 'bgp-ts/wire';
import { decodeNotification, encodeKeepalive, Framer, MESSAGE_TYPE } from 'bgp-ts/wire';
import { list, member, number, text } from '../interop/harness/json.ts';
import type { LogLine, View } from './router-log.ts';
import {
  addressOf,
  addressText,
  applySent,
  attributesOf,
  capabilitiesOf,
  encodeAnnounced,
  encodeLogged,
  encodeWithdrawn,
  idOf,
  prefixOf,
  readOpen,
  updateOf,
  variant,
} from './router-log.ts';
import type { Unreplayed, Verdict } from './router-log-policies.ts';
import { exportsTo, importsFrom, verdictsOf } from './router-log-policies.ts';
import { bgpOf } from './router-log-state.ts';

const PORT = 179;
const DEFAULT_HOLD_TIME = 90;
/** Between two keepalives of the others while one session's hold time passes, ms. */
const STEP_MS = 10_000;

/** What one neighbour was sent. */
export interface Sent {
  readonly opens: ReturnType<typeof readOpen>[];
  readonly notifications: NotificationMessage[];
  readonly view: View;
  /** Attributes that an export policy of the recording changed as none of ours can, by prefix: not compared. */
  readonly unreplayed: ReadonlyMap<string, readonly Unreplayed[]>;
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
  /** Routes that came and wait for what the import policy makes of them, by prefix. */
  readonly waiting: Map<string, PathPrefix>;
  /** Families of which it takes path identifiers (RFC 7911), by its OPEN. */
  takesIds: readonly Family[];
}

const FAMILY_NAMES: { readonly [name: string]: Family } = { 'ipv4-unicast': 'ipv4-unicast', 'ipv6-unicast': 'ipv6-unicast' };
const familyNamed = (name: string): Family | undefined => FAMILY_NAMES[name.split(':').at(-1) ?? ''];

/** Families of which the sender of an OPEN takes path identifiers. */
function familiesTaken(open: unknown): Family[] {
  const { addPath = [] } = capabilitiesOf(list(open, 'Open', 'capabilities'));
  return addPath.flatMap(({ family, mode }) => (mode === 'send' ? [] : [family]));
}

/** Directions of path identifiers that a neighbour's configuration asks for (RFC 7911). */
function addPathOf(neighbor: unknown): 'off' | 'receive' | 'send' | 'both' {
  const asked = [neighbor, ...list(neighbor, 'afi-safis', 'afi-safi')].map((each) => member(each, 'add-paths') ?? member(each, 'add-path'));
  const has = (names: readonly string[]): boolean => asked.some((each) => names.some((name) => (member(each, name) ?? false) !== false));
  const [receive, send] = [has(['receive']), has(['send', 'max', 'all', 'send-max'])];
  if (receive) return send ? 'both' : 'receive';
  return send ? 'send' : 'off';
}

function configOf(config: unknown, events: readonly LogLine[], routerId: string): SpeakerConfig {
  const bgp = bgpOf(config);
  const localAs = number(bgp, 'global', 'as') ?? 0;
  const peers = list(bgp, 'neighbors', 'neighbor').map((neighbor) => {
    const address = addressText(text(neighbor, 'remote-address'));
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
      importPolicy: importsFrom(events, address),
      exportPolicy: exportsTo(events, address).policy,
      enforceFirstAs: false,
      allowLocalAs: number(neighbor, 'as-path-options', 'allow-own-as') ?? 0,
      addPath: addPathOf(neighbor),
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
  /** Prefixes by neighbour on which some import policy has a verdict. */
  readonly #judged: ReadonlySet<string>;
  #now = 0;
  #nextConnection = 1;

  constructor(config: unknown, events: readonly LogLine[]) {
    const routerId = events.find(({ kind }) => kind === 'RouterIdUpdate')?.value;
    this.config = configOf(config, events, typeof routerId === 'string' ? routerId : '');
    const hops = new Map(
      events.filter(({ kind }) => kind === 'NexthopUpd').map(({ value }) => [text(value, 'addr'), member(value, 'metric')]),
    );
    this.#unresolved = [...hops].filter(([, metric]) => metric === null).map(([address]) => addressOf(address));
    this.#judged = new Set(
      events.flatMap(verdictsOf).flatMap(({ direction, neighbor, prefix }) => (direction === 'Import' ? [`${neighbor} ${prefix}`] : [])),
    );
    this.neighbors = new Map(
      this.config.peers.map(({ id, remoteAs }) => {
        const waitsForStart = events.some(
          ({ kind, value }) => kind === 'NbrTimer' && addressText(text(value, 'nbr_addr')) === id && text(value, 'timer') === 'AutoStart',
        );
        const { unreplayed } = exportsTo(events, id);
        const sent: Sent = { opens: [], notifications: [], view: new Map(), unreplayed };
        return [
          id,
          {
            address: id,
            as: remoteAs,
            sent,
            waitsForStart,
            started: !waitsForStart,
            connection: undefined,
            framer: new Framer(65_535),
            waiting: new Map(),
            takesIds: [],
          },
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

  #read({ framer, sent, as, address, takesIds }: Neighbor, octets: Uint8Array): void {
    const sends = ['send', 'both'].includes(this.config.peers.find(({ id }) => id === address)?.addPath ?? 'off');
    framer.feed(octets.slice());
    for (let taken = framer.take(); taken !== undefined; taken = framer.take()) {
      if (!taken.ok) throw new Error(`we sent octets that are no message: ${taken.error.detail}`);
      const { type, body } = taken.value;
      if (type === MESSAGE_TYPE.open) sent.opens.push(readOpen(body));
      else if (type === MESSAGE_TYPE.update) applySent(sent.view, body, as !== this.config.localAs, sends ? takesIds : []);
      else if (type === MESSAGE_TYPE.notification) {
        const decoded = decodeNotification(body);
        if (decoded.ok) sent.notifications.push(decoded.value);
      }
    }
  }

  #connect(info: unknown): void {
    const neighbor = this.neighbors.get(addressText(text(info, 'remote_addr')));
    // A second connection of a pair, or one to a session not started yet, has no further trace in a log.
    if (neighbor === undefined || !neighbor.started || neighbor.connection !== undefined) return;
    neighbor.connection = this.#nextConnection++;
    neighbor.framer = new Framer(65_535);
    neighbor.sent.view.clear();
    neighbor.waiting.clear();
    const end = (side: string) => ({ address: addressOf(text(info, `${side}_addr`)), port: number(info, `${side}_port`) ?? PORT });
    const input = { type: 'connected', connection: neighbor.connection, local: end('local'), remote: end('remote') } as const;
    this.#take(this.speaker.handle(input, this.#now));
  }

  #receive(value: unknown): void {
    const neighbor = this.neighbors.get(addressText(text(value, 'nbr_addr')));
    if (neighbor?.connection === undefined) return;
    const message = member(value, 'msg', 'Ok');
    if (message === undefined) {
      const { connection } = neighbor;
      neighbor.connection = undefined;
      return this.#take(this.speaker.handle({ type: 'closed', connection, reason: 'recorded' }, this.#now));
    }
    if (variant(message) === 'Open') neighbor.takesIds = familiesTaken(message);
    if (variant(message) === 'Update') return this.#update(neighbor, member(message, 'Update'));
    for (const octets of encodeLogged(message)) this.#octets(neighbor, octets);
  }

  /** Routes on which an import policy has a verdict wait for it. */
  #update(neighbor: Neighbor, message: unknown): void {
    const { withdrawn, announced } = updateOf(message);
    for (const route of withdrawn) neighbor.waiting.delete(formatPrefix(route.prefix));
    for (const octets of encodeWithdrawn(withdrawn)) this.#octets(neighbor, octets);
    for (const { routes, attributes } of announced) {
      const judged = (route: PathPrefix): boolean => this.#judged.has(`${neighbor.address} ${formatPrefix(route.prefix)}`);
      for (const route of routes.filter(judged)) neighbor.waiting.set(formatPrefix(route.prefix), route);
      this.#announce(
        neighbor,
        routes.filter((route) => !judged(route)),
        attributes,
      );
    }
  }

  /** Routes whose next hop is never resolved are not there. */
  #announce(neighbor: Neighbor, routes: readonly PathPrefix[], attributes: PathAttributes): void {
    const lost = this.#unresolved.some((each) => addressesEqual(each, attributes.nextHop));
    for (const octets of lost ? encodeWithdrawn(routes) : encodeAnnounced(routes, attributes)) this.#octets(neighbor, octets);
  }

  #imported({ neighbor: address, prefix, accepted }: Verdict): void {
    const neighbor = this.neighbors.get(address);
    const route = neighbor?.waiting.get(prefix);
    if (neighbor === undefined || route === undefined) return;
    const attrs = member(accepted, 'attrs');
    const hop = text(attrs, 'base', 'nexthop') || address;
    if (accepted !== undefined) return this.#announce(neighbor, [route], attributesOf(attrs, hop, text(attrs, 'base', 'll_nexthop')));
    for (const octets of encodeWithdrawn([route])) this.#octets(neighbor, octets);
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

  event(line: LogLine): void {
    const { kind, value } = line;
    this.#now += 1;
    for (const verdict of verdictsOf(line)) if (verdict.direction === 'Import') this.#imported(verdict);
    if (kind === 'TcpAccept' || kind === 'TcpConnect') this.#connect(member(value, 'conn_info'));
    else if (kind === 'NbrRx') this.#receive(value);
    else if (kind === 'NbrTimer' && text(value, 'timer') === 'AutoStart') {
      const neighbor = this.neighbors.get(addressText(text(value, 'nbr_addr')));
      if (neighbor !== undefined) neighbor.started = true;
    } else if (kind === 'NbrTimer' && text(value, 'timer') === 'Hold') this.#expire(addressText(text(value, 'nbr_addr')));
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
