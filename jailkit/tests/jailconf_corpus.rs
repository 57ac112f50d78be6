//! jail.conf files and what FreeBSD's own jail(8) makes of each.
#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use std::path::{Path, PathBuf};

use jailkit::jailconf::JailConf;
use jailkit::source::Source;
use serde_json::{Value, json};

/// The corpus of the repository, and a larger one beside the checkout where there is one.
fn files() -> Vec<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dirs = [here.join("tests/corpus/jailconf"), here.join("../../shared/corpus/jailconf")];
    let mut files: Vec<_> = dirs
        .iter()
        .filter_map(|dir| std::fs::read_dir(dir).ok())
        .flat_map(|entries| entries.map(|entry| entry.unwrap().path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "conf"))
        .collect();
    files.sort();
    assert!(files.len() >= 300);
    files
}

/// Bytes as the corpus writes them: a code point a byte.
fn latin1(bytes: &[u8]) -> Value {
    Value::String(bytes.iter().copied().map(char::from).collect())
}

fn answer(source: &Source) -> Value {
    let Ok(conf) = JailConf::parse(source) else { return json!({"accepted": false}) };
    assert_eq!(conf.text(), source.text());
    let Ok(resolved) = conf.resolve() else { return json!({"accepted": false}) };
    let jails = resolved.jails.into_iter().map(|jail| {
        let failed = jail.failed.is_some();
        let params = jail.params.iter().map(|param| {
            let values = param.values.iter().map(|bytes| latin1(bytes));
            Value::Array(std::iter::once(latin1(&param.name)).chain(values).collect())
        });
        // Of a jail that fails, only that it does counts.
        let params: Vec<_> = if failed { Vec::new() } else { params.collect() };
        json!({"jail": latin1(&jail.name), "failed": failed, "params": params})
    });
    json!({"accepted": true, "jails": jails.collect::<Vec<_>>()})
}

fn expected(path: &Path) -> Value {
    let text = std::fs::read(path.with_extension("json")).unwrap();
    let mut value: Value = serde_json::from_slice(&text).unwrap();
    for jail in value.get_mut("jails").and_then(Value::as_array_mut).into_iter().flatten() {
        if jail["failed"] == true {
            jail["params"] = json!([]);
        }
    }
    value
}

#[test]
fn every_file_is_read_as_jail_8_reads_it() {
    let mut wrong = Vec::new();
    for path in files() {
        let source = Source::read(&path).unwrap();
        let (ours, theirs) = (answer(&source), expected(&path));
        if ours != theirs {
            wrong.push(format!("{}\n  ours:   {ours}\n  theirs: {theirs}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{} files differ:\n{}", wrong.len(), wrong[..wrong.len().min(5)].join("\n"));
}

#[test]
fn every_file_says_the_same_in_an_even_layout() {
    for path in files() {
        let source = Source::read(&path).unwrap();
        let Ok(conf) = JailConf::parse(&source) else { continue };
        let formatted = conf.formatted().unwrap_or_else(|error| panic!("{error}"));
        let even = JailConf::parse(&Source::new(&path, formatted.clone())).unwrap();
        assert_eq!(even.formatted().unwrap(), formatted, "{} a second time", path.display());
        // Where a fault is seen moves with the layout; what the jails come to does not.
        let jails = |conf: &JailConf| conf.resolve().ok().map(|resolved| json!(resolved));
        assert_eq!(jails(&even), jails(&conf), "{}", path.display());
    }
}
