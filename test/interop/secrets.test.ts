/** A planted key of `linnet speaker` is in none of what it writes, answers or shows: only in the file the operator wrote. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import type { SpeakerProcess } from './harness/speaker.ts';
import { until } from './harness/wait.ts';
import { client, FAULT_SECONDS, startSpeaker, Witnesses } from './harness/witnesses.ts';

const NET = '127.0.45';
const AT = { host: `${NET}.1`, port: 11_793 };
const PLANTED = 'planted-key-of-a-speaker';
const FOUND = /planted-key/;
const launcher = fileURLToPath(new URL('../../bin/linnet.js', import.meta.url));

/** What `linnet speaker` says of a configuration that is wrong. */
function complaint(config: string): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'linnet-secrets-'));
  const file = join(directory, 'config.json');
  writeFileSync(file, config);
  return new Promise((resolve) => {
    execFile(process.execPath, [launcher, 'speaker', file], { timeout: FAULT_SECONDS * 1000 }, (_error, stdout, stderr) => {
      rmSync(directory, { recursive: true, force: true });
      resolve(stdout + stderr);
    });
  });
}

describe('a key of linnet speaker', () => {
  let speaker: SpeakerProcess | undefined;
  let witnesses: Witnesses | undefined;

  afterEach(async () => {
    witnesses?.stop();
    await speaker?.stop();
  });

  it('is in no log, recording, answer, argument or environment', async () => {
    const place = mkdtempSync(join(tmpdir(), 'linnet-secrets-'));
    const neighbors = [...Witnesses.neighbors(NET), client(`${NET}.10`, { md5: PLANTED, passive: false })];
    const running = await startSpeaker({
      at: AT,
      config: { neighbors },
      logLevel: 'debug',
      arguments: ['--record', join(place, 'record')],
    });
    speaker = running;
    witnesses = new Witnesses(NET);
    await witnesses.connect(AT);
    await witnesses.unharmed();
    process.kill(running.pid(), 'SIGHUP');
    await until('the configuration is read again', FAULT_SECONDS, () => expect(running.log()).toContain('configuration read again'));
    const answers = [JSON.stringify(await running.peers())];
    const shown = ['cmdline', 'environ'].map((name) => readFileSync(`/proc/${running.pid()}/${name}`, 'latin1'));
    const log = running.log();
    expect(log).toContain(`${NET}.10`);
    witnesses.stop();
    const files = readdirSync(running.directory).filter((name) => name !== 'speaker.json' && !name.endsWith('.sock'));
    const written = files.map((name) => readFileSync(join(running.directory, name), 'utf8'));
    await running.stop();
    const recorded = readFileSync(join(place, 'record'), 'utf8');
    rmSync(place, { recursive: true, force: true });
    expect(recorded).toContain('$secret');
    for (const text of [log, ...answers, ...shown, ...written, recorded]) expect(text).not.toMatch(FOUND);
  });

  it.each([
    ['too long', JSON.stringify({ localAs: 1, routerId: '10.0.0.1', neighbors: [{ address: '10.0.0.2', as: 1, md5: PLANTED.repeat(5) }] })],
    [
      'beside an unknown key',
      JSON.stringify({ localAs: 1, routerId: '10.0.0.1', neighbors: [{ address: '10.0.0.2', as: 1, md5: PLANTED, no: 1 }] }),
    ],
    [
      'of the wrong type',
      JSON.stringify({ localAs: 1, routerId: '10.0.0.1', neighbors: [{ address: '10.0.0.2', as: 1, md5: [PLANTED] }] }),
    ],
    ['in a file that is no JSON', `{"neighbors": [{"md5": "${PLANTED}" x}]}`],
    ['without its quotes', `{"neighbors": [{"md5": ${PLANTED}}]}`],
  ])('%s is not repeated by the complaint', async (_title, config) => {
    const said = await complaint(config);
    expect(said).not.toBe('');
    expect(said).not.toMatch(FOUND);
  });
});
