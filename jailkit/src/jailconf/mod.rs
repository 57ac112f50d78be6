//! jail.conf(5): the jails of a host, as an administrator wrote them down.
//!
//! [`JailConf`] is the file itself, byte for byte, with edits that touch only their own lines; [`JailConf::resolve`]
//! tells what the file comes to for each jail, as jail(8) reads it.
//!
//! # Example
//! ```
//! use jailkit::jailconf::JailConf;
//! use jailkit::source::Source;
//!
//! let text = "path = \"/srv/jail/$name/fs\";\nwww { ip4.addr = 10.0.0.2; }\n";
//! let conf = JailConf::parse(&Source::new("/etc/jail.conf", text))?;
//! assert_eq!(conf.text(), text.as_bytes());
//! let resolved = conf.resolve()?;
//! assert_eq!(resolved.jails[0].value("path").unwrap(), "/srv/jail/www/fs");
//! # Ok::<(), jailkit::source::Diagnostics>(())
//! ```

mod assemble;
mod block;
mod edit;
mod format;
mod include;
mod lex;
mod names;
mod option;
mod parse;
mod relocate;
mod rename;
mod resolve;
mod text;

pub(crate) use option::is_internal;
pub use relocate::{MoveError, Moved};
pub(crate) use resolve::matches_wildcard;
pub use resolve::{Params, Resolved, ResolvedJail, ResolvedParam};
pub use text::{Text, Values};

use parse::Statements;

use crate::source::{Diagnostics, Source};

/// A jail.conf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JailConf {
    source: Source,
    statements: Statements,
}

impl JailConf {
    /// Reads a file.
    ///
    /// # Errors
    /// Every syntax error of the file, as jail(8) would refuse it.
    pub fn parse(source: &Source) -> Result<Self, Diagnostics> {
        let statements = parse::parse(source)?;
        Ok(Self { source: source.clone(), statements })
    }

    /// The file as it now is.
    pub fn text(&self) -> &[u8] {
        self.source.text()
    }

    /// What the file comes to, jail by jail, with the files it includes; those are read from the disk, relative to the
    /// directory of the source's name.
    ///
    /// # Errors
    /// An included file that cannot be read, or that jail(8) would refuse; files that include one another in a loop. A variable with several values used as a whole value: jail(8) documents that, and crashes on it.
    pub fn resolve(&self) -> Result<Resolved, Diagnostics> {
        resolve::resolve(&self.source, &self.statements)
    }
}
