//! The options of `keep state (…)`.

use super::{Parsed, Parser};
use crate::pf::rule::{KeepState, Name, Overload, SourceTrack, StateOptions};
use crate::pf::timeouts::{ADAPTIVE_END, ADAPTIVE_START, SOURCE_TRACK, TIMEOUTS, timeout};
use crate::source::printable;

/// One option, as it is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Choice {
    Max(u32),
    NoSync,
    Track(Track),
    MaxSrcStates(u32),
    MaxSrcConn(u32),
    MaxSrcConnRate(u32, u32),
    MaxSrcNodes(u32),
    Overload(Name, bool, bool),
    IfBound(bool),
    Sloppy,
    Pflow,
    AllowRelated,
    Timeout(u8, u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Track {
    Plain,
    Global,
    Rule,
}

const POSITIVE: &str = "only positive values permitted";

impl Parser<'_> {
    /// `no state`, `keep state …` and their like.
    pub(super) fn keep(&mut self) -> Parsed<Option<(KeepState, Vec<Choice>)>> {
        let kind = if self.accept("no") {
            KeepState::No
        } else if self.accept("keep") {
            KeepState::Keep
        } else if self.accept("modulate") {
            KeepState::Modulate
        } else if self.accept("synproxy") {
            KeepState::Synproxy
        } else {
            return Ok(None);
        };
        self.expect_keyword("state")?;
        let mut choices = Vec::new();
        if kind != KeepState::No && self.sign(b'(') {
            choices = self.state_choices()?;
            self.expect(b')')?;
        }
        Ok(Some((kind, choices)))
    }

    pub(super) fn state_choices(&mut self) -> Parsed<Vec<Choice>> {
        let mut choices = vec![self.state_choice()?];
        loop {
            if self.sign(b',') {
                choices.push(self.state_choice()?);
            } else if self.is_sign(b')') || self.end_of_choices() {
                return Ok(choices);
            } else {
                choices.push(self.state_choice()?);
            }
        }
    }

    fn end_of_choices(&self) -> bool {
        matches!(self.lexer.token, super::Token::Newline | super::Token::End)
    }

    fn count(&mut self) -> Parsed<u32> {
        Ok(self.bounded(i64::from(u32::MAX), POSITIVE)? as u32)
    }

    fn state_choice(&mut self) -> Parsed<Choice> {
        if self.accept("max") {
            return Ok(Choice::Max(self.count()?));
        }
        if self.accept("no-sync") {
            return Ok(Choice::NoSync);
        }
        if self.accept("max-src-states") {
            return Ok(Choice::MaxSrcStates(self.count()?));
        }
        if self.accept("max-src-conn") {
            return Ok(Choice::MaxSrcConn(self.count()?));
        }
        if self.accept("max-src-conn-rate") {
            let limit = self.count()?;
            self.expect(b'/')?;
            return Ok(Choice::MaxSrcConnRate(limit, self.count()?));
        }
        if self.accept("max-src-nodes") {
            return Ok(Choice::MaxSrcNodes(self.count()?));
        }
        if self.accept("overload") {
            let table = self.table_name()?;
            let flush = self.accept("flush");
            let global = flush && self.accept("global");
            return Ok(Choice::Overload(table, flush, global));
        }
        if self.accept("source-track") {
            return Ok(Choice::Track(if self.accept("global") {
                Track::Global
            } else if self.accept("rule") {
                Track::Rule
            } else {
                Track::Plain
            }));
        }
        if self.accept("if-bound") {
            return Ok(Choice::IfBound(true));
        }
        if self.accept("floating") {
            return Ok(Choice::IfBound(false));
        }
        if self.accept("sloppy") {
            return Ok(Choice::Sloppy);
        }
        if self.accept("pflow") {
            return Ok(Choice::Pflow);
        }
        if self.accept("allow-related") {
            return Ok(Choice::AllowRelated);
        }
        let origin = self.lexer.origin;
        let name = self.word()?;
        let seconds = self.count()?;
        match timeout(&name) {
            None => Err(self.fail_at(origin, format!("illegal timeout name {}", printable(&name)))),
            Some(_) if !name.contains(&b'.') => {
                Err(self.fail_at(origin, format!("illegal state timeout {}", printable(&name))))
            }
            Some(place) => Ok(Choice::Timeout(place, seconds)),
        }
    }

    /// The options together, as pfctl checks and completes them.
    pub(super) fn state_options(&mut self, choices: &[Choice], keeps: bool) -> Parsed<StateOptions> {
        let mut options = StateOptions::default();
        let mut track = None;
        let (mut locked, mut adaptive, mut tracks, mut by_rule) = (false, false, false, false);
        let mut timeouts = [0u32; TIMEOUTS.len()];
        for &choice in choices {
            let twice = |name: &str| format!("state option '{name}' multiple definitions");
            let over_zero = |name: &str| format!("'{name}' must be > 0");
            match choice {
                Choice::Max(_) if options.max != 0 => return Err(self.fail(twice("max"))),
                Choice::Max(max) => options.max = max,
                Choice::NoSync if options.no_sync => return Err(self.fail(twice("sync"))),
                Choice::NoSync => options.no_sync = true,
                Choice::Track(_) if track.is_some() => return Err(self.fail(twice("source-track"))),
                Choice::Track(kind) => {
                    track = Some(kind);
                    tracks = true;
                }
                Choice::MaxSrcStates(_) if options.max_src_states != 0 => {
                    return Err(self.fail(twice("max-src-states")));
                }
                Choice::MaxSrcStates(0) => return Err(self.fail(over_zero("max-src-states"))),
                Choice::MaxSrcStates(max) => {
                    options.max_src_states = max;
                    tracks = true;
                }
                Choice::MaxSrcConn(_) if options.max_src_conn != 0 => return Err(self.fail(twice("max-src-conn"))),
                Choice::MaxSrcConn(0) => return Err(self.fail(over_zero("max-src-conn"))),
                Choice::MaxSrcConn(max) => {
                    options.max_src_conn = max;
                    (tracks, by_rule) = (true, true);
                }
                Choice::MaxSrcConnRate(..) if options.max_src_conn_rate.0 != 0 => {
                    return Err(self.fail(twice("max-src-conn-rate")));
                }
                Choice::MaxSrcConnRate(0, _) | Choice::MaxSrcConnRate(_, 0) => {
                    return Err(self.fail("'max-src-conn-rate' values must be > 0"));
                }
                Choice::MaxSrcConnRate(limit, _) if limit > u32::MAX / 1000 => {
                    let message = format!("'max-src-conn-rate' maximum rate must be < {}", u32::MAX / 1000);
                    return Err(self.fail(message));
                }
                Choice::MaxSrcConnRate(limit, seconds) => {
                    options.max_src_conn_rate = (limit, seconds);
                    (tracks, by_rule) = (true, true);
                }
                Choice::MaxSrcNodes(_) if options.max_src_nodes != 0 => return Err(self.fail(twice("max-src-nodes"))),
                Choice::MaxSrcNodes(0) => return Err(self.fail(over_zero("max-src-nodes"))),
                Choice::MaxSrcNodes(max) => {
                    options.max_src_nodes = max;
                    (tracks, by_rule) = (true, true);
                }
                Choice::Overload(..) if options.overload.is_some() => {
                    return Err(self.fail("multiple 'overload' table definitions"));
                }
                Choice::Overload(table, flush, global) => options.overload = Some(Overload { table, flush, global }),
                Choice::IfBound(_) if locked => {
                    return Err(self.fail("state locking option: multiple definitions"));
                }
                Choice::IfBound(bound) => {
                    locked = true;
                    options.if_bound = bound;
                }
                Choice::Sloppy if options.sloppy => {
                    return Err(self.fail("state sloppy option: multiple definitions"));
                }
                Choice::Sloppy => options.sloppy = true,
                Choice::Pflow if options.pflow => {
                    return Err(self.fail("state pflow option: multiple definitions"));
                }
                Choice::Pflow => options.pflow = true,
                Choice::AllowRelated if options.allow_related => {
                    return Err(self.fail("state allow-related option: multiple definitions"));
                }
                Choice::AllowRelated => options.allow_related = true,
                Choice::Timeout(place, seconds) => {
                    adaptive |= matches!(place, ADAPTIVE_START | ADAPTIVE_END);
                    let own = &mut timeouts[usize::from(place)];
                    if *own != 0 {
                        let name = TIMEOUTS[usize::from(place)];
                        return Err(self.fail(format!("state timeout {name} multiple definitions")));
                    }
                    *own = seconds;
                }
            }
        }
        if !adaptive && options.max != 0 {
            timeouts[usize::from(ADAPTIVE_START)] = options.max / 10 * 6;
            timeouts[usize::from(ADAPTIVE_END)] = options.max / 10 * 12;
        }
        if tracks {
            let global = track == Some(Track::Global);
            for (name, given) in [
                ("max-src-nodes", options.max_src_nodes != 0),
                ("max-src-conn", options.max_src_conn != 0),
                ("max-src-conn-rate", options.max_src_conn_rate.1 != 0),
            ] {
                if global && given {
                    return Err(self.fail(format!("'{name}' is incompatible with 'source-track global'")));
                }
            }
            let own = &mut timeouts[usize::from(SOURCE_TRACK)];
            *own = (*own).max(options.max_src_conn_rate.1);
            by_rule |= track == Some(Track::Rule);
            options.source_track = if by_rule { SourceTrack::Rule } else { SourceTrack::Global };
        }
        if keeps && !locked {
            options.if_bound = self.if_bound;
        }
        options.timeouts = (0u8..).zip(timeouts).filter(|(_, seconds)| *seconds != 0).collect();
        Ok(options)
    }
}
