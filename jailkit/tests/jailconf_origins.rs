//! Where each resolved parameter came from, and where it is to be seen why a jail fails.
#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use std::path::Path;

use jailkit::jailconf::{JailConf, Resolved, ResolvedJail};
use jailkit::source::Source;

fn resolve(path: &Path, text: &str) -> Resolved {
    JailConf::parse(&Source::new(path, text)).unwrap().resolve().unwrap()
}

/// Each parameter of a jail with its place and its block, and the statement there.
fn origins(jail: &ResolvedJail) -> Vec<String> {
    let shown = |(index, param): (usize, &jailkit::jailconf::ResolvedParam)| {
        let origin = jail.params.origin(index).unwrap();
        let statement = String::from_utf8_lossy(origin.source.slice(origin.statement)).into_owned();
        format!("{} {} {}: {statement}", param.name, origin.position(), origin.scope)
    };
    jail.params.iter().enumerate().map(shown).collect()
}

#[test]
fn each_parameter_tells_where_it_was_set_last() {
    for (text, expected) in [
        ("w { x = 1; }", &["name 1:1 direct: w", "x 1:5 direct: x = 1;"][..]),
        // Behind a jail, the top level goes on in its block.
        ("x = 1;\nw { y; } x += 2;", &["x 2:10 outer: x += 2;", "name 2:1 direct: w", "y 2:5 direct: y;"]),
        (
            "* { x = 1; }\n\"*\" { y; }\nw { x 2; }",
            &["name 3:1 direct: w", "x 3:5 direct: x 2;", "y 2:7 wildcard *: y;"],
        ),
        ("'a.*' { x; } a { b { } y; }", &["name 1:14 direct: a", "y 1:24 direct: y;"]),
        // A statement's name may be quoted, and be the variable's or the `no` form.
        ("w { \"x\" = $v; $v = 1; nox; }", &["name 1:1 direct: w", "nox 1:23 direct: nox;"]),
        ("7 { }", &["jid 1:1 direct: 7", "name 1:1 direct: 7"]),
    ] {
        let mut found = origins(&resolve(Path::new("jail.conf"), text).jails[0]);
        // In the order of the places, which is easier to follow than jail(8)'s.
        found.sort_by_key(|line| expected.iter().position(|expected| expected == line));
        assert_eq!(found, expected, "{text}");
    }
    let nested = resolve(Path::new("jail.conf"), "'a.*' { x; } a { b { z; } y; }");
    assert_eq!(origins(&nested.jails[1]), ["name 1:18 direct: b", "x 1:9 wildcard a.*: x;", "z 1:22 direct: z;"]);
}

#[test]
fn what_is_included_came_from_its_own_file() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write("a.conf", "# first\nx = 1;\n.include 'b.conf';\ny = 2;\n");
    write("b.conf", "\nz = 3;");
    let resolved = resolve(&dir.path().join("jail.conf"), "w { u;\n  .include 'a.conf';\n  v; }\nt;");
    let jail = &resolved.jails[0];
    let place = |name: &str| {
        let origin = jail.origin(name).unwrap();
        let file = origin.source.name().file_name().unwrap().to_string_lossy().into_owned();
        format!("{file}:{} {}", origin.position(), origin.scope)
    };
    for (name, expected) in [
        ("u", "jail.conf:1:5 direct"),
        ("x", "a.conf:2:1 direct"),
        ("z", "b.conf:2:1 direct"),
        ("y", "a.conf:4:1 direct"),
        ("v", "jail.conf:3:3 direct"),
        ("t", "jail.conf:4:1 outer"),
    ] {
        assert_eq!(place(name), expected, "{name}");
    }
    assert_eq!(jail.origin("none"), None);
}

#[test]
fn a_jail_that_fails_tells_where() {
    for (text, expected) in [
        ("w {\n  x = \"a${none}b\";\n}", "jail.conf:2:11: error: x: there is no variable 'none'|none"),
        (
            "w { name = k; }",
            "jail.conf:1:5: error: 'name' cannot be set twice, and the block's own name sets it once|name",
        ),
        ("w { $path = k; }", "jail.conf:1:5: error: the variable $path has the name of a parameter|$path"),
        ("$l = 1, 2;\nw { x = a$l; }", "jail.conf:2:11: error: x: a list of values cannot stand inside a string|l"),
        ("$a = $b; $b = $a;\nw { }", "jail.conf:1:16: error: b: the variable 'a' needs itself|a"),
    ] {
        let resolved = resolve(Path::new("jail.conf"), text);
        let failed = resolved.jails[0].failed.as_deref().unwrap();
        let meant = String::from_utf8_lossy(failed.source.slice(failed.span)).into_owned();
        assert_eq!(format!("{failed}|{meant}"), expected);
    }
}

#[test]
fn the_resolved_view_serializes_as_the_command_prints_it() {
    let resolved = resolve(Path::new("jail.conf"), "w { x = \"\\377\", a; b; }");
    assert_eq!(
        serde_json::to_value(&resolved).unwrap(),
        serde_json::json!([{"jail": "w", "failed": false, "params": [["name", "w"], ["x", [255], "a"], ["b"]]}])
    );
    let origin = serde_json::to_value(resolved.jails[0].origin("b").unwrap()).unwrap();
    assert_eq!(origin, serde_json::json!({"file": "jail.conf", "line": 1, "column": 20, "scope": "direct"}));
}
