//! What a packet meets: which rules of a [`Ruleset`] take it, and what becomes of it, as pf(4) goes through them.
//!
//! The order is pf's own. `set skip on` comes first; then the first scrub rule; then state, for packets of a connection
//! that is known; then the first translation rule (rdr and binat on the way in, binat and nat on the way out); then the
//! filter rules, of which the last that matches decides, or the first that is `quick`. Where none matches, pf passes.
//!
//! What depends on chance, time, sockets or routes is not guessed: the trace follows both ways, and where they end
//! differently the verdict is [`Verdict::Undecided`] and both outcomes are told: so it is with limits on states, and
//! with `ether` rules that ask for the stations of the frame.

mod anchors;
mod compare;
mod ether;
mod index;
mod packet;
mod pool;
mod table;
mod trail;
mod translate;
mod walk;

use std::collections::HashMap;
use std::fmt;

use super::interfaces::Interfaces;
use super::rule::{Action, Direction, Family, KeepState, Name, Network, Ruleset, TableEntry};
use anchors::Anchors;
use index::Index;
use table::Prefixes;
use walk::{Decision, Kind, Walk};

pub use packet::{BadPacket, Packet, Ports, State};
pub use trail::{Effect, RuleRef, Step, Unknown};

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It passes.
    Pass,
    /// It is blocked.
    Block,
    /// That depends on what only the running host knows.
    Undecided,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "pass",
            Self::Block => "block",
            Self::Undecided => "undecided",
        })
    }
}

/// One way that it may end for a packet.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Outcome<'a> {
    /// Whether it passes; never undecided.
    pub verdict: Verdict,
    /// The rule that says so; none where pf passes or drops without one.
    pub rule: Option<RuleRef<'a>>,
    /// The packet as it goes on.
    pub after: Packet,
    /// The state that the packet leaves, by which its replies pass.
    pub state: Option<State>,
    /// What happened, in order.
    pub trail: Vec<Step<'a>>,
}

/// The answer of [`Tracer::trace`].
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Trace<'a> {
    /// What becomes of the packet.
    pub verdict: Verdict,
    /// The packet as it came.
    pub before: Packet,
    /// How it may end; one, unless something is undecided or chosen from a pool.
    pub outcomes: Vec<Outcome<'a>>,
    /// Whether all ways were followed; else there are too many, and the verdict is undecided.
    pub complete: bool,
}

/// A table with what is in it that could not be read from text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no table: write NAME=ADDRESS[/BITS],..., a ! before an address that is not of it")]
pub struct BadTable(String);

