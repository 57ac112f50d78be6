//! The C functions, called as C calls them: what they do, and what they do with what no C program should give them.
#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

mod called;
mod files;
mod jails;
mod misuse;
mod panics;
mod threads;
