//! What follows `altq on …` and `queue …`: the discipline, its options, bandwidths and rates.

use super::curve::ServiceCurve;
use super::{Parsed, Parser, Token};
use crate::source::printable;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Discipline {
    Cbq,
    Codel,
    Priq,
    Hfsc,
    Fairq,
}

impl Discipline {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Cbq => "cbq",
            Self::Codel => "codel",
            Self::Priq => "priq",
            Self::Hfsc => "hfsc",
            Self::Fairq => "fairq",
        }
    }

    /// Whether its queues share a bandwidth.
    pub(super) fn shares(self) -> bool {
        matches!(self, Self::Cbq | Self::Hfsc | Self::Fairq)
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Bandwidth {
    Bits(u64),
    Percent(u8),
}

impl Bandwidth {
    /// The bits a second of it, where the whole has so many; never more than those.
    pub(super) fn of(self, whole: u64) -> u64 {
        match self {
            Self::Bits(bits) => bits.min(whole),
            Self::Percent(percent) => whole / 100 * u64::from(percent),
        }
    }

    fn text(self, whole: u64) -> String {
        match self {
            Self::Percent(percent) if percent > 0 => format!("{percent}%"),
            other => rate(other.of(whole) as f64),
        }
    }
}

/// A service curve as it is written: its first rate and how long it lasts, its second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Curve {
    first: Bandwidth,
    time: i64,
    second: Bandwidth,
}

