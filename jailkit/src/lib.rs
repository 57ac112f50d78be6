//! Models, kernel calls and declared stacks for FreeBSD jails.
#![deny(unsafe_code)]

pub mod base;
pub mod fstab;
pub mod host;
pub mod jailconf;
pub mod kernel;
pub mod pf;
pub mod process;
pub mod rcconf;
pub mod replace;
pub mod resolvconf;
pub mod source;
pub mod stack;
