//! Where in a file, or in one it includes, a parameter of a jail stands.

use crate::jailconf::option::same_option;
use crate::jailconf::origin::Scope;
use crate::jailconf::parse::{self, Item};
use crate::jailconf::resolved::ResolvedJail;
use crate::source::{Source, Span};

/// Something of a parameter's statement that a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Part {
    /// The parameter's name.
    Name,
    /// One of its values, as they are resolved.
    Value(usize),
}

/// A statement about a jail, by the index of its parameter.
#[derive(Clone, Copy, Debug)]
pub(in crate::jailconf) struct Place<'a> {
    pub(super) jail: &'a ResolvedJail,
    index: usize,
    part: Part,
}

/// What a place stands for in the text.
pub(super) struct Found {
    pub(super) source: Source,
    pub(super) span: Span,
    /// Whether it is in the jail's own block.
    pub(super) is_own: bool,
}

impl<'a> Place<'a> {
    /// The name at the head of a jail's block, which its first parameter comes from.
    pub(super) fn block(jail: &'a ResolvedJail) -> Self {
        Self { jail, index: 0, part: Part::Name }
    }

    /// The name of a parameter by its index.
    pub(super) fn param(jail: &'a ResolvedJail, index: usize) -> Self {
        Self { jail, index, part: Part::Name }
    }

    /// The name of a parameter; the jail's own where the jail does not have it.
    pub(super) fn named(jail: &'a ResolvedJail, name: &str) -> Self {
        Self::index(jail, name).map_or_else(|| Self::block(jail), |index| Self::param(jail, index))
    }

    /// The index of a parameter, in either form.
    pub(in crate::jailconf) fn index(jail: &ResolvedJail, name: &str) -> Option<usize> {
        jail.params.iter().position(|param| same_option(&param.name, name.as_bytes()))
    }

    /// One of its values.
    pub(super) fn value(self, value: Option<usize>) -> Self {
        Self { part: value.map_or(Part::Name, Part::Value), ..self }
    }

    /// What tells it from other places.
    pub(super) fn key(self) -> (Option<u32>, Part) {
        (self.jail.params.place(self.index), self.part)
    }

    /// Looks it up.
    pub(super) fn find(self) -> Option<Found> {
        let origin = self.jail.params.origin(self.index)?;
        let span = match self.part {
            Part::Name => origin.span,
            Part::Value(value) => self.value_span(&origin.source, origin.span, value),
        };
        Some(Found { source: origin.source, span, is_own: origin.scope == Scope::Direct })
    }

    /// A value is looked for from the end: a statement with `+=` adds to what others have given.
    fn value_span(self, source: &Source, name: Span, value: usize) -> Span {
        let Some((_, statements)) = parse::statement_at(source, name.start()) else { return name };
        let Some(Item::Param(param)) = statements.items.first() else { return name };
        let written = &statements.values[param.values.start as usize..param.values.end as usize];
        let before = self.jail.params[self.index].values.len().checked_sub(written.len());
        let Some(pieces) = before.and_then(|before| written.get(value.checked_sub(before)?)) else {
            return if written.is_empty() { name } else { param.value_span(source) };
        };
        let pieces = &statements.pieces[pieces.start as usize..pieces.end as usize];
        pieces.iter().map(|piece| piece.span()).reduce(Span::join).unwrap_or(name)
    }
}
