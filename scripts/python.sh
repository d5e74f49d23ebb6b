#!/usr/bin/env bash
# Prints a Python (3.10 or newer) that can make virtual environments: $PYTHON, then python3 on the path, then Debian's own.
# Debian splits ensurepip off into python3-venv, and a pyenv build may lack parts: so it is tried, not assumed.
set -euo pipefail
for candidate in "${PYTHON:-python3}" python3 /usr/bin/python3; do
    if "$candidate" -c 'import sys, venv, ensurepip, ssl; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1; then
        command -v "$candidate"
        exit 0
    fi
done
echo "no Python 3.10 or newer with the venv module; on Debian: apt-get install python3-venv" >&2
exit 69
