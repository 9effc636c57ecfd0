/** The laboratory of encapsulation by itself: pods reach their node and its other pods, and nothing beyond; `ip` connects them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EncapLab } from './harness/encap-lab.ts';
import { makeEncapLab } from './harness/encap-lab.ts';
import { CAN_RUN } from './harness/lab.ts';

describe.skipIf(!CAN_RUN)('the laboratory of encapsulation', () => {
  let lab: EncapLab;
  beforeAll(async () => {
    lab = await makeEncapLab('encap lab');
  });
  afterAll(() => lab?.close());

  it.each(['ipv4', 'ipv6'] as const)('joins the pods of one node and no others, until routes do: %s', async (family) => {
    const { p1a, p1b, p2a } = lab.pods;
    const { n1, n2 } = lab.nodes;
    expect(await lab.ping(p1a, p1b, family)).toBe(3);
    expect(await lab.ping(p1a, p2a, family, 2)).toBe(0);
    await lab.ip(n1.namespace, 'route', 'add', lab.blocks.n2[family], 'via', n2[family]);
    await lab.ip(n2.namespace, 'route', 'add', lab.blocks.n1[family], 'via', n1[family]);
    expect(await lab.ping(p1a, p2a, family)).toBe(3);
  });
});