impl Curve {
    pub(super) fn of(self, whole: u64) -> ServiceCurve {
        ServiceCurve {
            first: self.first.of(whole) as f64,
            time: self.time as f64,
            second: self.second.of(whole) as f64,
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Scheduler {
    flags: Vec<&'static str>,
    pub(super) realtime: Option<Curve>,
    pub(super) linkshare: Option<Curve>,
    pub(super) upperlimit: Option<Curve>,
    target: i64,
    interval: i64,
}

#[derive(Default)]
pub(super) struct QueueOptions {
    pub(super) bandwidth: Option<Bandwidth>,
    pub(super) priority: Option<i64>,
    pub(super) limit: Option<i64>,
    pub(super) discipline: Option<Discipline>,
    pub(super) scheduler: Scheduler,
    pub(super) regulator: Option<i64>,
}

/// A rate in bits a second, as pfctl writes it.
pub(super) fn rate(mut rate: f64) -> String {
    let mut unit = 0;
    while rate >= 1000.0 && unit < 3 {
        rate /= 1000.0;
        unit += 1;
    }
    let unit = [' ', 'K', 'M', 'G'][unit];
    if (rate * 100.0) as i64 % 100 != 0 { format!("{rate:.2}{unit}b") } else { format!("{}{unit}b", rate as i64) }
}

const FLAGS: [&str; 6] = ["red", "ecn", "rio", "codel", "borrow", "default"];

impl Scheduler {
    pub(super) fn is_default(&self) -> bool {
        self.flags.contains(&"default")
    }

    fn set(&mut self, flag: &[u8], discipline: Discipline) -> bool {
        let known = FLAGS.iter().find(|known| known.as_bytes() == flag);
        let Some(known) = known.filter(|known| discipline == Discipline::Cbq || **known != "borrow") else {
            return false;
        };
        if *known == "ecn" {
            self.flags.push("red");
        }
        self.flags.push(known);
        true
    }

    /// `name( … ) `, or nothing where nothing is said. `bandwidth` is the queue's own, `whole` what its curves are
    /// parts of.
    pub(super) fn print(&self, discipline: Discipline, bandwidth: u64, whole: u64, out: &mut Vec<u8>) -> bool {
        let mut text = String::new();
        for flag in FLAGS.iter().filter(|flag| self.flags.contains(flag)) {
            text += &format!(" {flag}");
        }
        if discipline == Discipline::Codel {
            text = [("target", self.target), ("interval", self.interval)]
                .iter()
                .filter(|(_, value)| *value != 0)
                .map(|(name, value)| format!(" {name} {value}"))
                .collect();
            if self.flags.contains(&"ecn") {
                text += "ecn";
            }
        }
        let tells = |curve: &Curve| curve.time != 0 || curve.second.of(whole) != bandwidth;
        let curves =
            [("realtime", self.realtime), ("linkshare", self.linkshare.filter(tells)), ("upperlimit", self.upperlimit)];
        for (name, curve) in curves {
            let Some(curve) = curve.filter(|curve| curve.second.of(whole) != 0) else { continue };
            let (first, second) = (curve.first.text(whole), curve.second.text(whole));
            text += &match curve.time {
                0 => format!(" {name} {second}"),
                time => format!(" {name}({first} {time} {second})"),
            };
        }
        if text.is_empty() {
            return false;
        }
        out.extend(format!("{}({text} ) ", discipline.word()).bytes());
        true
    }
}

impl Parser<'_> {
    pub(super) fn queue_options(&mut self) -> Parsed<QueueOptions> {
        let mut options = QueueOptions::default();
        while self.lexer.token == Token::Keyword {
            let discipline = match self.lexer.text.as_slice() {
                b"cbq" => Discipline::Cbq,
                b"codelq" => Discipline::Codel,
                b"priq" => Discipline::Priq,
                b"hfsc" => Discipline::Hfsc,
                b"fairq" => Discipline::Fairq,
                _ => {
                    if !self.queue_option(&mut options)? {
                        break;
                    }
                    continue;
                }
            };
            self.once(options.discipline.is_some(), "scheduler cannot be respecified")?;
            self.next();
            options.discipline = Some(discipline);
            if self.sign(b'(') {
                self.scheduler(discipline, &mut options.scheduler)?;
            }
        }
        Ok(options)
    }

    fn queue_option(&mut self, options: &mut QueueOptions) -> Parsed<bool> {
        if self.is("bandwidth") {
            self.once(options.bandwidth.is_some(), "bandwidth cannot be respecified")?;
            self.next();
            options.bandwidth = Some(self.bandwidth()?);
        } else if self.is("priority") {
            self.once(options.priority.is_some(), "priority cannot be respecified")?;
            self.next();
            options.priority = Some(self.bounded(255, "priority out of range: max 255")?);
        } else if self.is("qlimit") {
            self.once(options.limit.is_some(), "qlimit cannot be respecified")?;
            self.next();
            options.limit = Some(self.bounded(65535, "qlimit out of range: max 65535")?);
        } else if self.is("tbrsize") {
            self.once(options.regulator.is_some(), "tbrsize cannot be respecified")?;
            self.next();
            options.regulator = Some(self.bounded(i64::from(u32::MAX), "tbrsize too big: max 4294967295")?);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn scheduler(&mut self, discipline: Discipline, scheduler: &mut Scheduler) -> Parsed<()> {
        loop {
            let curved = matches!(discipline, Discipline::Hfsc | Discipline::Fairq);
            if curved && self.is("linkshare") {
                self.once(scheduler.linkshare.is_some(), "linkshare already specified")?;
                scheduler.linkshare = Some(self.curve(discipline)?);
            } else if discipline == Discipline::Hfsc && self.is("realtime") {
                self.once(scheduler.realtime.is_some(), "realtime already specified")?;
                scheduler.realtime = Some(self.curve(discipline)?);
            } else if discipline == Discipline::Hfsc && self.is("upperlimit") {
                self.once(scheduler.upperlimit.is_some(), "upperlimit already specified")?;
                scheduler.upperlimit = Some(self.curve(discipline)?);
            } else if discipline == Discipline::Fairq && self.accept("hogs") {
                self.bandwidth()?;
            } else if discipline == Discipline::Fairq && self.accept("buckets") {
                self.number()?;
            } else if discipline == Discipline::Codel && self.is("interval") {
                self.once(scheduler.interval != 0, "interval already specified")?;
                self.next();
                scheduler.interval = self.number()?;
            } else if discipline == Discipline::Codel && self.is("target") {
                self.once(scheduler.target != 0, "target already specified")?;
                self.next();
                scheduler.target = self.number()?;
            } else {
                self.scheduler_flag(discipline, scheduler)?;
            }
            if self.sign(b')') {
                return Ok(());
            }
            self.comma();
        }
    }

    fn scheduler_flag(&mut self, discipline: Discipline, scheduler: &mut Scheduler) -> Parsed<()> {
        let origin = self.lexer.origin;
        let flag = self.word()?;
        if discipline == Discipline::Codel {
            if flag != b"ecn" {
                return Err(self.fail_at(origin, format!("unknown codel option \"{}\"", printable(&flag))));
            }
            scheduler.flags.push("ecn");
        } else if !scheduler.set(&flag, discipline) {
            let message = format!("unknown {} flag \"{}\"", discipline.word(), printable(&flag));
            return Err(self.fail_at(origin, message));
        }
        Ok(())
    }

    fn curve(&mut self, discipline: Discipline) -> Parsed<Curve> {
        self.next();
        if !self.sign(b'(') {
            return Ok(Curve { first: Bandwidth::Bits(0), time: 0, second: self.bandwidth()? });
        }
        // The parts of fairq's curve have no commas between them.
        let commas = discipline == Discipline::Hfsc;
        let first = self.bandwidth()?;
        if commas {
            self.comma();
        }
        let time = self.bounded(i64::from(i32::MAX), "timing in curve out of range")?;
        if commas {
            self.comma();
        }
        let second = self.bandwidth()?;
        self.expect(b')')?;
        Ok(Curve { first, time, second })
    }

    fn bandwidth(&mut self) -> Parsed<Bandwidth> {
        if matches!(self.lexer.token, Token::Number(_)) {
            return Ok(Bandwidth::Bits(self.bounded(i64::MAX - 1, "bandwidth number too big")? as u64));
        }
        let origin = self.lexer.origin;
        let word = self.word()?;
        let text = String::from_utf8_lossy(&word).into_owned();
        let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let number: f64 = number.parse().unwrap_or(0.0);
        let unit = if unit.len() > 1
            && ["Bit", "B", "bit", "b"].contains(&&unit[unit.chars().next().map_or(0, char::len_utf8)..])
        {
            &unit[..1]
        } else {
            unit
        };
        let scale = match unit {
            "b" => 1.0,
            "K" => 1e3,
            "M" => 1e6,
            "G" => 1e9,
            "%" if number <= 100.0 => return Ok(Bandwidth::Percent(number as u8)),
            "%" => return Err(self.fail_at(origin, "bandwidth spec out of range")),
            other => return Err(self.fail_at(origin, format!("unknown unit {}", printable(other.as_bytes())))),
        };
        Ok(Bandwidth::Bits((number * scale) as u64))
    }
}
