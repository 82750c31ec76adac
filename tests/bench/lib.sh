# What the benchmarks share.  Sourced by bash.
# shellcheck shell=bash

folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Speed is measured of what users run: a release build, unless another is named.
export LASTGASP_BUILD=${LASTGASP_BUILD:-$folder/../../.build/release}
# shellcheck source=tests/lib.sh
. "$folder/../lib.sh"

# The Go programs beside this file, built once a change of their sources.
bench_programs() {
    local hash go programs
    hash=$(cat "$folder"/go.mod "$folder"/go.sum "$folder"/*/*.go | sha256sum | cut -c-12)
    programs=$cache/bench-$hash
    if [ ! -d "$programs" ]; then
        go=$("$root/tests/cluster/find-go") || return 1
        say "Building the benchmarks' own programs"
        # With the control plane's flags, so that what both are built of is built once.
        (cd "$folder" && mkdir -p "$programs.new" &&
            CGO_ENABLED=0 "$go" build -trimpath -o "$programs.new/" ./...) >&2 || return 1
        mv "$programs.new" "$programs"
    fi
    printf '%s\n' "$programs"
}

# bench NAME [OPTION]...: NAME is a module of this folder, or "all".
bench() {
    local python as_root=()
    install_packages bench cluster namespaces || return 1
    build "$LASTGASP_BUILD" --buildtype=release || return 1
    python=$(python) || return 1
    LASTGASP_APISERVER=$(simulated_apiserver) || return 1
    LASTGASP_BENCH=$(bench_programs) || return 1
    LASTGASP_CONTROL_PLANE=$("$root/tests/cluster/build-control-plane") || return 1
    export LASTGASP_APISERVER LASTGASP_BENCH LASTGASP_CONTROL_PLANE
    # Who may have namespaces of one's own is root in them, which is all that it takes.
    [ "$(id -u)" -eq 0 ] || as_root=(unshare --user --map-root-user)
    (cd "$root" && PYTHONDONTWRITEBYTECODE=1 "${as_root[@]}" "$python" -m tests.bench.main "$@")
}
