#!/bin/sh
# Builds harnesses of Fuzz/ and runs them. usage: scripts/fuzz.sh TARGET RUNS [libFuzzer options] | scripts/fuzz.sh --smoke
#
# TARGET is a folder of Fuzz/Targets. First its FailCases are run once each, then RUNS inputs are made from its Seeds and from what
# earlier runs found (kept in Fuzz/.build/corpus). An input that fails is written to Fuzz/FailCases/TARGET: fix, give it a name that
# says what it shows, and make it a unit test.
# SANITIZE=fuzzer,address also watches every memory access, at a third of the speed.
#
# --smoke runs every target: all FailCases and Seeds and 20,000 inputs more, at most two minutes each, from the Seeds alone and with
# a fixed seed, so that it says the same on every machine. It leaves nothing behind but an input that fails.
set -eu
cd "$(dirname "$0")/.."

sanitize=${SANITIZE:-fuzzer}
build=Fuzz/.build/$(echo "$sanitize" | tr ',' '-')
smoke_runs=20000
smoke_seconds=120

# A trap would otherwise leave a backtracer behind that waits for a terminal.
export SWIFT_BACKTRACE=enable=no

targets() {
    for main in Fuzz/Targets/*/main.swift; do basename "$(dirname "$main")"; done
}

# With no argument all products. The whole build is instrumented, the code under test above all. Assertions stay on in the optimised
# code.
build() {
    "${SWIFT:-swift}" build --package-path Fuzz --scratch-path "$build" --configuration release -j "${JOBS:-2}" \
        -Xswiftc "-sanitize=$sanitize" -Xswiftc -assert-config -Xswiftc Debug "$@"
}

fail_cases() {
    find "Fuzz/FailCases/$1" -type f ! -name .gitkeep | sort | while IFS= read -r case; do
        echo "fuzz.sh: $case"
        "$build/release/$1" -runs=1 "$case" || exit 1
    done
}

# TARGET RUNS CORPUS [libFuzzer options]: new inputs go to CORPUS.
fuzz() {
    target=$1
    runs=$2
    corpus=$3
    shift 3
    "$build/release/$target" -runs="$runs" -max_len=1024 -timeout=10 -rss_limit_mb=2048 \
        -artifact_prefix="Fuzz/FailCases/$target/" -dict="Fuzz/Dictionaries/$target.dict" -print_final_stats=1 \
        "$@" "$corpus" "Fuzz/Seeds/$target"
}

smoke() {
    build
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    failed=
    for target in $(targets); do
        mkdir -p "$scratch/$target" "Fuzz/FailCases/$target"
        if fail_cases "$target" >"$scratch/log" 2>&1 \
            && fuzz "$target" "$smoke_runs" "$scratch/$target" -seed=1 -max_total_time="$smoke_seconds" >>"$scratch/log" 2>&1; then
            echo "fuzz.sh: $target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$scratch/log" | tail -n 1) inputs, no finding"
        else
            tail -n 40 "$scratch/log"
            echo "fuzz.sh: $target: FAILED"
            failed="$failed $target"
        fi
    done
    [ -z "$failed" ] || exit 1
}

if [ "${1:-}" = --smoke ] && [ $# -eq 1 ]; then
    smoke
    exit
fi
if [ $# -lt 2 ]; then
    sed -n '2s/^# //p' "$0" >&2
    exit 64
fi
target=$1
runs=$2
shift 2
if [ ! -f "Fuzz/Targets/$target/main.swift" ]; then
    echo "fuzz.sh: no harness $target; there are: $(targets | tr '\n' ' ')" >&2
    exit 64
fi
build --product "$target"
mkdir -p "Fuzz/.build/corpus/$target" "Fuzz/FailCases/$target"
fail_cases "$target"
fuzz "$target" "$runs" "Fuzz/.build/corpus/$target" "$@"
