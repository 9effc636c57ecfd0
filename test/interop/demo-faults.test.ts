/** The demo with one thing broken inside must say which step was missed: otherwise its green run would prove nothing. */
import { describe, expect, it } from 'vitest';
import { BUILT, demo } from '../cli/demo/run-demo.ts';

describe.skipIf(!BUILT)('linnet demo --once', () => {
  it.each([
    ['export', '127.0.67', 'routes'],
    ['reflection', '127.0.68', 'reflection'],
    ['withdraw', '127.0.69', 'scale down on node-2'],
    ['watch', '127.0.70', 'scale down on node-2'],
  ])('fails where %s is broken, and names the step', { timeout: 180_000 }, async (fault, network, step) => {
    const { code, stderr } = await demo(network, fault);
    expect(stderr).toContain(`step "${step}" was not observed`);
    expect(code).toBe(1);
  });
});
