//! What a C program gets: the header, the exported symbols, the installed library, the examples. Needs `cc`, as building
//! jailkit does; what needs more tools (pkg-config, valgrind, Python) is in `tests/installed`, which `.ci/run` runs.
#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

mod built;
mod docs;
mod examples;
mod header;