/// Follows packets through a ruleset.
///
/// # Example
/// ```
/// use jailkit::pf::rule::Direction;
/// use jailkit::pf::trace::{Packet, Tracer, Verdict};
/// use jailkit::pf::{Environment, Interfaces, MAX_RULES, NoFiles, Ruleset};
/// use jailkit::source::Source;
///
/// let interfaces = Interfaces::default();
/// let env = Environment { interfaces: &interfaces, files: &NoFiles, max_rules: MAX_RULES };
/// let set = Ruleset::read(&Source::new("pf.conf", "block in\npass in proto tcp to port 22\n"), &env)?;
///
/// let mut tracer = Tracer::new(&set, &interfaces);
/// let packet = Packet::new(Direction::In, "igb0", "tcp", "198.51.100.9:50000", "203.0.113.10:22")?;
/// let trace = tracer.trace(&packet);
/// assert_eq!(trace.verdict, Verdict::Pass);
/// assert_eq!(trace.outcomes[0].rule.map(|rule| rule.line()), Some(2));
///
/// let state = trace.outcomes[0].state.clone().unwrap();
/// let reply = state.reply();
/// tracer.track(state);
/// assert_eq!(tracer.trace(&reply).verdict, Verdict::Pass);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Tracer<'a> {
    set: &'a Ruleset,
    interfaces: &'a Interfaces,
    anchors: Anchors<'a>,
    /// The index of each ruleset, the main one first; and one that passes over nothing.
    indices: Vec<(&'a Ruleset, Index)>,
    no_index: Index,
    /// The tables of each ruleset, the main one first.
    tables: Vec<(&'a Ruleset, HashMap<Vec<u8>, Prefixes>)>,
    /// The tables whose contents the caller gave.
    given: HashMap<Vec<u8>, Prefixes>,
    states: Vec<State>,
}

impl<'a> Tracer<'a> {
    /// A tracer with the ruleset's own tables, and no connections.
    pub fn new(set: &'a Ruleset, interfaces: &'a Interfaces) -> Self {
        let mut tables = Vec::new();
        add_tables(set, &mut tables);
        let (given, states) = (HashMap::new(), Vec::new());
        let mut indices = Vec::new();
        add_indices(set, &mut indices);
        Self { set, interfaces, anchors: Anchors::of(set), indices, no_index: Index::default(), tables, given, states }
    }

    /// Fills a table, in every anchor that has one of the name, in place of what the ruleset puts into it: `NAME=` and
    /// addresses or networks with commas between them.
    ///
    /// # Errors
    /// [`BadTable`] for other text.
    pub fn fill_table(&mut self, text: &str) -> Result<(), BadTable> {
        let bad = || BadTable(text.to_owned());
        let (name, list) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(bad)?;
        let mut prefixes = Prefixes::default();
        for word in list.split(',').filter(|word| !word.is_empty()) {
            prefixes.add(table_entry(word).ok_or_else(bad)?);
        }
        self.given.insert(name.as_bytes().to_vec(), prefixes);
        Ok(())
    }

    /// Adds a connection: its packets, and the replies, pass from now on.
    pub fn track(&mut self, state: State) {
        self.states.push(state);
    }

    /// What becomes of a packet.
    pub fn trace(&self, packet: &Packet) -> Trace<'a> {
        let mut cut = false;
        let mut outcomes: Vec<Outcome<'a>> = Vec::new();
        for walk in self.follow(packet, &mut cut) {
            let outcome = outcome(packet, walk);
            let same = |known: &Outcome<'a>| {
                known.verdict == outcome.verdict
                    && (known.verdict == Verdict::Block
                        || known.after == outcome.after && known.state.is_some() == outcome.state.is_some())
            };
            if !outcomes.iter().any(same) {
                outcomes.push(outcome);
            }
        }
        let first = outcomes.first().map(|outcome| outcome.verdict);
        let agree = !cut && outcomes.iter().all(|outcome| Some(outcome.verdict) == first);
        let verdict = first.filter(|_| agree).unwrap_or(Verdict::Undecided);
        Trace { verdict, before: packet.clone(), outcomes, complete: !cut }
    }

    fn follow(&self, packet: &Packet, cut: &mut bool) -> Vec<Walk<'a>> {
        let walk = Walk::new(packet.clone());
        if packet.direction == Direction::Out {
            return self.framed(self.follow_in_ip(walk, cut));
        }
        let (ended, mut walks): (Vec<_>, Vec<_>) = self.framed(vec![walk]).into_iter().partition(Walk::is_dropped);
        let walks = walks.drain(..).flat_map(|walk| self.follow_in_ip(walk, cut));
        walks.chain(ended).collect()
    }

    fn follow_in_ip(&self, mut walk: Walk<'a>, cut: &mut bool) -> Vec<Walk<'a>> {
        let packet = &walk.packet.clone();
        if self.set.skip.iter().any(|&name| self.is_on(self.set.name(name), &packet.interface)) {
            walk.step(None, Effect::Skipped);
            return vec![walk];
        }
        let mut ended = Vec::new();
        let mut walks = self.walk(Kind::Scrub, vec![walk], cut);
        let normalizes = |walk: &Walk<'_>| walk.scrubbed || self.set.main.scrub.is_empty();
        for walk in walks.iter_mut().filter(|walk| normalizes(walk) && is_impossible(packet)) {
            walk.step(None, Effect::BadFlags);
            walk.decision = Decision::Dropped(None);
        }
        let carried = self.states.iter().find_map(|state| state.carry(packet));
        if let Some(carried) = carried {
            for walk in walks.iter_mut().filter(|walk| !walk.is_dropped()) {
                walk.step(None, Effect::Tracked(carried.clone()));
                walk.packet = carried.clone();
            }
            return walks;
        }
        ended.extend(walks.extract_if(.., |walk| walk.is_dropped()));
        let kinds = if packet.direction == Direction::In { [Kind::Rdr, Kind::Binat] } else { [Kind::Binat, Kind::Nat] };
        let mut filtered = Vec::new();
        for kind in kinds {
            walks = self.walk(kind, walks, cut);
            filtered.extend(walks.extract_if(.., |walk| walk.kept));
            for walk in walks.extract_if(.., |walk| walk.found.is_some()) {
                let Some(at) = walk.found else { continue };
                for mut walk in self.apply(at, walk) {
                    if walk.is_dropped() {
                        ended.push(walk);
                    } else if at.set.spec(at.rule).nat_pass {
                        walk.cut = false;
                        walk.step(Some(at), Effect::PassedByTranslation);
                        walk.decision = Decision::Rule(at);
                        ended.push(walk);
                    } else {
                        filtered.push(walk);
                    }
                }
            }
        }
        filtered.extend(walks);
        for walk in self.walk(Kind::Filter, filtered, cut) {
            match walk.decision {
                Decision::Rule(at) if at.set.spec(at.rule).action == Action::Pass => {
                    ended.extend(within_limits(at, walk).into_iter().flat_map(|walk| match walk.decision {
                        Decision::Dropped(_) => vec![walk],
                        _ => self.apply_last(at, walk),
                    }));
                }
                _ => ended.push(walk),
            }
        }
        *cut |= ended.iter().any(|walk| walk.cut);
        ended
    }

    /// Translates a packet that no further rule looks at: whichever address it gets, it passes.
    fn apply_last(&self, at: RuleRef<'a>, walk: Walk<'a>) -> Vec<Walk<'a>> {
        let cut = walk.cut;
        let mut walks = self.apply(at, walk);
        walks.iter_mut().for_each(|walk| walk.cut = cut);
        walks
    }

    /// Where the frame of a packet may be blocked, the way of it that is, and the other if it may pass.
    fn framed(&self, walks: Vec<Walk<'a>>) -> Vec<Walk<'a>> {
        let each = walks.into_iter().flat_map(|walk| {
            let ends = self.frame(&walk.packet);
            let passes = (ends.pass || walk.is_dropped()).then(|| walk.clone());
            let passes = passes.map(|mut walk| {
                if ends.block && !walk.is_dropped() {
                    walk.step(None, Effect::Frame { passes: true });
                }
                walk
            });
            let blocked = (ends.block && !walk.is_dropped()).then(|| {
                let mut walk = walk;
                walk.drop_packet(None, Effect::Frame { passes: false });
                walk
            });
            passes.into_iter().chain(blocked)
        });
        each.collect()
    }

    fn index(&self, set: &Ruleset) -> &Index {
        let own = self.indices.iter().find(|(known, _)| std::ptr::eq(*known, set));
        own.map_or(&self.no_index, |(_, index)| index)
    }

    /// The table that a rule of a ruleset means: its own, else the main ruleset's.
    fn table(&self, set: &Ruleset, name: Name) -> Option<&Prefixes> {
        let name = set.name(name);
        if !self.given.is_empty()
            && let Some(given) = self.given.get(name)
        {
            return Some(given);
        }
        let own = self.tables.iter().find(|(known, _)| std::ptr::eq(*known, set));
        own.into_iter().chain(self.tables.first()).find_map(|(_, tables)| tables.get(name))
    }
}

