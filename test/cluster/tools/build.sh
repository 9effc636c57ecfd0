#!/usr/bin/env bash
# Builds helm, kustomize and kubectl from the pinned go.mod beside this file, once, and prints the directory that has them. Kept as
# the test servers are: outside the tree, under $XDG_CACHE_HOME/linnet or ~/.cache/linnet, by the hash of what they are made of.
#   BUILD_JOBS  parallel compilations, default 2
# Exit 1: the build failed; exit 3: there is no Go toolchain.
set -eu -o pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

hash=$(cat go.mod go.sum build.sh kubectl/main.go | sha256sum | cut -c 1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/linnet
target=$cache/renderers-$hash
found() {
  [ -x "$target/helm" ] && [ -x "$target/kustomize" ] && [ -x "$target/kubectl" ] && echo "$target"
}
found && exit 0
[ "${1:-}" != --cached ] || exit 3
command -v go >/dev/null || exit 3

mkdir -p "$cache"
# One builder at a time: two test runs that start together build once.
exec 9>"$target.lock"
flock 9
found && exit 0
work=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$work"' EXIT
export CGO_ENABLED=0 GOFLAGS=-mod=readonly
build() {
  nice -n 15 go build -p "${BUILD_JOBS:-2}" -trimpath -ldflags '-s -w' -o "$work/$1" "$2" >&2
}
build kustomize sigs.k8s.io/kustomize/kustomize/v5
build helm helm.sh/helm/v3/cmd/helm
build kubectl ./kubectl
mkdir -p "$target"
mv "$work/helm" "$work/kustomize" "$work/kubectl" "$target/"
echo "$target"
