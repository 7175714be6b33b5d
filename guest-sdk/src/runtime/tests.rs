//! Promises of the executor, kept before a host that is a list of commands.
