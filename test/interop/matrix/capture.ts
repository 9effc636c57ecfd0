/** tcpdump in a namespace, and tshark over what it wrote. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, start } from '../harness/exec.ts';
import type { Host } from '../harness/lan.ts';
import { Hopeless, until } from '../harness/wait.ts';

/** A running capture of TCP port 179. */
export interface Capture {
  readonly file: string;
  /** Ends it, with what is still in its buffer written. */
  stop(): Promise<void>;
  /** Packets the kernel dropped, known after `stop`. */
  dropped(): number;
}

/** Starts one on the host's interface; resolves when it captures. */
export async function startCapture(host: Host, file: string): Promise<Capture> {
  const log = `${file}.log`;
  // Immediate: else the last segments wait a second for their block and are not written. 64 MiB of buffer and whole packets, as the kernel merges segments; -Z: tcpdump would otherwise write as a user of its own.
  const options = ['--immediate-mode', '-i', 'eth0', '-s', '0', '-B', '65536', '-U', '-Z', 'root', '-w', file, 'tcp', 'port', '179'];
  const tcpdump = start('ip', ['netns', 'exec', host.namespace, 'tcpdump', ...options], log);
  await until('tcpdump listens', 10, () => {
    const dead = tcpdump.dead();
    if (dead !== undefined) throw new Hopeless(dead);
    if (!readFileSync(log, 'utf8').includes('listening on')) throw new Error('not yet');
  });
  return {
    file,
    stop: async () => {
      if (tcpdump.dead() !== undefined) return;
      // A session that ended a moment ago: its last segments reach the file within one turn of the buffer.
      let size = -1;
      await until('the capture is quiet', 10, () => {
        const now = existsSync(file) ? statSync(file).size : 0;
        const same = now === size;
        size = now;
        if (!same) throw new Error(`${now} octets so far`);
      });
      await tcpdump.stop('SIGINT');
    },
    dropped: () => Number(/(\d+) packets? dropped by kernel/.exec(readFileSync(log, 'utf8'))?.[1] ?? Number.NaN),
  };
}

/** What tshark found in one direction. */
export interface Decoded {
  /** BGP messages. */
  readonly messages: number;
  /** Type of each. */
  readonly types: readonly number[];
  /** Type codes of path attributes. */
  readonly attributes: ReadonlySet<number>;
  /** `AFI NEXT-HOP` of each MP_REACH_NLRI, such as `1 fd97::1`. */
  readonly nextHops: ReadonlySet<string>;
  /** Subtypes of ROUTE-REFRESH (RFC 7313 section 3.2). */
  readonly refreshes: ReadonlySet<number>;
  /** Texts of NOTIFICATIONs (RFC 9003). */
  readonly texts: ReadonlySet<string>;
  /** Malformed marks and expert notes at the level of an error, `FRAME WORDS`; without those of `long`. */
  readonly faults: readonly string[];
  /** Lengths that tshark calls invalid although RFC 8654 allows them, over 4096 and at most 65535. */
  readonly long: readonly number[];
}

/** PI_ERROR of wireshark's expert infos. */
const EXPERT_ERROR = 0x00800000;
/** Between the occurrences of one field: one octet that no words of tshark have. */
const BETWEEN = '\x1f';

const REASSEMBLED = ['-o', 'tcp.desegment_tcp_streams:TRUE', '-o', 'bgp.desegment:TRUE', '-o', 'tcp.reassemble_out_of_order:TRUE'];
const READER = ['-n', '-d', 'tcp.port==179,bgp', ...REASSEMBLED];

/** Fields of the frames that fit, each with all its occurrences. */
async function tshark(file: string, filter: string, fields: readonly string[]): Promise<string[][][]> {
  const wanted = fields.flatMap((field) => ['-e', field]);
  const shape = ['-T', 'fields', '-E', 'occurrence=a', '-E', `aggregator=${BETWEEN}`];
  const output = await run('tshark', ['-r', file, ...READER, '-Y', filter, ...shape, ...wanted], 120_000);
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t').map((cell) => (cell === '' ? [] : cell.split(BETWEEN))));
}

