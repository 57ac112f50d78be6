//! `altq` and `queue`: read, checked and printed as pfctl(8) does it; the ruleset itself keeps only their names.

use std::collections::HashMap;

use super::{Name, Parsed, Parser, Ruleset, Stage, Token};
use crate::source::{Diagnostic, printable};

const DEFAULT_PRIORITY: i64 = 1;
const DEFAULT_LIMIT: i64 = 50;
const MTU: u64 = 1500;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Discipline {
    Cbq,
    Codel,
    Priq,
    Hfsc,
    Fairq,
}

impl Discipline {
    fn word(self) -> &'static str {
        match self {
            Self::Cbq => "cbq",
            Self::Codel => "codel",
            Self::Priq => "priq",
            Self::Hfsc => "hfsc",
            Self::Fairq => "fairq",
        }
    }

    /// Whether its queues share a bandwidth.
    fn shares(self) -> bool {
        matches!(self, Self::Cbq | Self::Hfsc | Self::Fairq)
    }
}

#[derive(Clone, Copy, Debug)]
enum Bandwidth {
    Bits(u64),
    Percent(u8),
}

impl Bandwidth {
    fn of(self, whole: u64) -> u64 {
        match self {
            Self::Bits(bits) => bits,
            Self::Percent(percent) => whole / 100 * u64::from(percent),
        }
    }

    fn text(self) -> String {
        match self {
            Self::Percent(percent) if percent > 0 => format!("{percent}%"),
            other => rate(other.of(0) as f64),
        }
    }
}

/// A service curve: its first slope and how long it lasts, its second.
#[derive(Clone, Copy, Debug)]
struct Curve {
    first: Bandwidth,
    time: i64,
    second: Bandwidth,
}

#[derive(Clone, Debug, Default)]
struct Scheduler {
    flags: Vec<&'static str>,
    realtime: Option<Curve>,
    linkshare: Option<Curve>,
    upperlimit: Option<Curve>,
    target: i64,
    interval: i64,
}

struct QueueOptions {
    bandwidth: Option<Bandwidth>,
    priority: Option<i64>,
    limit: Option<i64>,
    discipline: Option<Discipline>,
    scheduler: Scheduler,
    regulator: Option<i64>,
}

/// A queue that another has named as its child.
struct Announced {
    queue: Name,
    parent: Option<Name>,
    interface: Name,
    discipline: Discipline,
}

struct Defined {
    bandwidth: u64,
    default: bool,
}

#[derive(Default)]
pub(super) struct Queues {
    announced: Vec<Announced>,
    interfaces: Vec<(Name, Discipline, u64, super::Origin)>,
    defined: HashMap<(Name, Name), Defined>,
}

impl Queues {
    /// Each interface has just one default queue.
    pub(super) fn check(&self, set: &Ruleset, found: &mut Vec<Diagnostic>) {
        for &(interface, discipline, _, origin) in &self.interfaces {
            let queues = self.defined.iter().filter(|((own, _), _)| *own == interface);
            if discipline != Discipline::Codel && queues.filter(|(_, queue)| queue.default).count() != 1 {
                let name = printable(set.names.get(interface));
                let message = format!("should have one default queue on {name}");
                found.push(Diagnostic::error(&set.sources[origin.source as usize], origin.span, message));
            }
        }
    }
}

/// A rate in bits a second, as pfctl writes it.
fn rate(mut rate: f64) -> String {
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

    /// `name( … ) `, or nothing where nothing is said.
    fn print(&self, discipline: Discipline, bandwidth: u64, out: &mut Vec<u8>) -> bool {
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
        let shared = |curve: &&Curve| curve.time != 0 || curve.second.of(bandwidth) != bandwidth;
        let curves = [
            ("realtime", self.realtime.as_ref()),
            ("linkshare", self.linkshare.as_ref().filter(shared)),
            ("upperlimit", self.upperlimit.as_ref()),
        ];
        for (name, curve) in curves {
            let Some(curve) = curve else { continue };
            text += &format!(" {name}");
            if curve.time != 0 {
                text += &format!("({} {} {})", curve.first.text(), curve.time, curve.second.text());
            } else {
                text += &format!(" {}", curve.second.text());
            }
        }
        if text.is_empty() {
            return false;
        }
        out.extend(format!("{}({text} ) ", discipline.word()).bytes());
        true
    }
}

