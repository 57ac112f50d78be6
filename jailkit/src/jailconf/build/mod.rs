//! A jail's block put together from values, and printed as an administrator would write it.

mod serde;

use bstr::BString;

use super::option::{is_immutable, same_option};
use super::{JailConf, NoFiles, ResolvedJail, quote};
use crate::jailparam::no_form;
use crate::source::{Diagnostic, Diagnostics, Source, Span, printable};

/// How long a line may become before a list goes on lines of its own.
const WIDTH: usize = 100;

/// A jail with its parameters, to be printed as a block of a jail.conf(5).
///
/// Values stand for just their bytes: a `$` is a dollar sign. A parameter given again takes the place of the one before.
///
/// It serializes as `{"name": NAME, "params": {PARAM: VALUE, ...}}`, a value being `true` for a bare boolean, a string,
/// a list of strings, and for bytes that are not UTF-8 `{"bytes": [...]}`; numbers and `false` are read, too.
///
/// # Example
/// ```
/// use jailkit::jailconf::JailBlock;
///
/// let www = JailBlock::new("www")
///     .path("/srv/www")
///     .ip4_addr(["10.0.0.2".parse()?])
///     .exec_start(["/bin/sh /etc/rc"])
///     .on("mount.devfs")
///     .allow("raw_sockets");
/// let text = "\
/// www {
///     path = \"/srv/www\";
///     ip4.addr = 10.0.0.2;
///     exec.start = \"/bin/sh /etc/rc\";
///     mount.devfs;
///     allow.raw_sockets;
/// }
/// ";
/// assert_eq!(www.print()?, text);
/// assert!(www.check().is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JailBlock {
    name: BString,
    params: Vec<BlockParam>,
}

/// A parameter of a [`JailBlock`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockParam {
    /// Its name, in the `no` form where that is meant.
    pub name: BString,
    /// Its values; none for a bare boolean.
    pub values: Vec<BString>,
}

/// A block that jail.conf(5) has no way to write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// A NUL, at which jail(8) ends every text.
    #[error("'{0}' has a NUL in it, which no jail.conf can hold")]
    Nul(String),
    /// `name` or `jid` as a parameter: the block's own name is that already.
    #[error("'{0}' cannot be set: the block's own name sets it")]
    Once(String),
    /// A parameter called `.include`, which jail(8) takes for the directive.
    #[error("'.include' is no parameter; it would include a file")]
    Include,
}

impl JailBlock {
    /// A jail without parameters: `www`, or `parent.child` for one in another.
    pub fn new(name: impl Into<Vec<u8>>) -> Self {
        Self { name: BString::new(name.into()), params: Vec::new() }
    }

    /// Its name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// Its parameters, in the order in which they are printed.
    pub fn params(&self) -> &[BlockParam] {
        &self.params
    }

    /// Gives a parameter its values; none make it bare.
    #[must_use]
    pub fn set<V: Into<Vec<u8>>>(mut self, name: impl Into<Vec<u8>>, values: impl IntoIterator<Item = V>) -> Self {
        let values = values.into_iter().map(|value| BString::new(value.into())).collect();
        let param = BlockParam { name: BString::new(name.into()), values };
        match self.params.iter_mut().find(|known| same_option(&known.name, &param.name)) {
            Some(known) => *known = param,
            None => self.params.push(param),
        }
        self
    }

    fn one(self, name: &str, value: impl ToString) -> Self {
        self.set(name, [value.to_string()])
    }

    /// A boolean that is on: `persist;`
    #[must_use]
    pub fn on(self, name: &str) -> Self {
        self.set(name, [""; 0])
    }

    /// A boolean that is off: `nopersist;`
    #[must_use]
    pub fn off(self, name: &str) -> Self {
        self.set(no_form(name), [""; 0])
    }

    /// A permission: `allow.raw_sockets` for `raw_sockets`.
    #[must_use]
    pub fn allow(self, what: &str) -> Self {
        self.on(&format!("allow.{what}"))
    }

    /// `path`
    #[must_use]
    pub fn path(self, path: impl Into<Vec<u8>>) -> Self {
        self.set("path", [path])
    }

    /// `host.hostname`
    #[must_use]
    pub fn hostname(self, hostname: impl Into<Vec<u8>>) -> Self {
        self.set("host.hostname", [hostname])
    }

    /// `ip4.addr`
    #[must_use]
    pub fn ip4_addr(self, addresses: impl IntoIterator<Item = std::net::Ipv4Addr>) -> Self {
        self.set("ip4.addr", addresses.into_iter().map(|address| address.to_string()))
    }

    /// `ip6.addr`
    #[must_use]
    pub fn ip6_addr(self, addresses: impl IntoIterator<Item = std::net::Ipv6Addr>) -> Self {
        self.set("ip6.addr", addresses.into_iter().map(|address| address.to_string()))
    }

    /// `interface`: the host's, which gets the addresses.
    #[must_use]
    pub fn interface(self, interface: impl Into<Vec<u8>>) -> Self {
        self.set("interface", [interface])
    }

