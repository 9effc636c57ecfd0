import { describe, expect, it } from 'vitest';
import { createDraining } from '../../../src/confd/native/draining.ts';
import { createTranslator, SESSION_DEFAULTS } from '../../../src/confd/native/translate.ts';
import { transportMap } from '../../../src/confd/native/transport.ts';
import { desired, peer } from './fixtures.ts';

const { config } = createTranslator({
  session: SESSION_DEFAULTS,
  sessionFamilies: 'peer',
  listenPort: undefined,
  transport: transportMap([]),
})(desired({ peers: [peer()] }));

describe('a configuration on its way out', () => {
  it('off is the same object', () => {
    expect(createDraining()(config, 'off')).toBe(config);
  });

  it('draining marks every peer, and equal peers stay the same objects', () => {
    const draining = createDraining();
    const made = draining(config, 'draining');
    expect(made.peers.map(({ gracefulShutdown }) => gracefulShutdown)).toEqual([true]);
    expect(draining({ ...config }, 'draining').peers[0]).toBe(made.peers[0]);
    expect(made.routes).toBe(config.routes);
  });

  it('left has neither peers nor listeners', () => {
    expect(createDraining()(config, 'left')).toEqual({ ...config, peers: [], listen: [] });
  });
});
