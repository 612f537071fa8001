#!/usr/bin/env bash
# Makes requirements/*.txt anew from pyproject.toml: pinned, with hashes, without any index's address.
set -eu
cd "$(dirname "$0")/.."
uv=.venv/bin/uv
export="$uv export --frozen --format requirements-txt --no-emit-project --no-annotate --no-header"
$uv lock --quiet
$export -o requirements/runtime.txt >/dev/null
$export --extra gateway -o requirements/demo.txt >/dev/null
$export --extra gateway --group test -o requirements/test.txt >/dev/null
$export --extra gateway --group test --group lint -o requirements/lint.txt >/dev/null
constraints=$(mktemp)
trap 'rm -f "$constraints"' EXIT
grep -oE '^[A-Za-z0-9._-]+==[^ ;]+' requirements/lint.txt >"$constraints"
compile="$uv pip compile --quiet --generate-hashes --no-annotate --no-header --python-version 3.11"
.venv/bin/python -c '
import tomllib
for line in tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["gateway"]:
    print(line)
' | $compile --constraint "$constraints" - -o requirements/gateway.txt
echo "uv==$($uv --version | cut -d' ' -f2)" | $compile - -o requirements/uv.txt
