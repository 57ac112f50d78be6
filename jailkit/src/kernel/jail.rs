//! Jails that run: found, read, and held on to, which is the one way to act on one.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::{
    Closing, Descriptors, Errno, GetFlags, JailName, Jid, Kernel, KernelError, NameError, Param, ParamKind, ParamType,
    PrisonPath, Reach, SetFlags, Value,
};

/// What a person calls a jail by.
///
/// # Example
/// ```
/// use jailkit::kernel::{JailKey, Jid};
/// assert_eq!(JailKey::new("7")?, JailKey::Number(Jid(7)));
/// assert_eq!(JailKey::new("www")?, JailKey::Name("www".parse()?));
/// # Ok::<(), jailkit::kernel::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JailKey {
    /// By its number.
    Number(Jid),
    /// By its name.
    Name(JailName),
}

impl JailKey {
    /// Takes text for a number where it is one above 0, as jail(8) does, and else for a name.
    ///
    /// # Errors
    /// [`NameError`] for a name that no jail can have.
    pub fn new(text: impl AsRef<[u8]>) -> Result<Self, NameError> {
        let text = text.as_ref();
        let number =
            std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).filter(|&number: &i32| number > 0);
        number.map_or_else(|| JailName::new(text).map(Self::Name), |number| Ok(Self::Number(Jid(number))))
    }
}

impl From<JailKey> for Param {
    /// The key `jid` or `name`.
    fn from(key: JailKey) -> Self {
        match key {
            JailKey::Number(jid) => jid.into(),
            JailKey::Name(name) => name.into(),
        }
    }
}

/// A jail that runs, held on to from the moment it was found or created.
///
/// On FreeBSD 15 it is held by a descriptor: what is done reaches this jail or none. Before, each call looks first
/// whether number, name and root directory are still its own; another jail with all three of them, made since, is taken
/// for it, and so is one whose number changes hands between the look and the call.
///
/// # Example
/// ```
/// use jailkit::kernel::{Jail, JailKey, Param, SetFlags, sim::SimKernel};
///
/// let dir = tempfile::tempdir()?;
/// let kernel = SimKernel::open(dir.path())?;
/// let params = [JailKey::new("www")?.into(), Param::flag("persist")];
/// let www = Jail::create(&kernel, &params, SetFlags { create: true, ..SetFlags::default() })?;
/// assert!(www.remove(&kernel)?);
/// assert!(!www.is_there(&kernel)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct Jail {
    /// Its number.
    pub jid: Jid,
    /// Its name when it was found.
    pub name: JailName,
    /// Its root directory.
    pub path: PrisonPath,
    #[serde(skip)]
    descriptor: Option<OwnedFd>,
}

/// The same number, name and root directory.
impl PartialEq for Jail {
    fn eq(&self, other: &Self) -> bool {
        (self.jid, &self.name, &self.path) == (other.jid, &other.name, &other.path)
    }
}

impl Eq for Jail {}

/// The calls with descriptors; none where the kernel has none.
fn descriptors(kernel: &dyn Kernel) -> Result<Option<&dyn Descriptors>, KernelError> {
    match kernel.descriptors() {
        Err(error) if error.errno == Errno::EOPNOTSUPP => Ok(None),
        descriptors => descriptors.map(Some),
    }
}

/// What a jail is known by besides its number.
fn known_by() -> [ParamType; 2] {
    [ParamType::new("name", ParamKind::String(256)), ParamType::new("path", ParamKind::String(1024))]
}

/// The name, the last of what was answered.
fn name_of(values: &mut Vec<Value>) -> JailName {
    JailName::from_kernel(last_text(values).into())
}

/// The path, the last of what was answered.
fn path_of(values: &mut Vec<Value>) -> PrisonPath {
    PrisonPath::from_kernel(last_text(values).into())
}

fn last_text(values: &mut Vec<Value>) -> Vec<u8> {
    match values.pop() {
        Some(Value::String(text)) => text,
        _ => Vec::new(),
    }
}

