//! The way of a packet through the rules of one kind. Where a rule may match or not, the way forks.

use super::super::rule::{Action, Name, Rule, Rules, Ruleset};
use super::Tracer;
use super::compare::Match;
use super::packet::Packet;
use super::trail::{Effect, RuleRef, Step, Unknown};

/// How deep anchors may be entered from each other, as in pf.
const MAX_DEPTH: usize = 64;
/// How many ways are followed at a time that differ in what came of the packet.
const MAX_WALKS: usize = 64;

/// The kinds of rules, each gone through by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Scrub,
    Binat,
    Nat,
    Rdr,
    Filter,
}

impl Kind {
    fn of(self, rules: &Rules) -> &[Rule] {
        match self {
            Self::Scrub => &rules.scrub,
            Self::Binat => &rules.binat,
            Self::Nat => &rules.nat,
            Self::Rdr => &rules.rdr,
            Self::Filter => &rules.filter,
        }
    }
}

/// The rules of an anchor, or the main ones, and their path.
#[derive(Clone, Debug)]
pub(super) struct Place<'a> {
    pub(super) set: &'a Ruleset,
    pub(super) rules: &'a Rules,
    pub(super) path: Vec<u8>,
}

/// What decided so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Decision<'a> {
    /// Nothing: pf passes.
    None,
    /// This rule.
    Rule(RuleRef<'a>),
    /// pf dropped it, because of this rule or without one.
    Dropped(Option<RuleRef<'a>>),
}

/// A packet on its way.
#[derive(Clone, Debug)]
pub(super) struct Walk<'a> {
    pub(super) packet: Packet,
    pub(super) tag: Option<Vec<u8>>,
    pub(super) decision: Decision<'a>,
    /// The translation rule that took it.
    pub(super) found: Option<RuleRef<'a>>,
    pub(super) translated: bool,
    /// A `no` rule keeps it from being translated, be it by rules of another kind.
    pub(super) kept: bool,
    pub(super) scrubbed: bool,
    pub(super) trail: Vec<Step<'a>>,
    /// For each anchor it is in, whether a rule there decided.
    decided: Vec<bool>,
    stopped: bool,
    /// Whether a pool has more addresses that differ than are followed.
    pub(super) cut: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(packet: Packet) -> Self {
        Self {
            packet,
            tag: None,
            decision: Decision::None,
            found: None,
            translated: false,
            kept: false,
            scrubbed: false,
            trail: Vec::new(),
            decided: Vec::new(),
            stopped: false,
            cut: false,
        }
    }

    pub(super) fn step(&mut self, rule: Option<RuleRef<'a>>, effect: Effect) {
        self.trail.push(Step { rule, effect, tag: None });
    }

    pub(super) fn is_dropped(&self) -> bool {
        matches!(self.decision, Decision::Dropped(_))
    }

    fn assume(&mut self, rule: RuleRef<'a>, unknown: Unknown, matches: bool) {
        self.step(Some(rule), Effect::Assumed { unknown, matches });
    }

    fn take_tag(&mut self, at: RuleRef<'a>) {
        if let Some(tag) = at.set.tag(at.rule).filter(|tag| !tag.is_empty()) {
            if let Some(step) = self.trail.last_mut() {
                step.tag = Some(String::from_utf8_lossy(&tag).into_owned());
            }
            self.tag = Some(tag.into_owned());
        }
    }

    pub(super) fn drop_packet(&mut self, rule: Option<RuleRef<'a>>, effect: Effect) {
        self.step(rule, effect);
        self.decision = Decision::Dropped(rule);
        self.stopped = true;
    }

    /// Whether nothing that comes can tell the two apart in what becomes of the packet.
    fn is_same(&self, other: &Self) -> bool {
        self.packet == other.packet
            && self.tag == other.tag
            && self.translated == other.translated
            && self.kept == other.kept
            && self.scrubbed == other.scrubbed
            && self.cut == other.cut
            && self.found == other.found
            && self.decided == other.decided
            && match (self.decision, other.decision) {
                (Decision::Rule(one), Decision::Rule(other)) => one == other || does_the_same(one, other),
                (one, other) => one == other,
            }
    }
}

