//! The ruleset as pf(4) sees it: macros, lists and interfaces' addresses expanded, every value typed.
//!
//! A [`Rule`] is small and has no heap of its own: what its statement says for all of its rules is kept once, in a
//! [`Spec`], and names are interned. So a hundred thousand rules are walked at memory speed.

mod address;
mod ether;
mod names;
mod pool;
mod spec;
mod table;

pub use address::{Address, Compare, Endpoint, Family, Modifiers, Network, Operator};
pub use ether::{EtherRule, Mac};
pub use names::{Name, Names};
pub use pool::{Pool, PoolAddress, PoolKind, PortSet, Route, RouteKind, Translation};
pub use spec::{
    Action, AnchorCall, Answer, BodyId, Direction, Dummynet, KeepState, Log, Overload, ScrubOptions, SourceTrack, Spec,
    StateOptions,
};
pub use table::{Table, TableEntry, TablePart};

use crate::source::{Position, Source, Span};

/// Where something stands: a file of the ruleset and a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The file, in [`Ruleset::sources`].
    pub source: u32,
    /// The part of it.
    pub span: Span,
}

/// The number of a [`Spec`] in [`Ruleset::specs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpecId(pub(crate) u32);

/// One rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What its statement says.
    pub spec: SpecId,
    /// Its number among the rules of its anchor, from 0: what `$nr` stands for.
    pub number: u32,
    /// From whom.
    pub source: Endpoint,
    /// To whom.
    pub destination: Endpoint,
    /// `on`
    pub interface: Option<Name>,
    /// Whether `on` is negated.
    pub interface_negated: bool,
    /// `inet`, `inet6`
    pub family: Option<Family>,
    /// The protocol's number, or 0
    pub protocol: u8,
    /// `flags`: the tcp flags that must be set, and those that are looked at.
    pub flags: (u8, u8),
    /// `keep state`
    pub keep_state: KeepState,
    /// `icmp-type`
    pub icmp_type: Option<u8>,
    /// `code`
    pub icmp_code: Option<u8>,
    /// `os`
    pub os: Option<Name>,
    /// `user`
    pub user: Compare<u32>,
    /// `group`
    pub group: Compare<u32>,
}

/// The user or group `unknown`.
pub const UNKNOWN_ID: u32 = u32::MAX;

/// The rules of one anchor, or of the main ruleset, in the order pf goes through each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// `scrub`
    pub scrub: Vec<Rule>,
    /// `ether`
    pub ether: Vec<EtherRule>,
    /// `nat`, `nat-anchor`
    pub nat: Vec<Rule>,
    /// `rdr`, `rdr-anchor`
    pub rdr: Vec<Rule>,
    /// `binat`, `binat-anchor`
    pub binat: Vec<Rule>,
    /// `pass`, `block`, `match`, `anchor`
    pub filter: Vec<Rule>,
}

impl Rules {
    /// How many there are.
    pub fn len(&self) -> usize {
        let Self { scrub, ether, nat, rdr, binat, filter } = self;
        scrub.len() + ether.len() + nat.len() + rdr.len() + binat.len() + filter.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn list_mut(&mut self, action: Action) -> &mut Vec<Rule> {
        match action {
            Action::Pass | Action::Block(_) | Action::Match => &mut self.filter,
            Action::Scrub | Action::NoScrub => &mut self.scrub,
            Action::Nat | Action::NoNat => &mut self.nat,
            Action::Binat | Action::NoBinat => &mut self.binat,
            Action::Rdr | Action::NoRdr => &mut self.rdr,
        }
    }
}

/// An expanded ruleset.
#[derive(Clone, Debug, Default)]
pub struct Ruleset {
    /// The files it was read from, the main one first.
    pub sources: Vec<Source>,
    /// The names.
    pub names: Names,
    /// What the statements say.
    pub specs: Vec<Spec>,
    /// The rules outside of anchors.
    pub main: Rules,
    /// The rules of inline anchors.
    pub bodies: Vec<Rules>,
    /// The tables, in the order they are defined.
    pub tables: Vec<Table>,
    /// The interfaces of `set skip on`.
    pub skip: Vec<Name>,
    /// The rulesets of `load anchor`, with the anchor's name.
    pub loaded: Vec<(Name, Ruleset)>,
    /// What pfctl prints while it reads, before the rules: macros, options, tables and queues, in the file's order.
    pub(crate) prelude: Vec<u8>,
}

impl Ruleset {
    /// What a rule's statement says.
    pub fn spec(&self, rule: &Rule) -> &Spec {
        &self.specs[rule.spec.0 as usize]
    }

    /// The bytes of a name.
    pub fn name(&self, name: Name) -> &[u8] {
        self.names.get(name)
    }

    /// The rules of an inline anchor.
    pub fn body(&self, body: BodyId) -> &Rules {
        &self.bodies[body.0 as usize]
    }

    /// The last definition of a table.
    pub fn table(&self, name: Name) -> Option<&Table> {
        self.tables.iter().rev().find(|table| table.name == name)
    }

    /// The file and place that something comes from.
    pub fn place(&self, origin: Origin) -> (&Source, Position) {
        let source = &self.sources[origin.source as usize];
        (source, source.position(origin.span.start()))
    }

    /// How many rules there are, those of inline anchors with them.
    pub fn len(&self) -> usize {
        self.main.len() + self.bodies.iter().map(Rules::len).sum::<usize>()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