/// An answer, or none where the jail is gone.
fn unless_gone<T>(answer: Result<T, KernelError>) -> Result<Option<T>, KernelError> {
    match answer {
        Err(error) if error.errno == Errno::ENOENT => Ok(None),
        answer => answer.map(Some),
    }
}

/// Whether a jail was there for a call by its number, which knows no other `EINVAL`: it went after the look at it.
fn was_there(called: Result<(), KernelError>) -> Result<bool, KernelError> {
    match called {
        Err(error) if error.errno == Errno::EINVAL => Ok(false),
        called => called.map(|()| true),
    }
}

impl Jail {
    /// Finds a jail; none where there is none.
    ///
    /// # Errors
    /// [`KernelError`] where the kernel cannot be asked.
    pub fn open(kernel: &dyn Kernel, key: &JailKey, flags: GetFlags) -> Result<Option<Self>, KernelError> {
        let keys = [key.clone().into()];
        // The name is no answer where it is the key.
        let wanted = known_by();
        let wanted = if matches!(key, JailKey::Name(_)) { &wanted[1..] } else { &wanted[..] };
        let found = match descriptors(kernel)? {
            Some(calls) => calls
                .get_and_open(None, &keys, wanted, flags, Closing::Leaves)
                .map(|(jid, values, descriptor)| (jid, values, Some(descriptor))),
            None => kernel.jail_get(&keys, wanted, flags).map(|(jid, values)| (jid, values, None)),
        };
        let Some((jid, mut values, descriptor)) = unless_gone(found)? else { return Ok(None) };
        let path = path_of(&mut values);
        let name = match key {
            JailKey::Name(name) => name.clone(),
            JailKey::Number(_) => name_of(&mut values),
        };
        Ok(Some(Self { jid, name, path, descriptor }))
    }

    /// Creates a jail, or takes one that is there, as `flags` say, and holds on to it: by a descriptor that comes with
    /// the creation where the kernel has them, so that it is no other one.
    ///
    /// # Errors
    /// [`KernelError`] where the kernel refuses it; `ENOENT` where it went as soon as it was made.
    pub fn create(kernel: &dyn Kernel, params: &[Param], flags: SetFlags) -> Result<Self, KernelError> {
        // One that is made and cannot be held on to does not stay.
        let is_new = flags.create && !flags.update;
        let Some(calls) = descriptors(kernel)? else {
            let jid = kernel.jail_set(params, flags)?;
            let gone = || KernelError { call: format!("jail_get {jid}"), errno: Errno::ENOENT, message: None };
            return match Self::open(kernel, &JailKey::Number(jid), GetFlags::default()) {
                Err(error) if is_new => kernel.jail_remove(jid).and(Err(error)),
                found => found?.ok_or_else(gone),
            };
        };
        let (jid, descriptor) = calls.set_and_open(Reach::Own, params, flags, Closing::Leaves)?;
        let mut values = match calls.get(Reach::Use(descriptor.as_fd()), &[], &known_by(), GetFlags::default()) {
            Err(error) if is_new => calls.remove(descriptor.as_fd()).and(Err(error)),
            read => read.map(|(_, values)| values),
        }?;
        Ok(Self { jid, path: path_of(&mut values), name: name_of(&mut values), descriptor: Some(descriptor) })
    }

