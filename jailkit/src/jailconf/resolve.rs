//! What each jail's parameters come to, as jail(8) makes them of a file.
//!
//! A jail takes the parameters of each wildcard that its name matches and of the top level, in the file's order, with
//! its own where its block stands; a later one replaces an earlier one of the same name or, with `+=`, adds to it.
//! Variables are then replaced by the values that stand at the end.

use std::collections::HashMap;

use bstr::{BStr, BString, ByteSlice};
use serde::Serialize;

use super::include::{self, File};
use super::lex::decode_into;
use super::parse::{Item, Op, Param, Piece, Statements};
use crate::source::{Diagnostic, Diagnostics, Source, Span};

/// The jails of a file, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Resolved {
    /// Each jail that is not a wildcard.
    pub jails: Vec<ResolvedJail>,
}

impl Resolved {
    /// The jail of this name.
    pub fn jail(&self, name: &[u8]) -> Option<&ResolvedJail> {
        self.jails.iter().find(|jail| jail.name == name)
    }
}

/// One jail with all that the file says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResolvedJail {
    /// Its name, or its number where that is how the file calls it.
    pub name: BString,
    /// Why jail(8) would not start it, where it would not: a variable that is not there, a loop.
    pub failed: Option<String>,
    /// Its parameters, in jail(8)'s order; without variables.
    pub params: Vec<ResolvedParam>,
}

impl ResolvedJail {
    /// The parameter of this name, whether in its plain form or its `no` form.
    pub fn param(&self, name: &str) -> Option<&ResolvedParam> {
        self.params.iter().find(|param| same_option(&param.name, name.as_bytes()))
    }

    /// The last value of a parameter, which is the one that counts where there can be only one.
    pub fn value(&self, name: &str) -> Option<&BStr> {
        self.param(name)?.values.last().map(|value| value.as_bstr())
    }

    /// All values of a parameter.
    pub fn values(&self, name: &str) -> &[BString] {
        self.param(name).map_or(&[], |param| &param.values)
    }

    /// Whether a boolean parameter is there and true, as jail(8) reads it: bare, `true`, or a number that is not 0;
    /// the `no` form the other way round.
    pub fn is_true(&self, name: &str) -> bool {
        let Some(param) = self.param(name) else { return false };
        let is_no = last_part(&param.name).starts_with(b"no");
        let value =
            param.values.last().is_none_or(|value| value.eq_ignore_ascii_case(b"true") || leading_int(value) != 0);
        is_no != value
    }
}

/// The text without the blanks before it; isspace(3).
fn trim_space(text: &[u8]) -> &[u8] {
    text.trim_start_with(|c| matches!(c, ' ' | '\t'..='\r'))
}

/// The number that text begins with, 0 where it begins with none; strtol(3).
fn leading_int(text: &[u8]) -> i64 {
    let text = trim_space(text);
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let value = digits.fold(0i64, |sum, byte| sum.saturating_mul(10).saturating_add(i64::from(byte - b'0')));
    if negative { -value } else { value }
}

/// A parameter with its values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResolvedParam {
    /// Its name, as it was last written.
    pub name: BString,
    /// Its values; none for a bare boolean.
    pub values: Vec<BString>,
}

/// A jail's or a wildcard's block, or the top level, before it is resolved.
struct Block<'a> {
    name: BString,
    /// Its parameters, each with the file that it stands in.
    params: Vec<(&'a File, &'a Param)>,
}

pub(super) fn resolve(source: &Source, statements: &Statements) -> Result<Resolved, Diagnostics> {
    let files = include::load(source, statements)?;
    let blocks = Blocks::of(&files);
    let wildcards: Vec<_> = blocks.iter().enumerate().filter(|(_, block)| is_wildcard(&block.name)).collect();
    let mut jails = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        if is_wildcard(&block.name) {
            continue;
        }
        let mut jail = Building::new(&block.name);
        let mut own = Some(block);
        for (wild_index, wildcard) in &wildcards {
            if index < *wild_index
                && let Some(own) = own.take()
            {
                jail.add_all(own);
            }
            if matches_wildcard(&block.name, &wildcard.name) {
                jail.add_all(wildcard);
            }
        }
        if let Some(own) = own {
            jail.add_all(own);
        }
        jails.push(jail.finish()?);
    }
    Ok(Resolved { jails })
}

/// The blocks of all files, in the order in which jail(8) comes to them.
#[derive(Default)]
struct Blocks<'a> {
    blocks: Vec<Block<'a>>,
    /// The top level's, from its first parameter on.
    global: Option<usize>,
    open: Vec<usize>,
}

