//! What one statement says for all the rules it expands to.

use super::{Family, Name, Origin, Route, Translation};

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// `pass`
    Pass,
    /// `block`
    Block(Answer),
    /// `match`
    Match,
    /// `scrub`
    Scrub,
    /// `no scrub`
    NoScrub,
    /// `nat`
    Nat,
    /// `no nat`
    NoNat,
    /// `binat`
    Binat,
    /// `no binat`
    NoBinat,
    /// `rdr`
    Rdr,
    /// `no rdr`
    NoRdr,
}

/// How a blocked packet is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `drop`
    Drop,
    /// `return`: a reset to tcp, an unreachable to the rest.
    Return,
    /// `return-rst`, with the ttl of the reset or 0.
    Rst(u8),
    /// `return-icmp`: the codes for IPv4 and for IPv6, each with its type in the high byte.
    Icmp(u16, u16),
}

/// The way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Into the host.
    In,
    /// Out of it.
    Out,
}

/// `log (all, matches, user, to pflogN)`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// `log`
    pub on: bool,
    /// `all`
    pub all: bool,
    /// `matches`
    pub matches: bool,
    /// `user`
    pub user: bool,
    /// `to pflogN`
    pub to: u8,
}

/// How a rule keeps state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum KeepState {
    /// `no state`
    #[default]
    No,
    /// `keep state`
    Keep,
    /// `modulate state`
    Modulate,
    /// `synproxy state`
    Synproxy,
}

/// `source-track`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourceTrack {
    /// None.
    #[default]
    No,
    /// `global`
    Global,
    /// `rule`
    Rule,
}

/// `overload <table> flush global`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overload {
    /// The table.
    pub table: Name,
    /// `flush`
    pub flush: bool,
    /// `global`
    pub global: bool,
}

/// The options of `keep state (…)`; 0 is not given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateOptions {
    /// `max`
    pub max: u32,
    /// `no-sync`
    pub no_sync: bool,
    /// `source-track`
    pub source_track: SourceTrack,
    /// `max-src-states`
    pub max_src_states: u32,
    /// `max-src-conn`
    pub max_src_conn: u32,
    /// `max-src-conn-rate limit/seconds`
    pub max_src_conn_rate: (u32, u32),
    /// `max-src-nodes`
    pub max_src_nodes: u32,
    /// `overload`
    pub overload: Option<Overload>,
    /// `if-bound`
    pub if_bound: bool,
    /// `sloppy`
    pub sloppy: bool,
    /// `pflow`
    pub pflow: bool,
    /// `allow-related`
    pub allow_related: bool,
    /// The timeouts, by their place in pf's own order; see [`TIMEOUTS`](crate::pf::TIMEOUTS).
    pub timeouts: Vec<(u8, u32)>,
}

/// `scrub` options: those of a scrub rule, and of `scrub (…)` in a pass or match rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScrubOptions {
    /// `no-df`
    pub no_df: bool,
    /// `random-id`
    pub random_id: bool,
    /// `min-ttl`, or 0
    pub min_ttl: u8,
    /// `max-mss`, or 0
    pub max_mss: u16,
    /// `set-tos`
    pub set_tos: Option<u8>,
    /// `reassemble tcp`
    pub reassemble_tcp: bool,
    /// `fragment no reassemble`
    pub no_reassemble: bool,
}

/// A dummynet pipe or queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dummynet {
    /// Whether it is a pipe; else a queue.
    pub pipe: bool,
    /// The pipe of the packets that match, or 0.
    pub number: u16,
    /// The pipe of their replies, or 0.
    pub reply: u16,
}

/// What a statement says that is the same for all rules it expands to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// What the rule does.
    pub action: Action,
    /// Where the statement stands.
    pub origin: Origin,
    /// The anchor that is called; the rule then has no action of its own but the kind of it.
    pub anchor: Option<AnchorCall>,
    /// `pass` on a translation rule.
    pub nat_pass: bool,
    /// The direction; none is both.
    pub direction: Option<Direction>,
    /// `log`
    pub log: Log,
    /// `quick`
    pub quick: bool,
    /// `route-to` and its like.
    pub route: Option<Route>,
    /// `received-on`, and whether it is negated.
    pub received_on: Option<(Name, bool)>,
    /// `tos`, or 0
    pub tos: u8,
    /// `prio`
    pub prio: Option<u8>,
    /// `max-pkt-rate limit/seconds`
    pub packet_rate: Option<(u32, u32)>,
    /// `max-pkt-size`, or 0
    pub packet_size: u16,
    /// `set prio (a, b)`
    pub set_prio: Option<(u8, u8)>,
    /// `set tos`, or the `set-tos` of `scrub (…)`.
    pub set_tos: Option<u8>,
    /// The options of the state.
    pub state: StateOptions,
    /// `probability`, of [`u32::MAX`]; 0 is always.
    pub probability: u32,
    /// `fragment`
    pub fragment: bool,
    /// `allow-opts`
    pub allow_opts: bool,
    /// `once`
    pub once: bool,
    /// The scrub options.
    pub scrub: ScrubOptions,
    /// The labels, their `$` parts as they are written.
    pub labels: Vec<Name>,
    /// `ridentifier`, or 0
    pub ridentifier: u32,
    /// `dnpipe`, `dnqueue`
    pub dummynet: Option<Dummynet>,
    /// `queue(name, name)`
    pub queue: Option<(Name, Option<Name>)>,
    /// `tag`, its `$` parts as they are written.
    pub tag: Option<Name>,
    /// `tagged`, and whether it is negated.
    pub tagged: Option<(Name, bool)>,
    /// `rtable`
    pub rtable: Option<u32>,
    /// `divert-to`, or 0
    pub divert: u16,
    /// The translation.
    pub translation: Translation,
    /// The family that addresses of the pools are printed in, where the rule has none.
    pub pool_family: Option<Family>,
}

impl Spec {
    /// A statement that says no more than its action.
    pub fn new(action: Action, origin: Origin) -> Self {
        Self {
            action,
            origin,
            anchor: None,
            nat_pass: false,
            direction: None,
            log: Log::default(),
            quick: false,
            route: None,
            received_on: None,
            tos: 0,
            prio: None,
            packet_rate: None,
            packet_size: 0,
            set_prio: None,
            set_tos: None,
            state: StateOptions::default(),
            probability: 0,
            fragment: false,
            allow_opts: false,
            once: false,
            scrub: ScrubOptions::default(),
            labels: Vec::new(),
            ridentifier: 0,
            dummynet: None,
            queue: None,
            tag: None,
            tagged: None,
            rtable: None,
            divert: 0,
            translation: Translation::default(),
            pool_family: None,
        }
    }
}

/// A call of an anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnchorCall {
    /// The name, as it is written; none for an inline anchor without one.
    pub name: Option<Name>,
    /// The rules between its braces.
    pub body: Option<BodyId>,
}

/// The rules of an inline anchor, in [`Ruleset::bodies`](super::Ruleset::bodies).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BodyId(pub(crate) u32);
