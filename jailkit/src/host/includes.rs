//! The files of a host that a jail.conf includes.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::Files;
use crate::jailconf;

/// Reads what a jail.conf of a host includes from that host: on a simulated one, `/etc/jail.d/*.conf` are the files
/// below its own root.
///
/// # Example
/// ```no_run
/// use jailkit::host::{Host, Includes, SimHost};
/// use jailkit::jailconf::JailConf;
/// use jailkit::source::Source;
///
/// let host = SimHost::open("/tmp/host".as_ref())?;
/// let conf = JailConf::parse(&Source::new("/etc/jail.conf", ".include '/etc/jail.d/*.conf';"))?;
/// let resolved = conf.resolve_in(&Includes(host.files()))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Includes<'a>(pub &'a dyn Files);

impl jailconf::Files for Includes<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let text = self.0.read(path).map_err(|error| error.source)?;
        text.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn matching(&self, pattern: &str) -> Option<Vec<PathBuf>> {
        let mut found = vec![PathBuf::new()];
        for part in Path::new(pattern).components() {
            let name = part.as_os_str().to_str()?;
            if matches!(part, Component::Normal(_)) && name.contains(['*', '?', '[']) {
                let pattern = glob::Pattern::new(name).ok()?;
                found = found.iter().flat_map(|dir| self.entries(dir, &pattern)).collect();
            } else {
                found.iter_mut().for_each(|path| path.push(part));
            }
        }
        found.retain(|path| self.0.stat(path).is_ok_and(|stat| stat.is_some()));
        Some(found)
    }
}

impl Includes<'_> {
    /// What matches in a directory, in order; nothing where it cannot be read, as in glob(3).
    fn entries(&self, dir: &Path, pattern: &glob::Pattern) -> Vec<PathBuf> {
        let here = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
        let Some(entries) = self.0.locate(here).ok().and_then(|real| fs::read_dir(real).ok()) else {
            return Vec::new();
        };
        let names = entries.filter_map(|entry| Some(entry.ok()?.file_name()));
        let mut names: Vec<_> =
            names.filter(|name| name.to_str().is_some_and(|name| pattern.matches_with(name, jailconf::GLOB))).collect();
        names.sort();
        names.iter().map(|name| dir.join(name)).collect()
    }
}
