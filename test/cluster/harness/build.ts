/**
 * Before the suites: finds kube-apiserver and etcd in KUBEBUILDER_ASSETS, or builds them once with Go (minutes the first time,
 * then cached outside the tree). Where neither can be, the suites skip with this reason.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SERVERS_VARIABLE } from './binaries.ts';

const build = join(dirname(dirname(fileURLToPath(import.meta.url))), 'build.sh');

const complete = (folder: string): boolean => ['etcd', 'kube-apiserver'].every((name) => existsSync(join(folder, name)));

/** Sets the variable that tells the suites where the servers are. */
export function setup(): void {
  const assets = process.env['KUBEBUILDER_ASSETS'] ?? '';
  if (assets !== '' && complete(assets)) {
    process.env[SERVERS_VARIABLE] = assets;
    return;
  }
  try {
    process.env[SERVERS_VARIABLE] = execFileSync('bash', [build], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
  } catch (error) {
    // 3: no Go. A build that fails is a failure of the run, not a reason to skip.
    if (!(error instanceof Error && 'status' in error && error.status === 3)) throw error;
    process.stdout.write('cluster suites are skipped: no Go toolchain, and KUBEBUILDER_ASSETS has no etcd and kube-apiserver\n');
  }
}
