//! Jails by the words of jail(8), without a jail.conf(5): what jail_setv(3) of libjail is for.

use bstr::ByteSlice;

use super::{JailError, modules, params};
use crate::jailconf::{Name, ResolvedParam, Text, Values};
use crate::kernel::{Jid, Kernel, SetFlags};

/// Creates or changes a jail, as `flags` say: each parameter by its name and the text of its value, none for a bare
/// one. A list is one text with commas in it; nothing is taken for a variable.
///
/// # Errors
/// [`JailError::Param`] for a parameter that the kernel does not know or a value that it cannot have, before anything is
/// done; what the kernel refused.
///
/// # Example
/// ```
/// use jailkit::kernel::{SetFlags, sim::SimKernel};
/// use jailkit::life::set_jail;
///
/// let dir = tempfile::tempdir()?;
/// let kernel = SimKernel::open(dir.path())?;
/// let words = [("name", Some("www")), ("path", Some("/")), ("ip4.addr", Some("10.0.0.1,10.0.0.2")), ("persist", None)];
/// let create = SetFlags { create: true, ..SetFlags::default() };
/// assert_eq!(set_jail(&kernel, &words, create)?.0, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn set_jail<T: AsRef<[u8]>>(
    kernel: &dyn Kernel,
    words: &[(T, Option<T>)],
    flags: SetFlags,
) -> Result<Jid, JailError> {
    let mut kinds = modules::kinds(kernel)?;
    let names = words.iter().filter_map(|(name, _)| name.as_ref().to_str().ok());
    if let Some(more) = modules::bring(kernel, names, &kinds)? {
        kinds = more;
    }
    let text = |bytes: &T| Text::from(bytes.as_ref());
    let words = words.iter().map(|(name, value)| ResolvedParam {
        name: Name::from(name.as_ref()),
        values: value.as_ref().map_or_else(Values::default, |value| text(value).into()),
    });
    let given = words.map(|word| params::import_one(&word, &kinds)).collect::<Result<Vec<_>, _>>()?;
    Ok(kernel.jail_set(&given, flags)?)
}
