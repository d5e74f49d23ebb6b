#!/usr/bin/env bash
# Makes the virtual environment $1 anew from the requirements file $2. make calls it when the requirements have changed.
set -euo pipefail
directory=$1
requirements=$2
python=$("$(dirname "$0")/python.sh")
echo "venv: $directory from $requirements ($("$python" --version))"
rm -rf "$directory"
"$python" -m venv "$directory"
# Bound: three attempts, because a package index may fail for a moment.
for attempt in 1 2 3; do
    if "$directory/bin/python" -m pip install --quiet --disable-pip-version-check --no-input -r "$requirements"; then
        exit 0
    fi
    echo "venv: attempt $attempt failed" >&2
done
exit 69
