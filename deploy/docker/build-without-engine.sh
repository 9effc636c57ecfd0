#!/usr/bin/env bash
# Builds the Dockerfile where there is no container engine, and perhaps no registry either: buildah, each RUN in a chroot. As root, from anywhere:
#   deploy/docker/build-without-engine.sh [OUT]     OUT: a folder for linnet.oci.tar and linnet-bird.oci.tar; none: the images are only tried
# Where the base image cannot be pulled, one of the same name is made from Debian and this machine's Node and npm, and that is said.
# Then the image is tried as a pod of the reflectors runs it: uid 65532, one capability, PID 1, a read-only root, port 179.
set -eu -o pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
out=${1:-}
for tool in buildah git node unshare nsenter pgrep ss; do
  command -v "$tool" >/dev/null || { echo "missing: $tool (apt-get install buildah procps iproute2)"; exit 3; }
done
[ "$(id -u)" -eq 0 ] || { echo 'chroots need root'; exit 3; }

work=$(mktemp -d)
storage=(buildah --root "$work/storage" --runroot "$work/run")
tried=
clean_up() {
  [ -z "$tried" ] || kill -- "-$tried" 2>/dev/null || true
  "${storage[@]}" umount --all >/dev/null 2>&1 || true
  "${storage[@]}" rm --all >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

version=$(sed -n 's/^ARG NODE_VERSION=//p' deploy/docker/Dockerfile)
base=docker.io/library/node:$version-bookworm-slim

# A base as the official one is: Debian's minimal system, Node and npm below /usr/local.
make_base() {
  command -v debootstrap >/dev/null || { echo 'missing: debootstrap'; exit 3; }
  [ "$(node -p process.versions.node)" = "$version" ] || echo "note: this machine's Node is $(node -p process.versions.node), the Dockerfile names $version"
  local root=$work/base lib
  debootstrap --variant=minbase bookworm "$root" >"$work/debootstrap.log" 2>&1 || { tail -n 20 "$work/debootstrap.log"; exit 1; }
  lib=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
  mkdir -p "$root/usr/local/lib/node_modules"
  cp "$(readlink -f "$(command -v node)")" "$root/usr/local/bin/node"
  cp -r "$lib" "$root/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$root/usr/local/bin/npx"
  local settings=(--env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin) container
  # A machine whose way to the packages has a certificate authority of its own.
  if [ -n "${NODE_EXTRA_CA_CERTS:-}" ]; then
    mkdir -p "$root/usr/local/share/ca-certificates"
    cp "$NODE_EXTRA_CA_CERTS" "$root/usr/local/share/ca-certificates/of-the-builder.crt"
    settings+=(--env NODE_EXTRA_CA_CERTS=/usr/local/share/ca-certificates/of-the-builder.crt)
  fi
  container=$("${storage[@]}" from scratch)
  "${storage[@]}" copy -q "$container" "$root" / >/dev/null
  "${storage[@]}" config "${settings[@]}" "$container"
  "${storage[@]}" commit -q --rm "$container" "$base" >/dev/null
  rm -rf "$root"
}

if timeout 120 "${storage[@]}" pull -q "$base" >/dev/null 2>&1; then
  echo "base: $base, pulled"
else
  make_base
  echo "base: $base could not be pulled; made here from Debian and this machine's Node"
fi

# The context is the last commit: what is in the tree and in nobody's commit is in no image.
mkdir "$work/context"
git archive --format=tar HEAD | tar xf - -C "$work/context"
build() {
  "${storage[@]}" bud -q --isolation chroot --pull-never --layers --network host -f "$work/context/deploy/docker/Dockerfile" \
    --ignorefile "$work/context/deploy/docker/Dockerfile.dockerignore" "$@" "$work/context" >"$work/build.log" 2>&1 || { tail -n 30 "$work/build.log"; exit 1; }
}
build -t localhost/linnet:latest
build -t localhost/linnet:bird --target bird
echo 'built: the image, and its target bird'

container=$("${storage[@]}" from localhost/linnet:latest)
root=$("${storage[@]}" mount "$container")
inside() { "${storage[@]}" run --isolation chroot "$container" -- "$@"; }
inside id | grep '^uid=65532'
inside linnet version --artefacts
inside node-agent version
bird=$("${storage[@]}" from localhost/linnet:bird)
"${storage[@]}" run --isolation chroot "$bird" -- bird --version 2>&1

# As a pod: the container's directories are mounts of their own, all else is read-only.
mkdir -p "$root/var/lib/linnet" "$work/own"
chown 65532:65532 "$work/own"
pod='ip link set lo up; mount --bind "$0" "$0"; mount -t proc proc "$0/proc"; mount --bind "$1" "$0/var/lib/linnet"; mount -o remount,bind,ro "$0"
  exec chroot "$0" setpriv --reuid 65532 --regid 65532 --clear-groups --bounding-set -all,+net_bind_service \
    env LINNET_KERNEL=off LINNET_BIRD_SOCKETS=off LINNET_RUN_DIR=/var/lib/linnet/run LINNET_STATE_DIR=/var/lib/linnet/state \
    node /opt/linnet/bin/linnet.js run --node node-1 --datastore file --path /opt/linnet/examples/demo --http none --listen-port 179'
setsid unshare --net --mount --pid --fork --kill-child sh -ec "$pod" "$root" "$work/own" >"$work/pod.log" 2>&1 &
tried=$!
listens() { nsenter --net --target "$(pgrep -P "$tried")" ss -Hltn 'sport = :179' 2>/dev/null | grep -q ':179'; }
for _ in $(seq 240); do
  listens && break
  kill -0 "$tried" 2>/dev/null || break
  sleep 0.5
done
listens || { cat "$work/pod.log"; exit 1; }
process=$(pgrep -P "$tried")
echo 'it listens on port 179, and is:'
grep -E '^(NSpid|Uid|CapEff|CapBnd):' "/proc/$process/status"
grep -q '^CapBnd:.0000000000000400$' "/proc/$process/status"
kill -TERM "$process"
wait "$tried"
echo 'it ended on SIGTERM'
tried=

if [ -n "$out" ]; then
  mkdir -p "$out"
  "${storage[@]}" push -q localhost/linnet:latest "oci-archive:$out/linnet.oci.tar:linnet:latest" >/dev/null
  "${storage[@]}" push -q localhost/linnet:bird "oci-archive:$out/linnet-bird.oci.tar:linnet:bird" >/dev/null
  ls -l "$out"
fi
