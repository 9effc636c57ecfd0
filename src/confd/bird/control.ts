/** Client of BIRD's control socket: one connection, one command after the other, nothing waits for ever. */
import { connect, type Socket } from 'node:net';
import { type Reply, ReplyReader } from './control-reply.ts';

/** Why a command has no reply: nobody there, no answer in time, not BIRD, or the connection ended. */
export class BirdControlError extends Error {
  override readonly name = 'BirdControlError';
}

/** An open connection. Commands are answered in order. */
export interface BirdControl {
  /** Text of the greeting, such as `BIRD 2.0.12 ready.` */
  readonly greeting: string;
  /** Sends one command. Rejects with BirdControlError where the reply does not come; the connection is closed then. */
  command(text: string, timeoutMs?: number): Promise<Reply>;
  /** Settles when the connection ends, whoever ended it. */
  readonly ended: Promise<void>;
  close(): void;
}

/** Longest wait for a reply, ms. */
const REPLY_TIMEOUT_MS = 5_000;

const READY = 1;

interface Waiter {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** Connects and waits for the greeting. Rejects with BirdControlError. */
export async function openControl(path: string, timeoutMs = REPLY_TIMEOUT_MS): Promise<BirdControl> {
  const line = new Line(connect(path), path);
  const greeting = await line.expect(timeoutMs);
  if (greeting.code !== READY) {
    line.fail(new BirdControlError(`${path}: unexpected greeting ${greeting.code}`));
    throw new BirdControlError(`${path}: unexpected greeting ${greeting.code}`);
  }
  return {
    greeting: greeting.lines.map(({ text }) => text).join(' '),
    command: (text, within = REPLY_TIMEOUT_MS) => line.send(text, within),
    ended: line.ended,
    close: () => line.fail(new BirdControlError(`${path}: closed`)),
  };
}

/** Replies matched to whoever waits for the next one. */
class Line {
  readonly ended: Promise<void>;
  readonly #socket: Socket;
  readonly #path: string;
  readonly #reader = new ReplyReader();
  readonly #waiters: Waiter[] = [];
  #failure: Error | undefined;

  constructor(socket: Socket, path: string) {
    this.#socket = socket;
    this.#path = path;
    socket.setEncoding('utf8');
    socket.on('data', (piece: string) => this.#take(piece));
    socket.on('error', (error) => this.fail(new BirdControlError(`${path}: ${error.message}`, { cause: error })));
    this.ended = new Promise((resolve) => {
      socket.on('close', () => {
        this.fail(new BirdControlError(`${path}: the connection ended`));
        resolve();
      });
    });
  }

  send(text: string, timeoutMs: number): Promise<Reply> {
    if (/[\r\n]/.test(text)) return Promise.reject(new BirdControlError('a command is one line'));
    const reply = this.expect(timeoutMs);
    if (this.#failure === undefined) this.#socket.write(`${text}\n`);
    return reply;
  }

  /** Waits for the next reply. After a wait in vain replies no longer match commands, so the connection ends. */
  expect(timeoutMs: number): Promise<Reply> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.fail(new BirdControlError(`${this.#path}: no answer in ${timeoutMs} ms`)), timeoutMs);
      this.#waiters.push({ resolve, reject, timer });
    });
  }

  fail(error: Error): void {
    this.#failure ??= error;
    for (const waiter of this.#waiters.splice(0)) {
      clearTimeout(waiter.timer);
      waiter.reject(this.#failure);
    }
    this.#socket.destroy();
  }

  #take(piece: string): void {
    try {
      for (const reply of this.#reader.push(piece)) {
        const waiter = this.#waiters.shift();
        if (waiter === undefined) continue;
        clearTimeout(waiter.timer);
        waiter.resolve(reply);
      }
    } catch (error) {
      this.fail(new BirdControlError(`${this.#path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error }));
    }
  }
}
