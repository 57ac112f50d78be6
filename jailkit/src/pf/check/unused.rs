//! Macros and tables that nothing uses.

use std::collections::HashSet;

use super::super::parse::outline::{self, Kind};
use super::super::reach::each_rule;
use super::super::rule::{Address, Name, Pool, Rules, Ruleset};
use super::warning;
use crate::source::{Diagnostic, Span, printable};

pub(super) fn find(set: &Ruleset, found: &mut Vec<Diagnostic>) {
    find_macros(set, found);
    let mut used = HashSet::new();
    let mut open = false;
    add_used(set, &mut used, &mut open);
    find_tables(set, &used, open, found);
}

fn find_macros(set: &Ruleset, found: &mut Vec<Diagnostic>) {
    let used: HashSet<Vec<u8>> = set.sources.iter().flat_map(outline::macros_used).collect();
    for source in &set.sources {
        for statement in outline::outline(source).0 {
            if let Kind::Macro { name, .. } = statement.kind
                && !used.contains(&name)
            {
                let span = Span::new(statement.span.start, statement.span.start + name.len());
                let message = format!("the macro '{}' is never used", printable(&name));
                found.push(Diagnostic::warning(source, span, message));
            }
        }
    }
    set.loaded.iter().for_each(|(_, loaded)| find_macros(loaded, found));
}

/// The tables that rules name. `open` is set where an anchor is called whose rules are not known.
fn add_used(set: &Ruleset, used: &mut HashSet<Vec<u8>>, open: &mut bool) {
    let mut add = |name: Name| used.extend([set.name(name).to_vec()]);
    let own = |other: &Ruleset| std::ptr::eq(set, other);
    each_rule(set, &mut |of, rule| {
        // Loaded rulesets are gone through by themselves: their names are others.
        if !own(of) {
            return;
        }
        let spec = of.spec(rule);
        let pools = [
            spec.translation.source.as_ref(),
            spec.translation.destination.as_ref(),
            spec.route.as_ref().map(|route| &route.pool),
        ];
        let pools = pools.into_iter().flatten().flat_map(|pool: &Pool| &pool.addresses).map(|pool| pool.address);
        for address in [rule.source.address, rule.destination.address].into_iter().chain(pools) {
            if let Address::Table(name) = address {
                add(name);
            }
        }
        if let Some(overload) = spec.state.overload {
            add(overload.table);
        }
        *open |= spec.anchor.is_some_and(|call| call.body.is_none());
    });
    for Rules { ether, .. } in std::iter::once(&set.main).chain(&set.bodies) {
        for address in ether.iter().flat_map(|rule| [rule.ip_source.address, rule.ip_destination.address]) {
            if let Address::Table(name) = address {
                add(name);
            }
        }
    }
    set.loaded.iter().for_each(|(_, loaded)| add_used(loaded, used, open));
}

fn find_tables(set: &Ruleset, used: &HashSet<Vec<u8>>, open: bool, found: &mut Vec<Diagnostic>) {
    for table in &set.tables {
        // A table that persists is there for the rules that somebody loads into an anchor later.
        if used.contains(set.name(table.name)) || table.persist && open {
            continue;
        }
        let message = format!("the table <{}> is never used", printable(set.name(table.name)));
        found.push(warning(set, table.origin, message));
    }
    set.loaded.iter().for_each(|(_, loaded)| find_tables(loaded, used, open, found));
}
