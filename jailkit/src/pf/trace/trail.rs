//! What happened to a packet, step by step.

use std::fmt;
use std::path::Path;

use serde::ser::SerializeStruct;

use super::super::rule::{Rule, Ruleset};
use super::packet::Packet;

/// What of a rule only a running host can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unknown {
    /// `probability`: chance decides.
    Chance,
    /// `user`: the owner of a socket.
    User,
    /// `group`: the group of a socket's owner.
    Group,
    /// `os`: the fingerprint of a SYN.
    Os,
    /// `received-on`: the interface that the packet came in by.
    ReceivedOn,
    /// `max-pkt-rate`: what came before.
    PacketRate,
    /// `max-pkt-size`: the length of the packet.
    PacketSize,
    /// `no-route`, `urpf-failed`: the routing table.
    Routes,
    /// The port that nat chose.
    NatPort,
    /// The stations of the Ethernet frame.
    Frame,
}

impl Unknown {
    fn words(self) -> &'static str {
        match self {
            Self::Chance => "chance",
            Self::User => "the user of the socket",
            Self::Group => "the group of the socket",
            Self::Os => "the fingerprint of the packet",
            Self::ReceivedOn => "the interface the packet came in by",
            Self::PacketRate => "the rate of packets",
            Self::PacketSize => "the size of the packet",
            Self::Routes => "the routing table",
            Self::NatPort => "the port that nat chose",
            Self::Frame => "the Ethernet frame",
        }
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// What a step did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// `set skip on`: pf does not look at packets of this interface.
    Skipped,
    /// The packet belongs to a connection with state; this is how it goes on.
    Tracked(Packet),
    /// `scrub` takes the packet.
    Scrubbed,
    /// `no scrub`: no scrub rule takes the packet.
    NotScrubbed,
    /// The flags of tcp go together in no connection: dropped before any filter rule.
    BadFlags,
    /// The packet is translated to this one. `choices` is how many addresses of the pool there are to choose from.
    Translated {
        /// The packet as it is now.
        to: Packet,
        /// How many addresses there were; more than are traced where the pool is large.
        choices: u128,
    },
    /// The rule would translate and has no address to translate to: the packet is dropped.
    NoAddress,
    /// `no nat`, `no rdr`, `no binat`: no rule translates the packet.
    NotTranslated,
    /// `pass` of a translation rule: no filter rule is asked.
    PassedByTranslation,
    /// The rule matches, and the packet passes if no later rule matches.
    Passes,
    /// The rule matches, and the packet is blocked if no later rule matches.
    Blocks,
    /// A `match` rule matches.
    Matches,
    /// The `ether` rules block the frame, or let it pass, as its stations decide.
    Frame {
        /// Whether they let it pass.
        passes: bool,
    },
    /// The rule would keep state and there are as many states as it allows: the packet is dropped.
    TooManyStates,
    /// The anchor is entered.
    Enters,
    /// The anchor is entered from anchors so deep in each other that pf drops the packet.
    TooDeep,
    /// Whether the rule matches cannot be known; this outcome is the one where it does, or does not.
    Assumed {
        /// What would have to be known.
        unknown: Unknown,
        /// What is assumed.
        matches: bool,
    },
}

