//! What a parameter needs of others of the same jail.

use super::Checker;
use super::places::Place;
use crate::jailconf::resolved::{ResolvedJail, ResolvedParam};
use crate::jailparam::{self, Fallback, Kind, Need, ParamDef};
use crate::source::Severity;

impl Checker {
    pub(super) fn needs(&mut self, jail: &ResolvedJail) {
        for (index, param) in jail.params.iter().enumerate() {
            let Some(found) = jailparam::find(&param.name).filter(|found| is_in_force(jail, param, found.def)) else {
                continue;
            };
            for need in found.def.needs.iter().filter(|need| !holds(jail, need)) {
                let (severity, message, help) = told(found.def, need);
                self.push(Place::param(jail, index), severity, message, Some(help));
            }
        }
    }
}

/// Whether a parameter says anything that needs something: one that is off or 0 does not.
fn is_in_force(jail: &ResolvedJail, param: &ResolvedParam, def: &ParamDef) -> bool {
    match def.kind {
        Kind::Bool => jail.is_true(def.name),
        Kind::Int { .. } => param.values.last().is_none_or(|value| jailparam::integer(value) != Some(0)),
        Kind::JailSys(_) => true,
        kind => !kind.is_list() || !param.values.is_empty(),
    }
}

fn holds(jail: &ResolvedJail, need: &Need) -> bool {
    match *need {
        Need::On(names) => names.iter().any(|&name| is_on(jail, name)),
        Need::Given(names) => names.iter().any(|&name| jail.param(name).is_some()),
        Need::Below(name, most) => number(jail, name).is_none_or(|number| number < most),
        Need::New(name) => is_new(jail, name),
        Need::NotNew(name) => !is_new(jail, name),
        Need::Must(name) => jail.param(name).is_some(),
    }
}

fn is_on(jail: &ResolvedJail, name: &str) -> bool {
    match jail.param(name) {
        Some(_) => jail.is_true(name),
        None => fallback(name) == Fallback::Bool(true),
    }
}

/// A number of the jail; none where it is broken, which is told elsewhere.
fn number(jail: &ResolvedJail, name: &str) -> Option<i64> {
    match (jail.value(name), fallback(name)) {
        (Some(value), _) => jailparam::integer(value),
        (None, Fallback::Int(number)) => Some(number),
        (None, _) => None,
    }
}

fn is_new(jail: &ResolvedJail, name: &str) -> bool {
    jail.param(name).is_some_and(|param| param.values.last().is_none_or(|value| value == "new"))
}

fn fallback(name: &str) -> Fallback {
    jailparam::find(name.as_bytes()).map_or(Fallback::None, |found| found.def.default)
}

fn told(def: &ParamDef, need: &Need) -> (Severity, String, String) {
    let name = def.name;
    match *need {
        Need::On(names) | Need::Given(names) => {
            let message = format!("{name} has no effect without {}", names.join(" or "));
            (Severity::Warning, message, format!("add {}, or take {name} out", names.join(" or ")))
        }
        Need::Below(other, most) => {
            let message = format!("{name} has no effect unless {other} is below {most}");
            (Severity::Warning, message, format!("add {other} = {};", most - 1))
        }
        Need::New(other) => {
            (Severity::Error, format!("{name} needs {other}, which this jail does not have"), format!("add {other};"))
        }
        Need::NotNew(other) => {
            let message = format!("a jail with {other} cannot have {name}");
            (Severity::Error, message, format!("take {name} out and set it up inside the jail, or take {other} out"))
        }
        Need::Must(other) => {
            (Severity::Error, format!("{name} needs {other}, which this jail does not have"), format!("add {other}"))
        }
    }
}
