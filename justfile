# The commands of this repository. `just --list` shows them. `.ci/run`, `.ci/extended` and
# `.github/workflows/ci.yml` call the same ones.

set shell := ["bash", "-euo", "pipefail", "-c"]

# The toolchain of rustdoc's JSON, the lower bounds and the fuzz targets.
export NIGHTLY_TOOLCHAIN := env("NIGHTLY_TOOLCHAIN", trim(read(".ci/nightly")))

target := env("CARGO_TARGET_DIR", "target")
packages := "examples/*/Cargo.toml fuzz/Cargo.toml benches/Cargo.toml benches/peers/Cargo.toml tests/public-api/Cargo.toml"
features := "axum reqwest tls-rustls tls-native tls-rustls-no-provider tracing metrics introspection dpop mtls security-events redis test-util cli"

# Shows this list.
default:
    @just --list --unsorted

# Checks the formatting of every package.
fmt:
    cargo fmt --all --check
    for package in {{ packages }}; do cargo fmt --check --manifest-path "$package"; done

# Checks that every lock file fits its manifest. If one does not: run this without `--locked`.
locks:
    for package in Cargo.toml {{ packages }}; do \
        cargo metadata --locked --format-version 1 --manifest-path "$package" >/dev/null; \
    done

# Runs clippy with all features. `incompatible_msrv` reads the MSRV from Cargo.toml.
clippy:
    cargo clippy --locked --all-targets --all-features -- -D warnings

# Runs the tests with the command of the README.
test:
    cargo test --locked

# Runs the tests that all features add, and the documentation tests.
test-all:
    cargo test --locked --all-features --lib --test it --test configuration --test keys --test replication --test redis
    cargo test --locked --all-features --doc

# Tests the command-line tool: against the example server, and a Node.js server with and without a
# defect.
m2m:
    cargo build --locked --all-features --bin m2m --example resource_server
    cargo test --locked --all-features --test m2m

# Attacks the Node.js server with each seeded defect.
attack-matrix:
    cargo build --locked --all-features --bin m2m
    TOWER_M2M_ATTACK_MATRIX=1 cargo test --locked --all-features --test m2m seeded_defects

# Runs clippy for each feature alone.
features:
    cargo clippy --locked --no-default-features -- -D warnings
    for feature in {{ features }}; do \
        cargo clippy --locked --no-default-features --features "$feature" -- -D warnings; \
    done

# Builds the documentation, and checks the links to it.
docs:
    RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps --all-features
    .ci/links/docs {{ target }}/doc

# Compares the public API with tests/public-api/api.txt.
public-api:
    cargo test --locked --manifest-path tests/public-api/Cargo.toml --target-dir {{ target }}

# Checks licenses, sources, duplicates, build scripts, lower bounds and the MSRV of dependencies.
supply-chain:
    cargo-deny --locked --all-features check --hide-inclusion-graph bans licenses sources
    .ci/supply-chain

# Checks the spelling.
typos:
    typos

# Checks that every link between Markdown files leads to a file and a heading.
links:
    npm ci --prefix .ci/links --silent --no-audit --no-fund
    .ci/links/check

# Checks that the chart of benches/README.md shows the numbers of its tables.
chart:
    benches/chart --check

# Installs the tool `m2m` from a clone and from the package, checks its size and its time to start.
install:
    .ci/install

# Packages the crate, checks its size, and builds the unpacked package and its documentation tests.
package:
    .ci/package

# Runs the main job.
quickstart:
    timeout 300 cargo run --locked --quiet --example quickstart

# Tests the example packages, which have dependencies of their own, and runs the PostgreSQL demo.
examples:
    for package in examples/*/Cargo.toml; do \
        cargo test --locked --manifest-path "$package" --target-dir {{ target }}; \
    done
    timeout 300 cargo run --locked --quiet --manifest-path examples/postgres-rls/Cargo.toml \
        --target-dir {{ target }} --example demo

# Builds every fuzz target and runs each for some seconds.
fuzz seconds="10":
    fuzz/run-short.sh {{ seconds }}

# Runs clippy on the benchmarks, and counts instructions.
benches:
    cargo clippy --locked --manifest-path benches/Cargo.toml --target-dir {{ target }} --all-targets --all-features -- -D warnings
    benches/instructions

# Runs the simulations of the key cache and of the denylist with 100,000 steps each, ten times as
# many as the tests.
simulation seeds="50" steps="2000":
    KEYS_SEEDS={{ seeds }} KEYS_STEPS={{ steps }} \
        cargo test --locked --all-features --test keys simulation -- --nocapture
    REPLICAS_SEEDS={{ seeds }} REPLICAS_STEPS={{ steps }} \
        cargo test --locked --all-features --test replication simulation -- --nocapture

# Tests the header of a real haproxy, which has to be installed.
haproxy:
    cargo test --locked --all-features --test proof_of_possession haproxy

# Compares with other crates in one process: time and allocations.
peers:
    cargo clippy --locked --manifest-path benches/peers/Cargo.toml --target-dir {{ target }} --all-targets -- -D warnings
    benches/run peers allocations

# Mutates the files that decide about a request. It takes hours: pass `-f FILE` for some of them.
mutants *arguments="-f src/verifier/rules.rs":
    CARGO_INCREMENTAL=1 CARGO_PROFILE_DEV_DEBUG=none cargo mutants --jobs 2 {{ arguments }}

# Compiles with the minimum supported Rust version. It needs that toolchain.
msrv:
    cargo "+$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)" check --locked --all-features
