/**
 * `npm run bench:encap`: every figure of the node agent that has a bar, one after the other on this machine, in one table. `-- --rounds N` goes to
 * each (default 3). Needs root, iperf3 and ethtool. Exit status 0 where every bar is met.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Rows by program: words, the figure in its line of medians, unit and bar; `least` where more is better. */
const PARTS = [
  {
    file: 'encap-start.js',
    rows: [{ what: '5,000 peers from the start of the process, data warm', figure: /start (\d+) ms/, unit: 'ms', most: 500 }],
  },
  {
    file: 'encap.js',
    rows: [
      { what: '5,000 peers, neighbours and forwarding entries only', figure: /peers (\d+) ms/, unit: 'ms', most: 500 },
      { what: '15,000 entries read back', figure: /entries ([\d.]+) ms/, unit: 'ms', most: 50 },
      { what: 'a forwarding entry deleted among 5,000 peers, there again', figure: /repair (\d+) ms/, unit: 'ms', most: 1000 },
    ],
  },
  {
    file: 'encap-routes.js',
    rows: [
      { what: '100,000 routes over 5,000 peers', figure: /routes (\d+) ms/, unit: 'ms', most: 2000 },
      { what: 'the same against plain `via` routes, by the clock', figure: /by the clock ([\d.]+) times/, unit: 'times faster', least: 5 },
      { what: 'the same against plain `via` routes, by CPU', figure: /([\d.]+) times faster/, unit: 'times faster', least: 5 },
      { what: 'a peer moves: messages', figure: /endpoint (\d+) message/, unit: '', most: 1 },
      { what: 'a route deleted among 100,000, there again', figure: /repair (\d+) ms/, unit: 'ms', most: 1000 },
    ],
  },
  {
    file: 'encap-throughput.js',
    rows: [
      { what: 'VXLAN with checksum offload against without', figure: /offload ([\d.]+) times/, unit: 'times', least: 2 },
      { what: 'VXLAN with checksum offload against the underlay', figure: /([\d.]+) of the underlay/, unit: 'of it', least: 0.75 },
      { what: 'any object of an agent deleted (slowest), there again', figure: /repair (\d+) ms/, unit: 'ms', most: 1000 },
    ],
  },
];

/** Output of a program, passed on as it comes. */
function passOn(file, words) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [fileURLToPath(new URL(file, import.meta.url)), ...words], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
      process.stdout.write(chunk);
    });
    child.once('close', () => resolve(text));
  });
}

function judge({ what, figure, unit, most, least }, medians) {
  const value = Number(figure.exec(medians)?.[1] ?? Number.NaN);
  const met = most === undefined ? value >= least : value <= most;
  const bar = most === undefined ? `at least ${least}` : `at most ${most}`;
  return { met, line: `| ${what} | ${Number.isNaN(value) ? 'none' : `${value} ${unit}`.trim()} | ${bar} | ${met ? 'met' : 'not met'} |` };
}

const given = process.argv.indexOf('--rounds');
const rounds = (given > 0 && Number(process.argv[given + 1])) || 3;
const judged = [];
for (const { file, rows } of PARTS) {
  process.stdout.write(`\n${file}\n`);
  const text = await passOn(file, ['--rounds', String(rounds)]);
  const medians = text.split('\n').find((line) => line.startsWith('medians of')) ?? '';
  judged.push(...rows.map((row) => judge(row, medians)));
}
process.stdout.write(
  `\n| Figure, median of ${rounds} rounds | Measured | Bar | |\n|---|---|---|---|\n${judged.map(({ line }) => line).join('\n')}\n`,
);
process.exitCode = judged.every(({ met }) => met) ? 0 : 1;
