/**
 * Two behaviour files of the recorder, `oracle-behaviour/1`, as a list of differences: sessions field by field, tables prefix by
 * prefix. The number of a kernel route's writer is none (it says who wrote the route, not where packets go). Pure.
 */

const isRecord = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The same text for the same data. */
export function textOf(value) {
  if (value === undefined) return '-';
  if (Array.isArray(value)) return `[${value.map(textOf).join(', ')}]`;
  if (!isRecord(value)) return String(value);
  const fields = Object.keys(value).toSorted();
  return fields.length === 0 ? '(empty)' : fields.map((key) => `${key}=${textOf(value[key])}`).join(' ');
}

function flatten(value, path = '', into = new Map()) {
  if (isRecord(value) && Object.keys(value).length > 0) {
    for (const [key, item] of Object.entries(value)) flatten(item, path === '' ? key : `${path}.${key}`, into);
  } else into.set(path, value);
  return into;
}

const union = (a = {}, b = {}) => [...new Set([...Object.keys(a), ...Object.keys(b)])].toSorted();

function sessionDifferences(recorded, ours, at) {
  const up = [recorded?.established === true, ours?.established === true];
  // Everything else would only repeat this.
  if (up[0] !== up[1]) return [{ ...at, field: 'established', recorded: textOf(up[0]), ours: textOf(up[1]) }];
  const [a, b] = [flatten(recorded ?? {}), flatten(ours ?? {})];
  return [...new Set([...a.keys(), ...b.keys()])]
    .toSorted()
    .filter((field) => textOf(a.get(field)) !== textOf(b.get(field)))
    .map((field) => ({ ...at, field, recorded: textOf(a.get(field)), ours: textOf(b.get(field)) }));
}

function withoutWriter(entries) {
  return entries.map(({ protocol: _, ...rest }) => rest);
}

/** Entries of `a` that `b` has not, counting equal ones. */
function minus(a, b) {
  const left = b.map(textOf);
  return a.filter((entry) => {
    const at = left.indexOf(textOf(entry));
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

function prefixDifferences(recorded, ours, at) {
  const [gone, added] = [minus(recorded, ours), minus(ours, recorded)];
  if (gone.length === 1 && added.length === 1) {
    return union(gone[0], added[0])
      .filter((field) => textOf(gone[0][field]) !== textOf(added[0][field]))
      .map((field) => ({ ...at, field, recorded: textOf(gone[0][field]), ours: textOf(added[0][field]) }));
  }
  return [
    ...gone.map((entry) => ({ ...at, field: 'route', recorded: textOf(entry), ours: '-' })),
    ...added.map((entry) => ({ ...at, field: 'route', recorded: '-', ours: textOf(entry) })),
  ];
}

function tableDifferences(recorded = {}, ours = {}, at) {
  return union(recorded, ours).flatMap((prefix) =>
    prefixDifferences(withoutWriter(recorded[prefix] ?? []), withoutWriter(ours[prefix] ?? []), { ...at, prefix }),
  );
}

function phaseDifferences(phase, recorded, ours) {
  if (recorded === undefined || ours === undefined) {
    const [a, b] = [recorded, ours].map((one) => (one === undefined ? '-' : 'recorded'));
    return [{ phase, section: 'problems', family: '', peer: '', prefix: '', field: 'phase', recorded: a, ours: b }];
  }
  return union(recorded, ours).flatMap((family) => {
    const [a, b] = [recorded[family] ?? {}, ours[family] ?? {}];
    return [
      ...union(a.rib, b.rib).flatMap((peer) => tableDifferences(a.rib?.[peer], b.rib?.[peer], { phase, section: 'rib', family, peer })),
      ...['added', 'removed'].flatMap((part) =>
        tableDifferences(a.kernel?.[part], b.kernel?.[part], { phase, section: 'kernel', family, peer: part }),
      ),
    ];
  });
}

/**
 * All differences, each `{phase, section, family, peer, prefix, field, recorded, ours}`: section sessions (phase steady), rib, kernel
 * (`peer` is then added or removed) or problems; `field` an attribute, or `route` where it is there on one side only ('-' on the other).
 */
export function differences(recorded, ours) {
  const sessions = union(recorded.sessions, ours.sessions).flatMap((family) =>
    union(recorded.sessions[family], ours.sessions?.[family]).flatMap((peer) =>
      sessionDifferences(recorded.sessions[family]?.[peer], ours.sessions?.[family]?.[peer], {
        phase: 'steady',
        section: 'sessions',
        family,
        peer,
        prefix: '',
      }),
    ),
  );
  const phases = union(recorded.phases, ours.phases).flatMap((phase) =>
    phaseDifferences(phase, recorded.phases?.[phase], ours.phases?.[phase]),
  );
  const [before, now] = [textOf(recorded.problems ?? []), textOf(ours.problems ?? [])];
  const trouble =
    before === now
      ? []
      : [{ phase: '', section: 'problems', family: '', peer: '', prefix: '', field: 'problems', recorded: before, ours: now }];
  return [...sessions, ...phases, ...trouble];
}
