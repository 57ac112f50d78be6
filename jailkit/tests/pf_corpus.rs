//! pf.conf files and what pfctl -o none -nvf prints of each: FreeBSD's own regression suite.
#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use std::path::{Path, PathBuf};

use jailkit::pf::{Environment, HostFiles, Interfaces, MAX_RULES, Ruleset};
use jailkit::source::{Diagnostics, Source};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/pf")
}

fn cases(extension: &str, least: usize) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(corpus())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|own| own == extension))
        .collect();
    files.sort();
    assert!(files.len() >= least, "{} cases", files.len());
    files
}

/// The machine that the suite was recorded on: some cases have an interface of their own.
fn interfaces(case: &Path) -> Interfaces {
    let mut interfaces = Interfaces::default();
    let number = case.file_stem().unwrap().to_str().unwrap().strip_prefix("pf").unwrap();
    interfaces.add(&format!("vlan{number}=203.0.113.5/30,2001:db8::cb00:7105/126")).unwrap();
    interfaces
}

fn read(source: &Source, interfaces: &Interfaces) -> Result<Ruleset, Diagnostics> {
    Ruleset::read(source, &Environment { interfaces, files: &HostFiles, max_rules: MAX_RULES })
}

#[test]
fn every_accepted_file_prints_as_pfctl_prints_it_and_so_does_what_it_prints() {
    let mut wrong = Vec::new();
    for path in cases("ok", 139) {
        if path.with_extension("fail").exists() {
            continue;
        }
        let interfaces = interfaces(&path);
        let expected = std::fs::read(&path).unwrap();
        let input = path.with_extension("in");
        // Twice: the printed form, read again, prints the same. A queue's line ends in a blank that is read as one.
        let first = read(&Source::read(&input).unwrap(), &interfaces);
        let again = read(&Source::new(&input, expected.clone()), &interfaces);
        for (round, answer) in [("printed", first), ("printed again", again)] {
            match answer {
                Ok(set) if set.print() == expected => {}
                Ok(set) => {
                    let (ours, theirs) = (set.print(), expected.clone());
                    let (ours, theirs) = (String::from_utf8_lossy(&ours), String::from_utf8_lossy(&theirs));
                    let mut lines = ours.lines().zip(theirs.lines()).filter(|(ours, theirs)| ours != theirs);
                    wrong.push(format!("{} {round}: {:?}", path.display(), lines.next()));
                }
                Err(errors) => wrong.push(format!("{} {round}: {errors}", path.display())),
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_refused_file_is_refused_in_the_same_words() {
    for path in cases("fail", 11) {
        let theirs = std::fs::read_to_string(&path).unwrap();
        let theirs = theirs.trim().replace('\\', "");
        let source = Source::read(path.with_extension("in")).unwrap();
        let errors = read(&source, &interfaces(&path)).unwrap_err().to_string();
        // Where the suite names a line, ours is `file:line:column: error: words`.
        let (place, words) = theirs.rsplit_once(": ").map_or(("", theirs.as_str()), |(place, words)| (place, words));
        assert!(errors.contains(words) && errors.contains(place), "{}: {errors}\n not {theirs}", path.display());
    }
}
