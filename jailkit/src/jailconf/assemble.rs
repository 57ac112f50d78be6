//! A jail put together from the parameters that apply to it, its variables replaced.
//!
//! All vectors are kept from one jail to the next, and nothing is looked up by walking over a jail's parameters: a
//! file may have very many jails, and a jail very many parameters.

use std::ops::Range;

use super::block::{Decoded, Given, Template, Variable};
use super::include::File;
use super::names::{JID, NAME, NameId, Names};
use super::option::same_option;
use super::resolved::{ResolvedParam, Together};
use super::text::{Name, Text, Values};
use crate::source::{Diagnostic, Span};

/// No parameter, no segment.
const NONE: u32 = u32::MAX;

/// How many bytes the values of one jail may be long that have variables in them: each variable can double what the
/// one before it stands for.
const MAX_PUT_IN: usize = 64 << 20;

/// A parameter of the jail.
struct Collected {
    name: NameId,
    /// Where it was set last.
    place: u32,
    is_variable: bool,
    is_immutable: bool,
    /// Whether a variable that it needs is not there.
    is_bad: bool,
    /// The shared parameter that it is, as it stands there; its values have no slots then.
    kept: u32,
    /// In which round of substitution it was last looked at; a variable met again in one round is a loop.
    round: u32,
    /// How many values it has, in which segments, and how many of them have variables left.
    len: u32,
    first_segment: u32,
    last_segment: u32,
    pending: u32,
    /// Before this value no variable is left.
    cursor: Option<(u32, u32)>,
    /// The next parameter whose name is of the same class.
    next_in_class: u32,
    /// Its neighbours in jail(8)'s order.
    before: u32,
    behind: u32,
}

/// Values of one parameter that one statement gave it.
struct Segment {
    slots: Range<u32>,
    next: u32,
}

/// A value, or what there is of it yet.
struct Slot {
    text: Text,
    /// What it is made of, among the templates of its source.
    template: u32,
    is_own: bool,
    /// How many of its variables are still to come.
    left: u32,
    /// What is there already, where another parameter had to come first.
    begun: Option<Vec<u8>>,
}

impl Slot {
    fn of(text: Text) -> Self {
        Self { text, template: NONE, is_own: true, left: 0, begun: None }
    }
}

/// The parameters whose names are of one class, if it is of this jail.
#[derive(Clone, Copy, Default)]
struct Class {
    jail: u32,
    first: u32,
    last: u32,
}

/// The parameters that slots refer to: those of the wildcards and the top level, and the jail's own.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a> {
    pub(super) shared: &'a Decoded,
    pub(super) own: &'a Decoded,
}

impl<'a> Sources<'a> {
    fn of(self, is_own: bool) -> &'a Decoded {
        if is_own { self.own } else { self.shared }
    }

    /// The only value of a shared parameter.
    fn shared_text(self, given: u32) -> Option<&'a Text> {
        let given = &self.shared.givens[given as usize];
        self.shared.templates.get(given.values.start as usize).map(|template| &template.text)
    }
}

/// Why jail(8) would not start a jail.
pub(super) struct Failed {
    pub(super) at: FailedAt,
    pub(super) reason: String,
}

/// Where it is to be seen: the place of a statement, or a variable by the number of its file and its span there.
pub(super) enum FailedAt {
    Statement(u32),
    Variable(u32, Span),
}

/// The jail that is being put together.
#[derive(Default)]
pub(super) struct Jail {
    /// Its number, which is never 0.
    number: u32,
    /// Where its name stands.
    place: u32,
    failed: Option<Failed>,
    /// A variable that jail(8) does not survive, and where it stands.
    crash: Option<(NameId, u32, Span)>,
    params: Vec<Collected>,
    first: u32,
    last: u32,
    segments: Vec<Segment>,
    slots: Vec<Slot>,
    classes: Vec<Class>,
    round: u32,
    /// The parameters looked at in this round, and how many of them are known to be bad.
    in_round: Vec<u32>,
    bad_in_round: usize,
    /// How many bytes have been put in for variables.
    put_in: usize,
    buffer: Vec<u8>,
    /// Where somebody wants the variables too: all that the jail has, in its order.
    pub(super) everything: Option<Vec<Found>>,
}

