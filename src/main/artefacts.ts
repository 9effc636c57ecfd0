/** What this installation is made of, and which forms of files it writes: for `linnet version` and those who compare hosts. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A file of the installation, or a folder of programs. */
export interface Artefact {
  /** What it is for. */
  readonly name: string;
  /** From the root of the installation. */
  readonly path: string;
  /** Of all its files. */
  readonly octets: number;
  /** Lower-case hex; of a folder: what `find . -name '*.js' | LC_ALL=C sort | xargs sha256sum | sha256sum` says in it. */
  readonly sha256: string;
}

/** A file of the state directory and the schema that this version writes. */
export interface StateForm {
  readonly file: string;
  readonly schema: string;
}

/** What the daemon leaves in its state directory; any version 1 is read by every version 1 (docs/upgrade.md). */
export const STATE_FORMS: readonly StateForm[] = [
  { file: 'last-good.jsonl', schema: 'linnet.last-good/v1' },
  { file: 'peers.json', schema: 'linnet.peer-memory/v1' },
  { file: 'drain.json', schema: 'linnet.drain-state/v1' },
  { file: 'restart.json', schema: 'linnet.restart/v1' },
];

/** Folders of programs: every file of code counts, not the first one alone. */
const FOLDERS: readonly (readonly [name: string, path: string])[] = [
  ['program', 'dist/src'],
  ['node agent', 'dist/node-agent'],
  ['speaker', 'src/bgp/dist'],
  ['netlink', 'src/netlink/dist'],
];

/** Files looked for: what the node agent puts into the kernel, the addon for each platform, schemas, and the bill of materials of an image. */
const FILES: readonly (readonly [name: string, path: string])[] = [
  ['eBPF', 'node-agent/ebpf/ipip.o'],
  ['addon x64', 'src/netlink/prebuilds/linux-x64/netlink.node'],
  ['addon arm64', 'src/netlink/prebuilds/linux-arm64/netlink.node'],
  ['schema of linnet speaker', 'src/bgp/speaker-config.schema.json'],
  ['bill of materials', 'sbom.cdx.json'],
];

const sha256 = (octets: Buffer | string): string => createHash('sha256').update(octets).digest('hex');

/** The artefacts that are there, in a fixed order. */
export function artefacts(): readonly Artefact[] {
  // From dist/src/main to the root of the installation.
  const root = fileURLToPath(new URL('../../../', import.meta.url));
  const folders = FOLDERS.flatMap(([name, path]) => {
    const files = programsOf(join(root, path));
    if (files.length === 0) return [];
    const list = files.map(([file, octets]) => `${sha256(octets)}  ./${file}\n`).join('');
    return [{ name, path, octets: files.reduce((sum, [, octets]) => sum + octets.length, 0), sha256: sha256(list) }];
  });
  const files = FILES.flatMap(([name, path]) => {
    const found = readIfThere(join(root, path));
    return found === undefined ? [] : [{ name, path, octets: found.length, sha256: sha256(found) }];
  });
  return [...folders, ...files];
}

/** Files of code below a folder with their octets, by path; none where the folder is not there. */
function programsOf(folder: string): readonly (readonly [path: string, octets: Buffer])[] {
  const names = namesIn(folder).filter((name) => name.endsWith('.js'));
  return names.sort().map((name) => [name, readFileSync(join(folder, name))] as const);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' });
  } catch {
    return [];
  }
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
