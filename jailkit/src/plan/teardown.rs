//! What the journal claims and nothing wants any more.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::compare::Comparison;
use super::desired::PF_CONF;
use super::{PlanError, Purge, Step};
use crate::journal::Claim;

/// Adds the steps that take back each claim that is not desired, the last one first. The directories that stay because
/// something lies in them.
pub(super) fn teardown(comparison: &mut Comparison<'_>, purge: Purge) -> Result<Vec<PathBuf>, PlanError> {
    let removed = comparison.steps.iter().filter_map(|step| match step {
        Step::File(change) if change.after.is_none() => Some(change.path.clone()),
        _ => None,
    });
    let mut teardown = Teardown { gone: removed.collect(), kept: Vec::new(), purge, comparison };
    let journal = teardown.comparison.journal;
    for claim in journal.claims().iter().rev() {
        teardown.take_back(claim)?;
    }
    Ok(teardown.kept)
}

struct Teardown<'a, 'c> {
    comparison: &'a mut Comparison<'c>,
    purge: Purge,
    /// What will not be there any more.
    gone: HashSet<PathBuf>,
    kept: Vec<PathBuf>,
}

impl Teardown<'_, '_> {
    fn take_back(&mut self, claim: &Claim) -> Result<(), PlanError> {
        let desired = self.comparison.desired;
        let kernel = self.comparison.host.kernel();
        let step = match claim {
            // These are seen to where jails and files are.
            Claim::Jail { .. } | Claim::File(_) => None,
            Claim::PfEnabled | Claim::PfRules { .. } if desired.pf => None,
            Claim::PfEnabled => self.comparison.pf_is_enabled()?.then_some(Step::DisablePf).or(forget(claim)),
            Claim::PfRules { .. } => self.reload_pf()?.or(forget(claim)),
            Claim::Sysctl { name, .. } if desired.sysctls.iter().any(|(wanted, _)| wanted == name) => None,
            Claim::Sysctl { name, before } => {
                let step = Step::RestoreSysctl { name: name.clone(), value: *before };
                (kernel.sysctl(name)? != *before).then_some(step).or(forget(claim))
            }
            Claim::Address { interface, address } => {
                let wanted = desired.interface.as_ref() == Some(interface) && desired.addresses.contains(address);
                let is_there = kernel.interfaces()?.iter().any(|found| {
                    found.name == *interface && found.addresses.iter().any(|has| has.addr() == address.addr())
                });
                let step = Step::RemoveAddress { interface: interface.clone(), address: *address };
                if wanted { None } else { is_there.then_some(step).or(forget(claim)) }
            }
            Claim::Interface { name } if desired.interface.as_ref() == Some(name) => None,
            Claim::Interface { name } => {
                let is_there = kernel.interfaces()?.iter().any(|found| found.name == *name);
                is_there.then_some(Step::DestroyInterface { interface: name.clone() }).or(forget(claim))
            }
            Claim::Module { name } if desired.modules.iter().any(|wanted| wanted == name) => None,
            Claim::Module { name } => {
                kernel.has_module(name)?.then_some(Step::UnloadModule { module: name.clone() }).or(forget(claim))
            }
            Claim::Tree { jail, path } => return self.tree(claim, jail, path),
            Claim::JailFile { path, .. } => {
                // It goes with the tree it is in, and stays with it.
                let purged =
                    self.purge == Purge::Purge && !desired.jails.iter().any(|jail| path.starts_with(&jail.root));
                let is_there = || self.comparison.host.files().stat(path);
                if purged || is_there()?.is_none() { forget(claim) } else { None }
            }
            Claim::Access { path, .. } | Claim::Dir { path, .. }
                if desired.dirs.iter().any(|wanted| wanted.path == *path) =>
            {
                None
            }
            Claim::Access { path, mode, owner } => {
                Some(Step::RestoreAccess { path: path.clone(), mode: *mode, owner: *owner })
            }
            Claim::Dir { path, data } => return self.dir(claim, path, *data),
        };
        self.comparison.steps.extend(step);
        Ok(())
    }

    /// The rules without jailkit's, where pf goes on filtering.
    fn reload_pf(&self) -> Result<Option<Step>, PlanError> {
        let ours = self.comparison.journal.claims().contains(&Claim::PfEnabled);
        let path = Path::new(PF_CONF);
        let stays = !self.gone.contains(path) && self.comparison.host.files().stat(path)?.is_some();
        let reload = !ours && stays && self.comparison.pf_is_enabled()?;
        Ok(reload.then_some(Step::ReloadPf))
    }

    fn tree(&mut self, claim: &Claim, jail: &str, path: &Path) -> Result<(), PlanError> {
        let wanted = self.comparison.desired.jails.iter().any(|wanted| wanted.root == path);
        if wanted {
            return Ok(());
        }
        if self.comparison.host.files().stat(path)?.is_none() {
            self.comparison.steps.extend(forget(claim));
        } else if self.purge == Purge::Purge {
            let (jail, path) = (jail.to_owned(), path.to_owned());
            self.comparison.steps.push(Step::ClearMounts { jail, path: path.clone() });
            self.comparison.steps.push(Step::RemoveTree { path: path.clone() });
            self.gone.insert(path);
        } else {
            self.kept.push(path.to_owned());
        }
        Ok(())
    }

    fn dir(&mut self, claim: &Claim, path: &Path, data: bool) -> Result<(), PlanError> {
        let Some(entries) = self.comparison.host.files().list(path)? else {
            self.comparison.steps.extend(forget(claim));
            return Ok(());
        };
        let path = path.to_owned();
        if entries.iter().all(|name| self.gone.contains(&path.join(name))) {
            self.comparison.steps.push(Step::RemoveDir { path: path.clone() });
            self.gone.insert(path);
        } else if data && self.purge == Purge::Purge {
            self.comparison.steps.push(Step::RemoveTree { path: path.clone() });
            self.gone.insert(path);
        } else {
            // What is in it is not jailkit's, and no purge to come will take it.
            if self.purge == Purge::Purge {
                self.comparison.steps.extend(forget(claim));
            }
            if !self.kept.iter().any(|kept| kept.starts_with(&path)) {
                self.kept.push(path);
            }
        }
        Ok(())
    }
}

fn forget(claim: &Claim) -> Option<Step> {
    Some(Step::Forget { claim: Box::new(claim.clone()) })
}
