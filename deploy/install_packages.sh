#!/usr/bin/env bash
# install_packages.sh LOCK [OPTION OF UV...]
# Installs the packages of a lock file and the checkout itself into .venv, and verifies the hash of each package. pip
# installs uv, which installs the rest much faster than pip. If uv fails, pip installs everything.
set -euo pipefail
cd "$(dirname "$0")/.."

pip() { .venv/bin/python -m pip --disable-pip-version-check "$@"; }
pip_install() { pip install -qq "$@"; }
uv_install() { .venv/bin/uv pip install --quiet --python .venv/bin/python "$@"; }

# The lines of requirements.lock for one package, with its hashes.
locked() { awk -v name="$1==" 'index($0, name) == 1 {on = 1} on {print} on && !/\\$/ {exit}' requirements.lock; }

# uv does not read pip's configuration, so an index that is configured for pip is passed to uv.
use_index_of_pip() {
  local of_pip
  of_pip=${PIP_INDEX_URL:-$(pip config list | sed -n "s/^[a-z]*\.index-url='\(.*\)'\$/\1/p" | tail -n 1)}
  if [ -n "$of_pip" ]; then export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-${UV_INDEX_URL:-$of_pip}}; fi
}

with_uv() {
  use_index_of_pip
  if ! test -x .venv/bin/uv; then pip_install --no-compile --require-hashes -r <(locked uv) || return; fi
  uv_install --require-hashes -r <(locked setuptools) || return
  uv_install --require-hashes -r "$@" || return
  uv_install --no-deps --no-build-isolation -e .
}

with_pip() {
  pip_install --require-hashes -r "$1"
  pip_install --require-hashes -r <(locked setuptools)
  pip_install --no-deps --no-build-isolation -e .
}

if ! with_uv "$@"; then
  echo "uv could not install the packages; pip installs them now, which takes longer" >&2
  with_pip "$1"
fi