impl<'a> Blocks<'a> {
    fn of(files: &'a [File]) -> Vec<Block<'a>> {
        let mut blocks = Self::default();
        if let Some(first) = files.first() {
            blocks.walk(files, first);
        }
        blocks.blocks
    }

    fn walk(&mut self, files: &'a [File], file: &'a File) {
        let mut included = file.included.iter().peekable();
        for (index, item) in file.statements.items.iter().enumerate() {
            match item {
                Item::Open { name, .. } => {
                    let mut full = self.open.last().map_or_else(BString::default, |&parent| {
                        let mut name = self.blocks[parent].name.clone();
                        name.push(b'.');
                        name
                    });
                    decode_into(file.source.slice(*name), &mut full);
                    self.open.push(self.blocks.len());
                    self.blocks.push(Block { name: full, params: Vec::new() });
                }
                Item::Close { .. } => {
                    self.open.pop();
                }
                Item::Param(param) => match included.next_if(|(item, _)| *item == index) {
                    Some((_, inner)) => inner.iter().for_each(|&inner| self.walk(files, &files[inner])),
                    None => self.add(file, param),
                },
            }
        }
    }

    fn add(&mut self, file: &'a File, param: &'a Param) {
        let block = self.open.last().copied().unwrap_or_else(|| {
            *self.global.get_or_insert_with(|| {
                self.blocks.push(Block { name: "*".into(), params: Vec::new() });
                self.blocks.len() - 1
            })
        });
        self.blocks[block].params.push((file, param));
    }
}

/// A string with variables still in it: its text, and where in it which variable goes.
#[derive(Clone, Debug, Default)]
struct Text {
    bytes: BString,
    vars: Vec<Variable>,
}

#[derive(Clone, Debug)]
struct Variable {
    /// Where in the text its value goes.
    place: usize,
    name: BString,
    span: Span,
    source: Source,
}

impl File {
    fn name(&self, span: Span) -> BString {
        let mut name = Vec::new();
        decode_into(self.source.slice(span), &mut name);
        name.into()
    }

    fn value(&self, pieces: &std::ops::Range<u32>) -> Text {
        let mut text = Text::default();
        for piece in &self.statements.pieces[pieces.start as usize..pieces.end as usize] {
            match piece {
                Piece::Text(span) => decode_into(self.source.slice(*span), &mut text.bytes),
                Piece::Var(span) => {
                    let (place, name) = (text.bytes.len(), self.name(*span));
                    text.vars.push(Variable { place, name, span: *span, source: self.source.clone() });
                }
            }
        }
        text
    }
}

/// A jail being put together.
struct Building {
    name: BString,
    failed: Option<String>,
    /// A variable that jail(8) does not survive, and where it stands.
    crash: Option<Variable>,
    params: Vec<Collected>,
    /// Where the parameters with one key are, see [`option_key`].
    places: HashMap<BString, Vec<usize>>,
}

#[derive(Clone, Debug)]
struct Collected {
    name: BString,
    is_variable: bool,
    values: Vec<Text>,
    immutable: bool,
    /// In which round of substitution it was last looked at; a variable met again in one round is a loop.
    round: usize,
    bad: bool,
}

/// Names of parameters that jail(8) itself knows: a variable cannot have one of them.
const INTERNAL: &[&str] = &[
    "allow.dying",
    "command",
    "depend",
    "exec.clean",
    "exec.consolelog",
    "exec.fib",
    "exec.jail_user",
    "exec.poststart",
    "exec.poststop",
    "exec.prepare",
    "exec.prestart",
    "exec.prestop",
    "exec.release",
    "exec.created",
    "exec.start",
    "exec.stop",
    "exec.system_jail_user",
    "exec.system_user",
    "exec.timeout",
    "interface",
    "ip_hostname",
    "mount",
    "mount.devfs",
    "mount.fdescfs",
    "mount.procfs",
    "mount.fstab",
    "stop.timeout",
    "vnet.interface",
    "zfs.dataset",
    "allow.chflags",
    "allow.mount",
    "allow.raw_sockets",
    "allow.set_hostname",
    "allow.socket_af",
    "allow.sysvipc",
    "devfs_ruleset",
    "host.hostname",
    "ip4.addr",
    "ip6.addr",
    "jid",
    "name",
    "path",
    "persist",
    "securelevel",
    "vnet",
];

/// How many of the names above are jail(8)'s own; the kernel's follow.
const PSEUDO: usize = 29;

/// Whether a parameter is one that jail(8) itself acts on and the kernel does not know.
pub(crate) fn is_internal(name: &[u8]) -> bool {
    INTERNAL[..PSEUDO].iter().any(|known| same_option(name, known.as_bytes()))
}

/// Names of parameters that can be set once only.
const IMMUTABLE: &[&str] = &["jid", "name"];

impl Building {
    fn new(name: &BString) -> Self {
        let mut jail =
            Self { name: name.clone(), failed: None, crash: None, params: Vec::new(), places: HashMap::new() };
        let param = if is_number(name) { "jid" } else { "name" };
        jail.push(param.into(), false, vec![Text { bytes: name.clone(), vars: Vec::new() }]);
        jail
    }

