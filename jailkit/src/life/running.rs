//! Jails that run, whatever file they came from.

use bstr::{BStr, BString, ByteSlice};

use super::graph::{Named, children_first};
use super::observer::{Observer, Silent};
use super::schedule::Summary;
use super::world::World;
use super::{LifeError, Options, stop};
use crate::host::Host;
use crate::kernel;

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
    let running = kernel::running(world.host.kernel())?;
    let (mut found, mut unknown): (Vec<BString>, Vec<BString>) = (Vec::new(), Vec::new());
    for name in names.iter().map(|name| BStr::new(name.as_ref())) {
        if name.split_str(".").any(|part| part == b"*") {
            let matching = running.iter().filter(|jail| crate::jailconf::matches_wildcard(jail, name));
            found.extend(matching.cloned().map(BString::from));
        } else {
            match world.name_of(name)? {
                Some(running) => found.push(running),
                None => unknown.push(name.to_owned()),
            }
        }
    }
    Ok(Named::running(children_first(found), unknown))
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
        _ => Ok(Summary::default().with_strays(stop::strays(&world, &named, false))),
    }
}
