#!/usr/bin/env bash
# Proves that the pure layers link no clock, file, socket, thread or randomness.
#
#   scripts/purity.sh [BUILD_DIRECTORY]    checks the release objects (default .build/release)
#   scripts/purity.sh --self-test          builds a copy of Base with a getpid in it and expects to be told
#
# It reads the undefined symbols of every object of a layer and fails on each one that is neither the Swift runtime, the
# standard library, a lower pure layer, nor one of the few C functions a compiler emits by itself.
set -euo pipefail
cd "$(dirname "$0")/.."

pure_layers=(Base Wire MCP SupervisorCore WorkerCore)

# What the compiler and the Swift runtime use for plain memory work. Nothing here reads the outside world.
c_allowed='^(memcpy|memmove|memset|memcmp|bcmp|strlen|malloc|calloc|realloc|free|posix_memalign|aligned_alloc|malloc_usable_size|fmod|fmodf|__stack_chk_fail|__divti3|__modti3|__udivti3|__umodti3|__multi3|_GLOBAL_OFFSET_TABLE_)$'
runtime_allowed='^(_?swift_|__swift_|_swift|_swiftEmpty|__chkstk_)'
# Parts of the Swift runtime and library that do reach outside: randomness, tasks, clocks, standard streams, arguments.
denied='(stdlib_random|swift_task|swift_job|swift_continuation|swift_asyncLet|swift_get_time|swift_get_clock|swift_sleep|readLine|CommandLine|SystemRandom|ContinuousClock|SuspendingClock|_getRandom|5print_|10debugPrint|5print[0-9]|\$sSc|\$ss5print|_stdout|_swift_stdlib_(fwrite|write|read|getUnsafeArgv))'

find_nm() {
    local swift
    swift=$(readlink -f "$(command -v "${SWIFT:-swift}")")
    for tool in "$(dirname "$swift")/llvm-nm" llvm-nm nm; do
        if command -v "$tool" >/dev/null 2>&1; then
            command -v "$tool"
            return
        fi
    done
    echo "purity: neither llvm-nm nor nm was found" >&2
    exit 69
}

# check_layer BUILD_DIRECTORY LAYER: prints each forbidden symbol with its object; fails if there is one.
check_layer() {
    local directory=$1/$2.build layer=$2 modules="" lower
    for lower in "${pure_layers[@]}"; do
        modules+="${modules:+|}${#lower}${lower}"
        [ "$lower" = "$layer" ] && break
    done
    local objects=("$directory"/*.o)
    if [ ! -e "${objects[0]}" ]; then
        echo "purity: no objects of $layer in $directory; build the release first" >&2
        return 1
    fi
    "$nm" --undefined-only --print-file-name "${objects[@]}" | awk \
        -v layer="$layer" -v modules="^\\\\\$s($modules)" -v c_allowed="$c_allowed" -v runtime="$runtime_allowed" -v denied="$denied" '
        {
            symbol = $NF
            object = $1
            sub(/:.*/, "", object)
            sub(/.*\//, "", object)
            verdict = ""
            if (symbol ~ denied) verdict = "reaches outside"
            else if (symbol ~ /(10Foundation|20FoundationEssentials|8Dispatch|5Glibc|15Synchronization|12_Concurrency)/) verdict = "foreign module"
            # An associated type (…Tl, …Tn) is named before its protocol, every other entity after its module.
            else if (symbol ~ /^\$s[0-9]/) { if (symbol !~ modules && symbol !~ /T[ln]$/) verdict = "foreign module" }
            else if (symbol ~ /^\$s/ || symbol ~ /^symbolic / || symbol ~ /^get_/) verdict = ""
            else if (symbol ~ runtime || symbol ~ c_allowed) verdict = ""
            else verdict = "not on the allow-list"
            if (verdict != "") { print "purity: " layer ": " object ": " symbol ": " verdict; bad = 1 }
        }
        END { exit bad }'
}

check_all() {
    local failed=0 layer
    for layer in "${pure_layers[@]}"; do
        check_layer "$1" "$layer" || failed=1
    done
    return $failed
}

# A check that cannot fail is none: three canaries must be caught, and the same copy without them must pass.
self_test() {
    local copy output
    copy=$(mktemp -d)
    # shellcheck disable=SC2064
    trap "rm -rf '$copy'" EXIT
    mkdir -p "$copy/Sources/Base"
    cp -r Sources/Shared/Base/. "$copy/Sources/Base/"
    cat >"$copy/Package.swift" <<'SWIFT'
// swift-tools-version: 6.2
import PackageDescription
let package = Package(name: "canary", targets: [.target(name: "Base", path: "Sources/Base")])
SWIFT
    pure_layers=(Base)
    build_copy() {
        "${SWIFT:-swift}" build -c release --package-path "$copy" --scratch-path "$copy/.build" >"$copy/log" 2>&1 || {
            cat "$copy/log" >&2
            exit 1
        }
    }
    build_copy
    check_layer "$copy/.build/release" Base || { echo "purity: the copy without a canary was refused" >&2; exit 1; }
    cat >"$copy/Sources/Base/Canary.swift" <<'SWIFT'
import Glibc
public func canaryProcess() -> Int32 { getpid() }
public func canaryClock() -> Int { var now = timespec(); clock_gettime(CLOCK_MONOTONIC, &now); return now.tv_sec }
public func canaryRandom() -> UInt64 { UInt64.random(in: 0...9) }
SWIFT
    build_copy
    output=$(check_layer "$copy/.build/release" Base || true)
    local canary
    for canary in getpid clock_gettime stdlib_random; do
        grep -q "$canary" <<<"$output" || { echo "purity: the canary $canary was not caught" >&2; exit 1; }
    done
    echo "purity: self-test: the canaries getpid, clock_gettime and stdlib_random were caught"
}

nm=$(find_nm)
if [ "${1:-}" = --self-test ]; then
    self_test
else
    check_all "${1:-.build/release}"
    echo "purity: ${pure_layers[*]}: nothing that reaches outside"
fi
