/** BIRD's commands as text: what is asked for, or the error that BIRD 1.6.8 answers. Pure. */
import { readAddressOrPrefix } from './network.ts';
import { CODE } from './reply.ts';

/** Which IP version a socket speaks of. */
export type SocketFamily = 'ipv4' | 'ipv6';

/** What `show route` should show. */
export interface RouteCommand {
  readonly kind: 'routes';
  /** Exactly this network. */
  readonly prefix?: string;
  /** The longest match of an address or network. */
  readonly covering?: string;
  /** Of this protocol. */
  readonly protocol?: string;
  /** As this protocol is told, before its filter, or kept from it by its filter. */
  readonly exporting?: { readonly mode: 'export' | 'preexport' | 'noexport'; readonly protocol: string };
  readonly table?: string;
  readonly primary: boolean;
  /** Refused by the import policy. */
  readonly filtered: boolean;
  readonly all: boolean;
  /** Only the number of routes, or the number after them. */
  readonly count?: 'only' | 'after';
}

/** What is answered from the snapshots and the machine at once. */
export interface HostCommand {
  readonly kind: 'host';
  readonly what: 'interfaces' | 'summary' | 'memory' | 'symbols';
  /** Of symbols: only one, or only those of a category. */
  readonly name?: string;
  readonly category?: string;
}

/** A command. */
export type Command =
  | { readonly kind: 'status' }
  /** `name` undefined: all; a quoted one is a pattern with `*` and `?`. */
  | { readonly kind: 'protocols'; readonly all: boolean; readonly name?: string; readonly pattern: boolean }
  | RouteCommand
  | HostCommand
  /** Routes of the static protocol, those that the node originates. */
  | { readonly kind: 'static' }
  | { readonly kind: 'restrict' }
  | { readonly kind: 'error'; readonly code: number; readonly text: string };

const error = (text: string, code: number = CODE.syntax): Command => ({ kind: 'error', code, text });
const SYNTAX = error('syntax error');

/** What BIRD does on command and this socket does not: it only shows. Routes and sessions are the resources' business. */
const CONTROLS: ReadonlySet<string> = new Set(['configure', 'disable', 'enable', 'restart', 'reload', 'down', 'debug', 'mrtdump', 'dump']);

/** Reads one line without its end. Words are separated by blanks; what stands in double quotes is one word. */
export function parseCommand(line: string, family: SocketFamily): Command {
  const words = line.match(/"[^"]*"|\S+/g) ?? [];
  const [verb, object, ...rest] = words;
  if (verb === 'restrict' && words.length === 1) return { kind: 'restrict' };
  if (verb !== undefined && CONTROLS.has(verb)) return error('Access denied', CODE.denied);
  if (verb !== 'show') return SYNTAX;
  if (object === 'status') return rest.length === 0 ? { kind: 'status' } : SYNTAX;
  if (object === 'protocols') return protocols(rest);
  if (object === 'route') return routes(rest, family);
  const simple = object === undefined ? undefined : SIMPLE[object];
  return simple?.(rest) ?? SYNTAX;
}

function protocols(words: readonly string[]): Command {
  const all = words[0] === 'all';
  const [name, ...more] = all ? words.slice(1) : words;
  if (more.length > 0) return SYNTAX;
  if (name === undefined) return { kind: 'protocols', all, pattern: false };
  const pattern = name.startsWith('"');
  return { kind: 'protocols', all, name: pattern ? name.slice(1, -1) : name, pattern };
}

const CATEGORIES: ReadonlySet<string> = new Set(['table', 'filter', 'function', 'protocol', 'template', 'roa']);

/** The other objects of `show` by their words; undefined where they do not follow. */
const SIMPLE: Readonly<Record<string, (words: readonly string[]) => Command | undefined>> = {
  interfaces: (words) => {
    if (words.length === 0) return { kind: 'host', what: 'interfaces' };
    return words.join() === 'summary' ? { kind: 'host', what: 'summary' } : undefined;
  },
  memory: (words) => (words.length === 0 ? { kind: 'host', what: 'memory' } : undefined),
  symbols: ([word, ...more]) => {
    if (more.length > 0) return undefined;
    if (word === undefined) return { kind: 'host', what: 'symbols' };
    return { kind: 'host', what: 'symbols', ...(CATEGORIES.has(word) ? { category: word } : { name: word }) };
  },
  static: ([name, ...more]) => {
    if (more.length > 0) return undefined;
    return name === undefined || name === 'static1' ? { kind: 'static' } : error(`${name}: Not a protocol`);
  },
  ospf: () => error('There is no OSPF protocol running'),
  bfd: () => error('There is no BFD protocol running'),
  roa: () => error('No ROA table defined'),
};

type Draft = { -readonly [K in keyof RouteCommand]: RouteCommand[K] };

/** Words that take no value. */
const FLAGS: Readonly<Record<string, (draft: Draft) => void>> = {
  all: (draft) => {
    draft.all = true;
  },
  primary: (draft) => {
    draft.primary = true;
  },
  filtered: (draft) => {
    draft.filtered = true;
  },
  count: (draft) => {
    draft.count = 'only';
  },
  stats: (draft) => {
    draft.count = 'after';
  },
};

function routes(words: readonly string[], family: SocketFamily): Command {
  const draft: Draft = { kind: 'routes', primary: false, filtered: false, all: false };
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    const flag = FLAGS[word];
    if (flag !== undefined) {
      flag(draft);
      continue;
    }
    const takesValue = VALUED.has(word);
    const problem = takesValue ? withValue(draft, word, words[at + 1], family) : network(draft, 'prefix', word, family);
    if (problem !== undefined) return problem;
    if (takesValue) at += 1;
  }
  return draft;
}

const VALUED: ReadonlySet<string> = new Set(['for', 'protocol', 'table', 'export', 'preexport', 'noexport', 'where', 'filter']);

function withValue(draft: Draft, word: string, value: string | undefined, family: SocketFamily): Command | undefined {
  if (value === undefined) return SYNTAX;
  switch (word) {
    case 'for':
      return network(draft, 'covering', value, family);
    case 'protocol':
      draft.protocol = value;
      return undefined;
    case 'table':
      draft.table = value;
      return undefined;
    case 'export':
    case 'preexport':
    case 'noexport':
      draft.exporting = { mode: word, protocol: value };
      return undefined;
    default:
      return error('this speaker has no filter language: use protocol, export or a network');
  }
}

function network(draft: Draft, field: 'prefix' | 'covering', word: string, family: SocketFamily): Command | undefined {
  if (draft.prefix !== undefined || draft.covering !== undefined) return SYNTAX;
  const read = readAddressOrPrefix(word, family);
  if (!read.ok) return read.problem === undefined ? SYNTAX : error(read.problem);
  draft[field] = read.text;
  return undefined;
}
