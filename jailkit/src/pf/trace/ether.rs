//! What `ether` rules may do with the frame that carries a packet. The stations of a frame are not known here: a rule
//! that asks for them may match or not.

use super::super::interfaces::Interface;
use super::super::rule::{Address, Endpoint, EtherRule, Family, Ruleset};
use super::Tracer;
use super::compare::Match;
use super::packet::{Packet, Ports};
use super::trail::Unknown;

/// The ends that are possible for a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) pass: bool,
    pub(super) block: bool,
}

impl Ends {
    const PASS: Self = Self { pass: true, block: false };

    fn of(pass: bool) -> Self {
        Self { pass, block: !pass }
    }

    fn or(self, other: Self) -> Self {
        Self { pass: self.pass || other.pass, block: self.block || other.block }
    }
}

impl Tracer<'_> {
    /// How it may end for the frame of a packet: the last rule that matches decides, or the first that is `quick`.
    /// Loopback interfaces carry no frames.
    pub(super) fn frame(&self, packet: &Packet) -> Ends {
        let set = self.set;
        if set.main.ether.is_empty() || self.interfaces.get(&packet.interface).is_some_and(Interface::is_loopback) {
            return Ends::PASS;
        }
        let mut done = Ends::default();
        let left = self.frame_through(set, &set.main.ether, packet, Ends::PASS, &mut done);
        done.or(left)
    }

    fn frame_through(
        &self,
        set: &Ruleset,
        rules: &[EtherRule],
        packet: &Packet,
        mut ends: Ends,
        done: &mut Ends,
    ) -> Ends {
        for rule in rules {
            let matches = self.matches_frame(set, rule, packet);
            if matches == Match::No {
                continue;
            }
            let after = match rule.anchor {
                Some(call) => {
                    let body = call.body.map_or(&[][..], |body| &set.body(body).ether);
                    self.frame_through(set, body, packet, ends, done)
                }
                None => Ends::of(rule.pass),
            };
            let certain = matches == Match::Yes;
            if rule.quick && rule.anchor.is_none() {
                *done = done.or(after);
                if certain {
                    return Ends::default();
                }
            } else {
                ends = if certain { after } else { ends.or(after) };
            }
        }
        ends
    }

    fn matches_frame(&self, set: &Ruleset, rule: &EtherRule, packet: &Packet) -> Match {
        let carried = if packet.family() == Family::Inet { 0x0800 } else { 0x86dd };
        let apart = rule.direction.is_some_and(|direction| direction != packet.direction)
            || rule
                .interface
                .is_some_and(|name| self.is_on(set.name(name), &packet.interface) == rule.interface_negated)
            || rule.protocol != 0 && rule.protocol != carried;
        if apart {
            return Match::No;
        }
        let addressed = |side: &Endpoint, address| match side.address {
            Address::Any => Match::Yes,
            _ => self.side(set, side, address, Ports::default()),
        };
        addressed(&rule.ip_source, packet.source).and(|| addressed(&rule.ip_destination, packet.destination)).and(
            || {
                let stations = rule.source.is_some() || rule.destination.is_some() || rule.tagged.is_some();
                if stations { Match::Maybe(Unknown::Frame) } else { Match::Yes }
            },
        )
    }
}
