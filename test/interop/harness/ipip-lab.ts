/** What tests of IPIP in eBPF begin with. */
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { EncapLab } from './encap-lab.ts';
import { makeEncapLab } from './encap-lab.ts';
import { run } from './exec.ts';

/** The path of a file of this folder. */
export const harness = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** A lab with bpffs of its own, which whoever made it unmounts before the lab is closed. */
export async function makeIpipLab(name: string): Promise<{ readonly lab: EncapLab; readonly bpffs: string }> {
  const lab = await makeEncapLab(name);
  const bpffs = `${lab.lab.directory}/bpffs`;
  mkdirSync(bpffs);
  await run('mount', ['-t', 'bpf', 'bpf', bpffs]);
  return { lab, bpffs };
}
