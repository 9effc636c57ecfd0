/** One client of a control socket, without the socket: its lines in, replies out. Half a line waits for its other half. */
import { parseCommand, type SocketFamily } from './command.ts';
import { type HostWorld, hostReply } from './host.ts';
import { protocolsReply, type Snapshot, statusReply } from './protocols.ts';
import { CODE, Reply } from './reply.ts';
import { type RouteWorld, showRoute, showStatic } from './show-route.ts';

/** What commands are answered from. */
export interface World extends Omit<RouteWorld, 'peers'>, HostWorld {
  readonly snapshot: () => Snapshot;
  /** Why the snapshot must not be shown: the thread that stands still, in words. */
  readonly stalled: () => string | undefined;
}

/** Longest command, octets: BIRD's own bound (CLI_RX_BUF_SIZE). */
const MAX_COMMAND = 4096;

/** Takes octets apart into commands; a line that is too long is one `undefined`, and the client is let go. */
export class CommandLines {
  private rest = '';

  take(text: string): (string | undefined)[] {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() ?? '';
    const whole = lines.map((line) => (line.length >= MAX_COMMAND ? undefined : line.replace(/\r$/, '')));
    return this.rest.length >= MAX_COMMAND ? [...whole, undefined] : whole;
  }
}

/** The reply to one line, piece by piece. */
export async function* answerLine(line: string | undefined, family: SocketFamily, world: World): AsyncIterable<string> {
  const reply = new Reply();
  if (line === undefined) {
    yield reply.end(CODE.tooLong, 'Command too long');
    return;
  }
  const command = parseCommand(line, family);
  if (command.kind === 'error') {
    yield reply.end(command.code, command.text);
    return;
  }
  if (command.kind === 'restrict') {
    // Nothing more is taken away: everything that would change something is refused to all.
    yield reply.end(CODE.restricted, 'Access restricted');
    return;
  }
  const stalled = world.stalled();
  if (stalled !== undefined) {
    yield reply.end(CODE.syntax, stalled);
    return;
  }
  if (command.kind === 'status') yield statusReply(world.snapshot());
  else if (command.kind === 'protocols') yield protocolsReply(world.snapshot(), family, command);
  else if (command.kind === 'host') yield hostReply(command, family, world.snapshot(), world);
  else if (command.kind === 'static') yield* showStatic(family, world);
  else yield* showRoute(command, family, { ...world, peers: () => world.snapshot().peers });
}
