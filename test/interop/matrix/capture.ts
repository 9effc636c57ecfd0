/** tcpdump in a namespace, and tshark over what it wrote. */
import { existsSync, readFileSync, statSync } from 'node:fs';
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
  /** Frames with a malformed mark: number and BGP's part of the summary. */
  readonly malformed: readonly string[];
  /** Expert notes of BGP at the level of an error. */
  readonly expertErrors: readonly string[];
}

/** PI_ERROR of wireshark's expert infos. */
const EXPERT_ERROR = 0x00800000;

const reassembled = ['-o', 'tcp.desegment_tcp_streams:TRUE', '-o', 'bgp.desegment:TRUE', '-o', 'tcp.reassemble_out_of_order:TRUE'];

async function tshark(file: string, filter: string, fields: readonly string[]): Promise<string[][]> {
  const wanted = fields.flatMap((field) => ['-e', field]);
  const output = await run(
    'tshark',
    ['-r', file, '-n', '-d', 'tcp.port==179,bgp', ...reassembled, '-Y', filter, '-T', 'fields', '-E', 'occurrence=a', ...wanted],
    120_000,
  );
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t'));
}

/** Decodes what went from one of `sources` to one of `destinations`. Rejects where tshark fails. */
export async function decode(file: string, sources: readonly string[], destinations: readonly string[]): Promise<Decoded> {
  const one = (side: 'src' | 'dst', addresses: readonly string[]): string =>
    `(${addresses.map((address) => `${address.includes(':') ? 'ipv6' : 'ip'}.${side} == ${address}`).join(' || ')})`;
  const ours = `${one('src', sources)} && ${one('dst', destinations)}`;
  // A segment that was sent again carries messages that were counted already.
  const rows = await tshark(file, `${ours} && bgp && !tcp.analysis.retransmission`, ['bgp.type']);
  const types = rows.flatMap(([cell = '']) => cell.split(',').map(Number));
  const marked = await tshark(file, `${ours} && _ws.malformed`, ['frame.number', '_ws.malformed']);
  const experts = await tshark(file, `${ours} && bgp && _ws.expert.severity >= ${EXPERT_ERROR}`, ['frame.number', '_ws.expert.message']);
  return {
    messages: types.length,
    types,
    malformed: marked.map((row) => row.join(' ')),
    expertErrors: experts.map((row) => row.join(' ')),
  };
}