fn add_indices<'a>(set: &'a Ruleset, indices: &mut Vec<(&'a Ruleset, Index)>) {
    indices.push((set, Index::of(set)));
    for (_, loaded) in &set.loaded {
        add_indices(loaded, indices);
    }
}

fn add_tables<'a>(set: &'a Ruleset, tables: &mut Vec<(&'a Ruleset, HashMap<Vec<u8>, Prefixes>)>) {
    let filled = set.tables.iter().map(|table| (set.name(table.name).to_vec(), table.entries().collect()));
    tables.push((set, filled.collect()));
    for (_, loaded) in &set.loaded {
        add_tables(loaded, tables);
    }
}

fn table_entry(word: &str) -> Option<TableEntry> {
    let (negated, word) = word.strip_prefix('!').map_or((false, word), |rest| (true, rest));
    let (address, bits) = word.split_once('/').map_or((word, None), |(address, bits)| (address, Some(bits)));
    let address = address.parse().ok()?;
    let width = Family::of(address).bits();
    let bits = bits.map_or(Some(width), |bits| bits.parse().ok()).filter(|bits| *bits <= width)?;
    Some(TableEntry { network: Network::new(address, bits), negated })
}

/// A packet that a rule passes with state; and dropped, where the rule limits how many states there may be.
fn within_limits<'a>(at: RuleRef<'a>, walk: Walk<'a>) -> Vec<Walk<'a>> {
    let state = &at.set.spec(at.rule).state;
    let limited = state.max != 0 || state.max_src_states != 0 || state.max_src_nodes != 0;
    if !limited || at.rule.keep_state == KeepState::No {
        return vec![walk];
    }
    let mut dropped = walk.clone();
    dropped.drop_packet(Some(at), Effect::TooManyStates);
    vec![walk, dropped]
}

