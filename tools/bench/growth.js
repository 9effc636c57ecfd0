/** How cost grows: clients and prefixes doubled, one at a time and together, for Linnet, FRR and BIRD; numbers and a plot. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { complaints } from './counters.js';
import { BIRD, FRR, field, LINNET, PEAK_MB, summary } from './figures.js';
import { probeRun } from './loop.js';
import { plot } from './plot.js';
import { publish } from './publish.js';
import { runOne } from './rrbench.js';
import { number } from './table.js';

/** Columns of the plot: which sizes are doubled, as `[clients, prefixes of each]`. */
const SERIES = [
  { label: 'clients doubled, 8 prefixes each', axis: 'clients', sizes: [125, 250, 500, 1000].map((clients) => [clients, 8]) },
  { label: '250 clients, prefixes doubled', axis: 'prefixes of each client', sizes: [4, 8, 16, 32].map((prefixes) => [250, prefixes]) },
  { label: 'both doubled', axis: 'clients (× 4, 8, 16, 32 prefixes)', sizes: [4, 8, 16, 32].map((prefixes, i) => [125 << i, prefixes]) },
];
/** The daemons of the plot. */
const DAEMONS = [LINNET, FRR, BIRD];

const nameOf = ([clients, prefixes]) => `grow-${clients}x${prefixes}`;
const scenario = ([clients, prefixes]) => [[`n=${clients},pfx=${prefixes},base=10.64.0.0/26`], 'connect,load', ['--timeout', '60']];
const sizesOf = (series) => [...new Map(series.flatMap(({ sizes }) => sizes).map((size) => [nameOf(size), size])).values()];

/** Scenarios of this part, in rrbench's own form. */
export const CELLS = Object.fromEntries(sizesOf(SERIES).map((size) => [nameOf(size), scenario(size)]));

/** Least squares of `y = a + b·peers + c·routes`, by the normal equations; undefined where the points do not span it. */
export function fitPlane(points) {
  const m = [0, 1, 2].map(() => [0, 0, 0, 0]);
  for (const { peers, routes, y } of points) {
    const x = [1, peers, routes];
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 3; j++) m[i][j] += x[i] * x[j];
      m[i][3] += x[i] * y;
    }
  }
  for (let i = 0; i < 3; i++) {
    const pivot = [0, 1, 2].slice(i).sort((a, b) => Math.abs(m[b][i]) - Math.abs(m[a][i]))[0];
    [m[i], m[pivot]] = [m[pivot], m[i]];
    if (Math.abs(m[i][i]) < 1e-9) return undefined;
    for (let k = 0; k < 3; k++) {
      if (k === i) continue;
      const factor = m[k][i] / m[i][i];
      for (let j = i; j < 4; j++) m[k][j] -= factor * m[i][j];
    }
  }
  return { base: m[0][3] / m[0][0], perPeer: m[1][3] / m[1][1], perRoute: m[2][3] / m[2][2] };
}

/** Fewer sizes than this say nothing about a plane. */
const LEAST_POINTS = 6;

const LOAD = field('load', 't_max');

/** Runs every size against every daemon, interleaved; `{ daemon, clients, prefixes, load, peak }` each, undefined what never came. */
async function measureCells(bench, { sizes, daemons, rounds, out, say }, stopped) {
  const cells = [];
  const faults = [];
  for (const size of sizes) {
    const runs = Object.fromEntries(daemons.map((daemon) => [daemon, []]));
    for (let round = 1; round <= rounds; round++) {
      for (const daemon of daemons) {
        if (stopped()) return { cells, faults };
        const { result, words } = await runOne(bench, { scenario: nameOf(size), daemon, out: join(out, `round-${round}`) });
        if (result === undefined) faults.push(`${daemon} ${nameOf(size)}: no result: ${words}`);
        else runs[daemon].push(result);
        if (result !== undefined && daemon === LINNET)
          faults.push(...complaints(result).map((wrong) => `linnet ${nameOf(size)}: ${wrong}`));
      }
    }
    for (const daemon of daemons) {
      const median = (figure) => summary(runs[daemon].map(figure.read).filter((value) => value !== undefined))?.median;
      cells.push({ daemon, clients: size[0], prefixes: size[1], load: median(LOAD), peak: median(PEAK_MB) });
    }
    const loads = cells
      .slice(-daemons.length)
      .map(({ daemon, load, peak }) => `${daemon} ${load === undefined ? 'never' : `${number(load)} s ${number(peak)} MB`}`);
    say(`  ${size[0]} clients × ${size[1]}: ${loads.join(', ')}`);
  }
  return { cells, faults };
}

