/** Scope of the configuration kinds, which is their name: `default`, `node.NAME` (control-plane 1.2). */
import { type At, inside, warn } from './fields.ts';
import type { BGPConfigurationResource } from './types.ts';

/** Scope of the object at `at` (its spec). Another name is warned about: nobody reads the object then. */
export function scopeOf(at: At): BGPConfigurationResource['scope'] {
  const { name } = at.sink.ref;
  if (name === 'default') return { kind: 'default' };
  if (name.startsWith('node.') && name.length > 5) return { kind: 'node', node: name.slice(5) };
  const { parent } = at;
  if (parent !== undefined) warn(inside(inside(parent, 'metadata'), 'name'), name, 'is not default or node.NAME: the object is ignored');
  return undefined;
}
