//! What is wrong with the jails of a file that jail(8) can read: parameters, values, and jails that do not fit together.

mod jails;
mod needs;
mod places;

use std::collections::HashSet;

use self::places::{Place, Places};
use super::resolve::{ResolvedJail, ResolvedParam};
use super::text::Text;
use super::{JailConf, include};
use crate::jailparam::{self, Family, Found, Since};
use crate::source::{Diagnostic, Diagnostics, Severity, printable};

impl JailConf {
    /// Everything that is wrong with the jails of this file, in the order of the places it stands at.
    ///
    /// An error is what jail(8) or the kernel refuses when the jail is started; what only looks wrong is a warning. For
    /// a `release`, parameters that came after it are warned of. No host is asked: whether a path or interface is
    /// there shows when the jail starts.
    ///
    /// # Errors
    /// All findings where one of them is an error; what [`JailConf::resolve`] refuses.
    ///
    /// # Example
    /// ```
    /// use jailkit::jailconf::JailConf;
    /// use jailkit::source::Source;
    ///
    /// let conf = JailConf::parse(&Source::new("jail.conf", "www { path = /srv/www; persist; enforce_statfs = 3; }\n"))?;
    /// let found = conf.check(None).unwrap_err();
    /// assert_eq!(found[0].to_string(), "jail.conf:1:49: error: enforce_statfs is a number 0 to 2, and 3 is not");
    /// # Ok::<(), jailkit::source::Diagnostics>(())
    /// ```
    pub fn check(&self, release: Option<Since>) -> Result<Vec<Diagnostic>, Diagnostics> {
        let resolved = self.resolve()?;
        let files = include::load(&self.source, &self.statements)?;
        let places = Places::of(&files);
        let mut checker = Checker { places: &places, release, found: Vec::new(), seen: HashSet::new() };
        for jail in &resolved.jails {
            checker.jail(jail);
        }
        checker.together(&resolved);
        let mut found = checker.found;
        found.sort_by_key(|(place, _)| *place);
        Diagnostics::check(found.into_iter().map(|(_, one)| one).collect())
    }
}

struct Checker<'a> {
    places: &'a Places<'a>,
    release: Option<Since>,
    found: Vec<(Place, Diagnostic)>,
    /// What has been said where: a statement that many jails have is wrong once.
    seen: HashSet<(Place, String)>,
}

impl Checker<'_> {
    fn push(&mut self, place: Place, severity: Severity, message: String, help: Option<String>, label: Option<String>) {
        if !self.seen.insert((place, message.clone())) {
            return;
        }
        let source = self.places.source(place);
        let mut one = match severity {
            Severity::Error => Diagnostic::error(source, place.span, message),
            Severity::Warning => Diagnostic::warning(source, place.span, message),
        };
        (one.help, one.label) = (help, label);
        self.found.push((place, one));
    }

    /// A finding about a parameter of a jail. Where the statement is not in the jail's own block, the jail is named.
    fn about(
        &mut self,
        jail: &ResolvedJail,
        place: (Place, bool),
        severity: Severity,
        message: String,
        help: Option<String>,
    ) {
        let (place, is_own) = place;
        let label = (!is_own).then(|| format!("for jail {}", printable(&jail.name)));
        self.push(place, severity, message, help, label);
    }

    fn jail(&mut self, jail: &ResolvedJail) {
        if let Some(reason) = &jail.failed {
            let param = reason.split_once(": ").map(|(param, _)| param.as_bytes());
            let place = param.and_then(|param| self.places.statement(jail, param));
            let place = place.unwrap_or_else(|| (self.places.block(jail), true));
            self.about(jail, place, Severity::Error, format!("this jail does not start: {reason}"), None);
            return;
        }
        for param in &jail.params {
            self.param(jail, param);
        }
        self.needs(jail);
        self.whole(jail);
    }

    fn param(&mut self, jail: &ResolvedJail, param: &ResolvedParam) {
        let Some(Found { def, .. }) = jailparam::find(&param.name) else { return self.unknown(jail, param) };
        for fault in jailparam::faults(def, &param.values) {
            let place = self.places.value(jail, param, fault.value);
            self.about(jail, place, fault.severity, fault.message, fault.help);
        }
        if let Some(release) = self.release.filter(|&release| release < def.since) {
            let message = format!("{} came with FreeBSD {}, and this is for {release}", def.name, def.since);
            let place = self.places.name(jail, param);
            self.about(jail, place, Severity::Warning, message, None);
        }
    }

    fn unknown(&mut self, jail: &ResolvedJail, param: &ResolvedParam) {
        let name = printable(&param.name);
        let place = self.places.name(jail, param);
        if let Some(def) = jailparam::plain_form(&name).and_then(|plain| jailparam::find(plain.as_bytes())) {
            let message = format!("{} is no boolean, and has no form '{name}'", def.def.name);
            return self.about(jail, place, Severity::Error, message, None);
        }
        let near = jailparam::nearest(&name).map(|near| format!("did you mean '{near}'?"));
        let (severity, help) = match jailparam::family(&name) {
            Family::Open => return,
            Family::Closed => (Severity::Error, near),
            Family::Unknown => {
                let otherwise =
                    || "jail(8) leaves it to the kernel, which refuses it unless a module brings it".to_owned();
                (Severity::Warning, near.or_else(|| Some(otherwise())))
            }
        };
        self.about(jail, place, severity, format!("unknown parameter '{name}'"), help);
    }

    /// What a jail as a whole lacks.
    fn whole(&mut self, jail: &ResolvedJail) {
        let block = self.places.block(jail);
        let name = printable(&jail.name);
        if jail.param("path").is_none() {
            let help = "give it a path, or say path = \"/\"; where that is meant".to_owned();
            let message = format!("jail '{name}' has no path: its root is the host's");
            self.push(block, Severity::Warning, message, Some(help), None);
        }
        let runs = ["exec.start", "command"].iter().any(|&param| !jail.values(param).is_empty());
        // A persist that is neither true nor false is told of elsewhere.
        let is_broken = |value: &Text| jailparam::truth(value).is_none();
        let persists = jail.is_true("persist") || jail.values("persist").last().is_some_and(is_broken);
        if !runs && !persists {
            let message = format!("nothing runs in jail '{name}', and it does not persist: it ends at once");
            self.push(block, Severity::Warning, message, Some("add persist; or exec.start".to_owned()), None);
        }
    }
}
