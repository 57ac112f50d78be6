//! Each step's claim and effect.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{StepError, Watch};
use crate::host::{Host, Includes, host_path};
use crate::jailconf::{JailConf, Resolved};
use crate::journal::{Claim, Journal, digest};
use crate::kernel::{self, Errno, GetFlags, Jail, JailKey, JailName, Mount};
use crate::life;
use crate::plan::{FileChange, JAIL_CONF, JailFile, PF_CONF, StartedJail, Step, Tree, expectation};
use crate::source::Source;
use crate::stack::{BaseExpectation, Owner, Ready};

pub(super) struct Effects<'a> {
    pub(super) host: &'a dyn Host,
    pub(super) journal: &'a mut Journal,
    pub(super) watch: &'a dyn Watch,
}

/// File systems that show what lies elsewhere, or nothing that lasts. Others, such as a dataset for the whole jail or a
/// part of it, are the host's, and stay when the jail goes.
const MADE_FOR_JAILS: &[&str] = &["devfs", "fdescfs", "linprocfs", "linsysfs", "nullfs", "procfs", "tmpfs", "unionfs"];

type Done = Result<(), StepError>;

impl Effects<'_> {
    pub(super) fn run(&mut self, step: &Step) -> Done {
        let (files, kernel) = (self.host.files(), self.host.kernel());
        match step {
            Step::StopJail { jail, path, .. } => self.stop(jail, path),
            Step::ClearMounts { path, .. } => self.clear_mounts(path),
            Step::MakeDir { path, mode, owner, data } => {
                self.claim(Claim::Dir { path: path.clone(), data: *data })?;
                Ok(files.make_dir(path, *mode, *owner)?)
            }
            Step::SetAccess { path, mode, owner, mode_before, owner_before } => {
                let is_ours = |claim: &Claim| match claim {
                    Claim::Dir { path: own, .. } | Claim::Access { path: own, .. } => own == path,
                    _ => false,
                };
                if !self.journal.claims().iter().any(is_ours) {
                    self.claim(Claim::Access { path: path.clone(), mode: *mode_before, owner: *owner_before })?;
                }
                Ok(files.set_access(path, *mode, *owner)?)
            }
            Step::Extract { archive, expect, trees } => self.extract(archive, expect, trees),
            Step::MountPoints { root, points, .. } => self.mount_points(root, points),
            Step::WriteInJail { root, file, .. } => self.write_in_jail(root, file),
            Step::File(change) => self.file(change),
            Step::LoadModule { module } => {
                self.claim(Claim::Module { name: module.clone() })?;
                Ok(kernel.load_module(module)?)
            }
            Step::CreateInterface { interface } => {
                self.claim(Claim::Interface { name: interface.clone() })?;
                Ok(kernel.create_interface(interface)?)
            }
            Step::AddAddress { interface, address } => {
                self.claim(Claim::Address { interface: interface.clone(), address: *address })?;
                Ok(kernel.add_address(interface, *address)?)
            }
            Step::SetSysctl { name, value, before } => {
                let is_ours = |claim: &Claim| matches!(claim, Claim::Sysctl { name: own, .. } if own == name);
                if !self.journal.claims().iter().any(is_ours) {
                    self.claim(Claim::Sysctl { name: name.clone(), before: *before })?;
                }
                Ok(kernel.set_sysctl(name, *value)?)
            }
            Step::LoadPf { digest } => {
                // Written down when it is done: until then the next run loads the rules again.
                self.host.packet_filter().load(Path::new(PF_CONF))?;
                self.claim(Claim::PfRules { digest: digest.clone() })
            }
            Step::EnablePf => {
                self.claim(Claim::PfEnabled)?;
                Ok(self.host.packet_filter().enable()?)
            }
            Step::StartJails { jails, ready, again } => self.start(jails, ready, again),
            Step::DisablePf => {
                self.host.packet_filter().disable()?;
                self.release(&Claim::PfEnabled)
            }
            Step::ReloadPf => {
                self.host.packet_filter().load(Path::new(PF_CONF))?;
                self.release(&Claim::PfRules { digest: String::new() })
            }
            Step::RestoreSysctl { name, value } => {
                kernel.set_sysctl(name, *value)?;
                self.release(&Claim::Sysctl { name: name.clone(), before: *value })
            }
            Step::RemoveAddress { interface, address } => {
                kernel.remove_address(interface, address.addr())?;
                self.release(&Claim::Address { interface: interface.clone(), address: *address })
            }
            Step::DestroyInterface { interface } => {
                kernel.destroy_interface(interface)?;
                self.release(&Claim::Interface { name: interface.clone() })
            }
            Step::UnloadModule { module } => self.unload(module),
            Step::RemoveTree { path } => self.remove_tree(path),
            Step::RemoveDir { path } => {
                if files.remove_dir(path)? {
                    self.release(&Claim::Dir { path: path.clone(), data: false })?;
                }
                Ok(())
            }
            Step::RestoreAccess { path, mode, owner } => {
                if files.stat(path)?.is_some() {
                    files.set_access(path, *mode, *owner)?;
                }
                self.release(&Claim::Access { path: path.clone(), mode: *mode, owner: *owner })
            }
            Step::Forget { claim } => self.release(claim),
        }
    }

    fn claim(&mut self, claim: Claim) -> Done {
        Ok(self.journal.claim(self.host.files(), claim)?)
    }

    fn release(&mut self, claim: &Claim) -> Done {
        Ok(self.journal.release(self.host.files(), claim)?)
    }

    fn extract(&mut self, archive: &Path, expect: &BaseExpectation, trees: &[Tree]) -> Done {
        for tree in trees {
            self.claim(Claim::Tree { jail: tree.jail.clone(), path: tree.path.clone() })?;
        }
        let targets: Vec<PathBuf> = trees.iter().map(|tree| tree.path.clone()).collect();
        let expect = expectation(archive, expect)?;
        let watch = self.watch;
        self.host.files().extract(archive, expect, &targets, &mut |event| watch.bytes(event.read, event.len))?;
        Ok(())
    }

    fn mount_points(&mut self, root: &Path, points: &[(PathBuf, Owner)]) -> Done {
        let files = self.host.files();
        for (point, owner) in points {
            if files.stat_in_jail(root, point)?.is_none() {
                files.make_dir_in_jail(root, point, 0o755, *owner)?;
            }
        }
        Ok(())
    }

    fn write_in_jail(&mut self, root: &Path, file: &JailFile) -> Done {
        let files = self.host.files();
        let path = host_path(root, file.path());
        let current = files.read_in_jail(root, file.path())?;
        let now = current.as_deref().map(digest);
        let is_ours = self.journal.claims().iter().any(|claim| match claim {
            Claim::JailFile { path: own, digest } => *own == path && now.as_ref() == Some(digest),
            _ => false,
        });
        let Some(text) = file.text(current.as_deref(), is_ours)? else { return Ok(()) };
        // Claimed when it is written: while it has another digest, it counts as the jail's own.
        files.replace_in_jail(root, file.path(), &text, 0o644)?;
        self.claim(Claim::JailFile { path, digest: digest(&text) })
    }

    fn file(&mut self, change: &FileChange) -> Done {
        let FileChange { path, before, after, mode_if_new, claim } = change;
        let files = self.host.files();
        if files.read(path)?.as_deref() != before.as_deref().map(Vec::as_slice) {
            return Err(StepError::Changed { path: path.clone() });
        }
        if let Some(claim) = claim {
            self.claim(Claim::File(claim.clone()))?;
        }
        match after {
            Some(text) if before != after => files.replace(path, text, *mode_if_new)?,
            Some(_) => {}
            None => files.remove_file(path)?,
        }
        if claim.is_none()
            && let Some(claim) = self.journal.file(path).cloned()
        {
            self.release(&Claim::File(claim))?;
        }
        Ok(())
    }

    fn unload(&mut self, module: &str) -> Done {
        match self.host.kernel().unload_module(module) {
            Err(error) if error.errno == Errno::EBUSY => {
                self.watch.warn(&format!("module {module} stays loaded: something else uses it"));
            }
            unloaded => unloaded?,
        }
        self.release(&Claim::Module { name: module.to_owned() })
    }

    /// The jails of the host, as its jail.conf has them.
    fn resolved(&self) -> Result<Resolved, StepError> {
        let path = Path::new(JAIL_CONF);
        let text = self.host.files().read(path)?.unwrap_or_default();
        Ok(JailConf::parse(&Source::new(path, text))?.resolve_in(&Includes(self.host.files()))?)
    }

    fn start(&mut self, jails: &[StartedJail], ready: &BTreeMap<String, Ready>, again: &[String]) -> Done {
        let claim = |jail: &StartedJail, started| {
            let StartedJail { name, path, digest } = jail.clone();
            Claim::Jail { name, path, digest, started }
        };
        for jail in jails {
            self.claim(claim(jail, false))?;
        }
        let conf = self.resolved()?;
        let own = jails.iter().map(|jail| jail.name.as_str());
        let names: Vec<&str> = own.chain(again.iter().map(String::as_str)).collect();
        let ready = ready.iter().map(|(jail, ready)| (jail.as_str().into(), ready.clone())).collect();
        let options = life::Options { ready, ..life_options() };
        let summary = life::start(self.host, &conf, &names, &options, self.watch)?;
        // One that is not ready in time has started all the same: the next run waits for it again.
        let failed = summary.failures().filter(|(_, error)| !matches!(error, life::JailError::NotReady { .. }));
        let failed: Vec<_> = failed.map(|(name, _)| name.clone()).collect();
        let has_failed = |name: &str| failed.iter().any(|failed| failed.as_slice() == name.as_bytes());
        for jail in jails.iter().filter(|jail| !has_failed(&jail.name)) {
            self.claim(claim(jail, true))?;
        }
        all_well(summary)
    }

    fn stop(&mut self, name: &str, path: &Path) -> Done {
        let conf = self.resolved()?;
        // One without its block in jail.conf goes without its commands, unless it is another of that name.
        if conf.jail(name.as_bytes()).is_some() || self.is_left_of(name, path)? {
            all_well(life::stop(self.host, &conf, &[name], &life_options(), self.watch)?)?;
        }
        let claim =
            self.journal.claims().iter().find(|claim| matches!(claim, Claim::Jail { name: own, .. } if own == name));
        match claim.cloned() {
            Some(claim) => self.release(&claim),
            None => Ok(()),
        }
    }

    /// Unmounts all that is mounted for a jail at or below a directory, the last mounted first.
    fn clear_mounts(&mut self, path: &Path) -> Done {
        let kernel = self.host.kernel();
        let path = kernel::real_path(kernel, path);
        let is_jails = |mount: &&Mount| MADE_FOR_JAILS.contains(&mount.fstype.as_str());
        for mount in kernel.mounts()?.iter().rev().filter(|mount| mount.target.starts_with(&path)).filter(is_jails) {
            kernel.unmount(&mount.target, false)?;
        }
        Ok(())
    }

    /// Whether a jail runs in its tree, or does not and has left something.
    fn is_left_of(&self, name: &str, path: &Path) -> Result<bool, StepError> {
        let kernel = self.host.kernel();
        let Ok(key) = JailKey::new(name) else { return Ok(false) };
        match Jail::open(kernel, &key, GetFlags::default())? {
            Some(found) => Ok(found.path.as_path() == kernel::real_path(kernel, path)),
            None => Ok(life::has_left(self.host, name.into())?),
        }
    }

    /// A jail that runs in a directory or below it.
    fn runs_in(&self, path: &Path) -> Result<Option<JailName>, StepError> {
        let kernel = self.host.kernel();
        let path = kernel::real_path(kernel, path);
        for name in kernel::running(kernel)? {
            let found = Jail::open(kernel, &JailKey::Name(name), GetFlags::default())?;
            if let Some(found) = found.filter(|found| found.path.as_path().starts_with(&path)) {
                return Ok(Some(found.name));
            }
        }
        Ok(None)
    }

    fn remove_tree(&mut self, path: &Path) -> Done {
        if let Some(jail) = self.runs_in(path)? {
            return Err(StepError::StillRuns { jail });
        }
        self.clear_mounts(path)?;
        // The second look: what is the host's, or has been mounted meanwhile, would be emptied.
        let real = kernel::real_path(self.host.kernel(), path);
        if let Some(mount) = self.host.kernel().mounts()?.into_iter().find(|mount| mount.target.starts_with(&real)) {
            return Err(StepError::StillMounted { mount: mount.target });
        }
        self.host.files().remove_tree(path)?;
        let is_gone = |claim: &&Claim| match claim {
            Claim::Tree { path: own, .. } | Claim::Dir { path: own, .. } => own == path,
            _ => false,
        };
        let gone: Vec<_> = self.journal.claims().iter().filter(is_gone).cloned().collect();
        gone.iter().try_for_each(|claim| self.release(claim))
    }
}

fn all_well(summary: life::Summary) -> Done {
    let failed = |(name, outcome): (bstr::BString, Result<_, _>)| Some((name.to_string(), outcome.err()?));
    let failed: Vec<_> = summary.jails.into_iter().filter_map(failed).collect();
    if failed.is_empty() { Ok(()) } else { Err(StepError::Jails(failed)) }
}

/// A run may find jails as a killed one has left them.
fn life_options() -> life::Options {
    life::Options { idempotent: true, ..life::Options::default() }
}
