/**
 * A network of speakers in memory: TCP-like connections whose every delivery is in the hand of the test. Each thing under way
 * (a dial, a chunk of octets, a close) waits in a queue; `settle` delivers all in order, `deliver` one of choice.
 */
import { addressesEqual } from '../net/index.ts';
import type { Speaker } from '../speaker.ts';
import type { ConnectionId, Endpoint, SpeakerEvent, SpeakerInput, SpeakerOutput } from '../speaker-types.ts';
import { FakeClock } from './fake-clock.ts';

/** What can join: a speaker, or a scripted peer. */
export type NetworkNode = Pick<Speaker, 'handle' | 'hasWork' | 'work' | 'nextDeadline'>;

interface Member {
  readonly name: string;
  readonly node: NetworkNode;
  readonly addresses: readonly Endpoint['address'][];
  readonly events: SpeakerEvent[];
  listening: readonly Endpoint[];
  readonly ends: Map<ConnectionId, End>;
  stalled: boolean;
  /** Connections that it ended with RST. */
  resets: number;
}

/** One end of a link; `peer` is the other. */
interface End {
  readonly id: ConnectionId;
  readonly member: Member;
  readonly link: Link;
  open: boolean;
  paused: boolean;
}

/** Two ends and whether octets get through. */
interface Link {
  readonly ends: End[];
  lossy: boolean;
}

/** Something under way. */
type Pending =
  | { readonly kind: 'dial'; readonly from: Member; readonly dial: number; readonly remote: Endpoint; readonly local: Endpoint }
  | { readonly kind: 'octets'; readonly to: End; octets: Uint8Array }
  | { readonly kind: 'close'; readonly to: End; readonly reason: string };

const WORK_BUDGET_MS = 10;

/** More than any deadline needs that is met; a hold timer is confirmed by a few. */
const TICKS_AT_ONCE = 100;

/** Joins nodes; time stands still but for `advance`. */
export class MemoryNetwork {
  readonly clock = new FakeClock();
  readonly #members = new Map<string, Member>();
  #pending: Pending[] = [];
  #nextConnection = 1;
  #nextPort = 40_000;

  /** Adds a node under a name; the first address is the source of its dials that name none. */
  join(name: string, node: NetworkNode, addresses: readonly Endpoint['address'][]): void {
    this.#members.set(name, { name, node, addresses, events: [], listening: [], ends: new Map(), stalled: false, resets: 0 });
  }

