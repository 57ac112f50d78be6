//! `altq` and `queue`: read, checked and printed as pfctl(8) does it; the ruleset itself keeps only their names.

use std::collections::HashMap;

use super::curve::{ServiceCurve, Sum};
use super::scheduler::{Bandwidth, Discipline, QueueOptions, rate};
use super::{Name, Origin, Parsed, Parser, Ruleset, Stage, Token};
use crate::source::{Diagnostic, printable};

const DEFAULT_PRIORITY: i64 = 1;
const DEFAULT_LIMIT: i64 = 50;
const MTU: u64 = 1500;

/// A queue that another has named as its child.
#[derive(Clone, Copy)]
struct Announced {
    queue: Name,
    parent: Option<Name>,
    interface: Name,
    discipline: Discipline,
}

#[derive(Default)]
struct Defined {
    bandwidth: u64,
    default: bool,
    priority: i64,
    linkshare: ServiceCurve,
    /// The curves of its children.
    realtimes: Sum,
    linkshares: Sum,
}

#[derive(Default)]
pub(super) struct Queues {
    announced: Vec<Announced>,
    interfaces: Vec<(Name, Discipline, u64, Origin)>,
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

    fn whole(&self, interface: Name) -> u64 {
        self.interfaces.iter().find(|known| known.0 == interface).map_or(0, |known| known.2)
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
        origin: Origin,
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
        if !options.scheduler.print(discipline, 0, bandwidth, &mut line) {
            line.extend(format!("{} ", discipline.word()).bytes());
        }
        line.extend(format!("bandwidth {} ", rate(bandwidth as f64)).bytes());
        if let Some(limit) = options.limit.filter(|limit| *limit != DEFAULT_LIMIT) {
            line.extend(format!("qlimit {limit} ").bytes());
        }
        let regulator = options.regulator.filter(|size| *size != 0).unwrap_or((size * MTU) as i64);
        line.extend(format!("tbrsize {regulator} ").bytes());
        if !children.is_empty() {
            line.extend(b"queue ");
            self.print_children(children, &mut line);
        }
        self.say(&[&line]);
        self.queues.interfaces.push((interface, discipline, bandwidth, origin));
        let mut parent = None;
        if discipline.shares() {
            let root = self.set.names.intern(&[b"root_", &name[..]].concat());
            let default = options.scheduler.is_default();
            let linkshare = ServiceCurve::flat(bandwidth);
            self.queues
                .defined
                .insert((interface, root), Defined { bandwidth, default, linkshare, ..Defined::default() });
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
        let on: Vec<_> = if interfaces.is_empty() { vec![None] } else { interfaces.into_iter().map(Some).collect() };
        let mut found = 0;
        for on in on {
            // A queue that is defined here announces children: they may be of its own name, and come behind it.
            let mut at = 0;
            while let Some(&announced) = self.queues.announced.get(at) {
                at += 1;
                let here = on.is_none_or(|(interface, negated)| (interface == announced.interface) != negated);
                if announced.queue != name || !here {
                    continue;
                }
                found += 1;
                self.define_queue(origin, &announced, &options, &children)?;
                if found == 1 || on.is_some() {
                    self.print_queue(&announced, on.is_some(), &options, &children);
                }
            }
        }
        if found == 0 {
            let text = printable(self.set.names.get(name));
            return Err(self.fail_at(origin, format!("queue {text} has no parent")));
        }
        Ok(())
    }

    fn define_queue(
        &mut self,
        origin: Origin,
        announced: &Announced,
        options: &QueueOptions,
        children: &[Name],
    ) -> Parsed<()> {
        let &Announced { queue: name, parent, interface, discipline } = announced;
        let text = printable(self.set.names.get(name));
        if options.discipline.is_some_and(|own| own != discipline) {
            return Err(self.fail_at(origin, "exactly one scheduler type per interface allowed"));
        }
        if discipline == Discipline::Priq {
            self.once(!children.is_empty(), "priq queues cannot have child queues")?;
            let given = !matches!(options.bandwidth, None | Some(Bandwidth::Percent(100)));
            self.once(given, "priq doesn't take bandwidth")?;
        }
        if children.contains(&name) {
            return Err(self.fail_at(origin, "queue cannot have itself as child"));
        }
        if self.queues.defined.contains_key(&(interface, name)) {
            let on = printable(self.set.names.get(interface));
            return Err(self.fail_at(origin, format!("queue {text} already exists on interface {on}")));
        }
        let whole = self.queues.whole(interface);
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
        let mut queue = Defined {
            bandwidth: options.bandwidth.unwrap_or(Bandwidth::Percent(100)).of(above),
            default: options.scheduler.is_default(),
            priority: options.priority.unwrap_or(DEFAULT_PRIORITY),
            ..Defined::default()
        };
        let wrong = match discipline {
            Discipline::Cbq if queue.priority >= 8 => Some("priority out of range: max 7".to_owned()),
            Discipline::Priq if queue.priority >= 16 => Some("priority out of range: max 15".to_owned()),
            Discipline::Priq => {
                let same =
                    |((on, _), other): (&(Name, Name), &Defined)| *on == interface && other.priority == queue.priority;
                let on = printable(self.set.names.get(interface));
                let twice = self.queues.defined.iter().any(same);
                twice.then(|| format!("{text} does not have a unique priority on interface {on}"))
            }
            Discipline::Hfsc | Discipline::Fairq => {
                let parent = parent.and_then(|parent| self.queues.defined.get_mut(&(interface, parent)));
                parent.and_then(|parent| admit(&mut queue, parent, discipline, options, whole, &text))
            }
            Discipline::Cbq | Discipline::Codel => None,
        };
        if let Some(wrong) = wrong {
            return Err(self.fail_at(origin, wrong));
        }
        self.queues.defined.insert((interface, name), queue);
        for &queue in children {
            self.queues.announced.push(Announced { queue, parent: Some(name), interface, discipline });
        }
        Ok(())
    }

    fn print_queue(&mut self, announced: &Announced, tell_interface: bool, options: &QueueOptions, children: &[Name]) {
        let &Announced { queue: name, parent, interface, discipline } = announced;
        let mut line = [b"queue ", self.set.names.get(name), b" "].concat();
        if tell_interface {
            line.extend([b"on ", self.set.names.get(interface), b" "].concat());
        }
        let bandwidth_of = |name| self.queues.defined.get(&(interface, name)).map_or(0, |queue| queue.bandwidth);
        let bandwidth = bandwidth_of(name);
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
            let above = parent.map_or_else(|| self.queues.whole(interface), bandwidth_of);
            options.scheduler.print(discipline, bandwidth, above, &mut line);
        }
        if !children.is_empty() {
            self.print_children(children, &mut line);
        }
        self.say(&[&line]);
    }

