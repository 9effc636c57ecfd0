/** A log that does not repeat itself (dataplane B24). */
import { describe, expect, it } from 'vitest';
import { limitLog, MESSAGE_LINES, WINDOW_MS } from '../../node-agent/log-limit.ts';
import type { LogFields } from '../../src/confd/log.ts';

function setup() {
  const lines: { readonly level: string; readonly fields: LogFields; readonly message: string }[] = [];
  const to = (level: string) => (fields: LogFields, message: string) => void lines.push({ level, fields, message });
  let now = 0;
  const at = (ms: number): void => {
    now = ms;
  };
  const log = limitLog({ debug: to('debug'), info: to('info'), warn: to('warn'), error: to('error') }, () => now);
  return { lines, log, at };
}

describe('a limited log', () => {
  it('writes the first of equal lines and later how many there were', () => {
    const { lines, log, at } = setup();
    for (let turn = 0; turn < 1_000; turn++) log.warn({ device: 'tunl0' }, 'cannot be made');
    expect(lines).toEqual([{ level: 'warn', fields: { device: 'tunl0' }, message: 'cannot be made' }]);
    expect(log.suppressed()).toBe(999);
    at(WINDOW_MS);
    log.warn({ device: 'tunl0' }, 'cannot be made');
    expect(lines[1]?.fields).toEqual({ device: 'tunl0', repeated: 999 });
  });

  it('keeps lines apart by level, message and fields', () => {
    const { lines, log } = setup();
    log.warn({ device: 'a' }, 'm');
    log.error({ device: 'a' }, 'm');
    log.warn({ device: 'b' }, 'm');
    log.warn({ device: 'a' }, 'n');
    expect(lines).toHaveLength(4);
    expect(log.suppressed()).toBe(0);
  });

  it('forgets what it said first where ever other messages come, as it must not grow', () => {
    const { lines, log } = setup();
    log.warn({}, 'first');
    for (let turn = 0; turn < 3_000; turn++) log.warn({}, `message ${turn}`);
    log.warn({}, 'first');
    expect([lines.length, log.suppressed()]).toEqual([3_002, 0]);
  });

  it('writes one message with ever other fields so many times a window, and says that it stops', () => {
    const { lines, log, at } = setup();
    for (let turn = 0; turn < 5_000; turn++) log.info({ turn }, 'again');
    expect(lines).toHaveLength(MESSAGE_LINES);
    expect(lines.at(-1)?.fields).toMatchObject({ more: 'left out for a minute' });
    expect(log.suppressed()).toBe(5_000 - MESSAGE_LINES);
    at(WINDOW_MS);
    log.info({ turn: 'new' }, 'again');
    expect(lines).toHaveLength(MESSAGE_LINES + 1);
  });
});
