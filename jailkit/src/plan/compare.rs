//! The host as it is against the host as it is to be.

use std::io;
use std::path::{Path, PathBuf};

use super::desired::{Desired, Existing, JAIL_CONF, PF_CONF, RC_CONF, WantedDir, WantedFile, WantedJail};
use super::teardown;
use super::{FileChange, JailFile, Plan, PlanError, Purge, StartedJail, Step, Tree};
use crate::base;
use bstr::ByteSlice;

use crate::edit::{self, EditError, Format};
use crate::host::{FileError, FileKind, Host, Includes, host_path};
use crate::jailconf::JailConf;
use crate::jailparam::{self, By};
use crate::journal::{Claim, FileClaim, Journal, JournalError, digest};
use crate::kernel::{self, GetFlags, JailKey, Kernel, KernelError, Mount, Param, ParamKind, ParamType, Value};
use crate::life;
use crate::rcconf::{Dialect, Settings, is_yes};
use crate::source::{Diagnostics, Source, nearest};
use crate::stack::{BaseExpectation, Stack};

pub(super) fn up(stack: &Stack, host: &dyn Host, journal: &Journal) -> Result<Plan, PlanError> {
    if let Some(other) = journal.stack().filter(|&other| other != stack.name) {
        return Err(JournalError::OtherStack { other: other.to_owned() }.into());
    }
    check_host(stack, host)?;
    let existing = Existing::look(stack, host, journal)?;
    let desired = Desired::of(stack, &existing);
    let mut comparison = Comparison { host, journal, desired: &desired, steps: Vec::new() };
    comparison.stop_jails()?;
    comparison.make_dirs()?;
    comparison.extract(stack)?;
    comparison.fill_jails()?;
    let pf_digest = comparison.files()?;
    comparison.kernel()?;
    comparison.pf(pf_digest)?;
    comparison.start_jails()?;
    comparison.finish(stack.name.clone(), Purge::Keep)
}

pub(super) fn down(host: &dyn Host, journal: &Journal, purge: Purge) -> Result<Plan, PlanError> {
    let desired = Desired::default();
    let mut comparison = Comparison { host, journal, desired: &desired, steps: Vec::new() };
    comparison.stop_jails()?;
    comparison.files()?;
    comparison.finish(journal.stack().unwrap_or_default().to_owned(), purge)
}

/// What of the stack this host cannot have.
fn check_host(stack: &Stack, host: &dyn Host) -> Result<(), PlanError> {
    let mut found = Vec::new();
    let places = &stack.places;
    let interface = &stack.host.interface;
    // A simulated host has no network cards; the stack's is taken to be there.
    if !host.is_simulated() {
        let known = host.kernel().interfaces()?;
        if !known.iter().any(|known| known.name == *interface) {
            let names: Vec<_> = known.iter().map(|known| known.name.as_str()).collect();
            let message = format!("{} has no interface '{interface}'", host.describe());
            found.push(places.error(places.interface, message).with_help(format!("it has {}", names.join(", "))));
        }
    }
    let is_dir =
        |path: &Path| Ok::<_, FileError>(host.files().stat(path)?.is_some_and(|stat| stat.kind == FileKind::Dir));
    if let Some(ports) = &stack.host.ports
        && !is_dir(ports)?
    {
        let message = format!("the ports tree {} is not there", ports.display());
        found.push(places.error(places.ports, message).with_help("fetch one, or say ports = false in [host]"));
    }
    for (jail, place) in stack.jails.iter().zip(&places.jails) {
        for (mount, place) in jail.mounts.iter().zip(&place.mounts) {
            let source = Path::new(&mount.source);
            if mount.fstype == "nullfs" && !is_dir(source)? {
                let message = format!("{} is no directory of the host", source.display());
                found.push(places.error(place.source, message).with_help("nullfs mounts a directory that is there"));
            }
        }
    }
    let known = host.kernel().jail_params()?;
    let own = |name: &str| known.iter().any(|param| param.name == name);
    let is_jail8 = |name: &str| jailparam::find(name.as_bytes()).is_some_and(|found| found.def.by == By::Jail8);
    let is_known =
        |name: &str| is_jail8(name) || own(name) || jailparam::plain_form(name).is_some_and(|name| own(&name));
    let everywhere = stack.defaults.iter().zip(std::iter::repeat(Default::default()));
    let own = stack.jails.iter().zip(&places.jails);
    let own = own.flat_map(|(jail, place)| jail.params.iter().zip(std::iter::repeat(place.name)));
    for (param, place) in everywhere.chain(own).filter(|(param, _)| !is_known(&param.name)) {
        let message = format!("{} knows no jail parameter '{}'", host.describe(), param.name);
        let names = known.iter().map(|param| param.name.as_str()).chain(jailparam::of_jail8().map(|param| param.name));
        let near = nearest(&param.name, names);
        let error = places.error(place, message);
        found.push(match near {
            Some(near) => error.with_help(format!("did you mean '{near}'?")),
            None => error,
        });
    }
    Diagnostics::check(found)?;
    Ok(())
}