    fn push(&mut self, name: BString, is_variable: bool, values: Vec<Text>) {
        self.places.entry(option_key(&name)).or_default().push(self.params.len());
        let immutable = !is_variable && IMMUTABLE.iter().any(|known| same_option(&name, known.as_bytes()));
        self.params.push(Collected { name, is_variable, values, immutable, round: 0, bad: false });
    }

    fn fail(&mut self, reason: String) {
        self.failed.get_or_insert(reason);
    }

    fn add_all(&mut self, block: &Block<'_>) {
        for (file, param) in &block.params {
            self.add(file, param);
        }
    }

    fn add(&mut self, file: &File, param: &Param) {
        let name = file.name(param.name);
        let ranges = &file.statements.values[param.values.start as usize..param.values.end as usize];
        let values: Vec<_> = ranges.iter().map(|pieces| file.value(pieces)).collect();
        let same_key = self.places.get(&option_key(&name)).map_or(&[][..], Vec::as_slice);
        let Some(&place) = same_key.iter().find(|&&place| same_option(&self.params[place].name, &name)) else {
            let clash = param.is_variable && INTERNAL.iter().any(|known| same_option(&name, known.as_bytes()));
            if clash {
                self.fail(format!("the variable ${name} has the name of a parameter"));
            }
            self.push(name, param.is_variable, values);
            return;
        };
        let known = &mut self.params[place];
        if known.is_variable != param.is_variable {
            self.fail(format!("the variable ${name} has the name of a parameter"));
            return;
        }
        if known.immutable {
            self.fail(format!("'{name}' cannot be set twice, and the block's own name sets it once"));
            return;
        }
        known.name = name;
        if param.op == Op::Append && !values.is_empty() {
            known.values.extend(values);
        } else {
            known.values = values;
        }
    }

    /// Replaces the variables. The order in which jail(8) does so shows: a parameter that a value needs first moves
    /// in front of the one that needs it.
    fn substitute(&mut self) {
        let mut round = 0;
        let mut at = 0;
        while at < self.params.len() {
            round += 1;
            self.params[at].round = round;
            at = self.substitute_in(at, round) + 1;
        }
    }

    /// Replaces the variables of one parameter, or of one that it needs first; where that one stands now. The
    /// parameter that needed it is behind it then, and its turn comes again.
    fn substitute_in(&mut self, mut at: usize, round: usize) -> usize {
        let mut value = 0;
        while value < self.params[at].values.len() {
            let Some(var) = self.params[at].values[value].vars.first().cloned() else {
                value += 1;
                continue;
            };
            match self.lookup(&var.name, round) {
                Err(reason) => {
                    let reason = format!("{}: {reason}", self.params[at].name);
                    self.fail(reason);
                    self.params.iter_mut().filter(|param| param.round == round).for_each(|param| param.bad = true);
                    self.params[at].values[value].vars.remove(0);
                }
                Ok(needed) if self.params[needed].values.iter().any(|text| !text.vars.is_empty()) => {
                    self.params[needed].round = round;
                    let moved = self.params.remove(needed);
                    if needed < at {
                        at -= 1;
                    }
                    self.params.insert(at, moved);
                    value = 0;
                }
                Ok(found) => self.put_in(at, value, &var, found, round),
            }
        }
        at
    }

    fn lookup(&self, var: &BString, round: usize) -> Result<usize, String> {
        let found = self.params.iter().position(|param| param.name == *var);
        match found.map(|index| (index, &self.params[index])) {
            None => Err(format!("there is no variable '{var}'")),
            Some((_, param)) if param.values.is_empty() => Err(format!("the variable '{var}' has no value")),
            Some((_, param)) if param.bad => Err(format!("the variable '{var}' has no value")),
            Some((_, param)) if param.round == round => Err(format!("the variable '{var}' needs itself")),
            Some((index, _)) => Ok(index),
        }
    }