/** Octets per peer and per route of each daemon, from peak memory over all sizes. */
export function octetsOf(cells, daemons) {
  return daemons.flatMap((daemon) => {
    const points = cells
      .filter((cell) => cell.daemon === daemon && cell.peak !== undefined)
      .map(({ clients, prefixes, peak }) => ({ peers: clients, routes: clients * prefixes, y: peak * 1024 * 1024 }));
    const plane = points.length >= LEAST_POINTS ? fitPlane(points) : undefined;
    return plane === undefined ? [] : [{ daemon, baseMB: plane.base / 2 ** 20, perPeer: plane.perPeer, perRoute: plane.perRoute }];
  });
}

/** The tables' own account: what typed arrays and the heap hold where the largest size has all its routes, less the smallest. */
async function tableOctets(bench, sizes, out) {
  const fullest = [];
  for (const size of [sizes[0], sizes[sizes.length - 1]]) {
    const { probe } = await probeRun(bench, { scenario: nameOf(size), out, memory: true });
    if (probe?.fullest !== undefined) fullest.push(probe.fullest);
  }
  const [small, large] = fullest;
  if (small === undefined || large === undefined || large.paths <= small.paths) return undefined;
  const routes = large.paths - small.paths;
  return { tables: (large.arrayBuffers - small.arrayBuffers) / routes, heap: (large.heapUsed - small.heapUsed) / routes, large };
}

function report(cells, octets, tables) {
  const lines = octets.map(
    ({ daemon, baseMB, perPeer, perRoute }) => `| ${daemon} | ${number(baseMB)} MB | ${number(perPeer / 1024)} KiB | ${number(perRoute)} |`,
  );
  if (octets.length === 0) return 'too few sizes for octets per peer and route';
  const text = ['| daemon | before any peer | per peer | octets per route |', '|---|---|---|---|', ...lines];
  text.push('', `Least squares over the peak memory of ${cells.length / Math.max(1, octets.length)} sizes each.`);
  if (tables !== undefined) {
    text.push(
      `Linnet's own account, ${tables.large.paths} paths of ${tables.large.peers} peers, less that of the smallest size: ${number(tables.tables)} octets a route in typed arrays, ` +
        `${number(Math.max(0, tables.heap))} on the heap (peers included).`,
    );
  }
  return text.join('\n');
}

const csv = (cells) =>
  [
    'daemon,clients,prefixes,load_s,peak_mb',
    ...cells.map(({ daemon, clients, prefixes, load, peak }) => [daemon, clients, prefixes, load ?? '', peak ?? ''].join(',')),
  ].join('\n');

/** Runs the part; returns what was wrong in words. */
export async function runGrowth(bench, options, stopped) {
  const { quick, say } = options;
  const out = join(options.out, 'growth');
  mkdirSync(out, { recursive: true });
  const series = quick ? SERIES.map((one) => ({ ...one, sizes: one.sizes.slice(0, 2) })) : SERIES;
  const sizes = sizesOf(series).sort((a, b) => a[0] * a[1] - b[0] * b[1]);
  const daemons = DAEMONS.filter((name) => options.daemons.includes(name));
  say(`growth: ${sizes.length * daemons.length} runs, about ${((sizes.length * daemons.length * 9) / 60).toFixed(1)} min`);
  const { cells, faults } = await measureCells(bench, { sizes, daemons, rounds: 1, out, say }, stopped);
  if (stopped()) return faults;
  const tables = daemons.includes(LINNET) ? await tableOctets(bench, sizes, out) : undefined;
  const octets = octetsOf(cells, daemons);
  const text = report(cells, octets, tables);
  const svg = plot(series, daemons, cells);
  say(text);
  const files = {
    'growth.svg': svg,
    'growth.csv': `${csv(cells)}\n`,
    'growth.json': `${JSON.stringify({ cells, octets, tables }, null, 2)}\n`,
  };
  const folders = options.publish ? [out, join(options.root, 'docs', 'plots')] : [out];
  for (const folder of folders) {
    mkdirSync(folder, { recursive: true });
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  }
  if (options.publish)
    say(
      publish(
        join(options.root, 'docs', 'benchmarks.md'),
        'bench-growth',
        `![Load time and peak memory over size](plots/growth.svg)\n\n${text}`,
      ),
    );
  return faults;
}
