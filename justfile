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

# What the documents say of the sources.
tidy:
    cargo test -p segno-tests --test tidy

# Everything that must hold before a change is merged.
ci:
    .ci/run

# Random lives of a host, with crashes: `just simulate --seeds 10000 --from 300`.
simulate *arguments:
    cargo run -p segno-tests --bin simulate -- {{arguments}}

# Five workflows against a service that fails on purpose: `just demo --for 20s`.
demo *arguments:
    cargo run --release -p data-sync -- demo {{arguments}}

# The documentation of all crates, in a browser.
docs:
    cargo doc --workspace --no-deps --open

# What a step costs, on this disk.
bench:
    cargo bench -p segno-tests

# Licences, advisories and sources of the dependencies. Needs cargo-deny.
deny:
    cargo deny --workspace check

# Takes over what tests print that compare texts, once it is right.
bless:
    UPDATE_EXPECT=1 TRYBUILD=overwrite cargo test --workspace
