//! `jailkit conf explain`, as a person and a program use it.
#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use std::path::Path;

use assert_cmd::Command;

const CONF: &str = "# all jails\nexec.start = \"/bin/sh /etc/rc\";\npath = \"/srv/$name\";\n\"*\" { persist = 0; }\n\
                    www {\n\t$n = 7;\n\texec.start += \"/bin/true $n\";\n\tpersist;\n\t.include \"more.conf\";\n}\n\
                    bad { x = \"a$none\"; name = k; }\n";

/// Runs the command on the file; its exit code and all that it says.
fn explain(args: &[&str]) -> String {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("jail.conf"), CONF).unwrap();
    std::fs::write(dir.path().join("more.conf"), "ip4.addr = 10.0.0.2;\n").unwrap();
    run(dir.path(), &[&["conf", "explain", "jail.conf"], args].concat())
}

fn run(dir: &Path, args: &[&str]) -> String {
    let output =
        Command::cargo_bin("jailkit").unwrap().env_remove("JAILKIT_ROOT").args(args).current_dir(dir).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}exit {}", text(&output.stdout), text(&output.stderr), output.status.code().unwrap())
}

#[test]
fn a_parameter_is_explained() {
    insta::assert_snapshot!(explain(&["www", "exec.start"]));
}

#[test]
fn a_jail_is_explained() {
    insta::assert_snapshot!(explain(&["www"]));
}

#[test]
fn a_jail_that_fails_is_explained() {
    insta::assert_snapshot!(explain(&["bad", "name"]));
}

#[test]
fn a_program_gets_the_same() {
    insta::assert_snapshot!(explain(&["www", "exec.start", "--json"]));
}

#[test]
fn what_is_not_there_is_said_so() {
    assert_eq!(explain(&["none"]), "there is no jail 'none' in jail.conf\nexit 1");
    assert_eq!(explain(&["www", "vnet"]), "nothing sets vnet for the jail www\nexit 1");
}
