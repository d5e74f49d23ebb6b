#!/usr/bin/env bash
# Installs the Debian packages of the named groups (build, test, bench), but only those whose probe fails.
#
#   scripts/deps.sh build test
#
# Every entry is "package probe": the probe is a command that succeeds when the package is not needed any more, so a
# tool that was installed by other means counts. Nothing happens (and no network is touched) when all probes succeed.
set -euo pipefail

have() { command -v "$1" >/dev/null 2>&1; }
library() { have pkg-config && pkg-config --exists "$1"; }
# Linked from its archive, see Package.swift.
cxx_archive() { [ -e "$(gcc -print-file-name=libstdc++.a 2>/dev/null)" ]; }
# A Python that can make environments: the packages of the tests need 3.10.
python_with_venv() { "$(dirname "$0")/python.sh" >/dev/null 2>&1; }

entries() {
    case "$1" in
    build)
        cat <<'LIST'
pkg-config have pkg-config
make have make
gcc have gcc
libc6-dev test -e /usr/include/stdio.h
g++ cxx_archive
libsystemd-dev library libsystemd
libsqlite3-dev library sqlite3
libssl-dev library libcrypto
LIST
        ;;
    test)
        cat <<'LIST'
python3 have python3
python3-venv python_with_venv
binutils have readelf
curl have curl
git have git
nodejs have node
LIST
        ;;
    bench)
        cat <<'LIST'
nginx-light test -x /usr/sbin/nginx
wrk have wrk
LIST
        ;;
    *)
        echo "deps: unknown group '$1' (known: build, test, bench)" >&2
        exit 64
        ;;
    esac
}

missing=()
for group in "${@:-build}"; do
    while read -r package probe; do
        # shellcheck disable=SC2086  # The probe is a command with arguments.
        $probe </dev/null || missing+=("$package")
    done < <(entries "$group")
done

if ! have "${SWIFT:-swift}"; then
    echo "deps: no Swift toolchain: '${SWIFT:-swift}' was not found. Version 6.3 or newer is needed." >&2
    exit 69
fi
[ ${#missing[@]} -eq 0 ] && exit 0

if ! have apt-get; then
    echo "deps: missing: ${missing[*]} (Debian names); there is no apt-get here, please install them by hand." >&2
    exit 69
fi
root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! have sudo; then
        echo "deps: missing: ${missing[*]}; run as root or install sudo:  apt-get install ${missing[*]}" >&2
        exit 77
    fi
    root=(sudo)
fi
echo "deps: installing ${missing[*]} (with ${root[*]:-}${root[*]:+ }apt-get)"
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