/// A parameter or variable with its values, and where it was set last.
pub(super) struct Found {
    pub(super) name: Name,
    pub(super) is_variable: bool,
    pub(super) values: Values,
    pub(super) place: u32,
}

impl Jail {
    /// Begins the next jail.
    pub(super) fn begin(&mut self, names: &Names, name: &[u8], place: u32, is_number: bool) {
        self.number += 1;
        self.place = place;
        (self.failed, self.crash) = (None, None);
        self.params.clear();
        self.segments.clear();
        self.slots.clear();
        self.put_in = 0;
        (self.first, self.last, self.round) = (NONE, NONE, 0);
        self.classes.resize(names.classes(), Class::default());
        self.push_name(names, if is_number { JID } else { NAME }, name);
    }

    fn push_name(&mut self, names: &Names, param: NameId, name: &[u8]) {
        let slot = self.slots.len() as u32;
        self.slots.push(Slot::of(name.into()));
        let segment = self.segment(slot..slot + 1);
        let given =
            Given { name: param, place: self.place, is_variable: false, appends: false, values: 0..1, pending: 0 };
        self.push(names, &given, segment, NONE);
    }

    fn segment(&mut self, slots: Range<u32>) -> u32 {
        self.segments.push(Segment { slots, next: NONE });
        self.segments.len() as u32 - 1
    }

    fn push(&mut self, names: &Names, given: &Given, segment: u32, kept: u32) {
        let &Given { name, place, is_variable, pending, ref values, .. } = given;
        let len = values.end - values.start;
        let at = self.params.len() as u32;
        let class = &mut self.classes[names.class(name)];
        if class.jail == self.number {
            self.params[class.last as usize].next_in_class = at;
            class.last = at;
        } else {
            *class = Class { jail: self.number, first: at, last: at };
        }
        let before = std::mem::replace(&mut self.last, at);
        match self.params.get_mut(before as usize) {
            Some(param) => param.behind = at,
            None => self.first = at,
        }
        self.params.push(Collected {
            name,
            place,
            is_variable,
            is_immutable: !is_variable && names.is_immutable(name),
            is_bad: false,
            kept,
            round: 0,
            len,
            first_segment: segment,
            last_segment: segment,
            pending,
            cursor: None,
            next_in_class: NONE,
            before,
            behind: NONE,
        });
    }

    /// The parameters whose names are of the class of a name.
    fn in_class(&self, names: &Names, name: NameId) -> impl Iterator<Item = u32> {
        let class = self.classes[names.class(name)];
        let mut next = if class.jail == self.number { class.first } else { NONE };
        std::iter::from_fn(move || {
            let at = next;
            next = self.params.get(at as usize)?.next_in_class;
            Some(at)
        })
    }

    fn fail(&mut self, at: FailedAt, reason: impl FnOnce() -> String) {
        self.failed.get_or_insert_with(|| Failed { at, reason: reason() });
    }

    /// Adds parameters in their order, the jail's own or shared ones.
    pub(super) fn add_all(&mut self, names: &mut Names, sources: Sources<'_>, givens: Range<usize>, is_own: bool) {
        for given in givens {
            self.add(names, sources, given, is_own);
        }
    }

    /// The values of a statement as a segment of slots.
    fn slots_of(&mut self, decoded: &Decoded, given: &Given, is_own: bool) -> u32 {
        let first = self.slots.len() as u32;
        let numbers = given.values.start..given.values.end;
        let templates = &decoded.templates[given.values.start as usize..given.values.end as usize];
        self.slots.extend(numbers.zip(templates).map(|(template, Template { text, vars, .. })| {
            let left = vars.end - vars.start;
            Slot { text: text.clone(), template, is_own, left, begun: None }
        }));
        self.segment(first..self.slots.len() as u32)
    }

