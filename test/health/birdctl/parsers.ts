/** What reads BIRD's control socket, by the rules that each of them documents; written anew for these tests. */

/** The heading that Calico's readers insist on, word by word (control-plane 8.2). */
const HEADING = ['name', 'proto', 'table', 'state', 'since', 'info'];

/** One session as `calicoctl node status` shows it. */
export interface StatusRow {
  readonly address: string;
  readonly type: string;
  readonly state: string;
  readonly since: string;
  readonly bgpState: string;
  readonly info: string;
}

const TYPES: Readonly<Record<string, string>> = { Mesh: 'node-to-node mesh', Node: 'node specific', Global: 'global' };

/** The reader of `calicoctl node status` and of calico-node's readiness: heading first, a row a protocol, `0000` ends it. Throws where it would give up. */
export function readStatus(reply: string, separator: '.' | ':'): StatusRow[] {
  const rows: StatusRow[] = [];
  let headed = false;
  for (const line of reply.split('\n')) {
    if (line.startsWith('0001')) continue;
    if (line.startsWith('0000')) return rows;
    if (line.startsWith('2002')) {
      if (line.slice(5).trim().split(/\s+/).join() !== HEADING.join()) throw new Error(`another heading: ${line}`);
      headed = true;
      continue;
    }
    if (!headed || !(line.startsWith('1002') || line.startsWith(' '))) throw new Error(`unexpected line: ${line}`);
    const row = rowOf(line.startsWith(' ') ? line.slice(1) : line.slice(5), separator);
    if (row !== undefined) rows.push(row);
  }
  throw new Error('the reply has no end');
}

function rowOf(text: string, separator: string): StatusRow | undefined {
  const [name = '', proto, , state = '', since = '', bgpState, ...info] = text.trim().split(/\s+/);
  const match = /^(Global|Node|Mesh)_(.+)$/.exec(name);
  if (bgpState === undefined || proto !== 'BGP' || match === null) return undefined;
  const [, type = '', address = ''] = match;
  return { address: address.replaceAll('_', separator), type: TYPES[type] ?? '', state, since, bgpState, info: info.join(' ') };
}

/** One protocol as bird_exporter counts it. */
export interface ExportedProtocol {
  readonly name: string;
  readonly proto: string;
  readonly up: boolean;
  readonly imported: number;
  readonly filtered: number;
  readonly exported: number;
  readonly changes: number;
  readonly description: string;
}

/** bird_exporter's reader of `show protocols all`: a protocol line, then its details until a line without anything. */
export function readExporter(reply: string): ExportedProtocol[] {
  const found: ExportedProtocol[] = [];
  let now: ExportedProtocol | undefined;
  for (const line of reply.split('\n')) {
    const head =
      /^(?:1002-)?(\S+)\s+(BGP|Direct|Device|Kernel|Static)\s+(\S+)\s+(\S+)\s+(\d{4}-\d{2}-\d{2}|\d{2}:\d{2}:\d{2})(?:\s+(.*?)\s*)?$/.exec(
        line,
      );
    if (head !== null) {
      now = {
        name: head[1] ?? '',
        proto: head[2] ?? '',
        up: head[4] === 'up',
        imported: 0,
        filtered: 0,
        exported: 0,
        changes: 0,
        description: '',
      };
      continue;
    }
    if (now === undefined) continue;
    if (/^\s*$/.test(line)) {
      found.push(now);
      now = undefined;
      continue;
    }
    const routes = /^\s+Routes:\s+(\d+) imported, (?:(\d+) filtered, )?(\d+) exported(?:, (\d+) preferred)?/.exec(line);
    if (routes !== null) now = { ...now, imported: Number(routes[1]), filtered: Number(routes[2] ?? 0), exported: Number(routes[3]) };
    if (/^\s+(?:Import|Export) (?:updates|withdraws):(?:\s+(?:\d+|---)){5}\s*$/.test(line)) now = { ...now, changes: now.changes + 1 };
    const described = /^(?:1006-)?\s+Description:\s+(.*)$/.exec(line);
    if (described !== null) now = { ...now, description: described[1] ?? '' };
  }
  return found;
}
