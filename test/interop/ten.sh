#!/usr/bin/env bash
# Ten runs of the suites with real daemons in a row, two files at a time as in CI, retries off, every log kept; runs 4 and 8 under CPU
# load. The demo's own limits (10 s a step) are wall time, so its suite is not among them.
#   test/interop/ten.sh [DIRECTORY [FILE...]]     default: a new directory under the system's temporary folder, printed at the end; every file
# RUNS=3 and LOADED="2" change the number of runs and which are loaded; SUITE=cluster runs the suites of vitest.cluster.config.ts. A run may take 25 minutes, a loaded one 40. Ends with `N passed, N failed, N skipped`, counting runs.
set -u -o pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
directory=${1:-$(mktemp -d)}
files=("${@:2}")
runs=${RUNS:-10}
suite=${SUITE:-interop}
loaded=" ${LOADED:-4 8} "
mkdir -p "$directory" || exit 2
export NO_COLOR=1 FORCE_COLOR=0 LINNET_INTEROP_KEEP=1
load=()

stop_load() {
  [ ${#load[@]} -gt 0 ] && kill "${load[@]}" 2>/dev/null
  load=()
}
trap stop_load EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# One busy loop a core; each ends by itself after 40 minutes should nobody end it.
start_load() {
  for _ in $(seq "$(nproc)"); do
    timeout 2400 sh -c 'while :; do :; done' &
    load+=($!)
  done
}

npm run -s build || exit 2
passed=0 failed=0
for run in $(seq "$runs"); do
  note='' limit=25m
  case "$loaded" in *" $run "*) start_load; note=' under CPU load' limit=40m ;; esac
  began=$SECONDS
  LINNET_INTEROP_LOGS="$directory/run-$run" timeout --kill-after=20 "$limit" \
    npx vitest run -c "vitest.$suite.config.ts" --exclude 'test/interop/demo*' "${files[@]}" </dev/null >"$directory/run-$run.log" 2>&1
  rc=$?
  stop_load
  counts=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$directory/run-$run.log" | tail -n 1)
  # A run in which everything was skipped, or nothing ran, is no pass.
  if [ "$rc" -eq 0 ] && [[ $counts == [1-9]*" passed, 0 failed, 0 skipped" ]]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  echo "run $run$note: exit $rc, ${counts:-no closing line}, $((SECONDS - began)) s"
done
echo "logs: $directory"
echo
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