impl Existing {
    fn look(stack: &Stack, host: &dyn Host, journal: &Journal) -> Result<Self, PlanError> {
        let text = |path: &str, format| without_ours(host, journal, Path::new(path), format);
        let jail_conf = text(JAIL_CONF, Format::JailConf)?.unwrap_or_default();
        let conf = JailConf::parse(&Source::new(JAIL_CONF, jail_conf))?;
        let other_jails = !conf.resolve_in(&Includes(host.files()))?.jails.is_empty();
        let rc = text(RC_CONF, Format::Settings(Dialect::Shell))?.unwrap_or_default();
        let rc = Settings::parse(&Source::new(RC_CONF, rc), Dialect::Shell)?;
        for (name, own) in [("pf_rules", PF_CONF), ("jail_conf", JAIL_CONF)] {
            if let Some(other) = rc.get(name).filter(|&value| value != own.as_bytes()) {
                let what = format!("{name}=\"{}\"", other.to_str_lossy());
                let help = "jailkit writes /etc/pf.conf and /etc/jail.conf; use those, and take the line out";
                return Err(EditError::Taken { path: RC_CONF.into(), what, help }.into());
            }
        }
        let interface = &stack.host.loopback.interface;
        let names = std::iter::once(format!("ifconfig_{interface}"))
            .chain((0..).map(|number| format!("ifconfig_{interface}_alias{number}")));
        let values = names.map_while(|name| if rc.has(&name) || !name.contains("_alias") { Some(name) } else { None });
        let values: Vec<_> = values.filter_map(|name| rc.get(&name).map(String::from_utf8_lossy)).collect();
        let is_there = |address: &std::net::Ipv4Addr| {
            let address = address.to_string();
            let same = |word: &str| word.split('/').next() == Some(&address);
            values.iter().any(|value| value.split_ascii_whitespace().any(same))
        };
        Ok(Self {
            other_jails,
            // Without a list, all jails of the file start; those that were not to start shall not begin to.
            jail_list: rc.get("jail_list").is_some_and(|list| !list.trim_ascii().is_empty())
                || (other_jails && !rc.get("jail_enable").is_some_and(is_yes)),
            aliases: stack.jails.iter().map(|jail| jail.address).filter(is_there).collect(),
        })
    }
}

/// A file's text without what jailkit wrote into it.
fn without_ours(host: &dyn Host, journal: &Journal, path: &Path, format: Format) -> Result<Option<Vec<u8>>, PlanError> {
    let current = host.files().read(path)?;
    let Some(claim) = journal.file(path) else { return Ok(current) };
    if claim.covers(current.as_deref()) {
        return Ok(claim.before.clone().map(Into::into));
    }
    let Some(current) = current else { return Ok(None) };
    let rest = edit::revert(path, format, &current, &claim.edits)?;
    // A file that was not there goes again, unless somebody has written something of their own into it.
    Ok(if claim.before.is_none() && rest.trim_ascii().is_empty() { None } else { Some(rest) })
}

pub(super) struct Comparison<'a> {
    pub(super) host: &'a dyn Host,
    pub(super) journal: &'a Journal,
    pub(super) desired: &'a Desired,
    pub(super) steps: Vec<Step>,
}

