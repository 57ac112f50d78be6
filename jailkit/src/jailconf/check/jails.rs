//! Whether the jails of a file fit together: what they depend on, what they are in, and where they live.

use std::collections::{BTreeMap, HashMap};

use bstr::{BStr, ByteSlice};

use super::Checker;
use super::places::Place;
use crate::jailconf::depend::{Dependencies, Trouble};
use crate::jailconf::resolved::{Resolved, ResolvedJail};
use crate::jailparam;
use crate::source::{Severity, nearest, printable};

impl Checker {
    pub(super) fn together(&mut self, resolved: &Resolved) {
        self.depend(resolved);
        self.nested(resolved);
        self.paths(resolved);
    }

    fn depend(&mut self, resolved: &Resolved) {
        let dependencies = Dependencies::of(resolved);
        for (at, trouble) in &dependencies.troubles {
            // Each jail of a circle has it.
            if let Trouble::Loop(group) = trouble
                && group.first() != Some(at)
            {
                continue;
            }
            let jail = &resolved.jails[*at];
            let place = Place::named(jail, "depend").value(match trouble {
                Trouble::Missing { value, .. } => Some(*value),
                Trouble::Loop(_) => None,
            });
            let (message, help) = match trouble {
                Trouble::Missing { name, .. } => {
                    let shown = printable(name);
                    let others = resolved.jails.iter().filter(|other| other.name != jail.name);
                    let names: Vec<_> = others.map(|other| other.name.to_str_lossy()).collect();
                    let near = nearest(&shown, names.iter().map(AsRef::as_ref));
                    let help = near.map(|near| format!("did you mean '{}'?", printable(near.as_bytes())));
                    (format!("depend names '{shown}', and there is no such jail"), help)
                }
                Trouble::Loop(group) => {
                    let names: Vec<_> = group.iter().map(|&at| printable(&resolved.jails[at].name)).collect();
                    let message = match names.as_slice() {
                        [one] => format!("jail '{one}' depends on itself"),
                        all => format!("jails depend on one another in a circle: {}", all.join(", ")),
                    };
                    (message, Some("jail(8) starts none of a circle; take one depend out".to_owned()))
                }
            };
            self.push(place, Severity::Error, message, help);
        }
    }

    /// A jail in a jail needs that one, and room in it (`pr_childmax`).
    fn nested(&mut self, resolved: &Resolved) {
        let by_name: HashMap<&BStr, &ResolvedJail> =
            resolved.jails.iter().map(|jail| (jail.name.as_bstr(), jail)).collect();
        let mut inside: BTreeMap<&BStr, i64> = BTreeMap::new();
        for jail in &resolved.jails {
            let mut parents = jail.name.as_bstr();
            while let Some((parent, _)) = parents.rsplit_once_str(".") {
                parents = parent.as_bstr();
                *inside.entry(parents).or_default() += 1;
            }
            let parent = jail.name.rsplit_once_str(".").map(|(parent, _)| parent.as_bstr());
            if let Some(parent) = parent.filter(|parent| !by_name.contains_key(parent)) {
                let (name, parent) = (printable(&jail.name), printable(parent));
                let message = format!("jail '{name}' is in '{parent}', and the file has no such jail");
                let help = format!("jail '{parent}' must run before this one starts");
                self.push(Place::block(jail), Severity::Warning, message, Some(help));
            }
        }
        for (name, count) in inside {
            let Some(&jail) = by_name.get(name).filter(|jail| jail.failed.is_none()) else { continue };
            let most = jail.value("children.max").map_or(Some(0), |value| jailparam::integer(value));
            if most.is_some_and(|most| most < count) {
                let place = Place::named(jail, "children.max");
                let message = format!(
                    "jail '{}' has room for {} jails, and {count} are in it",
                    printable(name),
                    most.unwrap_or(0)
                );
                self.push(place, Severity::Error, message, Some(format!("say children.max = {count};")));
            }
        }
    }

    fn paths(&mut self, resolved: &Resolved) {
        let mut sharing: BTreeMap<&BStr, Vec<&ResolvedJail>> = BTreeMap::new();
        for jail in resolved.jails.iter().filter(|jail| jail.failed.is_none()) {
            if let Some(path) = jail.value("path") {
                sharing.entry(path.trim_end_with(|c| c == '/').as_bstr()).or_default().push(jail);
            }
        }
        for (path, jails) in sharing {
            let [.., before, last] = jails.as_slice() else { continue };
            let count = jails.len();
            let path = if path.is_empty() { "/".to_owned() } else { printable(path) };
            let (before, name) = (printable(&before.name), printable(&last.name));
            let others = if count > 2 { format!(", like {} more", count - 2) } else { String::new() };
            let message = format!("jails '{before}' and '{name}' share the path {path}{others}");
            let help = "each writes over what the other keeps there; $name in the path tells them apart".to_owned();
            self.push(Place::named(last, "path"), Severity::Warning, message, Some(help));
        }
    }
}
