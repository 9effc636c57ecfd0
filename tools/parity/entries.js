/**
 * docs/parity-differences.yaml: what differs on purpose, entry by entry, and which differences an entry explains. A difference that no
 * entry explains is a fault, and so is an entry that explains none. Pure but for the YAML parser.
 */
import { parse } from 'yaml';

const TEXTS = ['scenario', 'phase', 'section', 'prefix', 'peer', 'field', 'recorded', 'ours', 'kernelRoute'];
const REQUIRED = ['name', 'engines', 'scenario', 'phase', 'section', 'prefix', 'reason', 'switch'];
const KNOWN = new Set([...REQUIRED, ...TEXTS, 'race']);

/** A test against a pattern: `*` any run, `|` between alternatives, everything else itself. */
export function globOf(pattern) {
  const escaped = pattern.split('|').map((part) => part.replace(/[.+?^${}()[\]\\]/g, '\\$&').replace(/\*/g, '.*'));
  const expression = new RegExp(`^(?:${escaped.join('|')})$`, 's');
  return (text) => expression.test(text);
}

/**
 * Reads the file. Throws an Error that names the entry and the field where one is missing, unknown or no text. `kernelRoute` goes by
 * what the recorder put into the kernel at that prefix before it started the node: `KIND NOTE`, such as `blackhole *`. `race: true`:
 * it is as much chance on Calico's node, so that one run shows it and another does not.
 */
export function readEntries(text) {
  const list = parse(text)?.differences;
  if (!Array.isArray(list)) throw new Error('differences: no list');
  const names = new Set();
  return list.map((row, index) => {
    const at = `differences[${index}]${typeof row?.name === 'string' ? ` ${row.name}` : ''}`;
    for (const field of REQUIRED) if (row?.[field] === undefined) throw new Error(`${at}: ${field} is missing`);
    for (const field of Object.keys(row)) if (!KNOWN.has(field)) throw new Error(`${at}: ${field} is not known`);
    if (row.race !== undefined && row.race !== true) throw new Error(`${at}: race ${row.race}: true or nothing`);
    if (names.has(row.name)) throw new Error(`${at}: the name is taken`);
    names.add(row.name);
    const tests = TEXTS.filter((field) => row[field] !== undefined).map((field) => [field, globOf(String(row[field]))]);
    const { name, engines, scenario, reason, race = false } = row;
    return { name, engines, scenario: String(scenario), reason, switch: row.switch, race, tests };
  });
}

/** True where the entry explains a difference of an engine in a scenario; `kernelRoute` is the text of what was there, '' for nothing. */
export function explains(entry, engine, difference) {
  return entry.engines.includes(engine) && entry.tests.every(([field, test]) => test(String(difference[field] ?? '')));
}

/** Sorts differences by the first entry that explains them. */
export function explain(entries, engine, differences) {
  const used = new Map();
  const left = [];
  for (const difference of differences) {
    const entry = entries.find((one) => explains(one, engine, difference));
    if (entry === undefined) left.push(difference);
    else used.set(entry.name, (used.get(entry.name) ?? 0) + 1);
  }
  return { used, left };
}

/** Entries for the engine that explained nothing although a scenario they name was run; none that are races. */
export function idle(entries, engine, scenarios, used) {
  return entries.filter(
    (entry) =>
      entry.engines.includes(engine) && !entry.race && !used.has(entry.name) && scenarios.some((name) => globOf(entry.scenario)(name)),
  );
}
