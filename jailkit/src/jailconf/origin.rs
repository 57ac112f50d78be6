//! Where a resolved parameter came from.
//!
//! A parameter keeps a single number: its place in all files laid one behind the other. What it stands for, file and
//! line and block, is worked out when somebody asks.

use std::sync::OnceLock;

use bstr::{BStr, BString};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::block::Blocks;
use super::include::File;
use super::parse;
use super::resolve::is_wildcard;
use crate::source::{Diagnostic, Position, Source, Span};

/// Where a parameter was set: the statement, and the block it stands in.
///
/// # Example
/// ```
/// use jailkit::jailconf::{JailConf, Scope};
/// use jailkit::source::Source;
///
/// let text = "path = /srv;\n* { persist; }\nwww {\n  ip4.addr = 10.0.0.2;\n}\n";
/// let resolved = JailConf::parse(&Source::new("/etc/jail.conf", text))?.resolve()?;
/// let www = &resolved.jails[0];
/// let addr = www.origin("ip4.addr").unwrap();
/// assert_eq!((addr.to_string().as_str(), &addr.scope), ("/etc/jail.conf:4:3", &Scope::Direct));
/// assert_eq!(www.origin("path").unwrap().scope, Scope::Outer);
/// assert_eq!(www.origin("persist").unwrap().scope, Scope::Wildcard("*".into()));
/// assert_eq!(www.origin("name").unwrap().to_string(), "/etc/jail.conf:3:1");
/// # Ok::<(), jailkit::source::Diagnostics>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The file it stands in, which may be an included one.
    pub source: Source,
    /// The name of the parameter there, with its quotes; the jail's own name for the `name` or `jid` it comes to.
    pub span: Span,
    /// All of the statement, its semicolon included; of a jail's own name only that.
    pub statement: Span,
    /// Which block it stands in.
    pub scope: Scope,
}

/// Which block a statement about a jail stands in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The jail's own.
    Direct,
    /// That of a wildcard, which is called so.
    Wildcard(BString),
    /// None: it holds for all jails of the file.
    Outer,
}

impl Origin {
    /// Line and column of its first byte.
    pub fn position(&self) -> Position {
        self.source.position(self.span.start())
    }

    /// The line it begins on, without its line end.
    pub fn line(&self) -> &BStr {
        self.source.line(self.position().line).into()
    }
}

/// As `file:line:column`.
impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.source.name().display(), self.position())
    }
}

/// As `direct`, `wildcard` and its name, or `outer`.
impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Direct => f.write_str("direct"),
            Self::Wildcard(name) => write!(f, "wildcard {name}"),
            Self::Outer => f.write_str("outer"),
        }
    }
}

/// As an object `{file, line, column, scope}`, of a wildcard with its name as `wildcard`.
impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let position = self.position();
        let (scope, wildcard) = match &self.scope {
            Scope::Direct => ("direct", None),
            Scope::Wildcard(name) => ("wildcard", Some(name.to_string())),
            Scope::Outer => ("outer", None),
        };
        let mut object = serializer.serialize_struct("Origin", 4 + usize::from(wildcard.is_some()))?;
        object.serialize_field("file", &self.source.name().to_string_lossy())?;
        object.serialize_field("line", &position.line)?;
        object.serialize_field("column", &position.column)?;
        object.serialize_field("scope", scope)?;
        if let Some(name) = wildcard {
            object.serialize_field("wildcard", &name)?;
        }
        object.end()
    }
}

/// What the places of all files stand for.
pub(super) struct Places {
    pub(super) blocks: Blocks,
    /// The files, each with the place of its first byte.
    files: Vec<(u32, Source)>,
    /// Each place where a block goes on, in order, with its number; known once somebody asked.
    in_order: OnceLock<Vec<(u32, u32)>>,
}

impl Places {
    /// # Errors
    /// As [`Blocks::of`].
    pub(super) fn of(files: &[File<'_>]) -> Result<Self, Diagnostic> {
        let sources = files.iter().map(|file| (file.base, file.source.clone())).collect();
        Ok(Self { blocks: Blocks::of(files)?, files: sources, in_order: OnceLock::new() })
    }

    /// The file by its number.
    pub(super) fn source(&self, file: u32) -> &Source {
        &self.files[file as usize].1
    }

    /// The file of a place, and the offset in it.
    fn find(&self, place: u32) -> (&Source, usize) {
        let (base, source) = &self.files[self.files.partition_point(|(base, _)| *base <= place) - 1];
        (source, (place - base) as usize)
    }

    /// The statement at a place: its file, its name with its quotes, and all of it.
    pub(super) fn statement(&self, place: u32) -> (&Source, Span, Span) {
        let (source, offset) = self.find(place);
        let Some((name, statements)) = parse::statement_at(source, offset) else {
            return (source, Span::at(offset), Span::at(offset));
        };
        let whole = match statements.items.first() {
            Some(parse::Item::Param(param)) => param.span,
            _ => name,
        };
        (source, name, whole)
    }

    pub(super) fn origin(&self, place: u32) -> Origin {
        let (source, span, statement) = self.statement(place);
        Origin { source: source.clone(), span, statement, scope: self.scope(place) }
    }

    fn scope(&self, place: u32) -> Scope {
        let places = self.in_order.get_or_init(|| {
            let mut places: Vec<_> = self.blocks.places().collect();
            places.sort_unstable();
            places
        });
        let before = places.partition_point(|&(at, _)| at <= place);
        let Some(&(_, block)) = before.checked_sub(1).and_then(|at| places.get(at)) else { return Scope::Outer };
        let block = block as usize;
        let name = self.blocks.name(&self.blocks.blocks[block]);
        if self.blocks.is_top_level(block) {
            Scope::Outer
        } else if is_wildcard(name) {
            Scope::Wildcard(name.into())
        } else {
            Scope::Direct
        }
    }
}
