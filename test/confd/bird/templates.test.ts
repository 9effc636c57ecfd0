/** Our templates use nothing that the view does not have. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Flavor } from '../../../src/confd/bird/render.ts';
import { TEMPLATE_DIRECTORY } from '../../../src/confd/bird/templates.ts';
import { buildView } from '../../../src/confd/bird/view.ts';
import { lintTemplate } from './lint.ts';
import { fullWorld } from './worlds.ts';

const read = (folder: string): ReadonlyMap<string, string> =>
  new Map(
    readdirSync(join(TEMPLATE_DIRECTORY, folder)).map((file) => [
      file.replace(/\.hbs$/, ''),
      readFileSync(join(TEMPLATE_DIRECTORY, folder, file), 'utf8'),
    ]),
  );
const partials = read('partials');

describe.each<Flavor>(['bird1', 'bird2'])('templates of %s', (flavor) => {
  const { view } = buildView(fullWorld(), flavor, { holdTime: 90, recoveryWait: 30 });

  it.each([...read(`${flavor}/templates`)])('%s names only what the view has', (name, text) => {
    expect(lintTemplate(name, text, view, partials)).toEqual([]);
  });
});

describe('the check itself', () => {
  it.each([
    ['{{nod}}', 'nod'],
    ['{{#if nod}}x{{/if}}', 'nod'],
    ['{{#each ipv4.peers}}{{nam}}{{/each}}', 'nam'],
    ['{{#each ipv4.peers}}{{../nod}}{{/each}}', '../nod'],
    ['{{#unless node}}{{q routerI}}{{/unless}}', 'routerI'],
  ])('finds %s', (text, path) => {
    const { view } = buildView(fullWorld(), 'bird2', {});
    expect(lintTemplate('x', text, view, partials)).toEqual([{ template: 'x', line: 1, path }]);
  });
});

it('every partial is used', () => {
  const texts = [...read('bird1/templates').values(), ...read('bird2/templates').values(), ...partials.values()].join('\n');
  expect(partials.size).toBeGreaterThan(0);
  for (const name of partials.keys()) expect(texts).toContain(`{{> ${name}`);
});
