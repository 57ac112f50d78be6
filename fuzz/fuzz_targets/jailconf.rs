//! Any bytes as a jail.conf: no panic, an accepted file prints as it was, each parameter tells where it came from, and a
//! parameter set and unset again, or a jail added and removed, leaves the bytes. What a file includes is the file
//! itself, to see the bounds; the disk is not read.
#![no_main]

use std::io;
use std::path::{Path, PathBuf};

use jailkit::jailconf::{Files, JailConf, ResolvedJail};
use jailkit::source::Source;
use libfuzzer_sys::fuzz_target;

/// A directory in which every name is that of one file, without its directives so that reading ends soon.
struct Itself<'a>(&'a [u8]);

impl Files for Itself<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path.as_os_str().len() > 40 || self.0.contains(&b'\\') {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(String::from_utf8_lossy(self.0).replace("include", "included").into_bytes())
    }

    fn matching(&self, pattern: &str) -> Option<Vec<PathBuf>> {
        Some(vec![pattern.replace('*', "a").into(), pattern.replace('*', "b").into()])
    }
}

fuzz_target!(|text: &[u8]| {
    let source = Source::new("/jail/conf", text);
    let Ok(mut conf) = JailConf::parse(&source) else { return };
    assert_eq!(conf.text(), text);
    if let Ok(resolved) = conf.resolve_in(&Itself(text)) {
        resolved.jails.iter().take(20).for_each(tells_origins);
    }
    let names = [None, Some("a"), Some("www"), Some("a.b")];
    let blocks: Vec<_> = names.into_iter().filter(|block| block.is_none_or(|name| conf.has_jail(name))).collect();
    for block in blocks {
        for values in [&[][..], &["x y".to_owned(), "$v".to_owned()]] {
            if conf.own(block, "unheard.of").is_none() && conf.set(block, "unheard.of", values).is_ok() {
                assert!(conf.own(block, "unheard.of").is_some(), "it was not set");
                conf.unset(block, "unheard.of").expect("what was set can be unset");
                assert_eq!(conf.text(), text, "setting and unsetting left a trace");
            }
        }
    }
    if !conf.has_jail("unheard-of") && conf.add_jail("unheard-of", &[("path".into(), vec!["/".into()])]).is_ok() {
        assert!(conf.has_jail("unheard-of"), "it was not added");
        conf.remove_jail("unheard-of").expect("what was added can be removed");
        assert_eq!(conf.text(), text, "adding and removing left a trace");
    }
});

fn tells_origins(jail: &ResolvedJail) {
    for index in 0..jail.params.len().min(20) {
        let origin = jail.params.origin(index).expect("every parameter came from somewhere");
        assert!(!origin.source.slice(origin.statement).is_empty(), "it came from nothing");
    }
    if let Some(failed) = &jail.failed {
        assert!(failed.span.end() <= failed.source.text().len());
    }
}
