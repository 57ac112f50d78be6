//! fstab files and what FreeBSD's own getfsent(3) makes of each.
#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use std::path::{Path, PathBuf};

use jailkit::fstab::Fstab;
use jailkit::source::Source;
use serde_json::{Value, json};

/// The corpus of the repository, and a larger one beside the checkout where there is one.
fn files() -> Vec<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dirs = [here.join("tests/corpus/fstab"), here.join("../../shared/corpus/fstab")];
    let mut files: Vec<_> = dirs
        .iter()
        .filter_map(|dir| std::fs::read_dir(dir).ok())
        .flat_map(|entries| entries.map(|entry| entry.unwrap().path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "fstab"))
        .collect();
    files.sort();
    assert!(files.len() >= 120);
    files
}

/// Bytes as the corpus writes them: a code point a byte.
fn latin1(bytes: &[u8]) -> Value {
    Value::String(bytes.iter().copied().map(char::from).collect())
}

fn answer(fstab: &Fstab) -> Value {
    let entries = fstab.entries().map(|entry| {
        let names = [&entry.spec, &entry.file, &entry.vfstype, &entry.mntops, &entry.access];
        let mut row: Vec<_> = names.iter().map(|name| latin1(name)).collect();
        row.extend([json!(entry.freq), json!(entry.passno)]);
        Value::Array(row)
    });
    json!({"entries": entries.collect::<Vec<_>>(), "bad_lines": fstab.bad_lines().collect::<Vec<_>>()})
}

#[test]
fn every_file_is_read_as_getfsent_reads_it() {
    let mut wrong = Vec::new();
    for path in files() {
        let source = Source::read(&path).unwrap();
        let fstab = Fstab::parse(&source);
        assert_eq!(fstab.text(), source.text());
        let theirs: Value = serde_json::from_slice(&std::fs::read(path.with_extension("json")).unwrap()).unwrap();
        let ours = answer(&fstab);
        if ours != theirs {
            wrong.push(format!("{}\n  ours:   {ours}\n  theirs: {theirs}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{} files differ:\n{}", wrong.len(), wrong[..wrong.len().min(5)].join("\n"));
}

#[test]
fn every_file_says_the_same_with_its_columns_in_line() {
    let read = |fstab: &Fstab| {
        let jail: Vec<_> = fstab.jail_mounts().map(|(_, mount)| mount).collect();
        (fstab.entries().collect::<Vec<_>>(), fstab.bad_lines().count(), jail)
    };
    for path in files() {
        let fstab = Fstab::parse(&Source::read(&path).unwrap());
        let even = Fstab::parse(&Source::new(&path, fstab.formatted()));
        assert_eq!(read(&even), read(&fstab), "{}", path.display());
        assert_eq!(even.formatted(), even.text(), "{} a second time", path.display());
    }
}
