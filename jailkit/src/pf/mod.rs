//! pf.conf(5): the rules of the packet filter, as an administrator wrote them down.
//!
//! [`PfRules`] is the file statement by statement, byte for byte, with edits that land in the section where pfctl(8)
//! wants them. It knows which section a statement belongs to, the macros, and what holds a file together: quotes,
//! braces, the order of the sections, macros defined before they are used.
//!
//! # Example
//! ```
//! use jailkit::pf::{PfRules, Section};
//! use jailkit::source::Source;
//!
//! let text = "ext = \"igb0\"\nset skip on lo0\npass\n";
//! let mut rules = PfRules::parse(&Source::new("/etc/pf.conf", text))?;
//! rules.set_macro("jailnet", "10.0.0.0/24")?;
//! rules.insert(Section::Translation, "nat pass on $ext from $jailnet to any -> ($ext)")?;
//! assert_eq!(
//!     String::from_utf8_lossy(rules.text()),
//!     "ext = \"igb0\"\njailnet = \"10.0.0.0/24\"\nset skip on lo0\n\
//!      nat pass on $ext from $jailnet to any -> ($ext)\npass\n"
//! );
//! # Ok::<(), jailkit::source::Diagnostics>(())
//! ```

pub mod check;
mod document;
mod icmp;
mod interfaces;
mod netdb;
mod parse;
mod print;
pub mod reach;
pub mod rule;
mod timeouts;
pub mod trace;

pub use document::PfRules;
pub use interfaces::{BadInterface, Interface, InterfaceAddress, Interfaces};
pub use parse::outline::Section;
pub use parse::{Environment, Files, HostFiles, MAX_RULES, NoFiles};
pub use rule::{Rule, Ruleset};
pub use timeouts::TIMEOUTS;
