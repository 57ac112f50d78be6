//! What a host is to have for a stack, whatever it has now.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use bstr::ByteSlice;
use ipnet::{IpNet, Ipv4Net};

use super::pf;
use crate::edit::{Edit, Format};
use crate::fstab::Entry;
use crate::host::host_path;
use crate::journal::digest;
use crate::rcconf::Dialect;
use crate::stack::{Access, Jail, Owner, Ready, Stack};

/// Everything a stack wants of a host. The empty one is what `down` wants.
#[derive(Clone, Debug, Default)]
pub(super) struct Desired {
    /// Directories of the host, parents first.
    pub(super) dirs: Vec<WantedDir>,
    pub(super) jails: Vec<WantedJail>,
    pub(super) files: Vec<WantedFile>,
    pub(super) modules: Vec<&'static str>,
    pub(super) interface: Option<String>,
    pub(super) addresses: Vec<IpNet>,
    pub(super) sysctls: Vec<(&'static str, i64)>,
    pub(super) pf: bool,
}

#[derive(Clone, Debug)]
pub(super) struct WantedDir {
    pub(super) path: PathBuf,
    pub(super) mode: u32,
    pub(super) owner: Owner,
    /// Whether one that is there gets this mode and owner too.
    pub(super) strict: bool,
    pub(super) data: bool,
}

#[derive(Clone, Debug)]
pub(super) struct WantedJail {
    pub(super) name: String,
    /// Its root directory on the host.
    pub(super) root: PathBuf,
    /// Directories in it that are mounted on, parents first, and who owns those that jailkit makes.
    pub(super) mount_points: Vec<(PathBuf, Owner)>,
    /// Whether it mounts the ports tree.
    pub(super) ports: bool,
    /// The host's address, at which the jail asks for names what the host asks at its loopback.
    pub(super) nameserver: Ipv4Addr,
    /// The digest of all it is started with.
    pub(super) digest: String,
    /// Its address.
    pub(super) address: Ipv4Addr,
    /// What is mounted in it, as the host sees it.
    pub(super) mounts: Vec<PathBuf>,
    /// The jails that must run before it.
    pub(super) depends: Vec<String>,
    /// When it is ready for those that depend on it.
    pub(super) ready: Option<Ready>,
}

#[derive(Clone, Debug)]
pub(super) struct WantedFile {
    pub(super) path: PathBuf,
    pub(super) format: Format,
    pub(super) mode_if_new: u32,
    pub(super) edits: Vec<Edit>,
}

/// What stands in the host's files that is not jailkit's and changes what jailkit writes into them.
#[derive(Clone, Debug, Default)]
pub(super) struct Existing {
    /// Whether jail.conf has jails of its own, which defaults at the top would change.
    pub(super) other_jails: bool,
    /// Whether rc.conf names the jails to start.
    pub(super) jail_list: bool,
    /// Addresses that rc.conf gives the loopback interface already.
    pub(super) aliases: Vec<Ipv4Addr>,
}

pub(crate) const JAIL_CONF: &str = "/etc/jail.conf";
pub(crate) const PF_CONF: &str = "/etc/pf.conf";
pub(super) const RC_CONF: &str = "/etc/rc.conf";

/// Where a jail with a ports tree builds and keeps what it builds: the tree itself is read-only.
pub(super) const PORTS_DIRS: [(&str, &str); 3] =
    [("WRKDIRPREFIX", "/var/ports"), ("DISTDIR", "/var/ports/distfiles"), ("PACKAGES", "/var/ports/packages")];

impl Desired {
    pub(super) fn of(stack: &Stack, existing: &Existing) -> Self {
        let loopback = &stack.host.loopback;
        let addresses = stack.jails.iter().map(|jail| jail.address);
        let mut files: Vec<_> = stack.jails.iter().map(|jail| fstab(stack, jail)).collect();
        files.push(jail_conf(stack, existing));
        files.push(settings("/boot/loader.conf", Dialect::Shell, vec![Edit::setting("nullfs_load", "YES")]));
        let forwarding = vec![Edit::setting("net.inet.ip.forwarding", "1")];
        files.push(settings("/etc/sysctl.conf", Dialect::Sysctl, forwarding));
        // pf.conf before the rc.conf that has it loaded at boot.
        files.push(WantedFile {
            path: PF_CONF.into(),
            format: Format::Pf,
            mode_if_new: 0o600,
            edits: pf::edits(stack),
        });
        files.push(settings(RC_CONF, Dialect::Shell, rc_conf(stack, existing)));
        Self {
            dirs: dirs(stack),
            jails: stack.jails.iter().map(|jail| wanted_jail(stack, jail)).collect(),
            files,
            modules: modules(stack),
            interface: Some(loopback.interface.clone()),
            addresses: addresses.map(|address| Ipv4Net::from(address).into()).collect(),
            sysctls: vec![("net.inet.ip.forwarding", 1)],
            pf: true,
        }
    }
}

/// The folder of a jail: its root directory, `fs`, and its fstab are in it.
pub(crate) fn jail_dir(stack: &Stack, jail: &Jail) -> PathBuf {
    stack.host.jail_root.join(&jail.name)
}

/// The root directory of a jail.
pub(crate) fn jail_path(stack: &Stack, jail: &Jail) -> PathBuf {
    jail_dir(stack, jail).join("fs")
}

fn dirs(stack: &Stack) -> Vec<WantedDir> {
    let plain = |path: PathBuf| WantedDir { path, mode: 0o755, owner: Owner::ROOT, strict: false, data: false };
    let host = &stack.host;
    let mut dirs =
        vec![WantedDir { mode: 0o750, strict: true, ..plain(host.jail_root.clone()) }, plain(host.log_root.clone())];
    for jail in &stack.jails {
        dirs.push(WantedDir { data: true, ..plain(jail_dir(stack, jail)) });
        dirs.push(WantedDir { data: true, ..plain(host.log_root.join(&jail.name)) });
    }
    for shared in &stack.shared {
        dirs.push(WantedDir { owner: shared.owner, strict: true, data: true, ..plain(shared.path.clone()) });
    }
    if let Some(ports) = &host.ports {
        dirs.extend(["distfiles", "packages"].map(|name| plain(ports.join(name))));
    }
    // A directory whose parent is missing needs that first.
    let mut with_parents: Vec<WantedDir> = Vec::new();
    for dir in dirs {
        let parents: Vec<_> = dir.path.ancestors().skip(1).filter(|path| path.parent().is_some()).collect();
        for parent in parents.into_iter().rev() {
            if !with_parents.iter().any(|known| known.path == parent) {
                with_parents.push(plain(parent.to_owned()));
            }
        }
        match with_parents.iter_mut().find(|known| known.path == dir.path) {
            Some(known) => *known = dir,
            None => with_parents.push(dir),
        }
    }
    with_parents
}

/// The lines of a jail's fstab.
pub(crate) fn mounts(stack: &Stack, jail: &Jail) -> Vec<Entry> {
    let root = jail_path(stack, jail);
    let nullfs =
        |source: &Path, at: &Path, access: Access| Entry::nullfs(source, host_path(&root, at), access.as_str());
    let mut entries = vec![nullfs(&stack.host.log_root.join(&jail.name), Path::new("/var/log"), Access::Rw)];
    if let Some(ports) = &stack.host.ports {
        entries.push(nullfs(ports, Path::new("/usr/ports"), Access::Ro));
        for name in ["distfiles", "packages"] {
            entries.push(nullfs(&ports.join(name), &Path::new("/var/ports").join(name), Access::Rw));
        }
    }
    for mount in &jail.mounts {
        let mut options = mount.access.as_str().to_owned();
        for option in &mount.options {
            options = options + "," + option;
        }
        let entry = Entry::nullfs(&mount.source, host_path(&root, &mount.at), &options);
        entries.push(Entry { vfstype: mount.fstype.as_str().into(), ..entry });
    }
    for shared in &stack.shared {
        let own = shared.mounts.iter().filter(|mount| mount.jail == jail.name);
        entries.extend(own.map(|mount| nullfs(&shared.path, &mount.at, mount.access)));
    }
    // What is mounted further up comes first, or it would hide what lies below it.
    entries.sort_by_key(|entry| bstr::ByteSlice::find_iter(entry.file.as_slice(), "/").count());
    entries
}

fn mount_points(stack: &Stack, jail: &Jail) -> Vec<(PathBuf, Owner)> {
    let mut wanted = vec![(PathBuf::from("/var/log"), Owner::ROOT)];
    if stack.host.ports.is_some() {
        wanted.extend(["/usr/ports", "/var/ports/distfiles", "/var/ports/packages"].map(|at| (at.into(), Owner::ROOT)));
    }
    wanted.extend(jail.mounts.iter().map(|mount| (mount.at.clone(), Owner::ROOT)));
    for shared in &stack.shared {
        let own = shared.mounts.iter().filter(|mount| mount.jail == jail.name);
        wanted.extend(own.map(|mount| (mount.at.clone(), shared.owner)));
    }
    let mut points: Vec<(PathBuf, Owner)> = Vec::new();
    for (at, owner) in wanted {
        let parts: Vec<_> = at.ancestors().filter(|part| part.parent().is_some()).collect();
        for part in parts.into_iter().rev() {
            if !points.iter().any(|(known, _)| known == part) {
                points.push((part.to_owned(), owner));
            }
        }
    }
    points
}

fn wanted_jail(stack: &Stack, jail: &Jail) -> WantedJail {
    let started_with = serde_json::json!([defaults(stack), params(stack, jail), mounts(stack, jail)]);
    WantedJail {
        name: jail.name.clone(),
        root: jail_path(stack, jail),
        mount_points: mount_points(stack, jail),
        ports: stack.host.ports.is_some(),
        nameserver: stack.host.address,
        digest: digest(started_with.to_string().as_bytes()),
        address: jail.address,
        mounts: mounts(stack, jail).iter().map(|entry| entry.file.to_path_lossy().into_owned()).collect(),
        depends: jail.depends.clone(),
        ready: jail.ready.clone(),
    }
}

fn fstab_path(stack: &Stack, jail: &Jail) -> PathBuf {
    jail_dir(stack, jail).join("fstab")
}

fn fstab(stack: &Stack, jail: &Jail) -> WantedFile {
    let edits = mounts(stack, jail).into_iter().map(Edit::Mount).collect();
    WantedFile { path: fstab_path(stack, jail), format: Format::Fstab, mode_if_new: 0o644, edits }
}

fn settings(path: &str, dialect: Dialect, edits: Vec<Edit>) -> WantedFile {
    WantedFile { path: path.into(), format: Format::Settings(dialect), mode_if_new: 0o644, edits }
}

type Params = Vec<(String, Vec<String>)>;

fn defaults(stack: &Stack) -> Params {
    stack.defaults.iter().map(|param| (param.name.clone(), param.values.clone())).collect()
}

fn params(stack: &Stack, jail: &Jail) -> Params {
    let one = |name: &str, value: String| (name.to_owned(), vec![value]);
    let mut params = vec![
        one("path", jail_path(stack, jail).display().to_string()),
        one("mount.fstab", fstab_path(stack, jail).display().to_string()),
        one("ip4.addr", jail.address.to_string()),
        one("host.hostname", jail.hostname.clone()),
    ];
    if !jail.depends.is_empty() {
        params.push(("depend".to_owned(), jail.depends.clone()));
    }
    params.extend(jail.params.iter().map(|param| (param.name.clone(), param.values.clone())));
    params
}

fn jail_conf(stack: &Stack, existing: &Existing) -> WantedFile {
    let defaults = defaults(stack);
    let mut edits = Vec::new();
    if !existing.other_jails {
        edits.extend(
            defaults.iter().map(|(name, values)| Edit::JailDefault { name: name.clone(), values: values.clone() }),
        );
    }
    for jail in &stack.jails {
        let mut own = params(stack, jail);
        if existing.other_jails {
            let missing = defaults.iter().filter(|(name, _)| !own.iter().any(|(known, _)| known == name));
            own = missing.cloned().chain(own.iter().cloned()).collect();
        }
        edits.push(Edit::Jail { name: jail.name.clone(), params: own });
    }
    WantedFile { path: JAIL_CONF.into(), format: Format::JailConf, mode_if_new: 0o644, edits }
}

fn rc_conf(stack: &Stack, existing: &Existing) -> Vec<Edit> {
    let interface = &stack.host.loopback.interface;
    let mut edits = vec![Edit::words("cloned_interfaces", interface)];
    let new = stack.jails.iter().filter(|jail| !existing.aliases.contains(&jail.address));
    edits.extend(
        new.map(|jail| Edit::words(format!("ifconfig_{interface}_aliases"), format!("inet {}/32", jail.address))),
    );
    edits.push(Edit::setting("gateway_enable", "YES"));
    edits.push(Edit::setting("pf_enable", "YES"));
    edits.push(Edit::setting("jail_enable", "YES"));
    if existing.jail_list {
        edits.extend(stack.jails.iter().map(|jail| Edit::words("jail_list", &jail.name)));
    }
    edits
}

/// The modules that a stack needs; the file systems among them by their own name.
fn modules(stack: &Stack) -> Vec<&'static str> {
    const OF_MOUNTS: [&str; 5] = ["fdescfs", "linprocfs", "procfs", "tmpfs", "unionfs"];
    let mounted = |module: &&str| stack.jails.iter().flat_map(|jail| &jail.mounts).any(|mount| mount.fstype == *module);
    ["nullfs", "pf"].into_iter().chain(OF_MOUNTS.into_iter().filter(mounted)).collect()
}
