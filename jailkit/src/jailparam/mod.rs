//! The parameters of jails: one table of all that jail(8) and the kernels of FreeBSD 12 to 15 know.
//!
//! Types, defaults and what a parameter needs come from jail(8), jail.conf(5), `usr.sbin/jail/config.c`,
//! `sys/kern/kern_jail.c` and the modules that bring parameters of their own. Everything else that asks about
//! parameters asks here: what [`crate::jailconf`] checks and reads as types, completions, and `docs/jailconf.md`.
//!
//! # Example
//! ```
//! use jailkit::jailparam::{self, Kind};
//! let found = jailparam::find(b"allow.noraw_sockets").unwrap();
//! assert_eq!((found.def.name, found.is_no, found.def.kind), ("allow.raw_sockets", true, Kind::Bool));
//! assert_eq!(jailparam::nearest("pth"), Some("path"));
//! ```

mod allow;
mod core;
mod def;
mod jail8;
mod modules;
mod name;
mod table;
mod value;

pub use def::{Beyond, By, Change, Fallback, Kind, Need, NotSince, ParamDef, Since};
pub use name::{no_form, plain_form};
pub use table::{Family, Found, all, family, find, find_in, nearest, of_jail8};
pub use value::{Fault, advice, faults, unknown};

pub(crate) use table::{in_jail8, kept_by_jail8, once_in_file};
pub(crate) use value::{Version, address, integer, truth};
