//! Why a jail's parameter is what it is: every statement about it, and which of them count.

use std::collections::HashMap;

use bstr::BString;
use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use super::assemble::Found;
use super::include::{self, File, Files};
use super::lex::decode_into;
use super::option::{is_immutable, is_known, option_key, same_option};
use super::origin::{Origin, Places};
use super::parse::{Item, Op, Param, Statements};
use super::resolve::{Budget, Resolver, is_number, is_wildcard, matches_wildcard};
use super::text::{Name, Text, Values};
use crate::source::{Diagnostic, Diagnostics, Source, Span};

/// A jail with every statement about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Its name.
    pub jail: Text,
    /// Why jail(8) would not start it, where it would not.
    pub failed: Option<Box<Diagnostic>>,
    /// Its parameters in jail(8)'s order, and its variables behind them in the file's.
    pub params: Vec<Explained>,
}

impl Explanation {
    /// The parameter of this name, whether in its plain form or its `no` form; of `$name`, the variable.
    pub fn param(&self, name: &str) -> Option<&Explained> {
        let (is_variable, name) = name.strip_prefix('$').map_or((false, name), |name| (true, name));
        let is_meant =
            |param: &&Explained| param.is_variable == is_variable && same_option(&param.name, name.as_bytes());
        self.params.iter().find(is_meant)
    }
}

/// A parameter or variable of a jail, with every statement about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// Its name, as it was last written, without `$`.
    pub name: Name,
    /// Whether it is a variable.
    pub is_variable: bool,
    /// What it comes to, as far as that goes where the jail fails.
    pub values: Values,
    /// The statements about it, in the order in which jail(8) takes them.
    pub settings: Vec<Setting>,
}

impl Explained {
    /// The statement that decided last.
    pub fn winner(&self) -> Option<&Setting> {
        self.settings.iter().rfind(|setting| setting.effect == Effect::Counts)
    }
}

/// One statement about a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Where it stands.
    pub origin: Origin,
    /// Whether that is in another file than the one that was read.
    pub is_included: bool,
    /// How it sets the parameter.
    pub operator: Operator,
    /// What came of it.
    pub effect: Effect,
    /// Where each of its values stands, without quotes.
    pub values: Vec<Span>,
    /// The variables in its values, each once, with what they were replaced by.
    pub variables: Vec<Replaced>,
}

/// How a statement sets a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Operator {
    /// `name;`
    #[serde(rename = "")]
    Bare,
    /// `name = value;`
    #[serde(rename = "=")]
    Set,
    /// `name += value;`
    #[serde(rename = "+=")]
    Append,
    /// `name value;`
    #[serde(rename = " ")]
    Beside,
    /// `name {`: a block's name, which is the jail's `name` or `jid`.
    #[serde(rename = "{")]
    Block,
}

/// What came of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Its values are the parameter's, or among them.
    Counts,
    /// A later statement gave the parameter other values.
    Replaced,
    /// jail(8) fails the jail for it.
    Refused,
}

/// A variable, and what it was replaced by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// Its name, without `$`.
    pub name: Text,
    /// Its values; none where it has none, and the jail fails for that.
    pub values: Values,
    /// Where it got them.
    pub origin: Option<Origin>,
}

/// As `{param, values, settings}`; a variable's name with its `$`.
impl Serialize for Explained {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let dollar: &[u8] = if self.is_variable { b"$" } else { b"" };
        let mut object = serializer.serialize_struct("Explained", 3)?;
        object.serialize_field("param", &Text::from(&[dollar, &self.name].concat()[..]))?;
        object.serialize_field("values", &self.values)?;
        object.serialize_field("settings", &self.settings)?;
        object.end()
    }
}

/// As `{file, line, column, scope, included, operator, statement, effect, variables}`.
impl Serialize for Setting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            #[serde(flatten)]
            origin: &'a Origin,
            included: bool,
            operator: Operator,
            statement: Text,
            effect: Effect,
            variables: &'a [Replaced],
        }
        let Self { origin, is_included: included, operator, effect, variables, .. } = self;
        let statement = origin.source.slice(origin.statement).into();
        let (included, operator, effect) = (*included, *operator, *effect);
        Shown { origin, included, operator, statement, effect, variables }.serialize(serializer)
    }
}

/// As `{variable, values, origin}`.
impl Serialize for Replaced {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Replaced", 3)?;
        object.serialize_field("variable", &self.name)?;
        object.serialize_field("values", &self.values)?;
        object.serialize_field("origin", &self.origin)?;
        object.end()
    }
}

pub(super) fn explain(
    from: &dyn Files,
    source: &Source,
    statements: &Statements,
    jail: &[u8],
) -> Result<Option<Explanation>, Diagnostics> {
    let files = include::load(from, source, statements)?;
    let places = Places::of(&files)?.into();
    let budget = Budget::of(&files);
    let mut resolver = Resolver::new(&files, &places, &budget);
    let blocks = &places.blocks;
    let named = |block: &super::block::Block| blocks.name(block) == jail;
    let Some(index) = blocks.blocks.iter().position(named).filter(|_| !is_wildcard(jail)) else { return Ok(None) };
    let (found, failed) = resolver.everything(index)?;
    let mut statements = About::new(&files, &places, &found);
    statements.add_name(blocks.blocks[index].place, is_number(jail));
    for (number, block) in blocks.blocks.iter().enumerate() {
        let name = blocks.name(block);
        if number != index && !(is_wildcard(name) && matches_wildcard(jail, name)) {
            continue;
        }
        for (file, items) in blocks.runs(block) {
            for item in &files[file as usize].statements.items[items] {
                if let Item::Param(param) = item {
                    statements.add(file as usize, param);
                }
            }
        }
    }
    let (variables, params): (Vec<_>, Vec<_>) = found.iter().partition(|found| found.is_variable);
    let params = params.into_iter().chain(variables).map(|found| statements.take(found)).collect();
    Ok(Some(Explanation { jail: jail.into(), failed, params }))
}

