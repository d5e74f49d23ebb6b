#!/usr/bin/env bash
# The release binaries may need only these libraries, and must not search for them in places of the build machine.
set -euo pipefail
cd "$(dirname "$0")/.."
directory=${1:-.build/release}

base='libc.so.6 libm.so.6 libgcc_s.so.1 libstdc++.so.6 ld-linux-x86-64.so.2 ld-linux-aarch64.so.1 libpthread.so.0 libdl.so.2'
failed=0

# check BINARY LIBRARY...: what it needs beyond the C and C++ runtimes.
check() {
    local binary=$directory/$1 needed library
    shift
    if [ ! -x "$binary" ]; then
        echo "linkage: $binary is missing; build the release first" >&2
        failed=1
        return
    fi
    needed=$(readelf -d "$binary" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
    for library in $needed; do
        case " $base $* " in
        *" $library "*) ;;
        *)
            echo "linkage: $binary needs $library, which is not on the allow-list"
            failed=1
            ;;
        esac
    done
    if readelf -d "$binary" | grep -E '\((RPATH|RUNPATH)\)' | grep -vq '\[\$ORIGIN\]'; then
        echo "linkage: $binary has a library search path of the build machine: $(readelf -d "$binary" | grep -E 'RPATH|RUNPATH')"
        failed=1
    fi
    echo "linkage: $binary: $(tr '\n' ' ' <<<"$needed")($(stat -c %s "$binary") bytes)"
}

# OpenSSL and SQLite are linked statically; libsystemd is opened only where systemd is.
check mcp-supervisor
check mcp-worker
exit $failed
