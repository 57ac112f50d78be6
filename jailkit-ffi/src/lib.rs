//! libjailkit: jailkit from C, and from any language that speaks C.
//!
//! The header is `include/jailkit.h`, written by cbindgen from this crate; `docs/c-api.md` has the rules of ownership
//! on one page and then every function. What is here translates and decides nothing: pointers are checked, handles
//! are opened, the library is called, and what it answers is put into C's types.
//!
//! - `handle` has the opaque handles: each a boxed value behind a tag that says what it is.
//! - `guard` stands around every call: a panic ends there, as [`Status::JK_ERROR_PANIC`].
//! - [`error`] and [`findings`] tell what went wrong, and where.
//! - [`bytes`] are FreeBSD's strings: a pointer and a length.

pub mod abi;
pub mod bytes;
pub mod error;
mod failure;
pub mod findings;
pub mod fstab;
mod guard;
mod handle;
pub mod host;
pub mod jail;
pub mod jailconf;
pub mod mount;
pub mod pf;
pub mod resolved;
pub mod ruleset;
pub mod session;
pub mod stack;
pub mod strings;
pub mod text;
pub mod trace;

pub use error::Status;
