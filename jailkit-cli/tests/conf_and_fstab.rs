//! `jailkit conf` and `jailkit fstab`, as a person and a program use them.
#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use std::path::Path;

use assert_cmd::Command;

/// Runs the command in a directory; its exit code, standard output and standard error.
fn jailkit(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let output =
        Command::cargo_bin("jailkit").unwrap().env_remove("JAILKIT_ROOT").args(args).current_dir(dir).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_jail_conf_is_resolved_and_edited() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("jail.conf");
    let text = b"path = /srv; # all\nw {\n\tx = \"\\377\", $name;\n\ty = $none;\n}\n";
    std::fs::write(&path, text).unwrap();

    let (code, out, _) = jailkit(dir.path(), &["conf", "resolve", "jail.conf", "--json"]);
    let found: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &found[0]["jail"], &found[0]["failed"]), (0, &"w".into(), &true.into()));
    assert_eq!(found[0]["params"][2], serde_json::json!(["x", [255], "w"]));

    let (code, _, err) = jailkit(dir.path(), &["conf", "check", "jail.conf"]);
    assert!(
        code == 1 && err.contains("jail 'w' does not start: y: there is no variable 'none'\n --> jail.conf:4:7"),
        "{err}"
    );

    let set = ["conf", "set", "jail.conf", "-j", "w", "y", "1"];
    let (code, out, _) = jailkit(dir.path(), &[&set[..], &["-n"]].concat());
    assert!(code == 0 && out.contains("-\ty = $none;\n+\ty = 1;\n"), "{out}");
    assert_eq!(std::fs::read(&path).unwrap(), text);
    assert_eq!(jailkit(dir.path(), &set).0, 0);
    assert_eq!(jailkit(dir.path(), &["conf", "get", "jail.conf", "w", "y"]), (0, "1\n".into(), String::new()));
    assert_eq!(jailkit(dir.path(), &["conf", "unset", "jail.conf", "-j", "none", "y"]).0, 2);

    std::fs::write(&path, "foo.* { }\n").unwrap();
    let (code, out, err) = jailkit(dir.path(), &["conf", "resolve", "jail.conf", "--json"]);
    assert!(code == 1 && out.is_empty() && err.contains("quote it whole: \"foo.*\""), "{err}");
}

#[test]
fn an_fstab_is_listed_and_edited() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fstab");
    std::fs::write(&path, "# mine\nbad line\n/a\\040b /c nullfs ro\n").unwrap();

    let (code, out, _) = jailkit(dir.path(), &["fstab", "list", "fstab", "--json"]);
    let found: serde_json::Value = serde_json::from_str(&out).unwrap();
    let expected = serde_json::json!({"entries": [["/a b", "/c", "nullfs", "ro", "ro", 0, 0]], "bad_lines": [2]});
    assert_eq!((code, found), (0, expected));

    let (code, _, err) = jailkit(dir.path(), &["fstab", "check", "fstab"]);
    assert!(code == 1 && err.contains("fstab:2:1"), "{err}");

    assert_eq!(jailkit(dir.path(), &["fstab", "add", "fstab", "/x y", "/d", "nullfs", "rw"]).0, 0);
    assert!(std::fs::read_to_string(&path).unwrap().ends_with("/x\\040y\t/d\tnullfs\trw\t0\t0\n"));
    assert_eq!(jailkit(dir.path(), &["fstab", "remove", "fstab", "/d"]).0, 0);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "# mine\nbad line\n/a\\040b /c nullfs ro\n");
    assert_eq!(jailkit(dir.path(), &["fstab", "remove", "fstab", "/d"]).0, 1);
}
