//! Parameters that come with a module of the kernel: libjail loads it when one of them is named.

use std::collections::HashMap;

use super::params;
use crate::kernel::{Kernel, KernelError, ParamKind};

/// The modules that may bring a parameter; the first that can be loaded is the one.
///
/// Source: `kldload_param` of libjail.
fn modules_of(name: &str) -> Vec<&str> {
    match name {
        "sysvmsg" | "sysvsem" | "sysvshm" => vec![name],
        _ if name == "linux" || name.starts_with("linux.") => vec!["linux"],
        _ => match name.strip_prefix("allow.mount.") {
            Some(fstype) => std::iter::once(fstype).chain(fstype.strip_prefix("no")).collect(),
            None => Vec::new(),
        },
    }
}

/// Whether a module may bring this parameter, which the kernel does not know.
pub(super) fn may_bring(name: &str, kinds: &HashMap<String, ParamKind>) -> bool {
    params::kind_of(name, kinds).is_none() && !modules_of(name).is_empty()
}

/// Loads the module that brings a parameter; whether one was loaded. Why not is of no interest: the parameter is
/// unknown then.
pub(super) fn load_for(kernel: &dyn Kernel, name: &str) -> bool {
    modules_of(name).into_iter().any(|module| kernel.load_module(module).is_ok())
}

/// What a kernel knows once the modules are loaded that bring these parameters; none where none was loaded.
///
/// # Errors
/// [`KernelError`] where it cannot be asked.
pub(super) fn bring<'n>(
    kernel: &dyn Kernel,
    names: impl Iterator<Item = &'n str>,
    kinds: &HashMap<String, ParamKind>,
) -> Result<Option<HashMap<String, ParamKind>>, KernelError> {
    let loaded = names.filter(|name| may_bring(name, kinds) && load_for(kernel, name)).count();
    if loaded == 0 { Ok(None) } else { self::kinds(kernel).map(Some) }
}

/// Every parameter that a kernel knows.
///
/// # Errors
/// [`KernelError`] where it cannot be asked.
pub(super) fn kinds(kernel: &dyn Kernel) -> Result<HashMap<String, ParamKind>, KernelError> {
    Ok(kernel.jail_params()?.into_iter().map(|param| (param.name, param.kind)).collect())
}
