/** Writes generated text between marker comments of a Markdown file. */
import { readFileSync, writeFileSync } from 'node:fs';

/** `text` with what stands between the markers of `name` replaced; undefined where the markers are not there once each, in order. */
export function between(text, name, content) {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const from = text.indexOf(open);
  const to = text.indexOf(close);
  if (from < 0 || to < from || text.indexOf(open, from + 1) >= 0) return undefined;
  return `${text.slice(0, from + open.length)}\n${content}\n${text.slice(to)}`;
}

/** Publishes into a file; returns what to tell the user. */
export function publish(file, name, content) {
  let text;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return `${file}: not published: ${error.message}`;
  }
  const next = between(text, name, content);
  if (next === undefined) return `${file}: not published: it has no <!-- ${name} --> … <!-- /${name} --> pair`;
  writeFileSync(file, next);
  return `${file}: ${name} published`;
}
