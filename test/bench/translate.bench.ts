/**
 * The speaker's configuration of one node in a mesh of 5,000 and of a reflector with 500 clients, with what is sent to its thread: the
 * whole, and after one changed peer. Targets: 500 ms and 20 ms. Run with `npm run bench:render`; the columns are milliseconds.
 */
import { bench, describe } from 'vitest';
import { diffConfig } from '../../src/confd/native/delta.ts';
import { createTranslator, SESSION_DEFAULTS } from '../../src/confd/native/translate.ts';
import { transportMap } from '../../src/confd/native/transport.ts';
import { alternate, RENDER_WORLDS } from './render-worlds.ts';

const options = { session: SESSION_DEFAULTS, sessionFamilies: 'peer', listenPort: undefined, transport: transportMap([]) } as const;

describe.each(RENDER_WORLDS)('native, %s', (_name, state) => {
  bench('whole', () => void diffConfig(undefined, createTranslator(options)(state).config), { iterations: 10, time: 0 });
  const translate = createTranslator(options);
  const next = alternate(state);
  let before = translate(state).config;
  bench(
    'one changed peer',
    () => {
      const after = translate(next()).config;
      diffConfig(before, after);
      before = after;
    },
    { iterations: 20, time: 0 },
  );
});
