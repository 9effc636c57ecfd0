/** What this installation is made of, and which forms of files it writes: for `linnet version` and those who compare hosts. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A file of the installation. */
export interface Artefact {
  /** What it is for. */
  readonly name: string;
  /** From the root of the installation. */
  readonly path: string;
  readonly octets: number;
  /** Lower-case hex. */
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

/** Files looked for: the program, its addon for each platform, its schemas, and the bill of materials of an image. */
const FILES: readonly (readonly [name: string, path: string])[] = [
  ['program', 'dist/src/cli/main.js'],
  ['speaker', 'src/bgp/dist/index.js'],
  ['addon x64', 'src/netlink/prebuilds/linux-x64/netlink.node'],
  ['addon arm64', 'src/netlink/prebuilds/linux-arm64/netlink.node'],
  ['schema of linnet speaker', 'src/bgp/speaker-config.schema.json'],
  ['bill of materials', 'sbom.cdx.json'],
];

/** The artefacts that are there, in a fixed order. */
export function artefacts(): readonly Artefact[] {
  // From dist/src/main to the root of the installation.
  const root = new URL('../../../', import.meta.url);
  return FILES.flatMap(([name, path]) => {
    const found = readIfThere(new URL(path, root));
    if (found === undefined) return [];
    return [{ name, path, octets: found.length, sha256: createHash('sha256').update(found).digest('hex') }];
  });
}

function readIfThere(url: URL): Buffer | undefined {
  try {
    return readFileSync(fileURLToPath(url));
  } catch {
    return undefined;
  }
}
