/** The embedded datastore: manifests in a directory, as a Source or checked once. */
export { type CheckedDirectory, checkDirectory } from './check.ts';
export { createFileSource, type FileSourceOptions } from './file-source.ts';
