//! What is wrong with a stack before any host is looked at.

use std::collections::HashMap;
use std::path::{Component, Path};

use super::keys::Findings;
use super::places::{JailPlaces, Places};
use super::{Access, Jail, Proto, Publish, Stack};
use crate::source::{Diagnostic, Span, nearest};

/// Finds all that is wrong with `stack`.
pub(super) fn stack(stack: &Stack, places: &Places, findings: &Findings) {
    for (jail, place) in stack.jails.iter().zip(&places.jails) {
        name(jail, place, findings);
    }
    macros(stack, places, findings);
    addresses(stack, places, findings);
    published(stack, places, findings);
    dependencies(stack, places, findings);
    mount_points(stack, places, findings);
    shared(stack, places, findings);
    host_paths(stack, places, findings);
}

/// A jail's name is a folder's name, a pf macro's part and a word of jail.conf(5), and no number, which is a jid there.
fn name(jail: &Jail, place: &JailPlaces, findings: &Findings) {
    let word = jail.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    let lettered = jail.name.starts_with(|c: char| c.is_ascii_alphabetic());
    if !word || !lettered || jail.name.len() > 64 {
        let message = format!("'{}' cannot name a jail of a stack", jail.name);
        findings.push(
            Diagnostic::error(&findings.source, place.name, message)
                .with_help("a letter first, then letters, digits, '_' and '-', 64 at the most"),
        );
    }
}

/// Two macros of one name in pf.conf would be one.
fn macros(stack: &Stack, places: &Places, findings: &Findings) {
    let mut taken: HashMap<String, String> =
        ["if", "extip", "jailnet"].map(|name| (name.to_owned(), "the host".to_owned())).into();
    for (jail, place) in stack.jails.iter().zip(&places.jails) {
        // The same name for the same source is one macro.
        let sources: std::collections::BTreeSet<_> =
            jail.publish.iter().filter_map(|publish| Some((publish.pf_macro(jail)?, publish.from))).collect();
        for name in std::iter::once(jail.pf_macro()).chain(sources.into_iter().map(|(name, _)| name)) {
            if let Some(holder) = taken.get(&name) {
                let message = format!("jail '{}' needs the pf macro ${name}, which is {holder}'s already", jail.name);
                findings.push(
                    Diagnostic::error(&findings.source, place.name, message).with_help("give the jail another name"),
                );
            }
            taken.insert(name, format!("jail '{}'", jail.name));
        }
    }
}

fn addresses(stack: &Stack, places: &Places, findings: &Findings) {
    let network = stack.host.loopback.network;
    let mut holders = HashMap::new();
    for (jail, place) in stack.jails.iter().zip(&places.jails) {
        let address = jail.address;
        if !network.contains(&address) {
            let message = format!("{address} of jail '{}' is outside the network {network}", jail.name);
            findings.error(place.address, message);
        } else if network.prefix_len() < 31 && (address == network.network() || address == network.broadcast()) {
            let message = format!("{address} of jail '{}' is no host's address in {network}", jail.name);
            findings.error(place.address, message);
        }
        if let Some(holder) = holders.insert(address, &jail.name) {
            findings.error(place.address, format!("{address} of jail '{}' is already jail '{holder}'s", jail.name));
        }
    }
}

fn published(stack: &Stack, places: &Places, findings: &Findings) {
    let mut publishers: HashMap<(Proto, u16), Vec<(&Jail, &Publish)>> = HashMap::new();
    for (jail, place) in stack.jails.iter().zip(&places.jails) {
        for (entry, spans) in jail.publish.iter().zip(&place.publish) {
            for (&port, &span) in entry.ports.iter().zip(spans) {
                let others = publishers.entry((entry.proto, port)).or_default();
                if let Some((other, _)) = others.iter().find(|(_, other)| sources_overlap(other, entry)) {
                    let proto = entry.proto;
                    findings.error(span, format!("{proto} port {port} of the host is already jail '{}'s", other.name));
                }
                others.push((jail, entry));
            }
        }
    }
}

/// Whether one packet could be meant for both.
fn sources_overlap(one: &Publish, other: &Publish) -> bool {
    match (one.from, other.from) {
        (Some(one), Some(other)) => one.contains(&other.network()) || other.contains(&one.network()),
        _ => true,
    }
}

fn dependencies(stack: &Stack, places: &Places, findings: &Findings) {
    let mut order = petgraph::graphmap::DiGraphMap::<&str, ()>::new();
    for (jail, place) in stack.jails.iter().zip(&places.jails) {
        for (needed, &span) in jail.depends.iter().zip(&place.depends) {
            if stack.jail(needed).is_none() {
                unknown_jail(stack, needed, span, findings);
            }
            order.add_edge(jail.name.as_str(), needed.as_str(), ());
        }
    }
    for circle in petgraph::algo::tarjan_scc(&order) {
        let in_circle = |jail: &Jail| circle.contains(&jail.name.as_str());
        if circle.len() > 1 || circle.iter().any(|&name| order.contains_edge(name, name)) {
            let first = stack.jails.iter().zip(&places.jails).find(|(jail, _)| in_circle(jail));
            let span = first.map_or_else(Span::default, |(_, place)| place.name);
            let mut names = circle.clone();
            names.sort_unstable();
            findings.error(span, format!("the jails {} depend on each other in a circle", names.join(", ")));
        }
    }
}

