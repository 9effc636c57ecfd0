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

/** More functions for templates, by name; they get their arguments only. */
export type Helpers = ReadonlyMap<string, (...args: readonly unknown[]) => unknown>;

/** Compiles every template of `directory`, with the partials of `partials`. Rejects where one cannot be read or compiled. */
export async function loadTemplates(directory: string, partials: string): Promise<readonly Template[]> {
  const compile = await createCompiler(partials, new Map());
  return (await readTemplates(directory)).map(([name, text]) => compile(name, text));
}

/** Compiles one text. */
export type Compiler = (name: string, text: string) => Template;

/** A compiler with the partials of a folder (none where it is not there) and with helpers beside `q` and `comment`. */
export async function createCompiler(partials: string, helpers: Helpers): Promise<Compiler> {
  const engine = Handlebars.create();
  const all: Helpers = new Map([...helpers, ['q', (value) => quote(String(value))], ['comment', (value) => commentText(String(value))]]);
  for (const [name, helper] of all) engine.registerHelper(name, (...args: readonly unknown[]) => helper(...args.slice(0, -1)));
  const knownHelpers = Object.fromEntries([...all.keys()].map((name) => [name, true]));
  const options: CompileOptions = { strict: true, noEscape: true, knownHelpersOnly: true, knownHelpers };
  const found = existsSync(partials) ? await readTemplates(partials) : [];
  for (const [name, text] of found) {
    const partial = engine.compile(text, options);
    engine.registerPartial(name, PER_PEER.has(name) ? remembering(partial) : partial);
  }
  return (name, text) => ({ name, render: named(name, engine.compile(text, options)) });
}

/** Partials that read nothing but one session: what they made of an object is good as long as the object is. */
const PER_PEER: ReadonlySet<string> = new Set(['peer1', 'peer2']);

function remembering(render: HandlebarsTemplateDelegate): HandlebarsTemplateDelegate {
  const made = new WeakMap<object, string>();
  return (context, options) => {
    if (typeof context !== 'object' || context === null) return render(context, options);
    const text = made.get(context) ?? render(context, options);
    made.set(context, text);
    return text;
  };
}

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
