#!/usr/bin/env bash
# Runs the benchmarks of Benchmarks/ against the release build. Arguments go to the runner.
set -euo pipefail
cd "$(dirname "$0")/.."
exec "$(scripts/python.sh)" Benchmarks/bench.py "$@"