  /** Takes a node out, as a process that ends: its connections die without a word. */
  leave(name: string): void {
    const member = this.#member(name);
    for (const other of this.#members.keys()) if (other !== name) this.cut(name, other);
    this.#pending = this.#pending.filter((item) => item.kind !== 'dial' || item.from !== member);
    this.#members.delete(name);
  }

  /** Facts that a node reported, in order. */
  events(name: string): readonly SpeakerEvent[] {
    return this.#member(name).events;
  }

  /** Gives a node an input and carries out its outputs. */
  feed(name: string, input: SpeakerInput): void {
    const member = this.#member(name);
    this.#perform(member, member.node.handle(input, this.clock.now()));
  }

  /** Things under way that could be delivered now; those to stalled or paused nodes are left out. */
  deliverable(): number {
    return this.#ready().length;
  }

  /** Delivers the `index`th of them; of a chunk of octets at most `limit`. */
  deliver(index: number, limit = Infinity): void {
    const item = this.#ready()[index];
    if (item === undefined) throw new Error(`nothing to deliver at ${index}`);
    if (item.kind === 'octets' && item.octets.length > limit) {
      const part = item.octets.subarray(0, limit);
      item.octets = item.octets.subarray(limit);
      this.#arrive({ kind: 'octets', to: item.to, octets: part });
      return;
    }
    this.#pending = this.#pending.filter((each) => each !== item);
    this.#arrive(item);
  }

  /** One slice of work of a node; true if it wants more. */
  work(name: string): boolean {
    const member = this.#member(name);
    const { outputs, more } = member.node.work(this.clock.now, WORK_BUDGET_MS);
    this.#perform(member, outputs);
    return more;
  }

  /** Delivers and works until nothing is left to do without time passing. */
  settle(): void {
    for (let round = 0; round < 100_000; round++) {
      if (this.#ready().length > 0) {
        this.deliver(0);
        continue;
      }
      if (!this.#workAll()) return;
    }
    throw new Error('the network does not settle');
  }

  #workAll(): boolean {
    let worked = false;
    for (const member of this.#members.values()) {
      if (member.stalled || !member.node.hasWork()) continue;
      const more = this.work(member.name);
      worked ||= more || this.#pending.length > 0;
    }
    return worked;
  }

  /** Lets time pass: every deadline in between is kept, with a full delivery before each tick. */
  advance(ms: number): void {
    const end = this.clock.now() + ms;
    for (let ticks = 0; ; ) {
      this.settle();
      const due = this.#nextDue();
      if (due > end) break;
      ticks = due > this.clock.now() ? 0 : ticks + 1;
      if (ticks > TICKS_AT_ONCE) throw new Error('a deadline is never met');
      this.clock.moveTo(Math.max(due, this.clock.now()));
      for (const member of this.#members.values()) {
        if (!member.stalled && member.node.nextDeadline() <= this.clock.now()) this.feed(member.name, { type: 'tick' });
      }
    }
    this.clock.moveTo(end);
  }

  #nextDue(): number {
    let due = Infinity;
    for (const member of this.#members.values()) if (!member.stalled) due = Math.min(due, member.node.nextDeadline());
    return due;
  }

  /** Stops a node's loop: nothing reaches it and it does nothing until `resume`; its kernel still takes octets. */
  stall(name: string): void {
    this.#member(name).stalled = true;
  }

  /** Ends a stall the way an event loop does: timers first, what waits in the sockets after. */
  resume(name: string): void {
    const member = this.#member(name);
    member.stalled = false;
    if (member.node.nextDeadline() <= this.clock.now()) this.feed(name, { type: 'tick' });
  }

  /** TCP between two nodes dies: both ends see it. */
  cut(a: string, b: string): void {
    for (const end of [...this.#member(a).ends.values()]) {
      if (!end.link.ends.some((each) => each.member.name === b)) continue;
      this.#pending = this.#pending.filter((item) => item.kind === 'dial' || item.to.link !== end.link);
      for (const each of end.link.ends) this.#arrive({ kind: 'close', to: each, reason: 'connection reset by the peer' });
    }
  }

  /** From now on octets between two nodes vanish (or pass again); connections stay open. */
  setLossy(a: string, b: string, lossy: boolean): void {
    for (const end of this.#member(a).ends.values()) if (end.link.ends.some((each) => each.member.name === b)) end.link.lossy = lossy;
  }

  /** Open connections between two nodes. */
  connections(a: string, b: string): number {
    return [...this.#member(a).ends.values()].filter(
      (end) => end.open && end.link.ends.every((each) => each.open && (each.member.name === a || each.member.name === b)),
    ).length;
  }

  /** Connection ends that a node holds, whatever the other side thinks. */
  ends(name: string): number {
    return this.#member(name).ends.size;
  }

  /** How many connections a node has ended with RST. */
  resets(name: string): number {
    return this.#member(name).resets;
  }

  /** Tells a node that a socket towards `b` is full, or takes octets again. */
  setBlocked(name: string, b: string, blocked: boolean): void {
    for (const end of [...this.#member(name).ends.values()]) {
      if (end.link.ends.some((each) => each.member.name === b))
        this.feed(name, { type: blocked ? 'blocked' : 'writable', connection: end.id });
    }
  }

  /** Tells a node that octets towards `b` wait in its sockets, or that none does. */
  setUnsent(name: string, b: string, waiting: boolean): void {
    for (const end of [...this.#member(name).ends.values()]) {
      if (end.link.ends.some((each) => each.member.name === b)) this.feed(name, { type: 'unsent', connection: end.id, waiting });
    }
  }

  #member(name: string): Member {
    const member = this.#members.get(name);
    if (member === undefined) throw new Error(`no node ${name}`);
    return member;
  }

  /** Pending items in order; of each connection end only the first, as TCP keeps order. */
  #ready(): Pending[] {
    const seen = new Set<End>();
    return this.#pending.filter((item) => {
      if (item.kind === 'dial') return true;
      if (seen.has(item.to)) return false;
      seen.add(item.to);
      return !item.to.member.stalled && !item.to.paused;
    });
  }

  #perform(member: Member, outputs: readonly SpeakerOutput[]): void {
    for (const output of outputs) this.#performOne(member, output);
  }

