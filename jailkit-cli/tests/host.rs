//! `host`, as a user runs it: a simulated host is made, given interfaces and another release, and shown.

#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn run(root: &Path, line: &str) -> Output {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("jailkit"));
    command.env_remove("JAILKIT_ROOT");
    command.arg("--root").arg(root).args(line.split_whitespace()).stdin(Stdio::null()).output().unwrap()
}

/// The commands with what they print and their exit codes, as on a terminal.
fn session(root: &Path, lines: &[&str]) -> String {
    let shown = |line: &&str| {
        let output = run(root, line);
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).unwrap().replace(&root.display().to_string(), "HOST");
        format!("$ jailkit {line}\n{text}=> {}\n", output.status.code().unwrap())
    };
    lines.iter().map(shown).collect()
}

#[test]
fn a_simulated_host_is_made_set_up_and_shown() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap().join("host");
    let made = session(&root, &["host", "-n host --release 14 --interface em0", "host --release 14.1 --interface em0"]);
    // It is there now: files can be put into it.
    fs::write(root.join("etc/jail.conf"), "www { path = /srv; persist; ip4.addr = em0|10.0.0.1; }").unwrap();
    let used = session(
        &root,
        &[
            "start www",
            "host --interface em0 --interface em1",
            "host --release 15",
            "stop www",
            "host --release 13",
            "--json host",
            "host --release 12",
            "host --interface em/0",
            "host --interface 7",
        ],
    );
    insta::assert_snapshot!(made + &used);
}

#[test]
fn no_other_directory_is_taken_for_a_host() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("thesis.tex"), "x").unwrap();
    let output = run(dir.path(), "host --interface em0");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("begins in an empty directory"));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}