const FIELDS = [
  'bgp.type',
  'bgp.update.path_attribute.type_code',
  'bgp.update.path_attribute.mp_reach_nlri.afi',
  'bgp.update.path_attribute.mp_reach_nlri.next_hop',
  'bgp.route_refresh.subtype',
  'bgp.notify.communication',
];

/** The lengths and the rest of what tshark complains about in the frames that fit. */
async function complaints(file: string, filter: string): Promise<Pick<Decoded, 'faults' | 'long'>> {
  const rows = await tshark(file, `${filter} && bgp && (_ws.malformed || _ws.expert.severity >= ${EXPERT_ERROR})`, [
    'frame.number',
    '_ws.expert.severity',
    '_ws.expert.message',
  ]);
  const faults: string[] = [];
  const long: number[] = [];
  for (const [[frame = ''] = [], severities = [], messages = []] of rows) {
    const before = faults.length + long.length;
    for (const [at, words] of messages.entries()) {
      if (Number(severities[at]) < EXPERT_ERROR) continue;
      const length = Number(/^Length is invalid (\d+)$/.exec(words)?.[1]);
      if (length > 4096 && length <= 65_535) long.push(length);
      else faults.push(`${frame} ${words}`);
    }
    if (faults.length + long.length === before) faults.push(`${frame} marked without words`);
  }
  return { faults, long };
}

const side = (end: 'src' | 'dst', addresses: readonly string[]): string =>
  `(${addresses.map((address) => `${address.includes(':') ? 'ipv6' : 'ip'}.${end} == ${address}`).join(' || ')})`;

/** Decodes what went from one of `sources` to one of `destinations`. Rejects where tshark fails. */
export async function decode(file: string, sources: readonly string[], destinations: readonly string[]): Promise<Decoded> {
  const ours = `${side('src', sources)} && ${side('dst', destinations)}`;
  // A segment that was sent again carries messages that were counted already.
  const rows = await tshark(file, `${ours} && bgp && !tcp.analysis.retransmission`, FIELDS);
  const every = (field: number): string[] => rows.flatMap((row) => row[field] ?? []);
  const types = every(0).map(Number);
  return {
    messages: types.length,
    types,
    attributes: new Set(every(1).map(Number)),
    nextHops: new Set(rows.flatMap(([, , afis = [], hops = []]) => hops.map((hop, at) => `${afis[at]} ${hop}`))),
    refreshes: new Set(every(4).map(Number)),
    texts: new Set(every(5)),
    ...(await complaints(file, ours)),
  };
}

/** What tshark says of a capture of one message alone, whose octets are given. For what it calls wrong by itself. */
export async function complainsOf(octets: Uint8Array, directory: string): Promise<Pick<Decoded, 'faults' | 'long'>> {
  const [text, file] = [join(directory, 'one.hex'), join(directory, 'one.pcap')];
  const hex = Buffer.from(octets).toString('hex').match(/../g) ?? [];
  writeFileSync(text, `000000 ${hex.join(' ')}\n`);
  await run('text2pcap', ['-q', '-T', '40000,179', text, file]);
  return await complaints(file, 'tcp');
}

/** The octets of each TCP connection between the two that went from the first to the second, in the order of the connections. */
export async function streams(file: string, source: string, destination: string): Promise<Buffer[]> {
  const rows = await tshark(file, `tcp.len > 0 && ${side('src', [source])} && ${side('dst', [destination])}`, ['tcp.stream']);
  const numbers = [...new Set(rows.map(([[number = ''] = []]) => number))];
  return await Promise.all(
    numbers.map(async (number) => {
      const output = await run('tshark', ['-r', file, ...READER, '-q', '-z', `follow,tcp,raw,${number}`], 120_000);
      // Lines of the second of the two nodes are indented.
      const first = /^Node 0: (.*):\d+$/m.exec(output)?.[1]?.replace(/^\[|\]$/g, '');
      const pattern = first === source ? /^[0-9a-f]+$/gm : /^\t[0-9a-f]+$/gm;
      return Buffer.from((output.match(pattern) ?? []).join('').replaceAll('\t', ''), 'hex');
    }),
  );
}
