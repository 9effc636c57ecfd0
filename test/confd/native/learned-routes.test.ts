import type { LocalRoute, SpeakerConfig } from 'bgp-ts';
import { formatPrefix, parsePrefix } from 'bgp-ts/net';
import { beforeEach, describe, expect, it } from 'vitest';
import type { LearnedRoutes } from '../../../src/confd/native/learned-routes.ts';
import { createLearnedRoutes } from '../../../src/confd/native/learned-routes.ts';
import type { LearnedRoute } from '../../../src/routes/kernel/learn.ts';

const prefix = (text: string): LocalRoute['prefix'] => {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
};
const own = (text: string): LocalRoute => ({ prefix: prefix(text), protocol: 'static', reasons: [] });
const found = (text: string, protocol: LearnedRoute['protocol'] = 'kernel'): LearnedRoute => ({
  prefix: prefix(text),
  protocol,
  interface: 'cali1',
  ...(protocol === 'kernel' ? { metric: 1024 } : {}),
});
const config = (...routes: LocalRoute[]): SpeakerConfig => ({ routerId: 1, localAs: 64512, listen: [], peers: [], routes });

describe('own routes of both origins', () => {
  let routes: LearnedRoutes;
  beforeEach(() => {
    routes = createLearnedRoutes();
  });

  type Input = NonNullable<ReturnType<LearnedRoutes['learn']>> | { readonly type: 'configure'; readonly config: SpeakerConfig };
  const shown = (input: Input | undefined): string[] | undefined => {
    if (input === undefined) return undefined;
    const set = input.type === 'configure' ? input.config.routes : input.set;
    const remove = input.type === 'configure' ? [] : input.remove;
    return [
      ...set.map((route) => `${formatPrefix(route.prefix)} ${route.protocol}`),
      ...remove.map((gone) => `${formatPrefix(gone)} gone`),
    ].sort();
  };

  it('wait for the first configuration, and come with it', () => {
    expect(routes.learn({ set: [found('10.1.0.5/32')], remove: [] })).toBeUndefined();
    expect(shown(routes.join({ type: 'configure', config: config(own('10.1.0.0/26')) }))).toEqual([
      '10.1.0.0/26 static',
      '10.1.0.5/32 kernel',
    ]);
  });

  it('come and go by themselves afterwards', () => {
    routes.join({ type: 'configure', config: config(own('10.1.0.0/26')) });
    expect(shown(routes.learn({ set: [found('10.1.0.5/32')], remove: [] }))).toEqual(['10.1.0.5/32 kernel']);
    expect(shown(routes.learn({ set: [], remove: [prefix('10.1.0.5/32')] }))).toEqual(['10.1.0.5/32 gone']);
    expect(routes.learn({ set: [], remove: [] })).toBeUndefined();
  });

  it('are one a prefix: an interface before the configuration, the configuration before the kernel', () => {
    routes.join({ type: 'configure', config: config(own('10.1.0.0/26'), own('10.2.0.0/26')) });
    expect(shown(routes.learn({ set: [found('10.1.0.0/26'), found('10.2.0.0/26', 'device')], remove: [] }))).toEqual([
      '10.1.0.0/26 static',
      '10.2.0.0/26 device',
    ]);
    expect(shown(routes.join({ type: 'routes', set: [], remove: [prefix('10.1.0.0/26'), prefix('10.2.0.0/26')] }))).toEqual([
      '10.1.0.0/26 kernel',
      '10.2.0.0/26 device',
    ]);
    expect(shown(routes.join({ type: 'routes', set: [own('10.1.0.0/26')], remove: [] }))).toEqual(['10.1.0.0/26 static']);
    expect(shown(routes.learn({ set: [], remove: [prefix('10.1.0.0/26'), prefix('10.2.0.0/26')] }))).toEqual([
      '10.1.0.0/26 static',
      '10.2.0.0/26 gone',
    ]);
  });

  it('leave inputs as they are where nothing is learned', () => {
    const configure = { type: 'configure', config: config(own('10.1.0.0/26')) } as const;
    const change = { type: 'routes', set: [own('10.3.0.0/26')], remove: [] } as const;
    expect(routes.join(configure)).toBe(configure);
    expect(routes.join(change)).toBe(change);
  });
});
