#!/usr/bin/env bash
# Builds the servers of the cluster tests from the pinned go.mod beside this file, once, and prints the directory that has
# them. They are kept outside the tree, under $XDG_CACHE_HOME/linnet or ~/.cache/linnet, by the hash of what they are made of.
#   BUILD_JOBS  parallel compilations, default 2
# Exit 1: the build failed; exit 3: there is no Go toolchain.
set -eu -o pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

hash=$(cat go.mod go.sum build.sh | sha256sum | cut -c 1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/linnet
target=$cache/servers-$hash
if [ -x "$target/kube-apiserver" ] && [ -x "$target/etcd" ]; then
  echo "$target"
  exit 0
fi
[ "${1:-}" != --cached ] || exit 3
command -v go >/dev/null || exit 3

mkdir -p "$cache"
# One builder at a time: two test runs that start together build once.
exec 9>"$target.lock"
flock 9
if [ -x "$target/kube-apiserver" ] && [ -x "$target/etcd" ]; then
  echo "$target"
  exit 0
fi
work=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$work"' EXIT
export CGO_ENABLED=0 GOFLAGS=-mod=readonly
version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
build() {
  nice -n 15 go build -p "${BUILD_JOBS:-2}" -trimpath -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$version" -o "$work/$1" "$2" >&2
}
build etcd go.etcd.io/etcd/server/v3
build kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
mkdir -p "$target"
mv "$work/etcd" "$work/kube-apiserver" "$target/"
echo "$target"
