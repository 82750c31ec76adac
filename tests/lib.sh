# What the test commands share.  Sourced by bash; $root is the repository.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${LASTGASP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lastgasp}
export LASTGASP_CACHE=$cache
export LASTGASP_BUILD=${LASTGASP_BUILD:-$root/.build/plain}

say() { printf '%s\n' "$*" >&2; }

# One line of closing words that `tests/all` adds up.
closing() { printf '%s passed, %s failed\n' "$1" "$2"; }

has_go() {
    command -v go >/dev/null 2>&1 || dpkg-query -W -f '${Status}' golang-go 2>/dev/null | grep -q 'ok installed'
}

# install SUITE...: Debian packages that are missing for these suites, said once, with the reason.
install_packages() {
    local missing=() package suites why words=''
    while IFS=$'\t' read -r package suites why; do
        case $package in '#'* | '') continue ;; esac
        [ "$suites" = all ] || [[ " $* " == *" $suites "* ]] || continue
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' && continue
        missing+=("$package")
        words+="  $package: $why"$'\n'
    done <"$root/tests/packages.tsv"
    if ! has_go; then
        missing+=(golang-go)
        words+="  golang-go: the API servers that the tests talk to"$'\n'
    fi
    [ ${#missing[@]} -gt 0 ] || return 0

    say "Installing Debian packages that are missing here:"
    printf '%s' "$words" >&2
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        as_root=(sudo)
        say "(root is needed for this alone, so sudo may ask for your password)"
    fi
    if ! { "${as_root[@]}" apt-get update -q &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -qy --no-install-recommends "${missing[@]}"; } >"$cache/apt.log" 2>&1; then
        tail -n 20 "$cache/apt.log" >&2
        say "could not install them; the whole output is in $cache/apt.log"
        return 1
    fi
}

# build FOLDER [MESON OPTION]...: warnings are errors.
build() {
    local folder=$1
    shift
    if [ ! -f "$folder/build.ninja" ]; then
        meson setup "$folder" "$root" "$@" >"$cache/meson.log" 2>&1 || {
            cat "$cache/meson.log" >&2
            return 1
        }
    fi
    ninja -C "$folder" >"$cache/ninja.log" 2>&1 || {
        tail -n 60 "$cache/ninja.log" >&2
        return 1
    }
}

# The Python of a virtual environment with what tests/requirements.txt names, made once.
python() {
    local folder
    folder=$cache/venv-$(sha256sum "$root/tests/requirements.txt" | cut -c-12)
    if [ ! -x "$folder/bin/pytest" ]; then
        say "Making a Python environment in $folder for: $(grep -v '^#' "$root/tests/requirements.txt" | tr '\n' ' ')"
        rm -rf "$folder"
        /usr/bin/python3 -m venv "$folder" || return 1
        "$folder/bin/pip" install -q --disable-pip-version-check \
            -r "$root/tests/requirements.txt" >&2 || return 1
    fi
    printf '%s\n' "$folder/bin/python"
}

# The simulated API server's program, built once a change of its sources.
simulated_apiserver() {
    local hash go program
    hash=$(cat "$root"/tests/apiserver/*.go "$root/tests/apiserver/go.mod" | sha256sum | cut -c-12)
    program=$cache/apiserver-$hash
    if [ ! -x "$program" ]; then
        go=$("$root/tests/cluster/find-go") || return 1
        say "Building the simulated API server"
        (cd "$root/tests/apiserver" && "$go" build -o "$program.new" .) >&2 || return 1
        mv "$program.new" "$program"
    fi
    printf '%s\n' "$program"
}

# Prometheus's promtool, out of its Debian package, which is not installed: that would start a server.
promtool() {
    local folder=$cache/prometheus
    type -P promtool && return
    if [ ! -x "$folder/usr/bin/promtool" ]; then
        say "Unpacking promtool from the Debian package prometheus: checks metrics and alert rules"
        rm -rf "$folder"
        mkdir -p "$folder"
        # A machine that lacked no package has perhaps never read its lists.
        if ! (cd "$folder" && { apt-get download -q prometheus ||
            { apt-get update -q && apt-get download -q prometheus; }; } &&
            dpkg-deb -x prometheus_*.deb .) >"$cache/promtool.log" 2>&1; then
            tail -n 20 "$cache/promtool.log" >&2
            say "could not get it; the whole output is in $cache/promtool.log"
            return 1
        fi
    fi
    printf '%s\n' "$folder/usr/bin/promtool"
}

# run_pytest FOLDER [ARGUMENT]...: pytest's own closing line goes to people, ours to tests/all.
run_pytest() {
    local folder=$1 python results status=0
    shift
    python=$(python) || return 1
    LASTGASP_APISERVER=$(simulated_apiserver) || return 1
    export LASTGASP_APISERVER
    results=$(mktemp)
    (cd "$root" && PYTHONDONTWRITEBYTECODE=1 "$python" -m pytest -p no:cacheprovider -q \
        --junitxml="$results" "$folder" "$@") || status=$?
    "$python" - "$results" "$status" <<'PYTHON'
import sys, xml.etree.ElementTree as tree
passed = failed = 0
try:
    for case in tree.parse(sys.argv[1]).iter("testcase"):
        # A skipped case is a failure too: what could not run has shown nothing.
        bad = any(case.find(kind) is not None for kind in ("failure", "error", "skipped"))
        failed, passed = failed + bad, passed + (not bad)
except (OSError, tree.ParseError):
    pass
if sys.argv[2] != "0" and failed == 0:
    failed = 1
print(f"{passed} passed, {failed} failed")
PYTHON
    rm -f "$results"
    return "$status"
}

# counted COMMAND...: adds what it counted to `passed` and `failed`; one that counted nothing failed.
counted() {
    local output line
    output=$(mktemp)
    "$@" 2>&1 | tee "$output"
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$output" | tail -n 1)
    rm -f "$output"
    line=${line:-0 passed, 1 failed}
    passed=$((passed + ${line%% *}))
    line=${line#*, }
    failed=$((failed + ${line%% *}))
}

# run_pytest_by COUNT FOLDER [ARGUMENT]...: as many tests at a time, for those that mostly wait.
# With "--dist no" they run one after the other, as "-s" and a debugger want it.
run_pytest_by() {
    local count=$1 folder=$2 python
    shift 2
    python=$(python) || return 1
    run_pytest "$folder" --dist worksteal \
        --tx "$count*popen//python=$root/tests/harness/own-network $python" "$@"
}

run_integration() {
    LASTGASP_PROMTOOL=$(promtool) || return 1
    export LASTGASP_PROMTOOL
    run_pytest_by 4 tests/integration "$@"
}

# run_meson FOLDER SUITE [ARGUMENT]...: counts check's own test cases, not programs.
run_meson() {
    local folder=$1 suite=$2 status=0 log
    shift 2
    log=$folder/meson-logs/testlog.json
    rm -f "$folder"/meson-logs/testlog*.json
    meson test -C "$folder" --no-rebuild --suite "$suite" --print-errorlogs "$@" >&2 || status=$?
    log=$(find "$folder/meson-logs" -name 'testlog*.json' | head -n 1)
    /usr/bin/python3 - "${log:-none}" "$status" <<'PYTHON'
import json, re, sys
passed = failed = 0
try:
    for line in open(sys.argv[1]):
        test = json.loads(line)
        results = [l.split()[0] for l in (test.get("stdout") or "").splitlines() if re.match(r"(not )?ok\b", l)]
        good, bad = results.count("ok"), results.count("not")
        if test["result"] != "OK" and bad == 0:
            bad = 1
        passed, failed = passed + max(good, test["result"] == "OK"), failed + bad
except OSError:
    pass
if sys.argv[2] != "0" and failed == 0:
    failed = 1
print(f"{passed} passed, {failed} failed")
PYTHON
    return "$status"
}
mkdir -p "$cache"
