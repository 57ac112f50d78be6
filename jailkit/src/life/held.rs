//! A jail that is held on to, so that a call about it does not reach a later jail of its number.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::running::Handle;
use crate::kernel::{Closing, Descriptors, Errno, GetFlags, Kernel, KernelError};

/// A jail held by a descriptor where the kernel has them (FreeBSD 15), elsewhere by a look, before each call, at whether
/// its number is still its own.
#[derive(Debug)]
pub struct Held {
    jail: Handle,
    descriptor: Option<OwnedFd>,
}

impl Held {
    /// Holds on to a jail; none where it is gone.
    ///
    /// # Errors
    /// [`KernelError`] where the kernel cannot be asked.
    pub fn hold(kernel: &dyn Kernel, jail: Handle) -> Result<Option<Self>, KernelError> {
        let open = |descriptors: &dyn Descriptors| {
            let keys = [jail.jid.into()];
            descriptors.get_and_open(None, &keys, &[], GetFlags::default(), Closing::Leaves)
        };
        let descriptor = match kernel.descriptors().and_then(open) {
            Ok((_, _, descriptor)) => Some(descriptor),
            Err(error) if error.errno == Errno::EOPNOTSUPP => None,
            Err(error) if error.errno == Errno::ENOENT => return Ok(None),
            Err(error) => return Err(error),
        };
        // The number may have gone to another jail between the look at it and the descriptor.
        Ok(jail.is_current(kernel)?.then_some(Self { jail, descriptor }))
    }

    /// The jail as it was when it was held.
    pub fn jail(&self) -> &Handle {
        &self.jail
    }

    /// Removes the jail, and no other that has its number by now; whether it was there.
    ///
    /// # Errors
    /// [`KernelError`] where the kernel refuses it.
    pub fn remove(&self, kernel: &dyn Kernel) -> Result<bool, KernelError> {
        self.call(kernel, |jail| kernel.descriptors()?.remove(jail), || kernel.jail_remove(self.jail.jid))
    }

    /// Moves this process into the jail, and into no other that has its number by now; whether it was there.
    ///
    /// # Errors
    /// [`KernelError`] where the kernel refuses it.
    pub fn attach(&self, kernel: &dyn Kernel) -> Result<bool, KernelError> {
        self.call(kernel, |jail| kernel.descriptors()?.attach(jail), || kernel.jail_attach(self.jail.jid))
    }

    fn call(
        &self,
        kernel: &dyn Kernel,
        by_descriptor: impl FnOnce(BorrowedFd<'_>) -> Result<(), KernelError>,
        by_number: impl FnOnce() -> Result<(), KernelError>,
    ) -> Result<bool, KernelError> {
        let called = match &self.descriptor {
            Some(descriptor) => by_descriptor(descriptor.as_fd()),
            None if !self.jail.is_current(kernel)? => return Ok(false),
            None => by_number(),
        };
        match called {
            Err(error) if error.errno == Errno::ENOENT => Ok(false),
            called => called.map(|()| true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::sim::SimKernel;
    use crate::kernel::{GetFlags, JailName, Jid, Param, SetFlags, Value, find_named};

    fn create(kernel: &SimKernel, name: &str) -> Handle {
        let flags = SetFlags { create: true, ..SetFlags::default() };
        let name = JailName::new(name).unwrap();
        let params = [Param::from(Jid(7)), Param::from(name.clone()), Param::flag("persist")];
        kernel.jail_set(&params, flags).unwrap();
        Handle::find(kernel, &name).unwrap().unwrap()
    }

    #[test]
    fn a_jail_that_has_its_number_since_is_left_alone() {
        // The older kernel has no descriptors.
        for release in ["14", "15"] {
            let root = tempfile::tempdir().unwrap();
            let kernel = SimKernel::boot(root.path(), release.parse().unwrap()).unwrap();
            let held = Held::hold(&kernel, create(&kernel, "first")).unwrap().unwrap();
            assert!(held.remove(&kernel).unwrap());
            let second = create(&kernel, "second");
            assert_eq!(second.jid, held.jail().jid);
            assert!(!held.remove(&kernel).unwrap(), "{release}");
            assert!(!held.attach(&kernel).unwrap(), "{release}");
            assert!(Held::hold(&kernel, held.jail().clone()).unwrap().is_none(), "{release}");
            assert!(find_named(&kernel, b"second", GetFlags::default()).unwrap().is_some());

            let held = Held::hold(&kernel, second).unwrap().unwrap();
            assert!(held.attach(&kernel.clone()).unwrap());
            assert!(held.remove(&kernel).unwrap());
            assert!(find_named(&kernel, b"second", GetFlags::default()).unwrap().is_none());
        }
    }

    #[test]
    fn a_namesake_of_the_same_number_is_another_jail_to_a_descriptor() {
        let root = tempfile::tempdir().unwrap();
        let kernel = SimKernel::open(root.path()).unwrap();
        let held = Held::hold(&kernel, create(&kernel, "www")).unwrap().unwrap();
        kernel.jail_remove(Jid(7)).unwrap();
        create(&kernel, "www");
        assert!(!held.remove(&kernel).unwrap());
        assert_eq!(
            kernel.jail_get(&[Param::new("name", Value::String(b"www".into()))], &[], GetFlags::default()).unwrap().0,
            Jid(7)
        );
    }
}
