//! What is wrong with the jails of a file that jail(8) can read: parameters, values, and jails that do not fit together.

mod jails;
mod needs;
pub(super) mod places;

use std::collections::HashSet;

use self::places::{Found, Part, Place};
use super::resolved::{ResolvedJail, ResolvedParam};
use super::text::Text;
use super::{Files, HostFiles, JailConf};
use crate::jailparam::{self, Since};
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
    /// assert_eq!(found[0].to_string(), "jail.conf:1:50: error: enforce_statfs is a number 0 to 2, and 3 is not");
    /// # Ok::<(), jailkit::source::Diagnostics>(())
    /// ```
    pub fn check(&self, release: Option<Since>) -> Result<Vec<Diagnostic>, Diagnostics> {
        self.check_in(&HostFiles, release)
    }

    /// As [`JailConf::check`], with included files from elsewhere.
    ///
    /// # Errors
    /// As [`JailConf::check`].
    pub fn check_in(&self, files: &dyn Files, release: Option<Since>) -> Result<Vec<Diagnostic>, Diagnostics> {
        let resolved = self.resolve_in(files)?;
        let mut checker = Checker { release, found: Vec::new(), seen: HashSet::new() };
        for jail in &resolved.jails {
            checker.jail(jail);
        }
        checker.together(&resolved);
        let mut found = checker.found;
        let main = self.source.name();
        found.sort_by(|one, other| {
            let place = |one: &Diagnostic| (one.source.name() != main, one.source.name().to_owned(), one.span);
            place(one).cmp(&place(other)).then_with(|| one.message.cmp(&other.message))
        });
        found.dedup();
        Diagnostics::check(found)
    }
}

/// What a finding says and where: a statement that many jails have is wrong once.
type Said = (Option<u32>, Part, String);

struct Checker {
    release: Option<Since>,
    found: Vec<Diagnostic>,
    seen: HashSet<Said>,
}

impl Checker {
    /// Adds a finding. Where the statement is not in the jail's own block, the jail is named.
    fn push(&mut self, place: Place<'_>, severity: Severity, message: String, help: Option<String>) {
        let (number, part) = place.key();
        if !self.seen.insert((number, part, message.clone())) {
            return;
        }
        let Some(Found { source, span, is_own }) = place.find() else { return };
        let mut one = match severity {
            Severity::Error => Diagnostic::error(&source, span, message),
            Severity::Warning => Diagnostic::warning(&source, span, message),
        };
        one.help = help;
        one.label = (!is_own).then(|| format!("for jail {}", printable(&place.jail.name)));
        self.found.push(one);
    }

    fn jail(&mut self, jail: &ResolvedJail) {
        if let Some(reason) = &jail.failed {
            return self.failed(jail, reason);
        }
        for (index, param) in jail.params.iter().enumerate() {
            self.param(jail, index, param);
        }
        self.needs(jail);
        self.whole(jail);
    }

    fn failed(&mut self, jail: &ResolvedJail, reason: &Diagnostic) {
        let mut one = reason.clone();
        one.message = format!("jail '{}' does not start: {}", printable(&jail.name), reason.message);
        self.found.push(one);
    }

    fn param(&mut self, jail: &ResolvedJail, index: usize, param: &ResolvedParam) {
        let place = Place::param(jail, index);
        let Some(def) = jailparam::find(&param.name).map(|found| found.def) else {
            if let Some(fault) = jailparam::unknown(&param.name) {
                self.push(place, fault.severity, fault.message, fault.help);
            }
            return;
        };
        for fault in jailparam::faults(def, &param.values) {
            self.push(place.value(fault.value), fault.severity, fault.message, fault.help);
        }
        if let Some(release) = self.release.filter(|&release| release < def.since) {
            let message = format!("{} came with FreeBSD {}, and this is for {release}", def.name, def.since);
            self.push(place, Severity::Warning, message, None);
        }
    }

    /// What a jail as a whole lacks.
    fn whole(&mut self, jail: &ResolvedJail) {
        let block = Place::block(jail);
        let name = printable(&jail.name);
        if jail.param("path").is_none() {
            let help = "give it a path, or say path = \"/\"; where that is meant".to_owned();
            let message = format!("jail '{name}' has no path: its root is the host's");
            self.push(block, Severity::Warning, message, Some(help));
        }
        let runs = ["exec.start", "command"].iter().any(|&param| !jail.values(param).is_empty());
        // A persist that is neither true nor false is told of elsewhere.
        let is_broken = |value: &Text| jailparam::truth(value).is_none();
        let persists = jail.is_true("persist") || jail.values("persist").last().is_some_and(is_broken);
        if !runs && !persists {
            let message = format!("nothing runs in jail '{name}', and it does not persist: it ends at once");
            self.push(block, Severity::Warning, message, Some("add persist; or exec.start".to_owned()));
        }
    }
}