    fn add(&mut self, names: &mut Names, sources: Sources<'_>, number: usize, is_own: bool) {
        let decoded = sources.of(is_own);
        let given = &decoded.givens[number];
        let name = given.name;
        let is_same = |other: NameId| other == name || same_option(names.text(other), names.text(name));
        let known = self.in_class(names, name).find(|&at| is_same(self.params[at as usize].name));
        let is_new = known.is_none();
        if let Some(at) = known {
            let known = &self.params[at as usize];
            let (is_variable, is_immutable) = (known.is_variable, known.is_immutable);
            if is_variable != given.is_variable {
                self.fail(FailedAt::Statement(given.place), || {
                    format!("the variable ${} has the name of a parameter", names.text(name))
                });
                return;
            }
            if is_immutable {
                let text = names.text(name);
                self.fail(FailedAt::Statement(given.place), || {
                    format!("'{text}' cannot be set twice, and the block's own name sets it once")
                });
                return;
            }
        }
        if is_new && given.is_variable && names.is_known(name) {
            self.fail(FailedAt::Statement(given.place), || {
                format!("the variable ${} has the name of a parameter", names.text(name))
            });
        }
        let appends = given.appends && known.is_some();
        let kept = if is_own || appends || given.pending > 0 { NONE } else { number as u32 };
        let segment = if kept == NONE { self.slots_of(decoded, given, is_own) } else { NONE };
        let Some(at) = known else {
            self.push(names, given, segment, kept);
            return;
        };
        if appends {
            self.unshare(sources, at);
        }
        let len = given.values.end - given.values.start;
        let known = &mut self.params[at as usize];
        (known.name, known.place, known.kept) = (name, given.place, kept);
        if appends {
            self.segments[known.last_segment as usize].next = segment;
            known.len += len;
            known.pending += given.pending;
        } else {
            known.first_segment = segment;
            known.len = len;
            known.pending = given.pending;
        }
        known.last_segment = segment;
    }

    /// Gives a parameter that was a shared one slots of its own.
    fn unshare(&mut self, sources: Sources<'_>, at: u32) {
        let kept = std::mem::replace(&mut self.params[at as usize].kept, NONE);
        if let Some(given) = sources.shared.givens.get(kept as usize) {
            let segment = self.slots_of(sources.shared, given, false);
            let param = &mut self.params[at as usize];
            (param.first_segment, param.last_segment) = (segment, segment);
        }
    }

    /// Replaces the variables. The order in which jail(8) does so shows: a parameter that a value needs first moves
    /// in front of the one that needs it.
    fn substitute(&mut self, names: &Names, sources: Sources<'_>) {
        let mut at = self.first;
        while at != NONE {
            if self.params[at as usize].pending > 0 {
                self.round += 1;
                self.in_round.clear();
                self.bad_in_round = 0;
                self.look_at(at);
                at = self.substitute_in(names, sources, at);
            }
            at = self.params[at as usize].behind;
        }
    }

    fn look_at(&mut self, at: u32) {
        self.params[at as usize].round = self.round;
        self.in_round.push(at);
    }

    /// Replaces the variables of one parameter, or of one that it needs first; which of them. The parameter that
    /// needed it is behind it then, and its turn comes again.
    fn substitute_in(&mut self, names: &Names, sources: Sources<'_>, mut at: u32) -> u32 {
        while let Some(slot) = self.unfinished(at) {
            let begun = self.slots[slot].begun.take();
            let mut text = begun.unwrap_or_else(|| std::mem::take(&mut self.buffer));
            if let Some(needed) = self.finish_value(names, sources, at, slot, &mut text) {
                self.slots[slot].begun = Some(text);
                self.look_at(needed);
                self.move_before(needed, at);
                at = needed;
                continue;
            }
            self.put_in += text.len();
            self.slots[slot].text = text[..].into();
            text.clear();
            self.buffer = text;
            self.params[at as usize].pending -= 1;
        }
        at
    }

    /// The first value of a parameter that has variables left.
    fn unfinished(&mut self, at: u32) -> Option<usize> {
        let param = &mut self.params[at as usize];
        if param.pending == 0 {
            return None;
        }
        let first = param.first_segment;
        let (mut segment, mut slot) = match param.cursor {
            Some(cursor) => cursor,
            None => (first, self.segments.get(first as usize)?.slots.start),
        };
        loop {
            let Segment { slots, next } = &self.segments[segment as usize];
            if slot >= slots.end {
                segment = *next;
                slot = self.segments.get(segment as usize)?.slots.start;
            } else if self.slots[slot as usize].left == 0 {
                slot += 1;
            } else {
                param.cursor = Some((segment, slot));
                return Some(slot as usize);
            }
        }
    }

