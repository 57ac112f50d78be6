//! Every statement about a jail's parameter, and which of them count.
#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use std::path::Path;

use jailkit::jailconf::{Explained, HostFiles, JailConf};
use jailkit::source::Source;

/// The parameter as one line, then each statement as one.
fn lines(param: &Explained) -> Vec<String> {
    let list =
        |values: &[jailkit::jailconf::Text]| values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let mut lines = vec![format!("{}={}", param.name, list(&param.values))];
    lines.extend(param.settings.iter().map(|setting| {
        let origin = &setting.origin;
        let variables = setting.variables.iter().map(|replaced| {
            let from =
                replaced.origin.as_ref().map_or_else(|| "nowhere".to_owned(), |origin| origin.position().to_string());
            format!(" ${}={} from {from}", replaced.name, list(&replaced.values))
        });
        let included = if setting.is_included { " included" } else { "" };
        let values: Vec<_> = setting
            .values
            .iter()
            .map(|span| String::from_utf8_lossy(origin.source.slice(*span)).into_owned())
            .collect();
        let (at, scope, effect, operator) = (origin.position(), &origin.scope, setting.effect, setting.operator);
        format!(
            "{at} {scope}{included} {operator:?} {effect:?} [{}]{}",
            values.join("|"),
            variables.collect::<String>()
        )
    }));
    lines
}

fn explained(path: &Path, text: &str, jail: &str, param: &str) -> Vec<String> {
    let conf = JailConf::parse(&Source::new(path, text)).unwrap();
    let explanation = conf.explain(&HostFiles, jail.as_bytes()).unwrap().unwrap();
    explanation.param(param).map_or_else(Vec::new, lines)
}

#[test]
fn every_statement_about_a_parameter_is_told_in_order() {
    for (text, jail, param, expected) in [
        (
            "x = a;\n\"w*\" { x = no; }\nw {\n  x += \"$n\", 'c d';\n  $n = 1;\n}\n* { x += e; }",
            "w",
            "x",
            &[
                "x=a,1,c d,e",
                "1:1 outer Set Counts [a]",
                "4:3 direct Append Counts [$n|c d] $n=1 from 5:3",
                "7:5 wildcard * Append Counts [e]",
            ][..],
        ),
        // Where it is replaced, all before it is.
        (
            "x = a;\nx += b;\nw { x 1; nox; }",
            "w",
            "x",
            &[
                "nox=",
                "1:1 outer Set Replaced [a]",
                "2:1 outer Append Replaced [b]",
                "3:5 direct Beside Replaced [1]",
                "3:10 direct Bare Counts []",
            ],
        ),
        // A variable may stand for a parameter; a name cannot be set again.
        ("w { h = \"$name.x\"; }", "w", "h", &["h=w.x", "1:5 direct Set Counts [$name.x] $name=w from 1:1"]),
        ("w { name = k; }", "w", "name", &["name=w", "1:1 direct Block Counts []", "1:5 direct Set Refused [k]"]),
        ("w { $path = k; }", "w", "$path", &["path=k", "1:5 direct Set Refused [k]"]),
        ("w { x = $none; }", "w", "x", &["x=", "1:5 direct Set Counts [$none] $none= from nowhere"]),
        ("$v = \"a$u\"; $u = b;\nw { }", "w", "$v", &["v=ab", "1:1 outer Set Counts [a$u] $u=b from 1:13"]),
        ("w { x; }\n\nw { x = 2; }", "w", "x", &["x=", "1:5 direct Bare Counts []"]),
        ("w { }", "w", "x", &[]),
        ("7 { }", "7", "jid", &["jid=7", "1:1 direct Block Counts []"]),
    ] {
        let found = explained(Path::new("jail.conf"), text, jail, param);
        let spaced = |line: &&str| (*line).to_owned();
        assert_eq!(found, expected.iter().map(spaced).collect::<Vec<_>>(), "{text}");
    }
}

#[test]
fn an_included_statement_is_told_as_such() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("more.conf"), "\nx += b;").unwrap();
    let path = dir.path().join("jail.conf");
    let found = explained(&path, "w { x = a; .include 'more.conf'; }", "w", "x");
    assert_eq!(found, ["x=a,b", "1:5 direct Set Counts [a]", "2:1 direct included Append Counts [b]"]);
}

#[test]
fn all_that_a_jail_has_is_explained_and_no_other_jail() {
    let conf = JailConf::parse(&Source::new("jail.conf", "$v = 1;\nx = $v;\n\"w.*\" { }\nw { y; }")).unwrap();
    let explanation = conf.explain(&HostFiles, b"w").unwrap().unwrap();
    let names: Vec<_> = explanation.params.iter().map(|param| param.name.to_string()).collect();
    assert_eq!(names, ["name", "x", "y", "v"]);
    assert!(explanation.params.iter().all(|param| param.winner().is_some()));
    for none in [&b"v"[..], b"w.*", b"*", b""] {
        assert_eq!(conf.explain(&HostFiles, none).unwrap(), None);
    }
}