impl Parser<'_> {
    pub(super) fn altq(&mut self) -> Parsed<()> {
        let origin = self.lexer.origin;
        self.next();
        let interfaces = self.interfaces()?;
        let options = self.queue_options()?;
        self.expect_keyword("queue")?;
        let children = self.children()?;
        self.enter(Stage::Queue)?;
        let Some(discipline) = options.discipline else {
            return Err(self.fail_at(origin, "no scheduler specified!"));
        };
        if children.is_empty() && discipline != Discipline::Codel {
            return Err(self.fail_at(origin, "no child queues specified"));
        }
        for &(interface, negated) in &interfaces {
            self.once(negated, "altq on ! <interface> is not supported")?;
            self.altq_on(origin, interface, discipline, &options, &children)?;
        }
        Ok(())
    }

    fn altq_on(
        &mut self,
        origin: super::Origin,
        interface: Name,
        discipline: Discipline,
        options: &QueueOptions,
        children: &[Name],
    ) -> Parsed<()> {
        let name = self.set.names.get(interface).to_vec();
        let Some(Bandwidth::Bits(mut bandwidth @ 1..)) = options.bandwidth else {
            let message = format!(
                "interface {} does not know its bandwidth, please specify an absolute bandwidth",
                printable(&name)
            );
            return Err(self.fail_at(origin, message));
        };
        if self.queues.interfaces.iter().any(|known| known.0 == interface) {
            return Err(self.fail_at(origin, format!("altq already defined on interface {}", printable(&name))));
        }
        if discipline != Discipline::Hfsc {
            bandwidth = bandwidth.min(u64::from(u32::MAX));
        }
        let size = match bandwidth {
            0..=1_000_000 => 1,
            1_000_001..=10_000_000 => 4,
            10_000_001..=200_000_000 => 8,
            200_000_001..=2_500_000_000 => 24,
            _ => 128,
        };
        let mut line = [b"altq on ", &name[..], b" "].concat();
        if !options.scheduler.print(discipline, bandwidth, &mut line) {
            line.extend(format!("{} ", discipline.word()).bytes());
        }
        line.extend(format!("bandwidth {} ", rate(bandwidth as f64)).bytes());
        if let Some(limit) = options.limit.filter(|limit| *limit != DEFAULT_LIMIT) {
            line.extend(format!("qlimit {limit} ").bytes());
        }
        let regulator = options.regulator.filter(|size| *size != 0).unwrap_or((size * MTU) as i64);
        line.extend(format!("tbrsize {regulator} ").bytes());
        if !children.is_empty() {
            line.extend(b"queue { ");
            for child in children {
                line.extend_from_slice(self.set.names.get(*child));
                line.push(b' ');
            }
            line.push(b'}');
        }
        self.say(&[&line]);
        self.queues.interfaces.push((interface, discipline, bandwidth, origin));
        let mut parent = None;
        if discipline.shares() {
            let root = self.set.names.intern(&[b"root_", &name[..]].concat());
            let default = options.scheduler.flags.contains(&"default");
            self.queues.defined.insert((interface, root), Defined { bandwidth, default });
            parent = Some(root);
        }
        for &queue in children {
            self.queues.announced.push(Announced { queue, parent, interface, discipline });
        }
        Ok(())
    }

    pub(super) fn queue(&mut self) -> Parsed<()> {
        self.next();
        let origin = self.lexer.origin;
        let name = self.name()?;
        let interfaces = self.interfaces()?;
        let options = self.queue_options()?;
        let children = self.children()?;
        self.enter(Stage::Queue)?;
        self.once(options.regulator.is_some_and(|size| size != 0), "cannot specify tbrsize for queue")?;
        let text = printable(self.set.names.get(name));
        let on: Vec<_> = if interfaces.is_empty() {
            vec![None]
        } else {
            interfaces.iter().map(|&(interface, _)| Some(interface)).collect()
        };
        let mut found = 0;
        for interface in on {
            let mut at = 0;
            while at < self.queues.announced.len() {
                let announced = &self.queues.announced[at];
                at += 1;
                if announced.queue != name || interface.is_some_and(|interface| interface != announced.interface) {
                    continue;
                }
                found += 1;
                let (parent, on, discipline) = (announced.parent, announced.interface, announced.discipline);
                self.define_queue(origin, name, parent, (on, discipline), &options, &children)?;
                if found == 1 && interface.is_none() || interface.is_some() {
                    self.print_queue(name, interface, (on, discipline), &options, &children);
                }
            }
        }
        if found == 0 {
            return Err(self.fail_at(origin, format!("queue {text} has no parent")));
        }
        Ok(())
    }

    fn define_queue(
        &mut self,
        origin: super::Origin,
        name: Name,
        parent: Option<Name>,
        (interface, discipline): (Name, Discipline),
        options: &QueueOptions,
        children: &[Name],
    ) -> Parsed<()> {
        let text = printable(self.set.names.get(name));
        if discipline == Discipline::Priq {
            self.once(!children.is_empty(), "priq queues cannot have child queues")?;
            let given = matches!(options.bandwidth, Some(Bandwidth::Bits(1..) | Bandwidth::Percent(..100)));
            self.once(given, "priq doesn't take bandwidth")?;
        }
        if children.contains(&name) {
            return Err(self.fail_at(origin, "queue cannot have itself as child"));
        }
        if options.discipline.is_some_and(|own| own != discipline) {
            return Err(self.fail_at(origin, "scheduler of the queue differs from that of its altq"));
        }
        if self.queues.defined.contains_key(&(interface, name)) {
            let on = printable(self.set.names.get(interface));
            return Err(self.fail_at(origin, format!("queue {text} already exists on interface {on}")));
        }
        let whole = self.queues.interfaces.iter().find(|known| known.0 == interface).map_or(0, |known| known.2);
        let above = match parent {
            None => whole,
            Some(parent) => match self.queues.defined.get(&(interface, parent)) {
                Some(parent) => parent.bandwidth,
                None => {
                    let parent = printable(self.set.names.get(parent));
                    return Err(self.fail_at(origin, format!("parent {parent} not found for {text}")));
                }
            },
        };
        let bandwidth = options.bandwidth.unwrap_or(Bandwidth::Percent(100)).of(above);
        if discipline.shares() {
            if bandwidth > whole {
                return Err(self.fail_at(origin, format!("bandwidth for {text} higher than interface")));
            }
            if bandwidth > above && discipline != Discipline::Hfsc {
                return Err(self.fail_at(origin, format!("bandwidth for {text} higher than parent")));
            }
        }
        let highest = if discipline == Discipline::Cbq { 8 } else { 16 };
        let priority = options.priority.unwrap_or(DEFAULT_PRIORITY);
        if matches!(discipline, Discipline::Cbq | Discipline::Priq) && priority >= highest {
            return Err(self.fail_at(origin, format!("priority out of range: max {}", highest - 1)));
        }
        let default = options.scheduler.flags.contains(&"default");
        self.queues.defined.insert((interface, name), Defined { bandwidth, default });
        for &queue in children {
            self.queues.announced.push(Announced { queue, parent: Some(name), interface, discipline });
        }
        Ok(())
    }

    fn print_queue(
        &mut self,
        name: Name,
        on: Option<Name>,
        (interface, discipline): (Name, Discipline),
        options: &QueueOptions,
        children: &[Name],
    ) {
        let mut line = [b"queue ", self.set.names.get(name), b" "].concat();
        if let Some(on) = on {
            line.extend([b"on ", self.set.names.get(on), b" "].concat());
        }
        let bandwidth = self.queues.defined.get(&(interface, name)).map_or(0, |queue| queue.bandwidth);
        if discipline.shares() {
            match options.bandwidth {
                None | Some(Bandwidth::Percent(100..)) => {}
                Some(Bandwidth::Percent(percent @ 1..)) => line.extend(format!("bandwidth {percent}% ").bytes()),
                Some(_) => line.extend(format!("bandwidth {} ", rate(bandwidth as f64)).bytes()),
            }
        }
        if let Some(priority) = options.priority.filter(|priority| *priority != DEFAULT_PRIORITY) {
            line.extend(format!("priority {priority} ").bytes());
        }
        if let Some(limit) = options.limit.filter(|limit| *limit != DEFAULT_LIMIT && *limit != 0) {
            line.extend(format!("qlimit {limit} ").bytes());
        }
        if discipline != Discipline::Codel {
            options.scheduler.print(discipline, bandwidth, &mut line);
        }
        if !children.is_empty() {
            line.extend(b"{ ");
            for child in children {
                line.extend_from_slice(self.set.names.get(*child));
                line.push(b' ');
            }
            line.push(b'}');
        }
        self.say(&[&line]);
    }

    fn children(&mut self) -> Parsed<Vec<Name>> {
        if self.is_sign(b'{') || self.lexer.token == Token::Word {
            self.one_or_list(Self::name)
        } else {
            Ok(Vec::new())
        }
    }

    fn queue_options(&mut self) -> Parsed<QueueOptions> {
        let mut options = QueueOptions {
            bandwidth: None,
            priority: None,
            limit: None,
            discipline: None,
            scheduler: Scheduler::default(),
            regulator: None,
        };
        loop {
            let discipline = match self.lexer.text.as_slice() {
                b"cbq" => Discipline::Cbq,
                b"codelq" => Discipline::Codel,
                b"priq" => Discipline::Priq,
                b"hfsc" => Discipline::Hfsc,
                b"fairq" => Discipline::Fairq,
                _ => {
                    if !self.queue_option(&mut options)? {
                        return Ok(options);
                    }
                    continue;
                }
            };
            if self.lexer.token != Token::Keyword {
                return Ok(options);
            }
            self.once(options.discipline.is_some(), "scheduler cannot be respecified")?;
            self.next();
            options.discipline = Some(discipline);
            if self.sign(b'(') {
                self.scheduler(discipline, &mut options.scheduler)?;
            }
        }
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
                scheduler.linkshare = Some(self.curve()?);
            } else if discipline == Discipline::Hfsc && self.is("realtime") {
                self.once(scheduler.realtime.is_some(), "realtime already specified")?;
                scheduler.realtime = Some(self.curve()?);
            } else if discipline == Discipline::Hfsc && self.is("upperlimit") {
                self.once(scheduler.upperlimit.is_some(), "upperlimit already specified")?;
                scheduler.upperlimit = Some(self.curve()?);
            } else if discipline == Discipline::Fairq && self.accept("hogs") {
                self.bandwidth()?;
            } else if discipline == Discipline::Fairq && self.accept("buckets") {
                self.number()?;
            } else if discipline == Discipline::Codel && self.accept("interval") {
                scheduler.interval = self.number()?;
            } else if discipline == Discipline::Codel && self.accept("target") {
                scheduler.target = self.number()?;
            } else {
                let origin = self.lexer.origin;
                let flag = self.word()?;
                let known = if discipline == Discipline::Codel {
                    flag == b"ecn" && {
                        scheduler.flags.push("ecn");
                        true
                    }
                } else {
                    scheduler.set(&flag, discipline)
                };
                if !known {
                    let message = format!("unknown {} flag \"{}\"", discipline.word(), printable(&flag));
                    return Err(self.fail_at(origin, message));
                }
            }
            if self.sign(b')') {
                return Ok(());
            }
            self.comma();
        }
    }

    fn curve(&mut self) -> Parsed<Curve> {
        self.next();
        if !self.sign(b'(') {
            return Ok(Curve { first: Bandwidth::Bits(0), time: 0, second: self.bandwidth()? });
        }
        let first = self.bandwidth()?;
        self.comma();
        let time = self.bounded(i64::from(i32::MAX), "timing in curve out of range")?;
        self.comma();
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
