/** The table of bars: rows from measured runs, as Markdown and as data. Pure. */
import { BARS } from './bars.js';
import { BIRD, FLOOR, FRR, LINNET, measure } from './figures.js';

/** Columns of the table that hold a daemon's figure. */
const COLUMNS = [LINNET, FRR, BIRD, FLOOR];

/** The reference of a bar: the better median among its daemons; undefined where none finished. */
function reference(bar, daemons) {
  const medians = bar.against.flatMap((name) => {
    const median = daemons[name]?.summary?.median;
    return median === undefined ? [] : [{ name, median }];
  });
  return medians.sort((a, b) => a.median - b.median)[0];
}

/** `met`, `not met`, `not measured`, or nothing for a row that only informs. A reference that ran and never finished is beaten by finishing. */
function verdict(bar, own, ratio, daemons) {
  if (bar.most === undefined) return '';
  if (own === undefined || own.runs === 0) return 'not measured';
  if (own.unfinished > 0 || own.summary === undefined) return 'not met';
  if (bar.against.length === 0) return own.summary.median <= bar.most ? 'met' : 'not met';
  if (ratio === undefined) return bar.against.some((name) => daemons[name]?.unfinished > 0) ? 'met' : 'not measured';
  return ratio <= bar.most ? 'met' : 'not met';
}

/** Rows for the scenarios that were run. `runs[scenario][daemon]` is a list of `{ result, foreign }`. */
export function rowsOf(runs) {
  return BARS.filter(({ scenario }) => runs[scenario] !== undefined).map((bar) => {
    const daemons = Object.fromEntries(
      COLUMNS.flatMap((name) => {
        const own = runs[bar.scenario][name];
        return own === undefined ? [] : [[name, measure(bar.figure, own)]];
      }),
    );
    const own = daemons[LINNET];
    const best = reference(bar, daemons);
    const ratio = own?.summary !== undefined && best !== undefined && best.median > 0 ? own.summary.median / best.median : undefined;
    const { scenario, label, unit, against, most } = bar;
    return { scenario, label, unit, against, most, daemons, ratio, ratioAgainst: best?.name, verdict: verdict(bar, own, ratio, daemons) };
  });
}

/** Three significant digits, whole from a hundred on. */
export function number(value) {
  if (value === 0) return '0';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(4, digits));
}

const SHORT = { [FRR]: 'FRR', [BIRD]: 'BIRD' };

function cell(figure, unit) {
  if (figure === undefined) return '–';
  if (figure.summary === undefined) return 'never';
  const { median, min, max, count } = figure.summary;
  const range = count > 1 && max > min ? ` (${number(min)}–${number(max)})` : '';
  const marks = `${figure.testerBound ? ' ‡' : ''}${figure.foreign ? ' †' : ''}${figure.unfinished > 0 ? `, ${figure.unfinished} of ${figure.runs} never` : ''}`;
  return `${number(median)}${unit === '' ? '' : ` ${unit}`}${range}${marks}`;
}

function barText({ against, most, unit }) {
  if (most === undefined) return '';
  if (against.length === 0) return `≤ ${most}${unit === '' ? '' : ` ${unit}`}`;
  const whom = against.map((name) => SHORT[name]).join(', ');
  return `≤ ${most} × ${against.length > 1 ? `better of ${whom}` : whom}`;
}

const HEAD = ['scenario', 'figure', 'Linnet', 'FRR', 'BIRD', 'floor', 'ratio', 'bar', 'met'];
const LEGEND =
  'Medians (minimum–maximum). FRR with `coalesce-time 0`; the floor is a byte copier; ratio of medians. ' +
  '† a run with more than 3 % foreign CPU that repetition did not get rid of; ‡ the tester used over 90 % of its core.';

/** The Markdown table with its legend; `about` is one line on the machine, rounds and versions. */
export function markdown(rows, about) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const body = rows.map((row) =>
    line([
      row.scenario,
      row.label,
      ...COLUMNS.map((name) => cell(row.daemons[name], row.unit)),
      row.ratio === undefined ? '–' : `${number(row.ratio)} × ${SHORT[row.ratioAgainst]}`,
      barText(row),
      row.verdict === 'not met' ? '**not met**' : row.verdict,
    ]),
  );
  return [line(HEAD), line(HEAD.map(() => '---')), ...body, '', LEGEND, '', about].join('\n');
}
