#!/usr/bin/env bash
# bootstrap.sh runtime|demo|test|lint: makes .venv with exactly what requirements/NAME.txt pins, and what Debian must add to it.
# A missing Debian package is installed when we are root, else named.
set -eu
cd "$(dirname "$0")/.."
set=${1:-runtime}
PATH=$PATH:/usr/sbin:/sbin # where Debian keeps servers, and not everybody looks

# need COMMAND PACKAGE WHY: the command is there, or becomes so, or we stop and say what to install.
need() {
  command -v "$1" >/dev/null 2>&1 && return
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Debian's $2: $3." >&2
    apt-get -qq update >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$2" >/dev/null && return
  fi
  echo "Missing: $1 ($3). Run as root: apt-get install $2" >&2
  exit 1
}

need git git "reads and writes repositories"
need ssh openssh-client "reaches repositories over SSH"
python=""
for candidate in python3.11 python3; do
  if command -v "$candidate" >/dev/null 2>&1 && "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
    python=$candidate
    break
  fi
done
if [ -z "$python" ]; then
  echo "Missing: Python 3.11, which Octoargo runs on. On Debian 12, run as root: apt-get install python3" >&2
  exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Debian's python3-venv: it makes the virtual environment." >&2
    apt-get -qq update >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends python3-venv >/dev/null
  else
    echo "Missing: Python's venv module. Run as root: apt-get install python3-venv" >&2
    exit 1
  fi
fi
if [ "$set" = test ] || [ "$set" = lint ]; then
  need chromium chromium "browser tests"
  need sshd openssh-server "tests of Git over SSH, each with a server of its own"
fi

# The largest set that was asked for stays, so that `make serve` after `make test` takes nothing away.
rank() { case "$1" in lint) echo 4 ;; test) echo 3 ;; demo) echo 2 ;; runtime) echo 1 ;; *) echo 0 ;; esac; }
have=$(cat .venv/octoargo-set 2>/dev/null || true)
[ "$(rank "$have")" -gt "$(rank "$set")" ] && set=$have
wanted=$(cat requirements/uv.txt "requirements/$set.txt" | sha256sum | cut -d' ' -f1)
[ "$(cat .venv/octoargo-stamp 2>/dev/null || true)" = "$wanted" ] && exit 0

[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
# uv is ten times as fast; behind a proxy with a certificate of its own it needs the system's, and pip knows its own ways.
uv="pip install --quiet --python .venv/bin/python --require-hashes -r requirements/$set.txt"
.venv/bin/uv $uv 2>/dev/null || .venv/bin/uv --system-certs $uv 2>/dev/null ||
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r "requirements/$set.txt"
echo "$set" >.venv/octoargo-set
echo "$wanted" >.venv/octoargo-stamp
