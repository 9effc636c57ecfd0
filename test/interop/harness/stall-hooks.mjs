// Plants a busy loop in the speaker's thread of a daemon: the second configuration takes so many ms. `--import .../stall.mjs?MS`.
const MODULE = '/dist/src/confd/native/beat.js';
const FROM = 'return work();';

let ms;

export function initialize(data) {
  ms = Number(data.ms);
}

export async function load(url, context, next) {
  const loaded = await next(url, context);
  if (!url.endsWith(MODULE)) return loaded;
  const source = String(loaded.source);
  // A fault that no longer finds its place would prove nothing: end the process, so that the test fails in another way.
  if (!source.includes(FROM)) {
    process.stderr.write(`stall: its text is not in ${MODULE}\n`);
    process.exit(70);
  }
  const loop = `if (activity === 'a configuration' && ++configurations === 2) for (const end = Date.now() + ${ms}; Date.now() < end; );`;
  return { ...loaded, source: `let configurations = 0;\n${source.replace(FROM, `${loop}\n${FROM}`)}` };
}
