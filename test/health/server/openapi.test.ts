import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { documents } from '../../../src/health/server/documents-schema.ts';
import { ENDPOINTS } from '../../../src/health/server/endpoints.ts';
import { OPENAPI_PATH, openApiDocument } from '../../../src/health/server/openapi.ts';
import { PEER_ACTION_PATH } from '../../../src/health/server/peer-action.ts';
import { createServer } from '../../../src/health/server/server.ts';
import { runningWorld } from '../fixtures.ts';

const file = new URL('../../../docs/openapi.json', import.meta.url);
const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
const document = openApiDocument(version);
const text = `${JSON.stringify(document, null, 2)}\n`;

/** Every value under a key of that name, at any depth. */
function under(value: unknown, key: string): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => (name === key ? [member] : under(member, key)));
}

describe('OpenAPI', () => {
  it('docs/openapi.json is what the routes say (LINNET_UPDATE=1 rewrites it, to be formatted by Biome)', () => {
    if (process.env['LINNET_UPDATE'] === '1') writeFileSync(file, text);
    // Its layout is the formatter's business.
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(text));
  });

  it('is served as it is in the docs', async () => {
    const at = runningWorld();
    const app = createServer(at, 'everything');
    expect((await app.inject(OPENAPI_PATH)).json()).toEqual(openApiDocument(at.state.main?.version ?? ''));
    await app.close();
  });

  it('has every path of the table, and each one answers', async () => {
    const app = createServer(runningWorld(), 'everything');
    const paths = ENDPOINTS.flatMap((endpoint) => endpoint.paths);
    const listed = Object.keys(JSON.parse(text).paths);
    const actions = '/api/v1/peers/{peer}/{action}';
    expect(listed.sort()).toEqual([...paths, actions, OPENAPI_PATH].sort());
    for (const url of listed) if (url !== actions) expect(app.hasRoute({ method: 'GET', url })).toBe(true);
    expect(app.hasRoute({ method: 'POST', url: PEER_ACTION_PATH })).toBe(true);
    await app.close();
  });

  it('refers only to schemas it has, and uses each', () => {
    const refs = new Set(under(document, '$ref').map(String));
    expect([...refs].sort()).toEqual(
      Object.keys(documents)
        .map((name) => `#/components/schemas/${name}`)
        .sort(),
    );
  });

  it('gives each operation an id of its own', () => {
    const ids = under(document, 'operationId');
    expect(new Set(ids).size).toBe(ids.length);
  });
});
