//! `jailkit conf check` and `conf params`, as a person and a program use them.
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

/// Checks a text as `jail.conf`.
fn check(text: &str, options: &[&str]) -> (i32, String, String) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("jail.conf"), text).unwrap();
    jailkit(dir.path(), &[&["conf", "check", "jail.conf"][..], options].concat())
}

#[test]
fn findings_are_shown_where_they_are() {
    let text = "path = \"/srv/$name\";\npersist;\n\nwww {\n\tvnet;\n\tip4.addr = \"em0|10.0.0.1/24\";\n\texec.strat = \"/bin/sh /etc/rc\";\n}\n";
    let (code, out, err) = check(text, &[]);
    assert_eq!((code, out.as_str()), (1, ""));
    insta::assert_snapshot!(err);
}

#[test]
fn a_wildcard_without_quotes_is_a_syntax_error_and_the_quotes_are_offered() {
    let (code, out, err) = check("foo.* {\n  persist;\n}\nfoo.bar { path = / }\n", &[]);
    assert_eq!((code, out.as_str()), (1, ""));
    insta::assert_snapshot!(err);
}

#[test]
fn warnings_alone_do_not_fail() {
    let text = "www { path = /srv/www; persist; zfz.dataset = tank/www; }\n";
    let (code, _, err) = check(text, &[]);
    assert!(code == 0 && err.contains("did you mean 'zfs.dataset'?"), "{err}");
    assert_eq!(check(text, &["--strict"]).0, 1);
    let (code, out, err) = check(text, &["--json"]);
    let found: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, err.as_str(), &found["found"][0]["line"]), (0, "", &1.into()));
    assert_eq!(check("www { path = /srv/www; persist; meta = x; }\n", &["--release", "14.2-RELEASE"]).0, 0);
    assert_eq!(check(text, &["--release", "new"]).0, 2);
}

#[test]
fn what_is_written_is_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("jail.conf"), "www {\n}\n").unwrap();
    let set = |param: &str, value: &str| jailkit(dir.path(), &["conf", "set", "jail.conf", "-j", "www", param, value]);
    let said = |text: &str| (0, String::new(), text.to_owned());
    assert_eq!(set("path", "/srv/$name"), said(""));
    assert_eq!(set("pth", "/srv"), said("warning: unknown parameter 'pth'; did you mean 'path'?\n"));
    assert_eq!(set("enforce_statfs", "3"), said("warning: enforce_statfs is a number 0 to 2, and 3 is not\n"));
}

#[test]
fn parameters_are_listed_and_described() {
    let here = Path::new(".");
    let (code, out, _) = jailkit(here, &["conf", "params", "enforce_statfs"]);
    assert_eq!(code, 0);
    insta::assert_snapshot!(out);
    let (code, out, _) = jailkit(here, &["conf", "params", "allow.mount.nozfs"]);
    assert!(code == 0 && out.contains("needs       allow.mount, enforce_statfs < 2"), "{out}");
    let (_, out, _) = jailkit(here, &["conf", "params", "exec", "--json"]);
    let found: serde_json::Value = serde_json::from_str(&out).unwrap();
    let names: Vec<_> = found.as_array().unwrap().iter().map(|param| param["name"].as_str().unwrap()).collect();
    assert!(names.len() > 10 && names.iter().all(|name| name.starts_with("exec.")), "{names:?}");
    let (code, out, err) = jailkit(here, &["conf", "params", "pth"]);
    assert_eq!((code, out.as_str(), err.as_str()), (1, "", "there is no parameter 'pth'; did you mean 'path'?\n"));
}

#[test]
fn shells_complete_the_names_of_parameters() {
    let (_, script, _) = jailkit(Path::new("."), &["completions", "zsh"]);
    let set = script.split("(set)").nth(1).unwrap_or_default();
    assert!(set.contains("enforce_statfs") && set.contains("allow.mount.zfs"), "zsh has no parameters");
}
