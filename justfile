# What people and the build machine run alike: `.ci/run` has the commands, by stage.

# Lists what there is.
default:
    @just --list --unsorted

# What takes seconds: format, lints, the builds for the sandbox, documentation.
check:
    .ci/run format lint sandbox docs

# Formats all sources.
fmt:
    cargo fmt --all

# All tests; with arguments, some of them: `just test -p segno-journal`.
test *arguments='--workspace':
    cargo test {{arguments}}

# What a browser says of the page: installs Chromium and Node where they are missing.
page:
    .ci/run page

# What the documents say of the sources.
tidy:
    cargo test -p segno-tests --test tidy

# Rooms, floors and circles of the sources, and how long functions are; with a path, of another checkout.
structure *arguments:
    cargo run -p segno-structure --bin structure -- {{arguments}}

# Everything that must hold before a change is merged.
ci:
    .ci/run

# Random lives of a host, with crashes: `just simulate --seeds 10000 --from 300`.
simulate *arguments:
    cargo run -p segno-tests --bin simulate -- {{arguments}}

# Five workflows against a service that fails on purpose: `just demo --for 20s`.
demo *arguments:
    cargo run --release -p data-sync -- demo {{arguments}}

# Orders against three services that fail on purpose: `just orders --orders 500`.
orders *arguments:
    cargo run --release -p order-fulfilment -- demo {{arguments}}

# More work than a host can do, against the real binary: `just load --for 60s --kills 3`.
load *arguments:
    cargo run --release -p segno-tests --bin load -- {{arguments}}

# A host that dies again and again while its steps run: `just crashes --kills 300`.
crashes *arguments:
    cargo run --release -p segno-tests --bin crashes -- {{arguments}}

# Malformed input for all that reads what others wrote: `just fuzz records --for 5m`.
fuzz *arguments:
    cargo run --release -p segno-tests --bin fuzz -- {{arguments}}

# The documentation of all crates, in a browser.
docs:
    cargo doc --workspace --no-deps --open

# The book, in a browser. Needs mdbook.
book:
    mdbook serve docs --open --dest-dir "$PWD/target/book"

# What this machine and its disk make of it: `just bench --only W1`.
bench *arguments:
    cargo run --release -p segno-host -- bench {{arguments}}

# What the parts cost: a turn, a commit, a record, an image, a replay.
bench-parts *arguments:
    cargo bench -p segno-tests --bench parts -- {{arguments}}

# Builds the component that `segno bench` carries, after a change of what it is made of.
bench-component:
    cargo run --release -p segno-host -- build --package bench-workflows
    cp "${CARGO_TARGET_DIR:-target}/wasm32-wasip2/release/bench_workflows.wasm" host/bench/bench.wasm

# Licences, advisories and sources of the dependencies. Needs cargo-deny.
deny:
    cargo deny --workspace check

# Takes over what tests print that compare texts, once it is right.
bless:
    UPDATE_EXPECT=1 TRYBUILD=overwrite cargo test --workspace
