#!/usr/bin/env bash
# Ten runs of the suites against a real API server and etcd in a row, retries off, every log kept; runs 4 and 8 under CPU load.
#   test/cluster/ten.sh [DIRECTORY [FILE...]]     as test/interop/ten.sh, which does the work
SUITE=cluster exec bash "$(dirname "${BASH_SOURCE[0]}")/../interop/ten.sh" "$@"
