//! Jail descriptors: files that name one jail, and no later one of its number or name (FreeBSD 15).
//!
//! Source: `sys/kern/kern_jaildesc.c`, `sys/kern/kern_jail.c`, jail(2).

use std::os::fd::{BorrowedFd, OwnedFd};

use super::{GetFlags, Jid, KernelError, Param, ParamType, SetFlags, Value};

/// How a call finds its jail.
#[derive(Clone, Copy, Debug, Default)]
pub enum Reach<'fd> {
    /// By `jid` or `name`, below the prison of this process.
    #[default]
    Own,
    /// `JAIL_AT_DESC`: by `jid` or `name`, below the jail of this descriptor, as one in that jail says them. What is
    /// created is created there; its `path` is looked up as this process sees it all the same.
    At(BorrowedFd<'fd>),
    /// `JAIL_USE_DESC`: the jail of this descriptor itself, wherever it is. What the call may do depends on who opened
    /// the descriptor, not on who makes the call.
    Use(BorrowedFd<'fd>),
}

/// What becomes of a jail when a descriptor of it is closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Closing {
    /// `JAIL_GET_DESC`: nothing.
    #[default]
    Leaves,
    /// `JAIL_OWN_DESC`: it is removed, with its processes, once nobody has the descriptor open any more; so it is where
    /// the process that has it is killed.
    Removes,
}

/// The calls that take or give jail descriptors: what [`super::Kernel::descriptors`] of FreeBSD 15 answers.
///
/// A descriptor stops naming its jail as soon as that begins to die. Those given out are closed on exec.
///
/// # Errors
/// Besides those of the same call without descriptors: `EINVAL` and `not a jail descriptor` for a file that is none,
/// `ENOENT` and `descriptor to dead jail` where the jail is gone, `EPERM` where whoever opened the descriptor might not.
pub trait Descriptors {
    /// jail_set(2), of the jail that `reach` finds.
    ///
    /// # Errors
    /// As said of the trait; `EINVAL` and `cannot change jid` for another `jid` than that of the descriptor's jail.
    fn set(&self, reach: Reach<'_>, params: &[Param], flags: SetFlags) -> Result<Jid, KernelError>;

    /// [`Self::set`], and a descriptor of the jail in the same step.
    ///
    /// # Errors
    /// As [`Self::set`].
    fn set_and_open(
        &self,
        reach: Reach<'_>,
        params: &[Param],
        flags: SetFlags,
        closing: Closing,
    ) -> Result<(Jid, OwnedFd), KernelError>;

    /// jail_get(2), of the jail that `reach` finds.
    ///
    /// # Errors
    /// As said of the trait.
    fn get(
        &self,
        reach: Reach<'_>,
        keys: &[Param],
        wanted: &[ParamType],
        flags: GetFlags,
    ) -> Result<(Jid, Vec<Value>), KernelError>;

    /// jail_get(2) of the jail that `keys` name, below the jail of `at` where one is given, and a descriptor of it in
    /// the same step. There is none for a jail by its descriptor: the kernel opens no second one that way.
    ///
    /// # Errors
    /// As said of the trait; `EPERM` for a descriptor that removes, where this process may not remove jails.
    fn get_and_open(
        &self,
        at: Option<BorrowedFd<'_>>,
        keys: &[Param],
        wanted: &[ParamType],
        flags: GetFlags,
        closing: Closing,
    ) -> Result<(Jid, Vec<Value>, OwnedFd), KernelError>;

    /// jail_attach_jd(2): moves this process into the jail, for good.
    ///
    /// # Errors
    /// As said of the trait.
    fn attach(&self, jail: BorrowedFd<'_>) -> Result<(), KernelError>;

    /// jail_remove_jd(2): kills the processes of the jail and removes it and its children.
    ///
    /// # Errors
    /// As said of the trait.
    fn remove(&self, jail: BorrowedFd<'_>) -> Result<(), KernelError>;
}
