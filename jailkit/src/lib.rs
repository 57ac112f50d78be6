//! Models, kernel calls and declared stacks for FreeBSD jails.
#![deny(unsafe_code)]

pub mod apply;
pub mod base;
pub mod edit;
pub mod fstab;
pub mod host;
pub mod jailconf;
pub mod jailparam;
pub mod journal;
pub mod kernel;
pub mod life;
pub mod pf;
pub mod plan;
pub mod process;
pub mod rcconf;
pub mod replace;
pub mod resolvconf;
pub mod source;
pub mod stack;
pub mod status;
pub mod whereis;