/// Whether no connection has a packet with these flags of tcp; pf drops it while it normalizes.
fn is_impossible(packet: &Packet) -> bool {
    use packet::{ACK, FIN, PUSH, RST, SYN, TCP, URG};
    let has = |flags| packet.flags & flags != 0;
    let starts = if has(SYN) { has(RST | FIN) } else { !has(ACK | RST) };
    packet.protocol == TCP && (starts || !has(ACK) && has(FIN | PUSH | URG))
}

fn outcome<'a>(before: &Packet, walk: Walk<'a>) -> Outcome<'a> {
    let tracked = walk.trail.iter().any(|step| matches!(step.effect, Effect::Tracked(_)));
    let (passes, rule) = match walk.decision {
        Decision::None => (true, None),
        Decision::Rule(at) => (!matches!(at.set.spec(at.rule).action, Action::Block(_)), Some(at)),
        Decision::Dropped(at) => (false, at),
    };
    let keeps = walk.translated || rule.is_some_and(|at| at.rule.keep_state != KeepState::No);
    let state = (passes && keeps && !tracked).then(|| State {
        before: before.clone(),
        after: walk.packet.clone(),
        if_bound: rule.is_some_and(|at| at.set.spec(at.rule).state.if_bound),
    });
    let verdict = if passes { Verdict::Pass } else { Verdict::Block };
    Outcome { verdict, rule, after: walk.packet, state, trail: walk.trail }
}

impl fmt::Display for Outcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.trail {
            writeln!(f, "{step}")?;
        }
        write!(f, "{}", self.verdict)?;
        match self.rule {
            Some(rule) => write!(f, ", by {}:{}", rule.file().display(), rule.line())?,
            None if self.trail.last().is_some_and(|step| step.rule.is_none()) => {}
            None if self.verdict == Verdict::Pass => f.write_str(", as no rule matches")?,
            None => {}
        }
        if self.verdict == Verdict::Pass {
            write!(f, ": {}", self.after)?;
        }
        if self.state.is_some() {
            f.write_str("\nstate is kept: replies pass")?;
        }
        Ok(())
    }
}

impl fmt::Display for Trace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.before)?;
        let one = self.outcomes.len() == 1;
        for (number, outcome) in self.outcomes.iter().enumerate() {
            if !one {
                writeln!(f, "\noutcome {}:", number + 1)?;
            }
            write!(f, "{outcome}")?;
            if number + 1 < self.outcomes.len() {
                writeln!(f)?;
            }
        }
        if !one || !self.complete {
            write!(f, "\n\n{}", self.verdict)?;
        }
        if !self.complete {
            write!(f, "\nmore ways lead through these rules than are followed")?;
        }
        Ok(())
    }
}