    fn print_children(&self, children: &[Name], line: &mut Vec<u8>) {
        line.extend(b"{ ");
        for child in children {
            line.extend_from_slice(self.set.names.get(*child));
            line.push(b' ');
        }
        line.push(b'}');
    }

    fn children(&mut self) -> Parsed<Vec<Name>> {
        if self.is_sign(b'{') || self.lexer.token == Token::Word {
            self.one_or_list(Self::name)
        } else {
            Ok(Vec::new())
        }
    }
}

/// Takes a queue of hfsc or fairq in under its parent; why not, where its curves do not fit.
fn admit(
    queue: &mut Defined,
    parent: &mut Defined,
    discipline: Discipline,
    options: &QueueOptions,
    whole: u64,
    name: &str,
) -> Option<String> {
    if parent.default {
        return Some(format!("adding {name} would make its parent, a default queue, not a leaf"));
    }
    let scheduler = &options.scheduler;
    let [realtime, mut linkshare, upperlimit] = [scheduler.realtime, scheduler.linkshare, scheduler.upperlimit]
        .map(|curve| curve.map_or(ServiceCurve::default(), |curve| curve.of(parent.bandwidth)));
    if linkshare.second == 0.0 {
        linkshare.second = queue.bandwidth as f64;
    }
    queue.linkshare = linkshare;
    parent.linkshares.add(linkshare);
    let fits = linkshare.second == 0.0 || parent.linkshares.is_under(&parent.linkshare);
    if discipline == Discipline::Fairq {
        return (!fits).then(|| "link-sharing sc exceeds parent's sc".to_owned());
    }
    let curves = [realtime, linkshare, upperlimit];
    if curves.iter().any(|curve| curve.first > 0.0 && curve.second == 0.0) {
        return Some(format!("m2 is zero for {name}"));
    }
    if curves.iter().any(|curve| curve.first < curve.second && curve.first != 0.0) {
        return Some(format!("m1 must be zero for convex curve: {name}"));
    }
    if realtime.second != 0.0 {
        parent.realtimes.add(realtime);
        let most = whole / 100 * 80;
        if !parent.realtimes.is_under(&ServiceCurve { first: 0.0, time: 0.0, second: most as f64 }) {
            let most = rate(most as f64);
            return Some(format!("real-time sc exceeds 80% of the interface bandwidth ({most})"));
        }
    }
    if !fits {
        return Some("linkshare sc exceeds parent's sc".to_owned());
    }
    let limit = upperlimit.second;
    if limit != 0.0 && (upperlimit.first > whole as f64 || limit > whole as f64) {
        return Some("upper-limit larger than interface bandwidth".to_owned());
    }
    (limit != 0.0 && realtime.second > limit).then(|| "upper-limit sc smaller than real-time sc".to_owned())
}
