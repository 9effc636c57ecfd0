import { parseTcpCounters, readOptmemMax, readTcpCounters } from 'netlink';
import { describe, expect, it } from 'vitest';

const TEXT = `TcpExt: SyncookiesSent TCPMD5NotFound TCPMD5Unexpected TCPMD5Failure TCPMinTTLDrop
TcpExt: 9 1 2 3 4
IpExt: InNoRoutes TCPMD5Failure
IpExt: 7 8
`;

describe('the kernel counters of dropped TCP segments', () => {
  it('are found by their names', () => {
    expect(parseTcpCounters(TEXT)).toEqual({ md5Missing: 1, md5Unexpected: 2, md5Wrong: 3, lowTtl: 4 });
  });

  it.each([
    ['an older kernel', 'TcpExt: SyncookiesSent\nTcpExt: 9\n'],
    ['nothing', ''],
  ])('are 0 where there are none: %s', (_name, text) => {
    expect(parseTcpCounters(text)).toEqual({ md5Missing: 0, md5Unexpected: 0, md5Wrong: 0, lowTtl: 0 });
  });

  it.skipIf(process.platform !== 'linux')('are read from this namespace', () => {
    expect(readTcpCounters()?.md5Wrong).toBeGreaterThanOrEqual(0);
    expect(readOptmemMax()).toBeGreaterThan(0);
  });
});
