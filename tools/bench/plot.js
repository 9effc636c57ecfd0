/** Small multiples as SVG: load time and peak memory over size, both axes logarithmic, one line a daemon. Pure, no library. */
import { BIRD, FRR, LINNET } from './figures.js';

const PANEL = { width: 300, height: 210, left: 64, top: 64, gapX: 66, gapY: 74 };
/** Colours told apart by people who do not see red and green as two, and dashes for those who print. */
const LOOK = {
  [LINNET]: { colour: '#0072b2', dash: '', label: 'Linnet' },
  [FRR]: { colour: '#d55e00', dash: '6 3', label: 'FRR' },
  [BIRD]: { colour: '#555555', dash: '2 3', label: 'BIRD' },
};
const MEASURES = [
  { key: 'load', title: 'load time, s' },
  { key: 'peak', title: 'peak memory, MB' },
];

const escaped = (text) => text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]);
const fixed = (value) => value.toFixed(1);
const text = (x, y, content, more = '') => `<text x="${fixed(x)}" y="${fixed(y)}" ${more}>${escaped(content)}</text>`;

/** Whole decades around the values, with 1-2-5 steps in between as ticks. */
function ticksOf(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const steps = [];
  for (let decade = Math.floor(Math.log10(low)); decade <= Math.ceil(Math.log10(high)); decade++) {
    for (const step of [1, 2, 5]) steps.push(Number(`${step}e${decade}`));
  }
  const from = steps.findLast((step) => step <= low) ?? low;
  const to = steps.find((step) => step >= high && step > from) ?? high;
  return steps.filter((step) => step >= from && step <= to);
}

/** A logarithmic scale from values to pixels. */
function scale(from, to, start, end) {
  const span = Math.log(to / from) || 1;
  return (value) => start + ((end - start) * Math.log(value / from)) / span;
}

const xOf = (series, [clients, prefixes]) => (series.axis.startsWith('prefixes') ? prefixes : clients);

/** One panel: frame, grid, ticks, a line with dots for each daemon. `ticks` is shared by its row so that columns compare. */
function panel(series, measure, daemons, { cells, ticks, x0, y0 }) {
  const xs = series.sizes.map((size) => xOf(series, size));
  const [right, bottom] = [x0 + PANEL.width, y0 + PANEL.height];
  const x = scale(xs[0], xs[xs.length - 1], x0 + 14, right - 14);
  const y = scale(ticks[0], ticks[ticks.length - 1], bottom, y0);
  const parts = [`<rect x="${x0}" y="${y0}" width="${PANEL.width}" height="${PANEL.height}" fill="none" stroke="#bbb"/>`];
  for (const tick of ticks) {
    parts.push(`<line x1="${x0}" x2="${right}" y1="${fixed(y(tick))}" y2="${fixed(y(tick))}" stroke="#eee"/>`);
    parts.push(text(x0 - 6, y(tick) + 4, String(tick), 'text-anchor="end"'));
  }
  for (const value of xs) parts.push(text(x(value), bottom + 16, String(value), 'text-anchor="middle"'));
  parts.push(text(x0 + PANEL.width / 2, bottom + 33, series.axis, 'text-anchor="middle" fill="#555"'));
  for (const daemon of daemons) {
    const { colour, dash } = LOOK[daemon];
    const points = series.sizes.flatMap((size) => {
      const cell = cells.find((one) => one.daemon === daemon && one.clients === size[0] && one.prefixes === size[1]);
      return cell?.[measure.key] > 0 ? [[x(xOf(series, size)), y(cell[measure.key])]] : [];
    });
    const path = points.map((point) => point.map(fixed).join(',')).join(' ');
    parts.push(`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2" stroke-dasharray="${dash}"/>`);
    for (const [px, py] of points) parts.push(`<circle cx="${fixed(px)}" cy="${fixed(py)}" r="3.5" fill="${colour}"/>`);
  }
  return parts.join('\n');
}

function legend(daemons) {
  return daemons
    .map((daemon, i) => {
      const { colour, dash, label } = LOOK[daemon];
      const x = PANEL.left + i * 110;
      return `<line x1="${x}" x2="${x + 30}" y1="22" y2="22" stroke="${colour}" stroke-width="2" stroke-dasharray="${dash}"/>${text(x + 38, 26, label)}`;
    })
    .join('\n');
}

/** The plot: a column for each series, a row for each measure. `cells` hold `daemon clients prefixes load peak`. */
export function plot(series, daemons, cells) {
  const width = PANEL.left + series.length * (PANEL.width + PANEL.gapX);
  const height = PANEL.top + MEASURES.length * (PANEL.height + PANEL.gapY);
  const rows = MEASURES.map((measure, row) => {
    const values = cells.map((cell) => cell[measure.key]).filter((value) => value > 0);
    if (values.length === 0) return '';
    const ticks = ticksOf(values);
    const y0 = PANEL.top + row * (PANEL.height + PANEL.gapY);
    return series
      .map((one, column) => {
        const x0 = PANEL.left + column * (PANEL.width + PANEL.gapX);
        return (
          text(x0, y0 - 8, `${measure.title}: ${one.label}`, 'font-weight="bold" font-size="11"') +
          panel(one, measure, daemons, { cells, ticks, x0, y0 })
        );
      })
      .join('\n');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="DejaVu Sans, sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/>
${legend(daemons)}
${rows.join('\n')}
</svg>
`;
}
