import { describe, expect, it } from 'vitest';
import type { BGPConfigurationResource } from '../../src/confd/resources/types.ts';
import { screenLevel } from '../../src/main/log.ts';

const configuration = (name: string, logSeverityScreen?: string): [string, BGPConfigurationResource] => [
  name,
  {
    kind: 'BGPConfiguration',
    ref: { apiVersion: 'projectcalico.org/v3', kind: 'BGPConfiguration', namespace: '', name },
    labels: new Map(),
    scope: undefined,
    ...(logSeverityScreen === undefined ? {} : { logSeverityScreen }),
  },
];

describe('logSeverityScreen', () => {
  it.each<[string, [string, BGPConfigurationResource][], string | undefined]>([
    ['nothing said', [configuration('default')], undefined],
    ['the default one', [configuration('default', 'Debug')], 'debug'],
    ['this node’s before it', [configuration('default', 'Debug'), configuration('node.a', 'Error')], 'error'],
    ['another node’s does not count', [configuration('node.b', 'Error')], undefined],
  ])('%s', (_name, entries, level) => {
    expect(screenLevel({ configurations: new Map(entries) }, 'a')).toBe(level);
  });
});
