/** The template engine: Handlebars, strict and without HTML escaping, with the helpers that keep values from breaking a file. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Handlebars from 'handlebars';
import { commentText, quote } from './names.ts';

/** One compiled template. */
export interface Template {
  /** File name without `.hbs`: the file it makes. */
  readonly name: string;
  /** Renders; throws an error that names the template. */
  readonly render: (view: object) => string;
}

/** Our templates: the folder `templates` of the tree, from the source as from the build, which is one level deeper. */
export const TEMPLATE_DIRECTORY = templateDirectory();

function templateDirectory(): string {
  const [source, built] = ['../../../templates/', '../../../../templates/'].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  return source !== undefined && existsSync(source) ? source : (built ?? '');
}

const SUFFIX = '.hbs';

/** Compiles every template of `directory`, with the partials of `partials`. Rejects where one cannot be read or compiled. */
export async function loadTemplates(directory: string, partials: string): Promise<readonly Template[]> {
  const engine = Handlebars.create();
  engine.registerHelper('q', (value: unknown) => quote(String(value)));
  engine.registerHelper('comment', (value: unknown) => commentText(String(value)));
  for (const [name, text] of await readTemplates(partials)) engine.registerPartial(name, engine.compile(text, OPTIONS));
  return (await readTemplates(directory)).map(([name, text]) => ({ name, render: named(name, engine.compile(text, OPTIONS)) }));
}

const OPTIONS: CompileOptions = { strict: true, noEscape: true, knownHelpersOnly: true, knownHelpers: { q: true, comment: true } };

async function readTemplates(directory: string): Promise<readonly (readonly [name: string, text: string])[]> {
  const files = (await readdir(directory)).filter((file) => file.endsWith(SUFFIX)).sort();
  return await Promise.all(files.map(async (file) => [basename(file, SUFFIX), await readFile(join(directory, file), 'utf8')] as const));
}

/** Handlebars' own errors do not say which template they are about. */
function named(name: string, render: (view: object) => string): (view: object) => string {
  return (view) => {
    try {
      return render(view);
    } catch (error) {
      throw new Error(`template ${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  };
}
