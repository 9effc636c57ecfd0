import { describe, expect, it } from 'vitest';
import { BUILT, demo } from './run-demo.ts';

describe.skipIf(!BUILT)('linnet demo --once', () => {
  it('observes every step and shows an LB IP at the ToR through the reflector', { timeout: 90_000 }, async () => {
    const { code, stdout, stderr } = await demo('127.0.66');
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^198\.51\.100\.20\/32 +192\.0\.2\.2 +64512 +rr-1$/m);
    // Each end of a session tells what the other does.
    expect(stdout).toMatch(/^node-1 +Node_192_0_2_10_port_1790 +64512 +internal +established +10 +4$/m);
    expect(stdout).toMatch(/^rr-1 +Node_192_0_2_1_port_1790 +64512 +client +established +4 +10$/m);
    expect(stdout).not.toContain('MISSED');
    expect(stdout).toContain('Every step was observed at the ToR.');
    expect(code).toBe(0);
  });
});