impl Comparison<'_> {
    fn finish(mut self, stack: String, purge: Purge) -> Result<Plan, PlanError> {
        let kept = teardown::teardown(&mut self, purge)?;
        Ok(Plan { stack, steps: self.steps, kept })
    }

    /// Stops the jails that are not to be, or not to be as they are.
    fn stop_jails(&mut self) -> Result<(), PlanError> {
        let desired = self.desired;
        // The last started first, as others may depend on what was started before it.
        for claim in self.journal.claims().iter().rev() {
            let Claim::Jail { name, path, digest, started } = claim else { continue };
            let wanted = desired.jails.iter().find(|jail| jail.name == *name);
            let reason = match wanted {
                None => Some("the stack has it no more"),
                Some(_) if !started => Some("its start was broken off"),
                Some(wanted) if wanted.digest != *digest => Some("it is to run with other parameters"),
                Some(wanted) if !self.is_as_wanted(wanted)? => Some("it does not run as the stack says"),
                Some(_) => None,
            };
            let reason = if desired.jails.is_empty() { reason.map(|_| "the stack goes down") } else { reason };
            let is_left = || {
                Ok::<_, PlanError>(
                    !jail_mounts(self.host.kernel(), path)?.is_empty()
                        || life::is_unfinished(self.host, name.as_str().into())?,
                )
            };
            let reason = match self.is_running(name)? {
                true => reason,
                false if is_left()? => Some("a killed run has left something of it"),
                false => None,
            };
            if let Some(reason) = reason {
                self.steps.push(Step::StopJail { jail: name.clone(), path: path.clone(), reason });
            } else if wanted.is_none() {
                self.steps.push(Step::Forget { claim: Box::new(claim.clone()) });
            }
        }
        self.stop_dependents()
    }

    /// Stopping a jail stops those that depend on it, as jail(8) does; said, so that they are started again.
    fn stop_dependents(&mut self) -> Result<(), PlanError> {
        let desired = self.desired;
        // A chain of dependencies is no longer than there are jails.
        for _ in &desired.jails {
            for jail in &desired.jails {
                let depends = jail.depends.iter().any(|needed| self.is_stopped(needed));
                if depends && !self.is_stopped(&jail.name) && self.is_running(&jail.name)? {
                    let (path, reason) = (jail.root.clone(), "a jail it depends on is stopped");
                    self.steps.insert(0, Step::StopJail { jail: jail.name.clone(), path, reason });
                }
            }
        }
        Ok(())
    }

    fn is_stopped(&self, name: &str) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::StopJail { jail, .. } if jail == name))
    }

    fn make_dirs(&mut self) -> Result<(), PlanError> {
        for WantedDir { path, mode, owner, strict, data } in &self.desired.dirs {
            let (path, mut mode, owner) = (path.clone(), *mode, *owner);
            let found = self.host.files().stat(&path)?;
            // A shared directory that is there keeps the mode that its owner gave it.
            if let Some(found) = found.filter(|_| *data) {
                mode = found.mode;
            }
            match found {
                None => self.steps.push(Step::MakeDir { path, mode, owner, data: *data }),
                Some(found) if found.kind != FileKind::Dir => {
                    return Err(FileError::new("use", &path)(io::ErrorKind::NotADirectory.into()).into());
                }
                Some(found) if *strict && (found.mode, found.owner) != (mode, owner) => {
                    let (mode_before, owner_before) = (found.mode, found.owner);
                    self.steps.push(Step::SetAccess { path, mode, owner, mode_before, owner_before });
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn extract(&mut self, stack: &Stack) -> Result<(), PlanError> {
        let mut trees = Vec::new();
        for (jail, place) in self.desired.jails.iter().zip(&stack.places.jails) {
            let files = self.host.files();
            if files.list(&jail.root)?.is_none_or(|names| names.is_empty()) {
                trees.push(Tree { jail: jail.name.clone(), path: jail.root.clone() });
            } else if files.stat_in_jail(&jail.root, Path::new("/etc"))?.is_none() {
                let message = format!("{} has something in it and is no base system", jail.root.display());
                return Err(stack
                    .places
                    .error(place.name, message)
                    .with_help("move it away, or name the jail otherwise")
                    .into());
            }
        }
        if trees.is_empty() {
            return Ok(());
        }
        check_archive(stack)?;
        let (archive, expect) = (stack.base.archive.clone(), stack.base.expect.clone());
        self.steps.push(Step::Extract { archive, expect, trees });
        Ok(())
    }

    /// Mount points and files in the jails.
    fn fill_jails(&mut self) -> Result<(), PlanError> {
        let desired = self.desired;
        for jail in &desired.jails {
            let files = self.host.files();
            let extracted = files.list(&jail.root)?.is_some_and(|names| !names.is_empty());
            let mut points = Vec::new();
            for point in &jail.mount_points {
                if !extracted || files.stat_in_jail(&jail.root, &point.0)?.is_none() {
                    points.push(point.clone());
                }
            }
            if !points.is_empty() {
                let (jail, root) = (jail.name.clone(), jail.root.clone());
                self.steps.push(Step::MountPoints { jail, root, points });
            }
            for file in self.jail_files(jail)? {
                let current = files.read_in_jail(&jail.root, file.path())?;
                let is_ours = self.is_ours(&host_path(&jail.root, file.path()), current.as_deref());
                if file.text(current.as_deref(), is_ours)?.is_some() {
                    let (jail, root) = (jail.name.clone(), jail.root.clone());
                    self.steps.push(Step::WriteInJail { jail, root, file });
                }
            }
        }
        Ok(())
    }

    fn jail_files(&self, jail: &WantedJail) -> Result<Vec<JailFile>, PlanError> {
        let mut wanted = Vec::new();
        if jail.ports {
            let host = self.host.files().read(Path::new("/etc/make.conf"))?.unwrap_or_default().into();
            wanted.push(JailFile::MakeConf { host });
        }
        if let Some(host) = self.host.files().read(Path::new("/etc/resolv.conf"))? {
            wanted.push(JailFile::resolv_conf(&host, jail.nameserver));
        }
        Ok(wanted)
    }

    fn is_ours(&self, path: &Path, current: Option<&[u8]>) -> bool {
        let now = current.map(digest);
        self.journal.claims().iter().any(|claim| match claim {
            Claim::JailFile { path: claimed, digest } => claimed == path && now.as_ref() == Some(digest),
            _ => false,
        })
    }

    /// The changes of configuration files; the digest of pf.conf as it will be.
    fn files(&mut self) -> Result<Option<String>, PlanError> {
        let mut pf_digest = None;
        for wanted in &self.desired.files {
            let change = self.change(wanted)?;
            if wanted.path == Path::new(PF_CONF) {
                pf_digest = Some(digest(change.after.as_deref().map_or(&[], Vec::as_slice)));
            }
            let edits = |claim: Option<&FileClaim>| claim.map(|claim| claim.edits.clone());
            let is_claimed = edits(self.journal.file(&wanted.path)) == edits(change.claim.as_ref());
            if change.before != change.after || !is_claimed {
                self.steps.push(Step::File(change));
            }
        }
        for claim in self.journal.claims() {
            let Claim::File(claim) = claim else { continue };
            if self.desired.files.iter().any(|wanted| wanted.path == claim.path) {
                continue;
            }
            let before = self.host.files().read(&claim.path)?.map(Into::into);
            let after = without_ours(self.host, self.journal, &claim.path, claim.format)?.map(Into::into);
            let path = claim.path.clone();
            self.steps.push(Step::File(FileChange { path, before, after, mode_if_new: 0o644, claim: None }));
        }
        Ok(pf_digest)
    }

    fn change(&self, wanted: &WantedFile) -> Result<FileChange, PlanError> {
        let WantedFile { path, format, mode_if_new, edits } = wanted;
        let current = self.host.files().read(path)?;
        let base = without_ours(self.host, self.journal, path, *format)?;
        let edited = edit::apply(path, *format, base.as_deref().unwrap_or_default(), edits)?;
        let (after, claim) = if edited.made.is_empty() {
            (base, None)
        } else {
            let claim = FileClaim {
                path: path.clone(),
                format: *format,
                before: base.map(Into::into),
                replaces: digest(current.as_deref().unwrap_or_default()),
                written: digest(&edited.text),
                edits: edited.made,
            };
            (Some(edited.text), Some(claim))
        };
        let (before, after) = (current.map(Into::into), after.map(Into::into));
        Ok(FileChange { path: path.clone(), before, after, mode_if_new: *mode_if_new, claim })
    }

    fn kernel(&mut self) -> Result<(), PlanError> {
        let (kernel, desired) = (self.host.kernel(), self.desired);
        for &module in &desired.modules {
            if !kernel.has_module(module)? {
                self.steps.push(Step::LoadModule { module: module.to_owned() });
            }
        }
        let interfaces = kernel.interfaces()?;
        if let Some(name) = &desired.interface {
            let found = interfaces.iter().find(|found| found.name == *name);
            if found.is_none() {
                self.steps.push(Step::CreateInterface { interface: name.clone() });
            }
            for &address in &desired.addresses {
                let is_there = |has: &ipnet::IpNet| has.addr() == address.addr();
                if !found.is_some_and(|found| found.addresses.iter().any(is_there)) {
                    self.steps.push(Step::AddAddress { interface: name.clone(), address });
                }
            }
        }
        for &(name, value) in &desired.sysctls {
            let before = kernel.sysctl(name)?;
            if before != value {
                self.steps.push(Step::SetSysctl { name: name.to_owned(), value, before });
            }
        }
        Ok(())
    }

    fn pf(&mut self, digest: Option<String>) -> Result<(), PlanError> {
        let Some(digest) = digest else { return Ok(()) };
        let enabled = self.pf_is_enabled()?;
        let claimed = Claim::PfRules { digest: digest.clone() };
        let is_loaded = self.journal.claims().contains(&claimed);
        if !enabled || !is_loaded {
            self.steps.push(Step::LoadPf { digest });
        }
        if !enabled {
            self.steps.push(Step::EnablePf);
        }
        Ok(())
    }

    /// pf cannot be asked before its module is there.
    pub(super) fn pf_is_enabled(&self) -> Result<bool, PlanError> {
        Ok(self.host.kernel().has_module("pf")? && self.host.packet_filter().is_enabled()?)
    }

    fn start_jails(&mut self) -> Result<(), PlanError> {
        let mut jails = Vec::new();
        for WantedJail { name, root, digest, .. } in &self.desired.jails {
            if !self.is_running(name)? || self.is_stopped(name) {
                jails.push(StartedJail { name: name.clone(), path: root.clone(), digest: digest.clone() });
            } else if !self
                .journal
                .claims()
                .iter()
                .any(|claim| matches!(claim, Claim::Jail { name: own, .. } if own == name))
            {
                return Err(PlanError::ForeignJail { name: name.clone(), host: self.host.describe() });
            }
        }
        if !jails.is_empty() {
            let ready = self.desired.jails.iter().filter_map(|jail| Some((jail.name.clone(), jail.ready.clone()?)));
            self.steps.push(Step::StartJails { jails, ready: ready.collect() });
        }
        Ok(())
    }

    /// Whether a jail that runs has the path, the address and the mounts that it was started with. Its hostname is left
    /// out, which it may set itself.
    fn is_as_wanted(&self, wanted: &WantedJail) -> Result<bool, KernelError> {
        let kernel = self.host.kernel();
        let Ok(key) = JailKey::new(&wanted.name) else { return Ok(true) };
        let Some(jid) = kernel::find_jail(kernel, &key, GetFlags::default())? else { return Ok(true) };
        let params = [ParamType::new("path", ParamKind::String(1024)), ParamType::new("ip4.addr", ParamKind::Ipv4)];
        let (_, values) = kernel.jail_get(&[Param::new("jid", Value::Int(jid.0))], &params, GetFlags::default())?;
        let path = kernel::real_path(kernel, &wanted.root).into_os_string().into_encoded_bytes();
        let mounts = kernel.mounts()?;
        let is_mounted = |target: &PathBuf| {
            let target = kernel::real_path(kernel, target);
            mounts.iter().any(|mount| mount.target == target)
        };
        Ok(values == [Value::String(path), Value::Ipv4(vec![wanted.address])] && wanted.mounts.iter().all(is_mounted))
    }

    pub(super) fn is_running(&self, name: &str) -> Result<bool, KernelError> {
        let Ok(key) = JailKey::new(name) else { return Ok(false) };
        kernel::find_jail(self.host.kernel(), &key, GetFlags::default()).map(|found| found.is_some())
    }
}

/// File systems that show what lies elsewhere, or nothing that lasts. Others, such as a dataset for the whole jail or a
/// part of it, are the host's, and stay when the jail goes.
const MADE_FOR_JAILS: &[&str] = &["devfs", "fdescfs", "linprocfs", "linsysfs", "nullfs", "procfs", "tmpfs", "unionfs"];

/// What is mounted for a jail at or below a directory, the last mounted first.
pub(crate) fn jail_mounts(kernel: &dyn Kernel, path: &Path) -> Result<Vec<Mount>, KernelError> {
    let path = kernel::real_path(kernel, path);
    let is_own = |mount: &Mount| mount.target.starts_with(&path) && MADE_FOR_JAILS.contains(&mount.fstype.as_str());
    Ok(kernel.mounts()?.into_iter().rev().filter(is_own).collect())
}

/// Reads the archive once before anything is changed: what is broken is to be found now.
fn check_archive(stack: &Stack) -> Result<(), PlanError> {
    let places = &stack.places;
    let archive = &stack.base.archive;
    if let Err(error) = std::fs::File::open(archive) {
        return Err(places.error(places.archive, format!("cannot open {}: {error}", archive.display())).into());
    }
    let expect =
        expectation(archive, &stack.base.expect).map_err(|error| places.error(places.voucher, error.to_string()))?;
    base::check_digest(archive, expect).map_err(|error| places.error(places.archive, error.to_string()))?;
    Ok(())
}

/// What an archive must be.
pub(crate) fn expectation(archive: &Path, expect: &BaseExpectation) -> Result<base::Expect, base::BaseError> {
    match expect {
        BaseExpectation::Sha256(sha256) => Ok(base::Expect { sha256: Some(*sha256), entries: None }),
        BaseExpectation::Manifest(manifest) => base::Manifest::read(manifest)?.expect_of(archive),
    }
}