    /// Its descriptor; none before FreeBSD 15, and for one that was read from a record.
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.descriptor.as_ref().map(AsFd::as_fd)
    }

    /// Whether it is still there, a dying one included where the kernel still finds it.
    ///
    /// # Errors
    /// [`KernelError`] where the kernel cannot be asked.
    pub fn is_there(&self, kernel: &dyn Kernel) -> Result<bool, KernelError> {
        match self.descriptor() {
            Some(_) => self.get(kernel, &[]).map(|found| found.is_some()),
            None => {
                let known_by = known_by();
                let found = kernel.jail_get(&[self.jid.into()], &known_by, GetFlags { dying: true });
                let own = [&self.name[..], &self.path[..]].map(|text| Value::String(text.to_vec()));
                Ok(unless_gone(found)?.is_some_and(|(_, values)| values == own))
            }
        }
    }

    /// Reads parameters of it, in order; none where it is gone.
    ///
    /// # Errors
    /// [`KernelError`] where the kernel refuses it.
    pub fn get(&self, kernel: &dyn Kernel, wanted: &[ParamType]) -> Result<Option<Vec<Value>>, KernelError> {
        let dying = GetFlags { dying: true };
        match self.descriptor() {
            Some(jail) => {
                let answer = kernel.descriptors()?.get(Reach::Use(jail), &[], wanted, dying);
                Ok(unless_gone(answer)?.map(|(_, values)| values))
            }
            None if self.is_there(kernel)? => read_jail(kernel, self.jid, wanted, dying),
            None => Ok(None),
        }
    }

    /// Changes it; whether it was there. `dying` brings a dying jail back to life before FreeBSD 15.
    ///
    /// # Errors
    /// [`KernelError`] where the kernel refuses it.
    pub fn update(&self, kernel: &dyn Kernel, params: &[Param], dying: bool) -> Result<bool, KernelError> {
        let flags = SetFlags { update: true, dying, ..SetFlags::default() };
        let set = match self.descriptor() {
            Some(jail) => kernel.descriptors()?.set(Reach::Use(jail), params, flags),
            None if self.is_there(kernel)? => {
                let params = [&[self.jid.into()], params].concat();
                kernel.jail_set(&params, flags)
            }
            None => return Ok(false),
        };
        Ok(unless_gone(set)?.is_some())
    }

    /// Moves this process into it, for good; whether it was there.
    ///
    /// # Errors
    /// [`KernelError`] where the kernel refuses it.
    pub fn attach(&self, kernel: &dyn Kernel) -> Result<bool, KernelError> {
        match self.descriptor() {
            Some(jail) => Ok(unless_gone(kernel.descriptors()?.attach(jail))?.is_some()),
            None if self.is_there(kernel)? => was_there(kernel.jail_attach(self.jid)),
            None => Ok(false),
        }
    }

    /// Removes it with its processes and children; whether it was there.
    ///
    /// # Errors
    /// [`KernelError`] where the kernel refuses it.
    pub fn remove(&self, kernel: &dyn Kernel) -> Result<bool, KernelError> {
        match self.descriptor() {
            Some(jail) => Ok(unless_gone(kernel.descriptors()?.remove(jail))?.is_some()),
            None if self.is_there(kernel)? => was_there(kernel.jail_remove(self.jid)),
            None => Ok(false),
        }
    }
}

/// The jid of the jail that a person means; none where there is none.
///
/// # Errors
/// [`KernelError`] where the kernel cannot be asked.
pub fn find_jail(kernel: &dyn Kernel, named: &JailKey, flags: GetFlags) -> Result<Option<Jid>, KernelError> {
    Ok(unless_gone(kernel.jail_get(&[named.clone().into()], &[], flags))?.map(|(jid, _)| jid))
}

/// The parameters `wanted` of the first jail with a greater number than `last`, and that number; none where there is
/// no further jail. `wanted` may have any name in it: jail_get(2) itself takes a `name` or `jid` that is wanted for a
/// key.
///
/// # Errors
/// [`KernelError`] where the kernel cannot be asked, `EINVAL` for an unknown parameter.
pub fn next_jail(
    kernel: &dyn Kernel,
    last: Jid,
    wanted: &[ParamType],
    flags: GetFlags,
) -> Result<Option<(Jid, Vec<Value>)>, KernelError> {
    unless_gone(kernel.jail_get(&[Param::new("lastjid", Value::Int(last.0))], wanted, flags))
}

