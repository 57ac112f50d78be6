//! What a ruleset that pf takes may be doing other than meant.
//!
//! Told is what is certain: a rule that can never match, because one `quick` rule before it takes every packet it
//! would match; a macro or a table that nothing uses; a redirection whose packets the filter blocks whatever they are;
//! a redirection to an address that no jail holds; rules on an interface that `set skip` takes out of pf.
//!
//! The time is that of the ruleset's length times the number of shapes that its `quick` rules have: which of interface,
//! direction, protocol, addresses (by the length of their prefixes) and ports they compare.

mod covers;
mod redirect;
mod shadow;
mod skip;
mod unused;

use std::net::IpAddr;

use super::Interfaces;
use super::rule::{Origin, Ruleset};
use crate::source::{Diagnostic, Diagnostics, Source};

/// What is worth a look in a ruleset, in the order of the files. `jails` are the addresses that jails hold, where they
/// are known.
///
/// # Example
/// ```
/// use jailkit::pf::{Environment, Interfaces, MAX_RULES, NoFiles, Ruleset, check};
/// use jailkit::source::Source;
///
/// let interfaces = Interfaces::default();
/// let env = Environment { interfaces: &interfaces, files: &NoFiles, max_rules: MAX_RULES };
/// let set = Ruleset::read(&Source::new("pf.conf", "block quick\npass in proto tcp to port 22\n"), &env)?;
/// let found = check::warnings(&set, &interfaces, None);
/// assert_eq!(found[0].to_string(), "pf.conf:2:1: warning: this rule never matches");
/// # Ok::<(), jailkit::source::Diagnostics>(())
/// ```
pub fn warnings(set: &Ruleset, interfaces: &Interfaces, jails: Option<&[IpAddr]>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    shadow::find(set, &mut found);
    unused::find(set, &mut found);
    redirect::find_blocked(set, &mut found);
    if let Some(jails) = jails {
        redirect::find_unheld(set, interfaces, jails, &mut found);
    }
    skip::find(set, interfaces, &mut found);
    found.sort_by_key(|one| (place(set, &one.source), one.span));
    // A file that is included twice is told of once.
    found.dedup();
    Diagnostics::check(found).unwrap_or_default()
}

/// The place of a file among those of a ruleset.
fn place(set: &Ruleset, source: &Source) -> usize {
    set.sources.iter().position(|known| known == source).unwrap_or(usize::MAX)
}

fn warning(set: &Ruleset, origin: Origin, message: impl Into<String>) -> Diagnostic {
    Diagnostic::warning(set.place(origin).0, origin.span, message)
}

/// `pf.conf:7`
fn told(set: &Ruleset, origin: Origin) -> String {
    let (source, position) = set.place(origin);
    format!("{}:{}", source.name().display(), position.line)
}
