//! Whether the jails of a file fit together: what they depend on, what they are in, and where they live.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use bstr::{BStr, ByteSlice};

use super::Checker;
use super::places::Place;
use crate::jailconf::depend::{Dependencies, Trouble};
use crate::jailconf::resolved::{Resolved, ResolvedJail};
use crate::jailparam;
use crate::source::{Severity, nearest, printable};

impl Checker {
    pub(super) fn together(&mut self, resolved: &Resolved) {
        self.twice(resolved);
        self.depend(resolved);
        self.nested(resolved);
        self.paths(resolved);
        self.addresses(resolved);
    }

    /// jail(8) makes a jail of each block, and does not put two of one name together.
    fn twice(&mut self, resolved: &Resolved) {
        let mut known = HashSet::new();
        for jail in &resolved.jails {
            if !known.insert(jail.name.as_bstr()) {
                let message = format!("jail '{}' has a block already", printable(&jail.name));
                let help = "jail(8) does not put them together: the first one counts".to_owned();
                self.push(Place::block(jail), Severity::Warning, message, Some(help));
            }
        }
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
                    let help = self.nearest_jail(resolved, &shown, jail.name.as_bstr());
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

    /// The jail that a name may mean; looked for as long as a person may still read the answers.
    fn nearest_jail(&self, resolved: &Resolved, shown: &str, own: &BStr) -> Option<String> {
        if self.found.len() > READ {
            return None;
        }
        let others = resolved.jails.iter().filter(|other| other.name != own);
        let names: Vec<_> = others.map(|other| other.name.to_str_lossy()).collect();
        let near = nearest(shown, names.iter().map(AsRef::as_ref))?;
        Some(format!("did you mean '{}'?", printable(near.as_bytes())))
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
                    "jail '{}' may make {} jails of its own, and {count} are in it",
                    printable(name),
                    most.unwrap_or(0)
                );
                // The kernel counts against the jail of whoever creates one (`kern_jail_set`).
                let help = format!("the host makes them all the same; say children.max = {count};");
                self.push(place, Severity::Warning, message, Some(help));
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
            let [_, .., last] = jails.as_slice() else { continue };
            let path = if path.is_empty() { "/".to_owned() } else { printable(path) };
            let message = format!("the path {path} belongs to the jails {}", named(jails.iter().copied()));
            let help = "each writes over what the other keeps there; $name in the path tells them apart".to_owned();
            self.push(Place::named(last, "path"), Severity::Warning, message, Some(help));
        }
    }

    /// Jails side by side may share an address only where each has no other (`prison_ip_conflict_check`).
    fn addresses(&mut self, resolved: &Resolved) {
        let mut having: BTreeMap<(&BStr, IpAddr), Vec<(usize, &ResolvedJail)>> = BTreeMap::new();
        for jail in resolved.jails.iter().filter(|jail| jail.failed.is_none()) {
            let parent = jail.name.rsplit_once_str(".").map_or(BStr::new(""), |(parent, _)| parent.as_bstr());
            for read in [jail.typed().ip4_addr(), jail.typed().ip6_addr()] {
                // Addresses that cannot be read are told of elsewhere.
                let addresses: BTreeSet<_> = read.into_iter().flatten().map(|one| one.addr).collect();
                let count = addresses.len();
                addresses.iter().for_each(|&addr| having.entry((parent, addr)).or_default().push((count, jail)));
            }
        }
        for ((_, addr), jails) in having {
            let Some((_, last)) = jails.last() else { continue };
            if jails.len() < 2 || jails.iter().all(|(count, _)| *count == 1) {
                continue;
            }
            let names = named(jails.iter().map(|(_, jail)| *jail));
            let message = format!("the address {addr} belongs to the jails {names}");
            let help = "the kernel refuses the second to start, unless each of them has this address alone".to_owned();
            let param = if addr.is_ipv4() { "ip4.addr" } else { "ip6.addr" };
            self.push(Place::named(last, param), Severity::Warning, message, Some(help));
        }
    }
}

/// How many findings somebody reads.
const READ: usize = 100;

/// The names of jails, of very many the first ones.
fn named<'a>(jails: impl ExactSizeIterator<Item = &'a ResolvedJail>) -> String {
    const MOST: usize = 4;
    let more = jails.len().saturating_sub(MOST);
    let names: Vec<_> = jails.take(MOST).map(|jail| format!("'{}'", printable(&jail.name))).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    names.join(", ") + &more
}
