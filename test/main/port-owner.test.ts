import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { listeningSockets, portOwner } from '../../src/main/port-owner.ts';

describe('portOwner', () => {
  it('names the process that listens, and nobody else', async () => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const bound = server.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
    expect(await portOwner(port)).toMatch(new RegExp(`\\(process ${process.pid}\\)$`));
    server.close();
    await once(server, 'close');
    expect(await portOwner(port)).toBeUndefined();
  });

  it('reads only listening sockets of that port', () => {
    const table = [
      '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
      '   0: 0100007F:00B3 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0',
      '   1: 0100007F:00B3 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 222 1 0',
      '   2: 0100007F:10B3 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 333 1 0',
    ].join('\n');
    expect(listeningSockets(table, 179)).toEqual(['socket:[111]']);
  });
});