fn unknown_jail(stack: &Stack, name: &str, span: Span, findings: &Findings) {
    let found = Diagnostic::error(&findings.source, span, format!("there is no jail '{name}' in this stack"));
    findings.push(match nearest(name, stack.jails.iter().map(|jail| jail.name.as_str())) {
        Some(known) => found.with_help(format!("did you mean '{known}'?")),
        None => found,
    });
}

fn mount_points(stack: &Stack, places: &Places, findings: &Findings) {
    let mut points: Vec<(&str, &Path, Span)> = Vec::new();
    for (jail, place) in stack.jails.iter().zip(&places.jails) {
        let mounts = jail.mounts.iter().zip(&place.mounts);
        points.extend(mounts.map(|(mount, place)| (jail.name.as_str(), &*mount.at, place.at)));
    }
    for (shared, place) in stack.shared.iter().zip(&places.shared) {
        let mounts = shared.mounts.iter().zip(&place.mounts);
        points.extend(mounts.map(|(mount, place)| (mount.jail.as_str(), &*mount.at, place.at)));
    }
    let mut taken = HashMap::new();
    for jail in &stack.jails {
        taken.extend(stack.own_mount_points().iter().map(|at| ((jail.name.as_str(), Path::new(*at)), ())));
    }
    for (jail, at, span) in points {
        absolute(&at.to_string_lossy(), span, "a mount point, as the jail sees it,", findings);
        if at.parent().is_none() {
            findings.error(span, "nothing can be mounted over the jail's own root");
        }
        if taken.insert((jail, at), ()).is_some() {
            findings.error(span, format!("jail '{jail}' already has something mounted at {}", at.display()));
        }
    }
}

/// Directories that jailkit gives an owner or a mode are its own, and none of them is in another: a jail that writes its
/// log would write there too.
fn host_paths(stack: &Stack, places: &Places, findings: &Findings) {
    let host = &stack.host;
    let mut paths = vec![(&host.jail_root, places.jail_root), (&host.log_root, places.log_root)];
    paths.extend(stack.shared.iter().map(|shared| &shared.path).zip(places.shared.iter().map(|place| place.path)));
    for (index, &(path, span)) in paths.iter().enumerate() {
        let is_system = SYSTEM_DIRS.iter().any(|system| path == Path::new(system));
        if is_system || path.starts_with("/dev") {
            findings.error(span, format!("{} is the system's own; name a directory below it", path.display()));
        }
        for (other, _) in &paths[..index] {
            if path.starts_with(other) || other.starts_with(path) {
                let message = format!("{} and {} are in each other's way", path.display(), other.display());
                findings.push(
                    Diagnostic::error(&findings.source, span, message)
                        .with_help("jails, logs and shared directories each need a place of their own"),
                );
            }
        }
    }
}

const SYSTEM_DIRS: &[&str] = &[
    "/",
    "/bin",
    "/boot",
    "/etc",
    "/home",
    "/lib",
    "/libexec",
    "/mnt",
    "/root",
    "/sbin",
    "/srv",
    "/tmp",
    "/usr",
    "/usr/home",
    "/usr/local",
    "/usr/ports",
    "/usr/src",
    "/var",
    "/var/db",
    "/var/log",
    "/var/run",
    "/var/tmp",
];

/// Says so where a path is not absolute, or leaves where it is meant to be by `..`.
pub(super) fn absolute(path: &str, span: Span, what: &str, findings: &Findings) {
    let components = Path::new(path).components();
    if components.clone().any(|part| part == Component::ParentDir) {
        findings.error(span, format!("{what} has no '..' in it, and '{path}' has"));
    } else if components.clone().next() != Some(Component::RootDir) {
        findings.error(span, format!("{what} is absolute, and '{path}' is not"));
    }
}

fn shared(stack: &Stack, places: &Places, findings: &Findings) {
    for (shared, place) in stack.shared.iter().zip(&places.shared) {
        let mounts = shared.mounts.iter().zip(&place.mounts);
        for (mount, place) in mounts.clone() {
            if stack.jail(&mount.jail).is_none() {
                unknown_jail(stack, &mount.jail, place.jail, findings);
            }
        }
        let mut writers = mounts.filter(|(mount, _)| mount.access == Access::Rw);
        let Some((first, _)) = writers.next() else { continue };
        for (writer, place) in writers {
            let path = shared.path.display();
            let message = format!("{path} is mounted read-write in '{}' and in '{}' as well", first.jail, writer.jail);
            findings.push(
                Diagnostic::warning(&findings.source, place.at, message)
                    .with_help("let one jail write and the others read: access = \"ro\""),
            );
        }
    }
}
