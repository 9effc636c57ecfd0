/** `linnet version`. */
import type { Command } from 'commander';
import { artefacts, STATE_FORMS } from '../main/artefacts.ts';
import { programVersion } from '../main/version.ts';
import { outputOption, printJson, printLines } from './output.ts';
import { printTable } from './table.ts';

/** Adds the command. */
export function define(command: Command): void {
  command
    .option('--artefacts', 'the files of this installation with their SHA-256, and the forms of its state files (in JSON always)')
    .addOption(outputOption('table', 'json'))
    .action((options: { readonly output: string; readonly artefacts?: true }) => {
      const version = programVersion();
      if (options.output === 'json') {
        printJson({ schema: 'linnet.version/v1', version, node: process.version, artefacts: artefacts(), state: STATE_FORMS });
        return;
      }
      printLines([`linnet ${version} (Node ${process.version})`]);
      if (options.artefacts !== true) return;
      printTable(
        ['ARTEFACT', 'PATH', 'OCTETS', 'SHA-256'],
        artefacts().map(({ name, path, octets, sha256 }) => [name, path, String(octets), sha256]),
      );
      printTable(
        ['STATE FILE', 'SCHEMA'],
        STATE_FORMS.map(({ file, schema }) => [file, schema]),
      );
    });
}