    /// Puts the values of its variables into a value; where one must be finished before, which parameter that is.
    fn finish_value(
        &mut self,
        names: &Names,
        sources: Sources<'_>,
        at: u32,
        slot: usize,
        text: &mut Vec<u8>,
    ) -> Option<u32> {
        let decoded = sources.of(self.slots[slot].is_own);
        let Template { literal, vars, .. } = &decoded.templates[self.slots[slot].template as usize];
        let all = &decoded.vars[vars.start as usize..vars.end as usize];
        let first = all.len() - self.slots[slot].left as usize;
        let mut done = first.checked_sub(1).map_or(literal.start, |last| all[last].place);
        for (index, var) in all.iter().enumerate().skip(first) {
            let is_inside = !text.is_empty() || done < literal.end || index + 1 < all.len();
            let found = self.look_up(names, var.name);
            if let Ok(needed) = found
                && self.params[needed as usize].pending > 0
            {
                return Some(needed);
            }
            text.extend_from_slice(&decoded.literals[done..var.place]);
            match found {
                Err(missing) => {
                    let param = self.params[at as usize].name;
                    self.fail_round(var, || format!("{}: {}", names.text(param), missing.said(names.text(var.name))));
                }
                Ok(found) if self.params[found as usize].len == 1 => {
                    let value = self.only_value(sources, found).map_or(&b""[..], |value| value);
                    let put_in = self.put_in + text.len() + value.len();
                    if put_in <= MAX_PUT_IN {
                        text.extend_from_slice(value);
                    } else {
                        let param = names.text(self.params[at as usize].name);
                        let message = || format!("{param}: with its variables replaced, the jail is over 64 MB long");
                        self.fail_round(var, message);
                    }
                }
                Ok(_) if is_inside => {
                    let param = names.text(self.params[at as usize].name);
                    self.fail_round(var, || format!("{param}: a list of values cannot stand inside a string"));
                }
                Ok(_) => {
                    self.crash.get_or_insert((var.name, var.file, var.span));
                }
            }
            done = var.place;
            self.slots[slot].left -= 1;
        }
        text.extend_from_slice(&decoded.literals[done..literal.end]);
        None
    }

    /// Fails the jail, and marks the parameters that this round has looked at.
    fn fail_round(&mut self, var: &Variable, reason: impl FnOnce() -> String) {
        self.fail(FailedAt::Variable(var.file, var.span), reason);
        for &at in &self.in_round[self.bad_in_round..] {
            self.params[at as usize].is_bad = true;
        }
        self.bad_in_round = self.in_round.len();
    }

    /// The parameter whose value a variable stands for.
    fn look_up(&self, names: &Names, name: NameId) -> Result<u32, Missing> {
        let mut named = self.in_class(names, name).filter(|&at| self.params[at as usize].name == name);
        let mut found = named.next().ok_or(Missing::Variable)?;
        if named.next().is_some() {
            // Two parameters can come to have one name by way of their `no` forms; the first in order counts.
            found = self.in_order().find(|&at| self.params[at as usize].name == name).unwrap_or(found);
        }
        match &self.params[found as usize] {
            param if param.len == 0 || param.is_bad => Err(Missing::Value),
            param if param.round == self.round => Err(Missing::Loop),
            _ => Ok(found),
        }
    }

    /// The value of a parameter that has one.
    fn only_value<'a>(&'a self, sources: Sources<'a>, at: u32) -> Option<&'a Text> {
        match self.params[at as usize].kept {
            NONE => self.only_slot(at).map(|slot| &self.slots[slot].text),
            kept => sources.shared_text(kept),
        }
    }

    /// The slot of a parameter that has one value.
    fn only_slot(&self, at: u32) -> Option<usize> {
        self.segments_of(at).find(|segment| !segment.slots.is_empty()).map(|segment| segment.slots.start as usize)
    }

    fn segments_of(&self, at: u32) -> impl Iterator<Item = &Segment> {
        let mut next = self.params[at as usize].first_segment;
        std::iter::from_fn(move || {
            let segment = self.segments.get(next as usize)?;
            next = segment.next;
            Some(segment)
        })
    }

