#!/usr/bin/env bash
# Installs the services that the tests use, if it runs as root on Debian or Ubuntu. Elsewhere, it succeeds without a
# message; tests that need a missing service are then skipped, or fail with CI=true.
set -euo pipefail

missing=()
command -v redis-server >/dev/null || command -v valkey-server >/dev/null || missing+=(redis-server)
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null || missing+=(postgresql)
test -x /usr/sbin/nginx || command -v nginx >/dev/null || missing+=(nginx)
command -v ip >/dev/null || missing+=(iproute2)
command -v docker-compose >/dev/null || missing+=(docker-compose)
command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null || missing+=(chromium)
command -v promtool >/dev/null || missing+=(prometheus)
command -v rabbitmq-server >/dev/null || test -x /usr/sbin/rabbitmq-server || missing+=(rabbitmq-server)

# Chromium without windows, which takes a third of the processor time. Not every release has it.
windowless() {
  command -v chromium-headless-shell >/dev/null || apt-cache pkgnames chromium-headless-shell 2>/dev/null || true
}

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null || [ -z "${missing[*]}$(windowless)" ]; then
  exit 0
fi

# The tests start their own instances, so the packages must not start their services.
if [ ! -e /usr/sbin/policy-rc.d ]; then
  printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
  chmod +x /usr/sbin/policy-rc.d
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
fi

echo "Installing for the tests: ${missing[*]} $(windowless)" >&2
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
# shellcheck disable=SC2046 it is one word or none
if ! { apt-get update && apt-get install -y --no-install-recommends "${missing[@]}" $(windowless); } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "Could not install all of them; the tests that need them are skipped, or fail when CI=true." >&2
fi
rm -f "$log"
