#!/usr/bin/env bash
# Runs the benchmarks of Benchmarks/ against the release build. Arguments go to the runner.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -x Benchmarks/run.sh ]; then
    exec Benchmarks/run.sh "$@"
elif [ -f Benchmarks/run.py ]; then
    exec .venv-sdk2/bin/python Benchmarks/run.py "$@"
fi
echo "bench: Benchmarks/run.py is missing" >&2
exit 69
