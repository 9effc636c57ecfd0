/**
 * One daemon a directory. Two locks that die with their owner, whatever process numbers or containers are involved: an
 * abstract socket named after the directory's inode, which the kernel gives to one process of a network namespace, and a
 * socket file that its owner answers on, for daemons of other namespaces. A socket file that answers is never replaced.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, mkdir, open, realpath, rename, rm, stat } from 'node:fs/promises';
import type { Server } from 'node:net';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { StartError } from './start-error.ts';

/** A held lock. */
export interface Lock {
  /** Gives the directory free. Idempotent. */
  release(): Promise<void>;
}

const NAME = 'linnet.lock';

/** Longest wait for the answer of a lock's owner, ms; an owner that is alive accepts in the kernel, so this is generous. */
const ANSWER_MS = 1_000;

/**
 * Creates the directories (mode 0755) and locks each; the same directory named twice is locked once. Throws StartError
 * `DIRECTORY` where one cannot be written and `LOCKED` where another daemon holds it.
 */
export async function lockDirectories(directories: readonly { readonly path: string; readonly flag: string }[]): Promise<Lock> {
  const locks = new Map<string, Lock>();
  const release = async (): Promise<void> => {
    await Promise.all([...locks.values()].map((lock) => lock.release()));
  };
  try {
    for (const { path, flag } of directories) {
      const real = await prepare(path, flag);
      if (!locks.has(real)) locks.set(real, await lockDirectory(real, flag));
    }
  } catch (error) {
    await release();
    throw error;
  }
  return { release };
}

/** Does `work` while the directories are locked; rejects as `lockDirectories` does, or as the work. */
export async function withDirectories<T>(directories: Parameters<typeof lockDirectories>[0], work: () => Promise<T>): Promise<T> {
  const locks = await lockDirectories(directories);
  try {
    return await work();
  } finally {
    await locks.release();
  }
}

async function prepare(path: string, flag: string): Promise<string> {
  try {
    await mkdir(path, { recursive: true, mode: 0o755 });
    return await realpath(path);
  } catch (error) {
    throw new StartError('DIRECTORY', `--${flag} ${path} cannot be used: ${messageOf(error)}`);
  }
}

async function lockDirectory(directory: string, flag: string): Promise<Lock> {
  const { dev, ino } = await stat(directory, { bigint: true });
  const first = await listen(`\0linnet-lock:${dev}:${ino}`).catch((error: unknown) => {
    throw codeOf(error) === 'EADDRINUSE' ? inUse(directory, flag) : error;
  });
  try {
    const second = await lockFile(directory, flag);
    return released(async () => {
      await rm(join(directory, NAME), { force: true });
      await Promise.all([close(second), close(first)]);
    });
  } catch (error) {
    await close(first);
    throw error instanceof StartError ? error : new StartError('DIRECTORY', `--${flag} ${directory} cannot be locked: ${messageOf(error)}`);
  }
}

async function lockFile(directory: string, flag: string): Promise<Server> {
  // Sockets have short names only (108 octets), directories have not: go through the descriptor of the directory.
  const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  const short = `/proc/self/fd/${handle.fd}`;
  const own = `.${NAME}.${randomBytes(6).toString('hex')}`;
  const server = await listen(join(short, own)).catch(async (error: unknown) => {
    await handle.close();
    throw error;
  });
  try {
    await claim(directory, short, own, flag);
    return server;
  } catch (error) {
    await close(server);
    throw error;
  } finally {
    await rm(join(directory, own), { force: true });
    await handle.close();
  }
}

/** Gives our listening socket the lock's name; `link` fails where the name is taken, so two cannot both win. */
async function claim(directory: string, short: string, own: string, flag: string): Promise<void> {
  const name = join(directory, NAME);
  for (let attempt = 0; attempt < 5; attempt += 1) {
    try {
      await link(join(directory, own), name);
      return;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    if (await answers(join(short, NAME))) throw inUse(directory, flag);
    await setAside(directory, short);
  }
  throw inUse(directory, flag);
}

/** Takes a dead owner's socket away; one that turns out to be alive after all, because a third daemon came between, is put back. */
async function setAside(directory: string, short: string): Promise<void> {
  const aside = `.${NAME}.${randomBytes(6).toString('hex')}`;
  try {
    await rename(join(directory, NAME), join(directory, aside));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  if (await answers(join(short, aside))) await link(join(directory, aside), join(directory, NAME)).catch(() => undefined);
  await rm(join(directory, aside), { force: true });
}

function inUse(directory: string, flag: string): StartError {
  return new StartError('LOCKED', `--${flag} ${directory} is in use by another running daemon; give this one a directory of its own`);
}

function released(release: () => Promise<void>): Lock {
  let once: Promise<void> | undefined;
  return {
    release: () => {
      once ??= release();
      return once;
    },
  };
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', reject);
    server.listen(path, () => {
      server.removeListener('error', reject);
      server.unref();
      resolve(server);
    });
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const done = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    // A full backlog or a slow machine is an owner all the same: only a refusal or an absent file is none.
    socket.setTimeout(ANSWER_MS, () => done(true));
    socket.once('connect', () => done(true));
    socket.once('error', (error: NodeJS.ErrnoException) =>
      done(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT' && error.code !== 'ENOTSOCK'),
    );
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