    fn in_order(&self) -> impl Iterator<Item = u32> {
        let mut next = self.first;
        std::iter::from_fn(move || {
            let at = next;
            next = self.params.get(at as usize)?.behind;
            Some(at)
        })
    }

    /// Moves a parameter in front of another one.
    fn move_before(&mut self, moved: u32, other: u32) {
        let Collected { before, behind, .. } = self.params[moved as usize];
        self.link(before, behind);
        let before = self.params[other as usize].before;
        self.link(before, moved);
        self.link(moved, other);
    }

    fn link(&mut self, before: u32, behind: u32) {
        match self.params.get_mut(before as usize) {
            Some(param) => param.behind = behind,
            None => self.first = behind,
        }
        match self.params.get_mut(behind as usize) {
            Some(param) => param.before = before,
            None => self.last = before,
        }
    }

    /// What the jail costs in bytes, roughly.
    pub(super) fn cost(&self) -> u64 {
        (self.put_in + size_of::<Slot>() * self.slots.len() + size_of::<Collected>() * self.params.len()) as u64
    }

    /// Ends the jail: its parameters go behind those of other jails. Why jail(8) would not start it, where it would
    /// not.
    pub(super) fn finish(
        &mut self,
        names: &Names,
        sources: Sources<'_>,
        files: &[File<'_>],
        name: &[u8],
        into: &mut Together,
    ) -> Result<Option<Failed>, Diagnostic> {
        let is_name = |at: u32| {
            let param = &self.params[at as usize];
            !param.is_variable && param.name == NAME
        };
        if !self.in_class(names, NAME).any(is_name) {
            self.push_name(names, NAME, name);
        }
        self.substitute(names, sources);
        if let Some((var, file, span)) = self.crash {
            let message =
                format!("the list ${} stands for a whole value here, and jail(8) crashes on that", names.text(var));
            let help = "write its values out where they are needed";
            return Err(Diagnostic::error(&files[file as usize].source, span, message).with_help(help));
        }
        let mut at = self.first;
        if let Some(mut all) = self.everything.take() {
            let params: Vec<_> = self.in_order().collect();
            params.iter().for_each(|&at| self.unshare(sources, at));
            all.extend(params.into_iter().map(|at| self.found(names, at)));
            self.everything = Some(all);
        }
        while at != NONE {
            let Collected { name, place, is_variable, kept, behind, .. } = self.params[at as usize];
            if !is_variable && kept != NONE {
                into.push_shared(kept);
            } else if !is_variable {
                let values = self.take_values(at);
                into.push(ResolvedParam { name: names.text(name).clone(), values }, place);
            }
            at = behind;
        }
        Ok(self.failed.take())
    }

    fn found(&self, names: &Names, at: u32) -> Found {
        let &Collected { name, place, is_variable, .. } = &self.params[at as usize];
        let slots = self.segments_of(at).flat_map(|segment| segment.slots.clone());
        let values: Vec<_> = slots.map(|slot| self.slots[slot as usize].text.clone()).collect();
        let values = if values.is_empty() { Values::default() } else { Values::from(values) };
        Found { name: names.text(name).clone(), is_variable, values, place }
    }

    fn take_values(&mut self, at: u32) -> Values {
        let Collected { len, first_segment, .. } = self.params[at as usize];
        let mut all = match len {
            0 => return Values::default(),
            1 => {
                let value = self.only_slot(at).map(|slot| std::mem::take(&mut self.slots[slot].text));
                return Values::from(value.unwrap_or_default());
            }
            len => Vec::with_capacity(len as usize),
        };
        let mut next = first_segment;
        while let Some(segment) = self.segments.get(next as usize) {
            let slots = segment.slots.start as usize..segment.slots.end as usize;
            all.extend(self.slots[slots].iter_mut().map(|slot| std::mem::take(&mut slot.text)));
            next = segment.next;
        }
        Values::from(all)
    }
}

/// Why a variable has no value to put in.
#[derive(Clone, Copy)]
enum Missing {
    Variable,
    Value,
    Loop,
}

impl Missing {
    fn said(self, name: &Name) -> String {
        match self {
            Self::Variable => format!("there is no variable '{name}'"),
            Self::Value => format!("the variable '{name}' has no value"),
            Self::Loop => format!("the variable '{name}' needs itself"),
        }
    }
}