fn does_the_same(one: RuleRef<'_>, other: RuleRef<'_>) -> bool {
    let (spec, other_spec) = (one.set.spec(one.rule), other.set.spec(other.rule));
    spec.action == other_spec.action
        && spec.translation == Default::default()
        && other_spec.translation == Default::default()
        && one.rule.keep_state == other.rule.keep_state
        && spec.state.if_bound == other_spec.state.if_bound
}

/// What leaves the rules of a kind before their end.
#[derive(Default)]
pub(super) struct Course<'a> {
    done: Vec<Walk<'a>>,
    /// Whether there were more ways than are followed.
    pub(super) cut: bool,
}

impl<'a> Tracer<'a> {
    /// Takes packets through the main rules of a kind.
    pub(super) fn walk(&self, kind: Kind, walks: Vec<Walk<'a>>, cut: &mut bool) -> Vec<Walk<'a>> {
        let mut course = Course::default();
        let place = Place { set: self.set, rules: &self.set.main, path: Vec::new() };
        let left = self.go(kind, &place, walks, &mut course);
        let mut walks = course.done;
        walks.extend(left);
        *cut |= course.cut;
        for walk in &mut walks {
            walk.stopped = false;
            walk.decided.clear();
        }
        walks
    }

    fn go(&self, kind: Kind, place: &Place<'a>, mut live: Vec<Walk<'a>>, course: &mut Course<'a>) -> Vec<Walk<'a>> {
        let rules: &'a [Rule] = kind.of(place.rules);
        let index = self.index(place.set);
        let facts = |live: &[Walk<'a>]| -> Vec<_> {
            let is_on = |name| self.is_on(place.set.name(name), &live[0].packet.interface);
            live.iter().map(|walk| index.facts(&walk.packet, is_on)).collect()
        };
        let mut from = 0;
        let mut seen = if rules.is_empty() || live.is_empty() { Vec::new() } else { facts(&live) };
        while let Some(at) = index.next(rules, from, &seen) {
            from = at + 1;
            let rule = &rules[at];
            let compare = |walk: &Walk<'a>| self.compare(place.set, rule, &walk.packet, walk.tag.as_deref());
            if live.iter().all(|walk| compare(walk) == Match::No) {
                continue;
            }
            let at = RuleRef { set: place.set, rule };
            let live_before = live.len();
            let mut next = Vec::with_capacity(live_before);
            for mut walk in live {
                let mut other = None;
                match compare(&walk) {
                    Match::No => {
                        next.push(walk);
                        continue;
                    }
                    Match::Yes => {}
                    Match::Maybe(unknown) => {
                        let unmatched = other.insert(walk.clone());
                        unmatched.assume(at, unknown, false);
                        walk.assume(at, unknown, true);
                    }
                }
                if place.set.spec(rule).anchor.is_some() {
                    self.enter(kind, place, rule, walk, course, &mut next);
                } else {
                    for walk in self.take(kind, at, walk) {
                        if walk.stopped { course.done.push(walk) } else { next.push(walk) }
                    }
                }
                next.extend(other);
            }
            let forked = next.len() != live_before;
            live = next;
            let settled = live.len();
            course.cut |= settle(&mut live);
            let forked = forked || live.len() != settled;
            course.cut |= course.done.len() > 1 && settle(&mut course.done);
            if live.is_empty() {
                break;
            }
            let spec = place.set.spec(rule);
            if forked || spec.anchor.is_some() || spec.translation != Default::default() {
                seen = facts(&live);
            }
        }
        live
    }

    /// Goes through the rules of an anchor; what comes out of it at its end is added to `next`.
    fn enter(
        &self,
        kind: Kind,
        place: &Place<'a>,
        rule: &'a Rule,
        mut walk: Walk<'a>,
        course: &mut Course<'a>,
        next: &mut Vec<Walk<'a>>,
    ) {
        let at = RuleRef { set: place.set, rule };
        let spec = place.set.spec(rule);
        if walk.decided.len() >= MAX_DEPTH {
            walk.drop_packet(Some(at), Effect::TooDeep);
            course.done.push(walk);
            return;
        }
        let (name, body) = spec.anchor.map_or((None, None), |call| (call.name, call.body));
        let places = match body {
            Some(body) => vec![Place {
                set: place.set,
                rules: place.set.body(body),
                path: self.anchors.join(&place.path, name.map_or(b"", |name: Name| place.set.name(name))),
            }],
            None => name.map_or_else(Vec::new, |name| self.anchors.called(&place.path, place.set.name(name))),
        };
        let mark = walk.trail.len();
        walk.step(Some(at), Effect::Enters);
        walk.take_tag(at);
        walk.decided.push(false);
        let mut inside = vec![walk];
        for place in &places {
            inside = self.go(kind, place, inside, course);
        }
        for mut walk in inside {
            let decided = walk.decided.pop().unwrap_or(false);
            if walk.trail.len() == mark + 1 && walk.trail[mark].tag.is_none() {
                walk.trail.pop();
            }
            walk.stopped = spec.quick && decided;
            if walk.stopped { course.done.push(walk) } else { next.push(walk) }
        }
    }

    /// What a rule that matches does.
    fn take(&self, kind: Kind, at: RuleRef<'a>, mut walk: Walk<'a>) -> Vec<Walk<'a>> {
        let spec = at.set.spec(at.rule);
        match spec.action {
            Action::Scrub => {
                walk.step(Some(at), Effect::Scrubbed);
                walk.scrubbed = true;
            }
            Action::NoScrub => walk.step(Some(at), Effect::NotScrubbed),
            Action::Nat | Action::Rdr | Action::Binat => {
                walk.found = Some(at);
                walk.stopped = true;
                return vec![walk];
            }
            Action::NoNat | Action::NoRdr | Action::NoBinat => {
                walk.step(Some(at), Effect::NotTranslated);
                walk.kept = true;
            }
            Action::Pass | Action::Block(_) => {
                let passes = spec.action == Action::Pass;
                walk.step(Some(at), if passes { Effect::Passes } else { Effect::Blocks });
                walk.decision = Decision::Rule(at);
                walk.decided.fill(true);
            }
            Action::Match => walk.step(Some(at), Effect::Matches),
        }
        walk.take_tag(at);
        walk.stopped = kind != Kind::Filter || spec.quick;
        if spec.action != Action::Match {
            return vec![walk];
        }
        self.apply(at, walk)
    }

    /// Translates a packet as a rule says, where it says so.
    pub(super) fn apply(&self, at: RuleRef<'a>, mut walk: Walk<'a>) -> Vec<Walk<'a>> {
        let translation = &at.set.spec(at.rule).translation;
        if *translation == Default::default() {
            return vec![walk];
        }
        let made = self.translate(at.set, at.rule, &walk.packet);
        if made.packets.is_empty() {
            walk.drop_packet(Some(at), Effect::NoAddress);
            return vec![walk];
        }
        let each = made.packets.into_iter().map(|to| {
            let mut walk = walk.clone();
            walk.step(Some(at), Effect::Translated { to: to.clone(), choices: made.choices });
            walk.take_tag(at);
            walk.packet = to;
            walk.cut |= made.cut;
            walk.translated = true;
            walk
        });
        each.collect()
    }
}

/// Keeps one of the ways that are the same; whether there are still too many, and some were left.
fn settle(walks: &mut Vec<Walk<'_>>) -> bool {
    if walks.len() < 2 {
        return false;
    }
    let mut kept: Vec<Walk<'_>> = Vec::with_capacity(walks.len());
    for walk in walks.drain(..) {
        if !kept.iter().any(|known| known.is_same(&walk)) {
            kept.push(walk);
        }
    }
    let cut = kept.len() > MAX_WALKS;
    kept.truncate(MAX_WALKS);
    *walks = kept;
    cut
}
