//! The host as it is against the host as it is to be.

use std::io;
use std::path::Path;

use super::desired::{Desired, Existing, JAIL_CONF, PF_CONF, RC_CONF, WantedDir, WantedFile, WantedJail};
use super::teardown;
use super::{FileChange, JailFile, Plan, PlanError, Purge, Step, Tree};
use crate::base;
use bstr::ByteSlice;

use crate::edit::{self, EditError, Format};
use crate::host::{FileError, FileKind, Host, Includes, host_path};
use crate::jailconf::JailConf;
use crate::jailparam::{self, By};
use crate::journal::{Claim, FileClaim, Journal, JournalError, digest};
use crate::rcconf::{Dialect, Settings, is_yes};
use crate::source::{Diagnostics, Severity, Source, nearest};
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
    for (param, place) in everywhere.chain(own) {
        if is_known(&param.name) {
            let faults = jailparam::advice(&param.name, &param.values).into_iter();
            let wrong = faults.filter(|fault| fault.severity == Severity::Error);
            found.extend(wrong.map(|fault| places.error(place, fault.to_string())));
            continue;
        }
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