  #performOne(member: Member, output: SpeakerOutput): void {
    switch (output.type) {
      case 'event':
        member.events.push(output.event);
        return;
      case 'listen':
        member.listening = output.endpoints;
        return;
      case 'dial':
        return this.#dial(member, output);
      case 'cancel-dial':
        this.#pending = this.#pending.filter((item) => item.kind !== 'dial' || item.from !== member || item.dial !== output.dial);
        return;
      case 'send':
        return this.#send(member, output.connection, output.buffers);
      case 'close':
        if (output.reset) member.resets++;
        return this.#close(member, output.connection);
      case 'pause':
      case 'resume': {
        const end = member.ends.get(output.connection);
        if (end !== undefined) end.paused = output.type === 'pause';
        return;
      }
      default: {
        const never: never = output;
        return never;
      }
    }
  }

  #dial(member: Member, output: Extract<SpeakerOutput, { readonly type: 'dial' }>): void {
    const address = output.local ?? member.addresses.find((each) => each.family === output.remote.address.family);
    if (address === undefined) throw new Error(`${member.name} has no address of the family it dials`);
    this.#pending.push({
      kind: 'dial',
      from: member,
      dial: output.dial,
      remote: output.remote,
      local: { address, port: this.#nextPort++ },
    });
  }

  #send(member: Member, id: ConnectionId, buffers: readonly Uint8Array[]): void {
    const end = member.ends.get(id);
    const to = end?.link.ends.find((each) => each !== end);
    if (end?.open !== true || to?.open !== true || end.link.lossy) return;
    for (const octets of buffers) this.#pending.push({ kind: 'octets', to, octets });
  }

  #close(member: Member, id: ConnectionId): void {
    const end = member.ends.get(id);
    if (end === undefined) return;
    end.open = false;
    member.ends.delete(id);
    const to = end.link.ends.find((each) => each !== end);
    if (to?.open === true) this.#pending.push({ kind: 'close', to, reason: 'the peer closed the connection' });
  }

  #arrive(item: Pending): void {
    switch (item.kind) {
      case 'dial':
        return this.#connect(item);
      case 'octets':
        if (item.to.open) this.#lend(item.to, item.octets.slice());
        return;
      case 'close':
        if (!item.to.open) return;
        item.to.open = false;
        item.to.member.ends.delete(item.to.id);
        this.feed(item.to.member.name, { type: 'closed', connection: item.to.id, reason: item.reason });
        return;
      default: {
        const never: never = item;
        return never;
      }
    }
  }

  /** As where sockets are read: the memory is used for something else once the node has had it. */
  #lend(to: End, octets: Uint8Array): void {
    this.feed(to.member.name, { type: 'octets', connection: to.id, octets });
    octets.fill(0xee);
  }

  #connect(item: Extract<Pending, { readonly kind: 'dial' }>): void {
    const { from, dial, remote, local } = item;
    const server = [...this.#members.values()].find((member) =>
      member.listening.some((at) => at.port === remote.port && addressesEqual(at.address, remote.address)),
    );
    if (server === undefined) return this.feed(from.name, { type: 'dial-failed', dial, reason: 'connection refused' });
    const link: Link = { ends: [], lossy: false };
    const near: End = { id: this.#nextConnection++, member: from, link, open: true, paused: false };
    const far: End = { id: this.#nextConnection++, member: server, link, open: true, paused: false };
    link.ends.push(near, far);
    from.ends.set(near.id, near);
    server.ends.set(far.id, far);
    this.feed(from.name, { type: 'connected', connection: near.id, local, remote, dial });
    // The server's loop sees the connection even if the dialing side gave it up at once.
    this.feed(server.name, { type: 'connected', connection: far.id, local: remote, remote: local });
  }
}
