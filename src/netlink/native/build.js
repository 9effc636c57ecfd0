// Builds the addon for one platform with the system's C compiler: `node native/build.js [linux-x64|linux-arm64] [output]`.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const compilers = { 'linux-x64': ['x86_64-linux-gnu-gcc', 'cc'], 'linux-arm64': ['aarch64-linux-gnu-gcc'] };
const headers = [join(dirname(dirname(process.execPath)), 'include', 'node'), '/usr/include/node', '/usr/local/include/node'];

const platform = process.argv[2] ?? `${process.platform}-${process.arch}`;
const output = process.argv[3] ?? join(here, '..', 'prebuilds', platform, 'netlink.node');
const include = headers.find((folder) => existsSync(join(folder, 'node_api.h')) && existsSync(join(folder, 'uv.h')));
if (!(platform in compilers) || include === undefined) {
  console.error(include === undefined ? `node_api.h and uv.h not found in ${headers.join(', ')}` : `unknown platform ${platform}`);
  process.exit(2);
}
mkdirSync(dirname(output), { recursive: true });
const flags = [
  '-O2',
  '-std=c11',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-shared',
  '-fPIC',
  '-fvisibility=hidden',
  `-ffile-prefix-map=${here}=.`,
  '-s',
];
const files = readdirSync(here)
  .filter((name) => /\.[ch]$/.test(name))
  .sort();
const sources = files.filter((name) => name.endsWith('.c')).map((name) => join(here, name));
const hash = files.reduce((sum, name) => sum.update(readFileSync(join(here, name))), createHash('sha256')).digest('hex');
const defines = ['-DNAPI_VERSION=8', '-DNODE_GYP_MODULE_NAME=netlink', `-DSOURCE_SHA256="${hash}"`];
for (const compiler of compilers[platform]) {
  try {
    execFileSync(compiler, [...flags, ...defines, `-I${include}`, ...sources, '-o', output], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    console.log(`${platform}: ${output}`);
    process.exit(0);
  } catch (error) {
    if (error.code !== 'ENOENT') process.exit(1);
  }
}
console.error(`no C compiler for ${platform}: tried ${compilers[platform].join(', ')}`);
process.exit(1);
