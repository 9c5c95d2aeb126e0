#!/usr/bin/env bash
# Builds the image of deploy/Dockerfile and stand-ins for the other images of deploy/compose.yaml, without Docker and
# without an image registry: Debian's packages become base images, and buildah does the rest. For root on Debian.
# With --check, only reports whether that is possible here.
set -euo pipefail
cd "$(dirname "$0")/../.."
export CONTAINERS_CONF=$PWD/tests/images/containers.conf
suite=trixie
cache=${ORDERS_IMAGES_CACHE:-/var/cache/orders-images}

tools=(mmdebstrap buildah podman runc netavark aardvark-dns catatonit iptables docker-compose)

refuse() {
  echo "No images are built here: $1. With Docker: docker compose build" >&2
  exit 1
}

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  refuse "this takes Debian's packages, as root on Debian"
fi
if ! unshare --mount true 2>/dev/null; then
  refuse "root may not mount file systems"
fi
if ! apt-get install --simulate "${tools[@]}" >/dev/null 2>&1; then
  apt-get update -q >/dev/null
  apt-get install --simulate "${tools[@]}" >/dev/null 2>&1 || refuse "apt-get finds no ${tools[*]}"
fi
if [ "${1:-}" = --check ]; then
  exit
fi

install_tools() {
  local package missing=()
  for package in "${tools[@]}"; do
    dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  echo "Installing ${missing[*]}" >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}" >/dev/null
}

# base NAME PACKAGE...: builds the image orders-base-NAME, Debian with these packages, and caches it.
base() {
  local name=$1 include archive
  include=$(IFS=,; echo "${*:2}")
  archive=$cache/$name-$(sha256sum <<<"$suite $include" | cut -c1-12).tar
  if [ ! -e "$archive" ]; then
    echo "Making a base of Debian $suite with $include" >&2
    mmdebstrap --quiet --variant=minbase --dpkgopt=force-unsafe-io --include="$include" "$suite" "$archive.part.tar"
    mv "$archive.part.tar" "$archive"
  fi
  printf 'FROM scratch\nADD %s /\nENV LANG=C.UTF-8\n' "${archive##*/}" |
    build --tag "localhost/orders-base-$name" --file - "$cache"
}

build() {
  buildah build --quiet --format docker --isolation chroot --layers "$@" >/dev/null
}

stand_in() {
  build --build-arg BASE=localhost/orders-base-services --target "$1" --tag "docker.io/library/$2" tests/images/stand_ins
}

install_tools
install -d -m 700 "$cache"
base python ca-certificates python3 python3-venv python-is-python3
base services ca-certificates postgresql redis-server rabbitmq-server nginx-light
stand_in postgres postgres:17
stand_in redis redis:8
stand_in rabbitmq rabbitmq:4-management
stand_in nginx nginx:1.28
# The certificate authorities of this machine are mounted while packages are fetched. The image does not contain them.
authorities=/etc/ssl/certs/ca-certificates.crt
build --build-arg BASE=localhost/orders-base-python --volume "$authorities:$authorities:ro" \
  --file deploy/Dockerfile --tag docker.io/library/orders-pipeline .
