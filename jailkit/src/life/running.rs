//! Jails that run, whatever file they came from.

use bstr::{BStr, BString, ByteSlice};

use super::graph::Named;
use super::observer::{Observer, Silent};
use super::schedule::Summary;
use super::world::World;
use super::{LifeError, Options, perform};
use crate::host::Host;
use crate::kernel::{self, GetFlags, JailName, Jid, Kernel, KernelError, ParamKind, ParamType, PrisonPath, Value};

/// A jail that runs: its number, and the name and root directory by which it is known again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handle {
    /// Its number.
    pub jid: Jid,
    /// Its name.
    pub name: JailName,
    /// Its root directory.
    pub path: PrisonPath,
}

impl Handle {
    /// Finds a jail by its number or name; none where no jail has it.
    ///
    /// # Errors
    /// [`KernelError`] where the kernel cannot be asked.
    pub fn find(kernel: &dyn Kernel, named: &BStr) -> Result<Option<Self>, KernelError> {
        match kernel::find_named(kernel, named, GetFlags::default())? {
            Some(jid) => Self::read(kernel, jid),
            None => Ok(None),
        }
    }

    fn read(kernel: &dyn Kernel, jid: Jid) -> Result<Option<Self>, KernelError> {
        let found = kernel::read_jail(kernel, jid, &Self::wanted(), GetFlags::default())?;
        Ok(found.map(|values| Self::of(jid, values)))
    }

    fn wanted() -> [ParamType; 2] {
        [ParamType::new("name", ParamKind::String(256)), ParamType::new("path", ParamKind::String(1024))]
    }

    fn of(jid: Jid, values: Vec<Value>) -> Self {
        let mut texts = values.into_iter().map(|value| match value {
            Value::String(text) => BString::from(text),
            _ => BString::default(),
        });
        let (name, path) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
        Self { jid, name: JailName::from_kernel(name), path: PrisonPath::from_kernel(path) }
    }

    /// Every jail that runs, by number.
    ///
    /// # Errors
    /// [`KernelError`] where the kernel cannot be asked.
    pub fn all(kernel: &dyn Kernel) -> Result<Vec<Self>, KernelError> {
        let mut found = Vec::new();
        let mut last = Jid::HOST;
        while let Some((jid, values)) = kernel::next_jail(kernel, last, &Self::wanted(), GetFlags::default())? {
            last = jid;
            found.push(Self::of(jid, values));
        }
        Ok(found)
    }

    /// Whether the number is still this jail's, and not that of one made since.
    ///
    /// # Errors
    /// [`KernelError`] where the kernel cannot be asked.
    pub fn is_current(&self, kernel: &dyn Kernel) -> Result<bool, KernelError> {
        let found = Self::read(kernel, self.jid)?;
        Ok(found.is_some_and(|found| found == *self))
    }
}

/// The running jails of these names and numbers, `*` standing for a part of a name: children before their parents,
/// which would take them along.
///
/// # Errors
/// [`LifeError::NoJail`] for a name that is no running jail's.
pub fn find_running(host: &dyn Host, names: &[impl AsRef<[u8]>]) -> Result<Vec<BString>, LifeError> {
    let options = Options::default();
    let named = named(&World::look(host, &options, &Silent)?, names)?;
    match named.unknown.into_iter().next() {
        Some(name) => Err(LifeError::NoJail { name }),
        None => Ok(named.strays),
    }
}

/// The running jails of these names, and the names that are no running jail's.
fn named(world: &World<'_>, names: &[impl AsRef<[u8]>]) -> Result<Named, LifeError> {
    let running = Handle::all(world.host.kernel())?;
    let (mut found, mut unknown): (Vec<BString>, Vec<BString>) = (Vec::new(), Vec::new());
    for name in names.iter().map(|name| BStr::new(name.as_ref())) {
        if name.split_str(".").any(|part| part == b"*") {
            let matching = running.iter().filter(|jail| crate::jailconf::matches_wildcard(&jail.name, name));
            found.extend(matching.map(|jail| BString::from(jail.name.clone())));
        } else {
            match world.name_of(name)? {
                Some(running) => found.push(running),
                None => unknown.push(name.to_owned()),
            }
        }
    }
    found.sort_by_key(|name| std::cmp::Reverse(name.split_str(".").count()));
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|name| seen.insert(name.clone()));
    Ok(Named::running(found, unknown))
}

/// Removes running jails without what a jail.conf(5) may say of them (`jail -R`): their processes are asked to end,
/// then the jails are removed. `*` stands for a part of a name.
///
/// A name that is no running jail's fails, and the others are removed all the same.
///
/// # Errors
/// [`LifeError::NoJail`] where no name is a running jail's.
pub fn remove(
    host: &dyn Host,
    names: &[impl AsRef<[u8]>],
    options: &Options,
    observer: &dyn Observer,
) -> Result<Summary, LifeError> {
    host.check_rights()?;
    let world = World::look(host, options, observer)?;
    let named = named(&world, names)?;
    match named.unknown.first() {
        Some(name) if named.strays.is_empty() => Err(LifeError::NoJail { name: name.clone() }),
        _ => Ok(Summary::default().with_strays(perform::strays(&world, &named))),
    }
}