impl Effect {
    /// A word for programs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Tracked(_) => "tracked",
            Self::Scrubbed => "scrubbed",
            Self::NotScrubbed => "not-scrubbed",
            Self::BadFlags => "bad-flags",
            Self::Translated { .. } => "translated",
            Self::NoAddress => "no-address",
            Self::NotTranslated => "not-translated",
            Self::PassedByTranslation => "passed-by-translation",
            Self::Passes => "passes",
            Self::Blocks => "blocks",
            Self::Matches => "matches",
            Self::Frame { passes: true } => "frame-passes",
            Self::Frame { passes: false } => "frame-blocked",
            Self::TooManyStates => "too-many-states",
            Self::Enters => "enters",
            Self::TooDeep => "too-deep",
            Self::Assumed { matches: true, .. } => "assumed-to-match",
            Self::Assumed { matches: false, .. } => "assumed-not-to-match",
        }
    }

    /// The packet as it is behind the step, where the step changed it.
    pub fn packet(&self) -> Option<&Packet> {
        match self {
            Self::Translated { to, .. } | Self::Tracked(to) => Some(to),
            _ => None,
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Skipped => f.write_str("pf does not look at this interface: set skip"),
            Self::Tracked(to) => write!(f, "belongs to a connection with state: {to}"),
            Self::Scrubbed => f.write_str("scrubs"),
            Self::NotScrubbed => f.write_str("keeps it from being scrubbed"),
            Self::BadFlags => f.write_str("dropped: no connection has these flags together"),
            Self::Translated { to, choices: 1 } => write!(f, "translates: {to}"),
            Self::Translated { to, choices } => write!(f, "translates to one of {choices} addresses: {to}"),
            Self::NoAddress => f.write_str("dropped: the pool has no address"),
            Self::NotTranslated => f.write_str("keeps it from being translated"),
            Self::PassedByTranslation => f.write_str("passes, and no filter rule is asked"),
            Self::Passes => f.write_str("passes"),
            Self::Blocks => f.write_str("blocks"),
            Self::Matches => f.write_str("matches"),
            Self::Frame { passes: true } => f.write_str("if the ether rules let its frame pass"),
            Self::Frame { passes: false } => f.write_str("dropped: the ether rules block its frame"),
            Self::TooManyStates => f.write_str("drops it, if there are as many states as the rule allows"),
            Self::Enters => f.write_str("is entered"),
            Self::TooDeep => f.write_str("dropped: anchors are more than 64 deep in each other"),
            Self::Assumed { unknown, matches: true } => write!(f, "if it matches, which {unknown} decides"),
            Self::Assumed { unknown, matches: false } => write!(f, "if it does not match, which {unknown} decides"),
        }
    }
}

/// A rule and the ruleset it is of.
#[derive(Clone, Copy, Debug)]
pub struct RuleRef<'a> {
    /// The ruleset: the main one, or that of a `load anchor`.
    pub set: &'a Ruleset,
    /// The rule.
    pub rule: &'a Rule,
}

impl RuleRef<'_> {
    /// The rule in pfctl's notation.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.set.print_rule(self.rule)).into_owned()
    }

    /// The file that the rule's statement is in.
    pub fn file(&self) -> &Path {
        self.set.place(self.set.spec(self.rule).origin).0.name()
    }

    /// The line that the rule's statement begins on, from 1.
    pub fn line(&self) -> usize {
        self.set.place(self.set.spec(self.rule).origin).1.line
    }
}

impl PartialEq for RuleRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.rule, other.rule)
    }
}

impl fmt::Display for RuleRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file().display(), self.line(), self.text())
    }
}

impl serde::Serialize for RuleRef<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("RuleRef", 3)?;
        fields.serialize_field("rule", &self.text())?;
        fields.serialize_field("file", &self.file().to_string_lossy())?;
        fields.serialize_field("line", &self.line())?;
        fields.end()
    }
}

/// One step of the trail.
#[derive(Clone, Debug, PartialEq)]
pub struct Step<'a> {
    /// The rule; none where pf acts without one.
    pub rule: Option<RuleRef<'a>>,
    /// What it did.
    pub effect: Effect,
    /// The tag it gave.
    pub tag: Option<String>,
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(rule) = self.rule {
            write!(f, "{rule}\n  ")?;
        }
        write!(f, "{}", self.effect)?;
        match &self.tag {
            Some(tag) => write!(f, ", and tags it {tag}"),
            None => Ok(()),
        }
    }
}

impl serde::Serialize for Step<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Step", 5)?;
        fields.serialize_field("by", &self.rule)?;
        fields.serialize_field("did", self.effect.word())?;
        fields.serialize_field("told", &self.effect.to_string())?;
        fields.serialize_field("tag", &self.tag)?;
        fields.serialize_field("packet", &self.effect.packet())?;
        fields.end()
    }
}