/// A variable as it is written, where `name` is its name.
fn with_dollar(source: &Source, name: Span) -> Span {
    let is_braced = source.text()[..name.start()].ends_with(b"${");
    if is_braced { Span::new(name.start() - 2, name.end() + 1) } else { Span::new(name.start() - 1, name.end()) }
}

/// The statements about a jail, by parameter.
struct About<'a> {
    files: &'a [File<'a>],
    places: &'a Places,
    /// What each variable can stand for.
    found: HashMap<&'a [u8], &'a Found>,
    params: Vec<Group>,
    /// Those that can be one option, by what their names have in common.
    by_key: HashMap<BString, Vec<usize>>,
}

struct Group {
    name: Vec<u8>,
    is_variable: bool,
    settings: Vec<Setting>,
}

impl<'a> About<'a> {
    fn new(files: &'a [File<'a>], places: &'a Places, found: &'a [Found]) -> Self {
        // Where two have one name, the first counts.
        let found = found.iter().rev().map(|found| (found.name.as_ref(), found)).collect();
        Self { files, places, found, params: Vec::new(), by_key: HashMap::new() }
    }

    fn setting(&self, place: u32, operator: Operator) -> Setting {
        let origin = self.places.origin(place);
        let is_included = origin.source != self.files[0].source;
        Setting { origin, is_included, operator, effect: Effect::Counts, values: Vec::new(), variables: Vec::new() }
    }

    /// What the block's own name sets.
    fn add_name(&mut self, place: u32, is_number: bool) {
        for name in if is_number { &["jid", "name"][..] } else { &["name"] } {
            let setting = self.setting(place, Operator::Block);
            self.push(name.as_bytes().to_vec(), false, setting);
        }
    }

    fn push(&mut self, name: Vec<u8>, is_variable: bool, setting: Setting) {
        self.by_key.entry(option_key(&name)).or_default().push(self.params.len());
        self.params.push(Group { name, is_variable, settings: vec![setting] });
    }

    fn known(&self, name: &[u8]) -> Option<usize> {
        let alike = self.by_key.get(&option_key(name))?;
        alike.iter().copied().find(|&at| same_option(&self.params[at].name, name))
    }

    fn add(&mut self, number: usize, param: &Param) {
        let file = &self.files[number];
        let mut name = Vec::new();
        decode_into(file.source.slice(param.name), &mut name);
        let operator = match param.op {
            Op::Bare => Operator::Bare,
            Op::Set => Operator::Set,
            Op::Append => Operator::Append,
            Op::Beside => Operator::Beside,
        };
        let mut setting = self.setting(file.base + param.span.start() as u32, operator);
        self.add_values(&mut setting, file, param);
        let Some(at) = self.known(&name) else {
            if param.is_variable && is_known(&name) {
                setting.effect = Effect::Refused;
            }
            self.push(name, param.is_variable, setting);
            return;
        };
        let group = &mut self.params[at];
        if group.is_variable != param.is_variable || (!group.is_variable && is_immutable(&group.name)) {
            setting.effect = Effect::Refused;
        } else {
            if operator != Operator::Append {
                let counting = group.settings.iter_mut().rev().take_while(|one| one.effect != Effect::Replaced);
                let counting = counting.filter(|one| one.effect == Effect::Counts);
                counting.for_each(|one| one.effect = Effect::Replaced);
            }
            group.name = name;
        }
        group.settings.push(setting);
    }

    fn add_values(&self, setting: &mut Setting, file: &File<'_>, param: &Param) {
        let values = &file.statements.values[param.values.start as usize..param.values.end as usize];
        let mut seen = std::collections::HashSet::new();
        for value in values {
            let mut whole: Option<Span> = None;
            for piece in &file.statements.pieces[value.start as usize..value.end as usize] {
                let span = piece.span();
                let written = if piece.is_variable() { with_dollar(&file.source, span) } else { span };
                whole = Some(whole.map_or(written, |whole| whole.join(written)));
                if piece.is_variable() {
                    let mut name = Vec::new();
                    decode_into(file.source.slice(span), &mut name);
                    if seen.insert(name.clone()) {
                        setting.variables.push(self.replaced(&name));
                    }
                }
            }
            setting.values.extend(whole);
        }
    }

    fn replaced(&self, name: &[u8]) -> Replaced {
        let found = self.found.get(name);
        let values = found.map(|found| found.values.clone()).unwrap_or_default();
        Replaced { name: name.into(), values, origin: found.map(|found| self.places.origin(found.place)) }
    }

    /// A parameter with what was found about it.
    fn take(&mut self, found: &Found) -> Explained {
        let Found { name, is_variable, values, .. } = found;
        let at = self.by_key.get(&option_key(name)).into_iter().flatten().copied();
        let mut at = at.filter(|&at| {
            let group = &self.params[at];
            group.is_variable == *is_variable && *name == group.name && !group.settings.is_empty()
        });
        let at = at.next();
        let settings = at.map(|at| std::mem::take(&mut self.params[at].settings)).unwrap_or_default();
        Explained { name: name.clone(), is_variable: *is_variable, values: values.clone(), settings }
    }
}