    /// `vnet`, with the interfaces that move into it.
    #[must_use]
    pub fn vnet<V: Into<Vec<u8>>>(self, interfaces: impl IntoIterator<Item = V>) -> Self {
        let mut interfaces = interfaces.into_iter().peekable();
        match interfaces.peek() {
            None => self.on("vnet"),
            Some(_) => self.on("vnet").set("vnet.interface", interfaces),
        }
    }

    /// `persist`
    #[must_use]
    pub fn persist(self) -> Self {
        self.on("persist")
    }

    /// `exec.start`: commands in the jail.
    #[must_use]
    pub fn exec_start<V: Into<Vec<u8>>>(self, commands: impl IntoIterator<Item = V>) -> Self {
        self.set("exec.start", commands)
    }

    /// `exec.stop`: commands in the jail.
    #[must_use]
    pub fn exec_stop<V: Into<Vec<u8>>>(self, commands: impl IntoIterator<Item = V>) -> Self {
        self.set("exec.stop", commands)
    }

    /// `mount.fstab`
    #[must_use]
    pub fn fstab(self, path: impl Into<Vec<u8>>) -> Self {
        self.set("mount.fstab", [path])
    }

    /// `depend`: the jails that must run first.
    #[must_use]
    pub fn depend<V: Into<Vec<u8>>>(self, jails: impl IntoIterator<Item = V>) -> Self {
        self.set("depend", jails)
    }

    /// `enforce_statfs`, 0 to 2.
    #[must_use]
    pub fn enforce_statfs(self, level: u8) -> Self {
        self.one("enforce_statfs", level)
    }

    /// `securelevel`, -1 to 3.
    #[must_use]
    pub fn securelevel(self, level: i32) -> Self {
        self.one("securelevel", level)
    }

    /// `devfs_ruleset`
    #[must_use]
    pub fn devfs_ruleset(self, ruleset: u16) -> Self {
        self.one("devfs_ruleset", ruleset)
    }

    /// `children.max`
    #[must_use]
    pub fn children_max(self, most: u32) -> Self {
        self.one("children.max", most)
    }

    /// The block as text, four blanks deep.
    ///
    /// # Errors
    /// [`BlockError`] where jail.conf(5) cannot say it.
    pub fn print(&self) -> Result<String, BlockError> {
        self.print_in("    ", "\n")
    }

    pub(super) fn print_in(&self, indent: &str, newline: &str) -> Result<String, BlockError> {
        self.check_names()?;
        let mut text = format!("{} {{{newline}", quote::literal(&self.name));
        for param in &self.params {
            let name = quote::literal(&param.name);
            let values: Vec<_> = param.values.iter().map(|value| quote::literal(value)).collect();
            let len = values.iter().map(|value| value.len() + 2).sum::<usize>() + indent.len() + name.len();
            let given = match values.as_slice() {
                [] => String::new(),
                [_, _, ..] if len > WIDTH => {
                    let line = format!("{newline}{indent}{indent}");
                    format!(" ={line}{}", values.join(&format!(",{line}")))
                }
                values => format!(" = {}", values.join(", ")),
            };
            text += &format!("{indent}{name}{given};{newline}");
        }
        Ok(text + "}" + newline)
    }

    fn check_names(&self) -> Result<(), BlockError> {
        let values = self.params.iter().flat_map(|param| std::iter::once(&param.name).chain(&param.values));
        if let Some(text) = std::iter::once(&self.name).chain(values).find(|text| text.contains(&0)) {
            return Err(BlockError::Nul(printable(text)));
        }
        for param in &self.params {
            if is_immutable(&param.name) {
                return Err(BlockError::Once(printable(&param.name)));
            }
            if param.name == ".include" && !param.values.is_empty() {
                return Err(BlockError::Include);
            }
        }
        Ok(())
    }

    /// What [`JailConf::check`] says of the block alone, of the text that [`JailBlock::print`] gives.
    ///
    /// # Errors
    /// All findings where one of them is an error.
    pub fn check(&self) -> Result<Vec<Diagnostic>, Diagnostics> {
        let source = Source::new(self.shown(), self.text_in("    ", "\n")?);
        JailConf::parse(&source)?.check_in(&NoFiles, None)
    }

    /// As [`JailBlock::print`], with the error as a finding.
    pub(super) fn text_in(&self, indent: &str, newline: &str) -> Result<String, Diagnostics> {
        self.print_in(indent, newline).map_err(|error| {
            let source = Source::new(self.shown(), self.name.to_vec());
            Diagnostic::error(&source, Span::new(0, self.name.len()), error.to_string()).into()
        })
    }

    fn shown(&self) -> String {
        format!("jail {}", printable(&self.name))
    }
}

/// A jail as its file resolves it: everything that it has from elsewhere in a block of its own.
impl From<&ResolvedJail> for JailBlock {
    fn from(jail: &ResolvedJail) -> Self {
        let own = jail.params.iter().filter(|param| !is_immutable(&param.name));
        own.fold(Self::new(jail.name.to_vec()), |block, param| {
            block.set(param.name.to_vec(), param.values.iter().map(|value| value.to_vec()))
        })
    }
}
