//! Edits of every pf.conf that pfctl takes: they change what they are to change, and nothing else.
#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use std::path::{Path, PathBuf};

use jailkit::pf::{Environment, HostFiles, Interfaces, MAX_RULES, PfRules, Ruleset, Section};
use jailkit::source::Source;
use proptest::prelude::*;

fn read(name: &Path, text: &[u8]) -> Option<Ruleset> {
    let interfaces = Interfaces::default();
    let env = Environment { interfaces: &interfaces, files: &HostFiles, max_rules: MAX_RULES };
    Ruleset::read(&Source::new(name, text), &env).ok()
}

fn text(set: &Ruleset) -> String {
    String::from_utf8_lossy(&set.print()).into_owned()
}

/// The lines of one text that the other has not, as many times as it has them.
fn more(before: &str, after: &str) -> Vec<String> {
    let mut left: Vec<_> = before.lines().collect();
    let mut more = Vec::new();
    for line in after.lines() {
        match left.iter().position(|known| *known == line) {
            Some(at) => drop(left.swap_remove(at)),
            None => more.push(line.to_owned()),
        }
    }
    more.extend(left.into_iter().map(|line| format!("gone: {line}")));
    more
}

/// Edits a file that pfctl takes in each section, and reads it again with the whole grammar.
fn check(name: &Path, bytes: &[u8]) {
    let Some(before) = read(name, bytes) else { return };
    let shown = String::from_utf8_lossy(bytes);
    let rules = PfRules::parse(&Source::new(name, bytes)).unwrap_or_else(|error| panic!("{shown}\n{error}"));
    assert_eq!(rules.text(), bytes);
    let tidied = rules.tidied().unwrap();
    let again = read(name, &tidied).unwrap_or_else(|| panic!("tidied:\n{}", String::from_utf8_lossy(&tidied)));
    assert_eq!(text(&again), text(&before), "tidied:\n{shown}");
    for (section, rule, printed) in [
        (Section::Options, "set hostid 77", vec!["set hostid 0x0000004d"]),
        (Section::Normalization, "scrub in on jk9 all", vec!["scrub in on jk9 all fragment reassemble"]),
        (Section::Translation, "no nat on jk9 all", vec!["no nat on jk9 all"]),
        (Section::Filtering, "block drop on jk9 all", vec!["block drop on jk9 all"]),
    ] {
        if shown.contains("$nr") && section != Section::Options {
            // A rule more changes the numbers of those behind it.
            continue;
        }
        let mut edited = rules.clone();
        edited.insert(section, rule).unwrap();
        let after = read(name, edited.text()).unwrap_or_else(|| panic!("{rule} in\n{shown}"));
        assert_eq!(more(&text(&before), &text(&after)), printed, "{rule} in\n{shown}");
        edited.remove(rule).unwrap();
        let back = read(name, edited.text()).unwrap_or_else(|| panic!("{rule} out of\n{shown}"));
        assert_eq!(text(&back), text(&before));
    }
    let mut edited = rules;
    edited.set_macro("jk9", "a b").unwrap();
    let after = read(name, edited.text()).unwrap_or_else(|| panic!("a macro in\n{shown}"));
    assert_eq!(more(&text(&before), &text(&after)), ["jk9 = \"a b\""], "a macro in\n{shown}");
}

fn corpus() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/pf");
    let mut files = Vec::new();
    let mut dirs = vec![dir];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { dirs.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

#[test]
fn every_file_of_pfctls_suite_is_edited_without_disturbing() {
    let files = corpus();
    let read = files.iter().filter(|path| {
        let bytes = std::fs::read(path).unwrap();
        check(path, &bytes);
        self::read(path, &bytes).is_some()
    });
    assert!(read.count() > 100);
}

/// Pieces that statements, comments, strings and joined lines are made of.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "pass",
        "block",
        " in",
        " quick",
        " on lo0",
        " label \"a b\"",
        " label 'x",
        "'",
        "\"",
        " # c",
        " \\",
        "\\\\",
        "\\",
        "\n",
        "\r\n",
        "\n\n",
        " ",
        "\t",
        "a = \"{ 22\"",
        "b = 'x'",
        " proto tcp to port ",
        "$a",
        "$b",
        "{",
        "}",
        " 22",
        ", 80",
        "anchor x {\n",
        "}\n",
        "no nat\n",
        "set skip on lo0\n",
        "table <t> { 10.0.0.1 }\n",
        "pass\n",
        "block # x\n",
        "#",
        "\x0c",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn whatever_pfctl_takes_is_edited_without_disturbing(pieces in prop::collection::vec(piece(), 1..14)) {
        check(Path::new("pf.conf"), pieces.concat().as_bytes());
    }
}
