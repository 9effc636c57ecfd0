/** Each fault: the compiled module it sits in, the text it replaces there, and what it becomes. */
export const FAULTS = {
  // Nothing is told to anybody.
  export: { module: '/src/bgp/dist/rib/export-rules.js', from: 'return BLOCKS.find(', to: 'return BLOCKS[0] ?? BLOCKS.find(' },
  // Internal routes go to no internal peer, clients or not.
  reflection: {
    module: '/src/bgp/dist/rib/export-rules.js',
    from: "rules.kind === 'internal' && isInternal(sources, route.source) && sources.client[route.source] === 0",
    to: "rules.kind !== 'external' && isInternal(sources, route.source)",
  },
  // A route that is gone is told to nobody.
  withdraw: { module: '/src/bgp/dist/rib/encoding.js', from: 'this.withdrawn.push(prefix);', to: 'return;' },
  // Changes of manifests go unnoticed until the slow poll.
  watch: { module: '/dist/src/confd/source/file/watcher.js', from: 'notice(name === null', to: 'void (name === null' },
};

let fault;

export function initialize(data) {
  fault = FAULTS[data.fault];
  if (fault === undefined) throw new Error(`no fault "${data.fault}"`);
}

export async function load(url, context, next) {
  const loaded = await next(url, context);
  if (!url.endsWith(fault.module)) return loaded;
  const source = String(loaded.source);
  // A fault that no longer finds its place would prove nothing: end the process, so that the demo fails in another way.
  if (!source.includes(fault.from)) {
    process.stderr.write(`fault: its text is not in ${fault.module}\n`);
    process.exit(70);
  }
  return { ...loaded, source: source.replace(fault.from, fault.to) };
}
