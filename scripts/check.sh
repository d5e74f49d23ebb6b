#!/usr/bin/env bash
# Everything that must hold before a change goes in: one command for people and CI.
#
#   scripts/check.sh             all steps
#   scripts/check.sh unit e2e    only these
#   scripts/check.sh --list      their names
#
# Each step prints its name and how long it took; a step that fails is named, the others still run unless they need it.
set -uo pipefail
cd "$(dirname "$0")/.."

SWIFT=${SWIFT:-swift}
JOBS=${JOBS:-$(nproc)}
SEEDS=${SEEDS:-200}
FUZZ_RUNS=${FUZZ_RUNS:-100000}
steps=(format tidy build unit purity linkage sim fuzz peers e2e)

folders() {
    local folder
    for folder in Sources Tests Fuzz Benchmarks; do
        [ -d "$folder" ] && git ls-files --cached --others --exclude-standard -- "$folder/*.swift" | sed "s|^|$PWD/|"
    done
    echo "$PWD/Package.swift"
}

step_format() { folders | xargs "$SWIFT" format lint --strict --parallel; }

step_tidy() {
    "${PYTHON:-python3}" scripts/tidy.py --self-test && "${PYTHON:-python3}" scripts/tidy.py
}

# The same line as in the Makefile. Package.swift turns warnings into errors.
step_build() {
    "$SWIFT" build -c release --static-swift-stdlib --explicit-target-dependency-import-check error -j "$JOBS"
}

step_unit() { "$SWIFT" test -j "$JOBS"; }

step_purity() { scripts/purity.sh && scripts/purity.sh --self-test; }

step_linkage() { scripts/linkage.sh; }

# Clean seeds mean something only if a bug put in on purpose is found: each canary must make some seed fail.
step_sim() {
    local sim=.build/release/mcp-sim canary canaries
    export SWIFT_DETERMINISTIC_HASHING=1
    "$sim" --seeds "$SEEDS" --jobs "$JOBS" || return 1
    canaries=$("$sim" --usage 2>&1 | sed -n 's/.*put in on purpose: //p' | tr -d ',')
    if [ -z "$canaries" ]; then
        echo "sim: mcp-sim names no canary"
        return 1
    fi
    for canary in $canaries; do
        if "$sim" --seeds "$SEEDS" --jobs "$JOBS" --canary "$canary" >/dev/null 2>&1; then
            echo "sim: the canary $canary was not found in $SEEDS seeds"
            return 1
        fi
    done
    echo "sim: found the canaries $canaries"
}

# Every harness over its seeds, its past failures and some new inputs.
step_fuzz() {
    local harness name log failed=0
    log=$(mktemp)
    for harness in Fuzz/Targets/*/main.swift; do
        name=$(basename "$(dirname "$harness")")
        if scripts/fuzz.sh "$name" "$FUZZ_RUNS" >"$log" 2>&1; then
            echo "fuzz: $name: $(grep -o 'stat::number_of_executed_units: .*' "$log" | tr -s ' ' | cut -d ' ' -f 2) executions"
        else
            tail -n 40 "$log"
            echo "fuzz: $name: FAILED"
            failed=1
        fi
    done
    rm -f "$log"
    return $failed
}

# What the benchmarks compare with must do the job it stands for. No load, no figures.
step_peers() { make --no-print-directory -C Benchmarks check; }

step_e2e() {
    if [ ! -x .venv-sdk2/bin/pytest ] || [ ! -x .venv-sdk1/bin/python ] || [ ! -x .venv-servers/bin/python ] || [ ! -x .venv-servers-legacy/bin/python ]; then
        make --no-print-directory venvs || return 1
    fi
    .venv-sdk2/bin/pytest Tests/EndToEnd
}

needs_build() { case "$1" in purity | linkage | sim | e2e) true ;; *) false ;; esac; }

if [ "${1:-}" = --list ]; then
    printf '%s\n' "${steps[@]}"
    exit 0
fi
chosen=("$@")
[ ${#chosen[@]} -gt 0 ] || chosen=("${steps[@]}")
for step in "${chosen[@]}"; do
    if ! declare -F "step_$step" >/dev/null; then
        echo "check: unknown step '$step'; known: ${steps[*]}" >&2
        exit 64
    fi
done

report=()
failed=()
for step in "${chosen[@]}"; do
    if needs_build "$step" && [[ " ${failed[*]:-} " == *" build "* ]]; then
        report+=("$(printf '%-8s %6s  skipped: the build failed' "$step" -)")
        failed+=("$step")
        continue
    fi
    echo "==> $step"
    started=$SECONDS
    if "step_$step"; then
        verdict=ok
    else
        verdict=FAILED
        failed+=("$step")
    fi
    report+=("$(printf '%-8s %5ds  %s' "$step" $((SECONDS - started)) "$verdict")")
    echo "==> ${report[-1]}"
done

echo
echo "check: steps"
printf '  %s\n' "${report[@]}"
if [ ${#failed[@]} -gt 0 ]; then
    echo "check: FAILED: ${failed[*]}"
    exit 1
fi
echo "check: all ${#chosen[@]} steps passed in ${SECONDS}s"
