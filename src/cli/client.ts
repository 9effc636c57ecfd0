/** The HTTP API as the commands use it: over the daemon's unix socket, or a URL. */

import type { IncomingMessage, RequestOptions } from 'node:http';
import { request } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import { readText, thisMachine } from '../config/load-machine.ts';
import { readConfig } from '../config/read.ts';
import type { CommandContext } from './command.ts';
import { CommandError, EXIT } from './exit.ts';

/** A daemon to ask: base URL, or the path of its unix socket. */
export type Api = { readonly kind: 'url'; readonly url: URL } | { readonly kind: 'socket'; readonly path: string };

/** Longest wait for the first octet of an answer, ms: the daemon answers from snapshots, but of an action when its engine has carried it out. */
const ANSWER_MS = { GET: 10_000, POST: 30_000 } as const;

/** Adds --api and --run-dir. */
export function addApiOptions(command: Command): void {
  command.option('--api <url|path>', 'daemon to ask: a URL or a unix socket (LINNET_API; default linnet.sock in the run directory)');
  if (!command.options.some((option) => option.long === '--run-dir'))
    command.option('--run-dir <dir>', 'run directory of the daemon (LINNET_RUN_DIR)');
}

/** The daemon that a command's options and environment name. */
export async function apiOf(options: { readonly api?: string; readonly runDir?: string }, context: CommandContext): Promise<Api> {
  const named = options.api ?? context.environment['LINNET_API'];
  if (named !== undefined && named !== '') return parseApi(named);
  return { kind: 'socket', path: join(await runDirectory(options.runDir, context), 'linnet.sock') };
}

/** The YAML reader is loaded only where there is a file to read: probes run every few seconds. */
async function runDirectory(flag: string | undefined, { environment }: CommandContext): Promise<string> {
  const flags = flag === undefined ? new Map() : new Map([['runDir' as const, flag]]);
  if ((environment['LINNET_CONFIG'] ?? '') !== '')
    return (await import('../config/load.ts')).loadConfig({ flags, file: undefined, environment }).config.runDir;
  return readConfig({ flags, environment, file: new Map(), machine: thisMachine(environment), readFile: readText }).config.runDir;
}

function parseApi(text: string): Api {
  if (text.startsWith('unix:')) return { kind: 'socket', path: text.slice('unix:'.length) };
  if (!/^[a-z]+:\/\//.test(text)) return { kind: 'socket', path: text };
  if (!URL.canParse(text) || new URL(text).protocol !== 'http:')
    throw new CommandError(EXIT.usage, `--api ${text} is not an http:// URL or the path of a socket`);
  return { kind: 'url', url: new URL(text) };
}

/** One answer of the API. */
export interface ApiAnswer {
  readonly status: number;
  readonly body: string;
}

/** GETs a path with a query; absent values are left out. Throws CommandError `unreachable` where nothing answers. */
export async function getAnswer(api: Api, path: string, query: Readonly<Record<string, string | undefined>> = {}): Promise<ApiAnswer> {
  return await readAnswer(api, await open(api, path, query));
}

async function readAnswer(api: Api, response: IncomingMessage): Promise<ApiAnswer> {
  const parts: Buffer[] = [];
  try {
    for await (const part of response) parts.push(Buffer.from(part));
  } catch (error) {
    throw unreachable(api, error);
  }
  return { status: response.statusCode ?? 0, body: Buffer.concat(parts).toString('utf8') };
}

/** Throws the CommandError of an answer that is none: 404 is a negative answer, 400 usage, a stalled thread unreachable. */
export function requireOk(answer: ApiAnswer): void {
  if (answer.status !== 200) throw apiError(answer);
}

/** GETs a document of a schema; its version is checked, its fields are the API's contract. */
export async function getDocument<T extends { readonly schema: string }>(
  api: Api,
  path: string,
  schema: T['schema'],
  query: Readonly<Record<string, string | undefined>> = {},
): Promise<T> {
  const answer = await getAnswer(api, path, query);
  requireOk(answer);
  return documentOf<T>(answer, schema);
}

function documentOf<T extends { readonly schema: string }>(answer: ApiAnswer, schema: T['schema']): T {
  const document: T = JSON.parse(answer.body);
  if (document.schema !== schema)
    throw new CommandError(
      EXIT.fault,
      `the daemon answered with ${document.schema} where ${schema} was expected: is it of another version?`,
    );
  return document;
}

/** POSTs a JSON body to a path and returns the document of a schema. */
export async function postDocument<T extends { readonly schema: string }>(
  api: Api,
  path: string,
  schema: T['schema'],
  body: object,
): Promise<T> {
  const answer = await readAnswer(api, await open(api, path, {}, JSON.stringify(body)));
  requireOk(answer);
  return documentOf<T>(answer, schema);
}

/** GETs lines as they come. */
export async function* getLines(api: Api, path: string, query: Readonly<Record<string, string | undefined>>): AsyncIterable<string> {
  const response = await open(api, path, query);
  if (response.statusCode !== 200) {
    const parts: Buffer[] = [];
    for await (const part of response) parts.push(Buffer.from(part));
    throw apiError({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString('utf8') });
  }
  let broken: Error | undefined;
  response.on('error', (error) => {
    broken = error;
  });
  yield* createInterface({ input: response, crlfDelay: Number.POSITIVE_INFINITY });
  if (broken !== undefined || !response.complete)
    throw new CommandError(EXIT.unreachable, `the answer broke off: ${broken?.message ?? 'connection closed'}`);
}

/** With a JSON body it is a POST. */
function open(api: Api, path: string, query: Readonly<Record<string, string | undefined>>, body?: string): Promise<IncomingMessage> {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, value);
  const target = search.size === 0 ? path : `${path}?${search.toString()}`;
  const where: RequestOptions =
    api.kind === 'socket'
      ? { socketPath: api.path }
      : { host: api.url.hostname.replace(/^\[|\]$/g, ''), port: api.url.port === '' ? 80 : api.url.port };
  const prefix = api.kind === 'url' ? api.url.pathname.replace(/\/$/, '') : '';
  return new Promise((resolve, reject) => {
    const headers = { host: 'localhost', ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
    const method = body === undefined ? 'GET' : 'POST';
    const call = request({ ...where, method, path: `${prefix}${target}`, headers, agent: false }, resolve);
    call.setTimeout(ANSWER_MS[method], () => call.destroy(new Error(`no answer within ${ANSWER_MS[method] / 1000} s`)));
    call.on('error', (error) => reject(unreachable(api, error)));
    call.end(body);
  });
}

function unreachable(api: Api, error: unknown): CommandError {
  const where = api.kind === 'socket' ? api.path : api.url.href;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const because: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such socket',
    ECONNREFUSED: 'the connection is refused',
    EACCES: 'permission denied',
  };
  return new CommandError(
    EXIT.unreachable,
    `no daemon answers at ${where}: ${because[code] ?? (error instanceof Error ? error.message : String(error))}`,
  );
}

const FAULTS: Readonly<Record<number, (typeof EXIT)[keyof typeof EXIT]>> = {
  400: EXIT.usage,
  404: EXIT.negative,
  409: EXIT.negative,
  503: EXIT.unreachable,
  504: EXIT.unreachable,
};

function apiError({ status, body }: ApiAnswer): CommandError {
  return new CommandError(FAULTS[status] ?? EXIT.fault, errorMessage(body) ?? `the daemon answered ${status}`);
}

function errorMessage(body: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed !== 'object' || parsed === null || !('error' in parsed)) return undefined;
    const { error } = parsed;
    return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : undefined;
  } catch {
    return undefined;
  }
}
