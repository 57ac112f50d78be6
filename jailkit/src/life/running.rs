//! Jails that run, whatever file they came from.

use bstr::{BStr, BString, ByteSlice};

use super::graph::Named;
use super::observer::Observer;
use super::schedule::Summary;
use super::world::World;
use super::{LifeError, Options, perform};
use crate::host::Host;
use crate::kernel::{Errno, GetFlags, Jid, Kernel, KernelError, Param, ParamKind, ParamType, Value};

/// A jail that runs: its number, and the name and root directory by which it is known again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handle {
    /// Its number.
    pub jid: Jid,
    /// Its name.
    pub name: BString,
    /// Its root directory.
    pub path: BString,
}

impl Handle {
    /// Finds a jail by its number or name; none where no jail has it.
    ///
    /// # Errors
    /// [`KernelError`] where the kernel cannot be asked.
    pub fn find(kernel: &dyn Kernel, named: &BStr) -> Result<Option<Self>, KernelError> {
        let number = named.to_str().ok().and_then(|text| text.parse().ok()).filter(|&number: &i32| number > 0);
        let key = match number {
            Some(number) => Param::new("jid", Value::Int(number)),
            None => Param::new("name", Value::String(named.to_vec())),
        };
        Self::read(kernel, &key)
    }

    fn read(kernel: &dyn Kernel, key: &Param) -> Result<Option<Self>, KernelError> {
        let wanted = [ParamType::new("name", ParamKind::String(256)), ParamType::new("path", ParamKind::String(1024))];
        let (jid, values) = match kernel.jail_get(std::slice::from_ref(key), &wanted, GetFlags::default()) {
            Err(error) if error.errno == Errno::ENOENT => return Ok(None),
            found => found?,
        };
        let mut texts = values.into_iter().map(|value| match value {
            Value::String(text) => BString::from(text),
            _ => BString::default(),
        });
        let (name, path) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
        Ok(Some(Self { jid, name, path }))
    }

    /// Every jail that runs, by number.
    ///
    /// # Errors
    /// [`KernelError`] where the kernel cannot be asked.
    pub fn all(kernel: &dyn Kernel) -> Result<Vec<Self>, KernelError> {
        let mut found = Vec::new();
        let mut last = 0;
        while let Some(handle) = Self::read(kernel, &Param::new("lastjid", Value::Int(last)))? {
            last = handle.jid.0;
            found.push(handle);
        }
        Ok(found)
    }

    /// Whether the number is still this jail's, and not that of one made since.
    ///
    /// # Errors
    /// [`KernelError`] where the kernel cannot be asked.
    pub fn is_current(&self, kernel: &dyn Kernel) -> Result<bool, KernelError> {
        let found = Self::read(kernel, &Param::new("jid", Value::Int(self.jid.0)))?;
        Ok(found.is_some_and(|found| found == *self))
    }
}

/// Removes running jails without what a jail.conf(5) may say of them (`jail -R`): their processes are asked to end,
/// then the jails are removed. `*` stands for a part of a name.
///
/// # Errors
/// [`LifeError`] where a name is no running jail's, before anything is removed.
pub fn remove(
    host: &dyn Host,
    names: &[impl AsRef<[u8]>],
    options: &Options,
    observer: &dyn Observer,
) -> Result<Summary, LifeError> {
    host.check_rights()?;
    let world = World::look(host, options, observer)?;
    let running = Handle::all(host.kernel())?;
    let mut strays = Vec::new();
    for name in names.iter().map(|name| BStr::new(name.as_ref())) {
        if name.split_str(".").any(|part| part == b"*") {
            let matching = running.iter().filter(|jail| crate::jailconf::matches_wildcard(&jail.name, name));
            strays.extend(matching.map(|jail| jail.name.clone()));
        } else if world.find(name, true)?.is_some() {
            strays.push(name.to_owned());
        } else {
            return Err(LifeError::NoJail { name: name.to_owned() });
        }
    }
    // A parent takes its children with it.
    strays.sort_by_key(|name| std::cmp::Reverse(name.split_str(".").count()));
    Ok(Summary::default().with_strays(perform::strays(&world, &Named::strays(strays))))
}