    /// Puts the value of `found` where the first variable of a value stands.
    fn put_in(&mut self, at: usize, value: usize, var: &Variable, found: usize, round: usize) {
        let text = &self.params[at].values[value];
        let inline = !text.bytes.is_empty() || text.vars.len() > 1;
        let replacement = match self.params[found].values.as_slice() {
            [one] => one.bytes.clone(),
            _ if inline => {
                let reason = format!("{}: a list of values cannot stand inside a string", self.params[at].name);
                self.fail(reason);
                self.params.iter_mut().filter(|param| param.round == round).for_each(|param| param.bad = true);
                BString::default()
            }
            _ => {
                self.crash.get_or_insert_with(|| var.clone());
                BString::default()
            }
        };
        let text = &mut self.params[at].values[value];
        text.vars.remove(0);
        text.bytes.splice(var.place..var.place, replacement.iter().copied());
        text.vars.iter_mut().for_each(|later| later.place += replacement.len());
    }

    fn finish(mut self) -> Result<ResolvedJail, Diagnostic> {
        if !self.params.iter().any(|param| !param.is_variable && param.name == "name") {
            let name = self.name.clone();
            self.push("name".into(), false, vec![Text { bytes: name, vars: Vec::new() }]);
        }
        self.substitute();
        if let Some(Variable { name, span, source, .. }) = self.crash {
            let message = format!("the list ${name} stands for a whole value here, and jail(8) crashes on that");
            let help = "write its values out where they are needed";
            return Err(Diagnostic::error(&source, span, message).with_help(help));
        }
        let plain = |param: Collected| ResolvedParam {
            name: param.name,
            values: param.values.into_iter().map(|text| text.bytes).collect(),
        };
        let params = self.params.into_iter().filter(|param| !param.is_variable).map(plain).collect();
        Ok(ResolvedJail { name: self.name, failed: self.failed, params })
    }
}

/// Whether strtol(3) reads the name whole, and not as 0: such a name is a jid.
fn is_number(name: &[u8]) -> bool {
    let text = trim_space(name);
    let digits = text.strip_prefix(b"-").or(text.strip_prefix(b"+")).unwrap_or(text);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) && leading_int(name) != 0
}

/// Whether a part of the name is `*`.
fn is_wildcard(name: &[u8]) -> bool {
    name.split_str(b".").any(|part| part == b"*")
}

/// Whether a wildcard is meant for a jail: a `*` stands for one part of the name, at the end for one or more.
pub(crate) fn matches_wildcard(name: &[u8], wildcard: &[u8]) -> bool {
    let (mut name, mut wildcard) = (name, wildcard);
    loop {
        match (name.split_once_str("."), wildcard.split_once_str(".")) {
            (Some((part, rest)), Some((wild, wild_rest))) => {
                if part != wild && wild != b"*" {
                    return false;
                }
                (name, wildcard) = (rest, wild_rest);
            }
            _ => return name == wildcard || wildcard == b"*",
        }
    }
}

fn last_part(name: &[u8]) -> &[u8] {
    name.rsplit_once_str(".").map_or(name, |(_, last)| last)
}

/// Whether two names are of one option, as jail(8) compares them: the same, or with a `no` before one dotted part of
/// one of them.
fn same_option(one: &[u8], other: &[u8]) -> bool {
    one == other || is_no_form(one, other) || is_no_form(other, one)
}

/// Whether `negated` is `plain` with a `no` before one of its parts.
fn is_no_form(negated: &[u8], plain: &[u8]) -> bool {
    if negated.len() != plain.len() + 2 {
        return false;
    }
    let same = negated.iter().zip(plain).take_while(|(one, other)| one == other).count();
    // The `no` begins where they part or before it: `nnoo` can be `no` in two ways.
    let starts = std::iter::once(0).chain(plain[..same].find_iter(b".").map(|dot| dot + 1));
    let mut starts = starts.filter(|&at| negated[at..].starts_with(b"no"));
    starts.any(|at| negated[at + 2..] == plain[at..])
}

/// What all names have in common that can be of one option: the name without any `no` before a part.
fn option_key(name: &[u8]) -> BString {
    let mut key = BString::default();
    for (index, mut part) in name.split_str(b".").enumerate() {
        while let Some(rest) = part.strip_prefix(b"no") {
            part = rest;
        }
        if index > 0 {
            key.push(b'.');
        }
        key.extend_from_slice(part);
    }
    key
}
