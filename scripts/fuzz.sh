#!/bin/sh
# Builds one harness of Fuzz/ and runs it. usage: scripts/fuzz.sh TARGET RUNS [libFuzzer options]
#
# TARGET is a folder of Fuzz/Targets. First its FailCases are run once each, then RUNS inputs are made from its Seeds and from what
# earlier runs found (kept in Fuzz/.build/corpus). An input that fails is written to Fuzz/FailCases/TARGET: fix, give it a name that
# says what it shows, and make it a unit test.
# SANITIZE=fuzzer,address also watches every memory access, at a third of the speed.
set -eu

if [ $# -lt 2 ]; then
    sed -n '2s/^# //p' "$0" >&2
    exit 64
fi
target=$1
runs=$2
shift 2
cd "$(dirname "$0")/.."
if [ ! -f "Fuzz/Targets/$target/main.swift" ]; then
    echo "fuzz.sh: no harness $target; there are: $(cd Fuzz/Targets && ls -d Fuzz*[!t] | tr '\n' ' ')" >&2
    exit 64
fi

sanitize=${SANITIZE:-fuzzer}
build=Fuzz/.build/$(echo "$sanitize" | tr ',' '-')
# The whole build is instrumented, the code under test above all. Assertions stay on in the optimised code.
swift build --package-path Fuzz --scratch-path "$build" --configuration release --product "$target" -j 2 \
    -Xswiftc "-sanitize=$sanitize" -Xswiftc -assert-config -Xswiftc Debug

# A trap would otherwise leave a backtracer behind that waits for a terminal.
export SWIFT_BACKTRACE=enable=no
binary=$build/release/$target
corpus=Fuzz/.build/corpus/$target
fails=Fuzz/FailCases/$target
mkdir -p "$corpus" "$fails"

find "$fails" -type f ! -name .gitkeep | sort | while IFS= read -r case; do
    echo "fuzz.sh: $case"
    "$binary" -runs=1 "$case"
done

exec "$binary" -runs="$runs" -max_len=1024 -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$fails/" \
    -dict="Fuzz/Dictionaries/$target.dict" -print_final_stats=1 "$@" "$corpus" "Fuzz/Seeds/$target"
