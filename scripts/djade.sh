#!/usr/bin/env bash
# Formats the templates' syntax, or with --check only says which would change.
set -eu
cd "$(dirname "$0")/.."
git ls-files --cached --others --exclude-standard '*.html' | xargs -r .venv/bin/djade --target-version 5.2 "$@"
