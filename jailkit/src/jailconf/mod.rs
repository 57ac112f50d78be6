//! jail.conf(5): the jails of a host, as an administrator wrote them down.
//!
//! [`JailConf`] is the file itself, byte for byte, with edits that touch only their own lines; [`JailConf::resolve`]
//! tells what the file comes to for each jail, as jail(8) reads it.
//!
//! [`JailConf::check`] finds what jail(8) or the kernel would refuse, [`ResolvedJail::typed`] reads parameters as Rust
//! types, and [`JailBlock`] builds a jail from values.
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
mod build;
mod check;
mod depend;
mod edit;
mod explain;
mod format;
mod include;
mod lex;
mod names;
mod option;
mod origin;
mod parse;
mod quote;
mod relocate;
mod rename;
mod resolve;
mod resolved;
mod text;
mod typed;
mod wildcards;

pub use build::{BlockError, BlockParam, JailBlock};
pub(crate) use depend::{Dependencies, Trouble};
pub use explain::{Effect, Explained, Explanation, Operator, Replaced, Setting};
pub(crate) use include::GLOB;
pub use include::{Files, HostFiles, NoFiles};
pub(crate) use option::is_internal;
pub use origin::{Origin, Scope};
pub use relocate::{MoveError, Moved};
pub(crate) use resolve::matches_wildcard;
pub use resolved::{Params, ParamsIter, Resolved, ResolvedJail, ResolvedParam};
pub use text::{Name, Text, Values};
pub use typed::{JailAddr, JailSys, TypedJail, ValueError};

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

    /// What the file comes to, jail by jail, with the files it includes; those are read from this system, a relative
    /// name from beside the file that has it.
    ///
    /// # Errors
    /// An included file that cannot be read, or that jail(8) would refuse; files that include one another in a loop. A
    /// variable with several values used as a whole value: jail(8) documents that, and crashes on it. Variables that
    /// together come to more than any jail can use.
    pub fn resolve(&self) -> Result<Resolved, Diagnostics> {
        self.resolve_in(&HostFiles)
    }

    /// The same with the included files read from somewhere else: [`host::Includes`](crate::host::Includes) are those
    /// of a host, which may be a simulated one; [`NoFiles`] are none.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve).
    ///
    /// # Example
    /// ```
    /// use jailkit::jailconf::{JailConf, NoFiles};
    /// use jailkit::source::Source;
    ///
    /// let conf = JailConf::parse(&Source::new("/etc/jail.conf", ".include '/etc/jail.d/*.conf'; www { }"))?;
    /// assert_eq!(conf.resolve_in(&NoFiles)?.jails.len(), 1);
    /// # Ok::<(), jailkit::source::Diagnostics>(())
    /// ```
    pub fn resolve_in(&self, files: &dyn Files) -> Result<Resolved, Diagnostics> {
        resolve::resolve(files, &self.source, &self.statements)
    }

    /// Every statement about a jail, by parameter, and which of them count; none where the file has no such jail.
    /// Where it has several of one name, the first is meant.
    ///
    /// # Errors
    /// As [`resolve_in`](Self::resolve_in).
    ///
    /// # Example
    /// ```
    /// use jailkit::jailconf::{Effect, HostFiles, JailConf};
    /// use jailkit::source::Source;
    ///
    /// let text = "persist = 0;\npath = \"/srv/$name\";\nwww {\n  persist;\n}\n";
    /// let conf = JailConf::parse(&Source::new("jail.conf", text))?;
    /// let explained = conf.explain(&HostFiles, b"www")?.unwrap();
    /// let persist = explained.param("persist").unwrap();
    /// let found: Vec<_> = persist.settings.iter().map(|set| (set.origin.to_string(), set.effect)).collect();
    /// assert_eq!(found, [("jail.conf:1:1".into(), Effect::Replaced), ("jail.conf:4:3".into(), Effect::Counts)]);
    /// assert_eq!(explained.param("path").unwrap().settings[0].variables[0].values[0], "www");
    /// # Ok::<(), jailkit::source::Diagnostics>(())
    /// ```
    pub fn explain(&self, files: &dyn Files, jail: &[u8]) -> Result<Option<Explanation>, Diagnostics> {
        explain::explain(files, &self.source, &self.statements, jail)
    }
}
