/** Loaded into the speaker under test by `--import`: answers `measure` over the IPC channel after a collection of garbage. */
process.on('message', (message) => {
  if (message !== 'measure') return;
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  const resources = {};
  for (const name of process.getActiveResourcesInfo()) resources[name] = (resources[name] ?? 0) + 1;
  process.send?.({ rss, heap: heapUsed + external, resources });
});
// The channel must not keep a process alive that has nothing else to do.
process.channel?.unref();
