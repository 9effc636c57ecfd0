#!/usr/bin/env node
// Starts the built program from anywhere; committed so that its path never depends on a build.
import { existsSync } from 'node:fs';

const entry = new URL('../dist/node-agent/cli/main.js', import.meta.url);
if (existsSync(entry)) {
  const { main } = await import(entry.href);
  await main(process.argv.slice(2));
} else {
  process.stderr.write('node-agent: not built yet: run "npm ci && npm run build" in the directory of this program first\n');
  process.exitCode = 4;
}
