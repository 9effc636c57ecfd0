/**
 * The bill of materials of an installation: `node tools/sbom/main.js [FOLDER]` prints CycloneDX 1.5 of every package that lies below
 * FOLDER/node_modules, with its licence and the hash of the lock. The same tree gives the same octets: no time, no random serial number.
 * `npm sbom --omit=dev` is not it: it leaves out what a dependency for development names as optional peer as well, such as yaml, and
 * refuses a pruned tree.
 */
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join, relative } from 'node:path';

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

/** Folders of the packages below a node_modules folder, nested ones too; a workspace is where its link leads. */
function packagesBelow(modules) {
  if (!existsSync(modules)) return [];
  return readdirSync(modules)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) =>
      name.startsWith('@') ? readdirSync(join(modules, name)).map((inner) => join(modules, name, inner)) : [join(modules, name)],
    )
    .filter((path) => existsSync(join(path, 'package.json')))
    .flatMap((path) => [path, ...packagesBelow(join(path, 'node_modules'))]);
}

function licences({ license }) {
  if (typeof license !== 'string') return {};
  return { licenses: [/[ ()]/.test(license) ? { expression: license } : { license: { id: license } }] };
}

/** `sha512-...` of the lock as CycloneDX has hashes: hex. */
function hashes(integrity) {
  const [algorithm, text] = (integrity ?? '').split('-');
  return algorithm === 'sha512' ? { hashes: [{ alg: 'SHA-512', content: Buffer.from(text, 'base64').toString('hex') }] } : {};
}

function component(name, version, manifest, integrity) {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  return { type: 'library', 'bom-ref': purl, name, version, purl, ...licences(manifest), ...hashes(integrity) };
}

/** The document of an installation, as an object. */
function billOf(root) {
  const locked = readJson(join(root, 'package-lock.json')).packages;
  const found = new Map();
  for (const path of packagesBelow(join(root, 'node_modules'))) {
    const manifest = readJson(join(path, 'package.json'));
    const each = component(manifest.name, manifest.version, manifest, locked[relative(root, path)]?.integrity);
    found.set(each.purl, each);
  }
  const own = readJson(join(root, 'package.json'));
  const components = [...found.values()].sort((a, b) => (a.purl < b.purl ? -1 : 1));
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { component: { ...component(own.name, own.version, own), type: 'application' } },
    components,
  };
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === import.meta.filename) {
  process.stdout.write(`${JSON.stringify(billOf(process.argv[2] ?? '.'), undefined, 1)}\n`);
}
