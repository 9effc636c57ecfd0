/** What a run found, as a table and as a document. Pure. */

const SHOWN = 20;

function describe({ phase, section, family, peer, prefix, field, recorded, ours, kernelRoute }) {
  const where = [phase, section, family === '' ? '' : `ipv${family}`, peer, prefix, field].filter((part) => part !== '').join(' ');
  return `${where}: recorded ${recorded}, ours ${ours}${kernelRoute === '' ? '' : ` (in the kernel: ${kernelRoute})`}`;
}

function rowOf(result) {
  const verdict = result.left.length > 0 ? 'FAILED' : result.differences === 0 ? 'same' : 'explained';
  return `| ${result.engine} | ${result.scenario} | ${result.differences} | ${result.left.length} | ${verdict}${result.again ? ', 2nd run' : ''} |`;
}

/** The table of all scenarios, what is not explained, entries that explain nothing, and the counts of each engine. */
export function tableOf({ results, entries, engines, skipped }) {
  const lines = [
    '| engine | scenario | differences | not explained | verdict |',
    '| --- | --- | --- | --- | --- |',
    ...results.map(rowOf),
    '',
  ];
  for (const result of results.filter((one) => one.left.length > 0)) {
    lines.push(`${result.engine} ${result.scenario}, not explained:`, ...result.left.slice(0, SHOWN).map((one) => `  ${describe(one)}`));
    if (result.left.length > SHOWN) lines.push(`  and ${result.left.length - SHOWN} more`);
  }
  for (const engine of engines) {
    const own = results.filter((one) => one.engine === engine.name);
    const same = own.filter((one) => one.differences === 0).length;
    const good = own.filter((one) => one.left.length === 0).length;
    lines.push(
      '',
      `${engine.name}: ${own.length} scenarios, ${same} the same, ${good - same} explained, ${own.length - good} not; ${engine.seconds} s`,
    );
    for (const [name, count] of engine.used)
      lines.push(`  ${count} by ${name}: ${entries.find((entry) => entry.name === name)?.reason ?? ''}`);
    for (const name of engine.idle) lines.push(`  FAILED: the entry ${name} explains nothing`);
  }
  for (const { engine, because } of skipped) lines.push(`${engine}: left out, ${because}`);
  return lines.join('\n');
}

/** The same as `linnet.parity/v1`. */
export function documentOf({ results, engines, skipped }) {
  return {
    schema: 'linnet.parity/v1',
    engines: engines.map((engine) => ({ ...engine, used: Object.fromEntries(engine.used) })),
    scenarios: results.map(({ left, ...rest }) => ({ ...rest, unexplained: left })),
    skipped,
  };
}

/** Scenarios without an unexplained difference, and failures: those with one, and idle entries. */
export function tally({ results, engines }) {
  const bad = results.filter((one) => one.left.length > 0).length;
  const unused = engines.reduce((sum, engine) => sum + engine.idle.length, 0);
  return { passed: results.length - bad, failed: bad + unused };
}