/// The parameters `wanted` of the jail of this number; none where there is none.
///
/// # Errors
/// As [`next_jail`].
pub fn read_jail(
    kernel: &dyn Kernel,
    jid: Jid,
    wanted: &[ParamType],
    flags: GetFlags,
) -> Result<Option<Vec<Value>>, KernelError> {
    let found = next_jail(kernel, Jid(jid.0 - 1), wanted, flags)?;
    Ok(found.filter(|(found, _)| *found == jid).map(|(_, values)| values))
}

/// The names of the jails that run, by number.
///
/// # Errors
/// [`KernelError`] where the kernel cannot be asked.
pub fn running(kernel: &dyn Kernel) -> Result<Vec<JailName>, KernelError> {
    let mut names = Vec::new();
    let mut last = Jid::HOST;
    while let Some((jid, mut values)) = next_jail(kernel, last, &known_by()[..1], GetFlags::default())? {
        last = jid;
        names.push(name_of(&mut values));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::sim::SimKernel;

    const CREATE: SetFlags = SetFlags { create: true, update: false, attach: false, dying: false };

    fn create(kernel: &SimKernel, name: &str, path: &str) -> Jail {
        std::fs::create_dir_all(kernel.root().join(&path[1..])).unwrap();
        let path = PrisonPath::new(path).unwrap();
        let params = [Jid(7).into(), JailName::new(name).unwrap().into(), path.into(), Param::flag("persist")];
        Jail::create(kernel, &params, CREATE).unwrap()
    }

    fn is_found(kernel: &SimKernel, name: &str) -> bool {
        Jail::open(kernel, &JailKey::new(name).unwrap(), GetFlags::default()).unwrap().is_some()
    }

    #[test]
    fn a_jail_that_has_its_number_since_is_left_alone() {
        // The older kernels have no descriptors.
        for release in ["13.2", "14", "15"] {
            for (name, path) in [("second", "/a"), ("first", "/b")] {
                let root = tempfile::tempdir().unwrap();
                let kernel = SimKernel::boot(root.path(), release.parse().unwrap()).unwrap();
                let first = create(&kernel, "first", "/a");
                assert_eq!(first.descriptor().is_some(), release == "15");
                assert!(first.is_there(&kernel).unwrap() && first.remove(&kernel).unwrap());
                let second = create(&kernel, name, path);
                assert_eq!(second.jid, first.jid);
                assert!(!first.is_there(&kernel).unwrap(), "{release}");
                assert!(!first.remove(&kernel).unwrap(), "{release}");
                assert!(!first.attach(&kernel).unwrap(), "{release}");
                assert!(!first.update(&kernel, &[Param::flag("nopersist")], false).unwrap(), "{release}");
                assert_eq!(first.get(&kernel, &[]).unwrap(), None, "{release}");
                assert!(is_found(&kernel, name));
                assert!(second.update(&kernel, &[Param::flag("persist")], false).unwrap());
                assert!(second.attach(&kernel.clone()).unwrap());
                assert!(second.remove(&kernel).unwrap());
                assert!(!is_found(&kernel, name));
            }
        }
    }

    #[test]
    fn a_namesake_of_the_same_number_and_place_is_another_jail_to_a_descriptor() {
        let root = tempfile::tempdir().unwrap();
        let kernel = SimKernel::open(root.path()).unwrap();
        let first = create(&kernel, "www", "/a");
        kernel.jail_remove(Jid(7)).unwrap();
        create(&kernel, "www", "/a");
        assert!(!first.remove(&kernel).unwrap());
        assert!(is_found(&kernel, "www"));
    }

    #[test]
    fn a_jail_is_found_by_number_and_by_name() {
        let root = tempfile::tempdir().unwrap();
        let kernel = SimKernel::open(root.path()).unwrap();
        let www = create(&kernel, "www", "/a");
        for key in ["7", "www"] {
            let found = Jail::open(&kernel, &JailKey::new(key).unwrap(), GetFlags::default()).unwrap();
            assert_eq!(found.as_ref(), Some(&www));
        }
        assert_eq!(running(&kernel).unwrap(), ["www"]);
    }
}
