//! Any bytes as an fstab: no panic in either reading or the checks; what is printed is what was read; an entry added
//! and removed leaves the bytes; columns in line say the same.
#![no_main]

use std::path::{Path, PathBuf};

use jailkit::fstab::{Context, Entry, Found, Fstab, JailMount, JailMountError, Look};
use jailkit::source::{Severity, Source};
use libfuzzer_sys::fuzz_target;

/// Both readings of a file.
type Read = (Vec<Entry>, usize, Vec<Result<JailMount, JailMountError>>);

fn read(fstab: &Fstab) -> Read {
    let jail = fstab.jail_mounts().map(|(_, mount)| mount).collect();
    (fstab.entries().collect(), fstab.bad_lines().count(), jail)
}

/// An entry made of the bytes, where one can be.
fn entry(text: &[u8]) -> Option<Entry> {
    let mut fields = text.splitn(4, |&byte| byte == b'\n');
    let (spec, file, vfstype) = (fields.next()?, fields.next()?, fields.next()?);
    Entry::builder(spec, file, vfstype).options(fields.next().unwrap_or_default()).build().ok()
}

fuzz_target!(|text: &[u8]| {
    let mut fstab = Fstab::parse(&Source::new("fstab", text));
    assert_eq!(fstab.text(), text);
    let before = read(&fstab);

    let even = Fstab::parse(&Source::new("fstab", fstab.formatted()));
    assert_eq!(read(&even), before);
    assert_eq!(even.formatted(), even.text());

    let at = |path: &Path| if path.as_os_str().len() % 2 == 0 { Found::Missing } else { Found::Directory };
    let look = Some(Look { at: &at, severity: Severity::Error });
    let jails = [PathBuf::from("/a")];
    for context in [Context::default(), Context { jails: &jails, look }, Context { jails: &[], look }] {
        let found = fstab.check_in(&context).unwrap_or_else(|found| found.into_iter().collect());
        assert!(found.iter().all(|one| one.span.end() <= text.len() && !one.to_string().is_empty()));
    }

    if let Some(entry) = entry(text)
        && !before.0.contains(&entry)
    {
        fstab.add(&entry);
        assert_eq!(fstab.entries().last().as_ref(), Some(&entry));
        fstab.remove(&entry);
        assert_eq!(fstab.text(), text);
    }
});
