//! `up`, `plan`, `status`, `where` and `down`, as a user runs them.

#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A folder with the reference stack, and a simulated host.
struct Desk {
    dir: tempfile::TempDir,
}

/// What a command said, with all that one needs to see when it said the wrong thing.
struct Said {
    command: String,
    output: Output,
}

impl Desk {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/web-and-db");
        for name in ["jailkit.toml", "base.txz", "MANIFEST"] {
            fs::copy(example.join(name), dir.path().join(name)).unwrap();
        }
        Self { dir }
    }

    fn host(&self) -> PathBuf {
        self.dir.path().join("host")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("jailkit"));
        command.env_remove("JAILKIT_ROOT");
        command.args(args).arg("--root").arg(self.host()).current_dir(self.dir.path()).stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Said {
        Said { command: args.join(" "), output: self.command(args).output().unwrap() }
    }

    fn edit(&self, name: &str, from: &str, to: &str) {
        let path = self.dir.path().join(name);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{name} has {from}");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    }
}

impl Said {
    fn stdout(&self) -> String {
        String::from_utf8(self.output.stdout.clone()).unwrap()
    }

    fn stderr(&self) -> String {
        String::from_utf8(self.output.stderr.clone()).unwrap()
    }

    #[track_caller]
    fn exits(self, code: i32) -> Self {
        assert_eq!(self.output.status.code(), Some(code), "{self}");
        self
    }

    #[track_caller]
    fn says(self, text: &str) -> Self {
        assert!(self.stderr().contains(text) || self.stdout().contains(text), "'{text}' is not in\n{self}");
        self
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.output.stdout).unwrap_or_else(|error| panic!("{error}: {self}"))
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (stdout, stderr) = (self.stdout(), self.stderr());
        write!(f, "$ jailkit {}\n{}\n--- stdout\n{stdout}--- stderr\n{stderr}", self.command, self.output.status)
    }
}

#[test]
fn the_reference_stack_comes_up_stays_up_and_goes_down() {
    let desk = Desk::new();
    desk.run(&["status"]).exits(1).says("The host differs").says("start jails db, www");
    let said = desk.run(&["up", "--yes"]).exits(0).says("simulated: the simulated host in ").says("db: created, jid 1");
    insta::assert_snapshot!(said.stdout());
    desk.run(&["up", "--yes"]).exits(0).says("nothing to do");
    desk.run(&["where", "www:/var/run/mysql/mysql.sock"]).exits(0).says("/srv/share/mysql/mysql.sock  (read-only)");
    desk.run(&["down", "--yes"]).exits(0).says("kept: /srv/jail/www/fs");
    desk.run(&["down", "--yes"]).exits(0).says("nothing to do");
    assert!(desk.host().join("srv/jail/www/fs/bin/sh").exists());
    assert!(!desk.host().join("etc/jail.conf").exists());
}

#[test]
fn a_plan_shows_steps_and_diffs_and_does_nothing() {
    let desk = Desk::new();
    desk.run(&["status"]).exits(1);
    fs::write(desk.host().join("etc/rc.conf"), "hostname=\"h\"\npf_enable=\"NO\"\n").unwrap();
    for args in [&["plan"][..], &["up", "-n"]] {
        let said = desk.run(args).exits(0);
        insta::allow_duplicates! { insta::assert_snapshot!("plan", said.stdout()) }
    }
    assert!(!desk.host().join("srv/jail").exists());
    let plan = desk.run(&["--json", "plan"]).exits(0).json();
    assert_eq!(plan["stack"], "web-and-db");
    assert_eq!(plan["steps"][0]["step"], "make_dir");
    assert_eq!(plan["steps"][0]["path"], "/srv/jail");
}

#[test]
fn what_is_waited_for_is_told() {
    let desk = Desk::new();
    desk.edit("jailkit.toml", "[jails.db]\n", "[jails.db]\nready = { tcp = 3306, timeout = 5 }\n");
    desk.run(&["plan"]).exits(0).says("start jails db, www; db is ready when port 3306 accepts connections");
    let told = "db: waiting until port 3306 accepts connections, 5 s at most";
    desk.run(&["up", "--yes"]).exits(0).says(told).says("db: ready");
    desk.run(&["stop"]).exits(0);
    desk.run(&["start", "--stack", "jailkit.toml"]).exits(0).says(told).says("db: ready");
    desk.run(&["start", "--stack", "nosuch.toml"]).exits(1).says("cannot read the stack file nosuch.toml");
}

#[test]
fn programs_get_json() {
    let desk = Desk::new();
    desk.run(&["up", "--yes"]).exits(0);
    let status = desk.run(&["status", "--json"]).exits(0).json();
    let www = &status["jails"][1];
    assert_eq!((&www["name"], &www["jid"]), (&"www".into(), &2.into()));
    assert_eq!(www["addresses"], serde_json::json!(["10.0.0.2"]));
    assert_eq!(www["drift"], serde_json::json!([]));
    let place = desk.run(&["where", "--json", "db:/var/run/mysql/sock"]).exits(0).json();
    assert_eq!((&place["on_host"], &place["writable"]), (&"/srv/share/mysql".into(), &true.into()));
}

#[test]
fn data_is_only_removed_by_the_stacks_name() {
    let desk = Desk::new();
    desk.run(&["up", "--yes"]).exits(0);
    desk.run(&["down", "--yes", "--purge"]).exits(2).says("say --purge=web-and-db");
    desk.run(&["down", "--purge=other"]).exits(2).says("the stack that is up is 'web-and-db'");
    assert!(desk.host().join("srv/jail/www/fs/bin/sh").exists());
    desk.run(&["down", "--purge=web-and-db"]).exits(0);
    assert!(!desk.host().join("srv/jail").exists() && !desk.host().join("var/log/jail").exists());
}

#[test]
fn what_lies_in_a_directory_is_kept_and_one_that_is_empty_goes() {
    let desk = Desk::new();
    desk.run(&["up", "--yes"]).exits(0);
    let there = |path: &str| desk.host().join(path).exists();
    fs::write(desk.host().join("var/log/jail/www/messages"), "hello").unwrap();
    let said = desk.run(&["down", "--yes"]).exits(0).says("kept: /var/log/jail/www").says("kept: /srv/jail/db/fs");
    assert!(there("var/log/jail/www/messages"), "{said}");
    assert!(!there("var/log/jail/db") && !there("srv/share/mysql"), "{said}");
    desk.run(&["up", "--yes"]).exits(0);
    fs::write(desk.host().join("srv/share/mysql/ibdata1"), "rows").unwrap();
    let said = desk.run(&["down", "--yes"]).exits(0).says("kept: /srv/share/mysql").says("kept: /var/log/jail/www");
    assert!(there("srv/share/mysql/ibdata1") && there("var/log/jail/www/messages"), "{said}");
    desk.run(&["down", "--purge=web-and-db"]).exits(0);
    assert!(!there("srv/share/mysql") && !there("var/log/jail") && !there("srv/jail"));
}

#[test]
fn nothing_is_done_where_nobody_can_be_asked() {
    let desk = Desk::new();
    desk.run(&["up"]).exits(2).says("say --yes to do it all the same");
    assert!(!desk.host().join("srv/jail").exists());
}

/// What is wrong, in which file what is replaced by what, further arguments, and what is said.
type Bad = (&'static str, &'static str, &'static str, &'static [&'static str], &'static str);

const BAD_STACKS: &[Bad] = &[
    ("10.0.0.2", "10.1.0.2", "an address outside the network", &[], "jailkit.toml:24:11"),
    ("10.0.0.2", "10.0.0.1", "two jails with one address", &[], "10.0.0.1 of jail 'www' is already jail 'db's"),
    (
        "hostname = \"db.example.org\"",
        "publish = [{ port = 443 }]",
        "one host port published twice",
        &[],
        "tcp port 443 of the host is already jail 'db's",
    ),
    (
        "access = \"ro\"",
        "access = \"rw\"",
        "a shared directory with two writers",
        &["--strict"],
        "/srv/share/mysql is mounted read-write in 'db' and in 'www' as well",
    ),
    ("\"/var/run/mysql\"", "\"/../etc\"", "a mount point outside its jail", &[], "has no '..' in it"),
    ("base.txz", "absent.txz", "no archive", &[], "jailkit.toml:14:11"),
    ("MANIFEST", "ABSENT", "no MANIFEST", &[], "jailkit.toml:15:12"),
    ("\"/usr/ports\"", "\"/usr/absent\"", "no ports tree", &[], "the ports tree /usr/absent is not there"),
    ("[jails.www]", "[jails.www", "no TOML", &[], "jailkit.toml:23:11"),
    ("depends = [\"db\"]", "depnds = [\"db\"]", "an unknown key", &[], "did you mean 'depends'?"),
];

#[test]
fn bad_stacks_are_refused_with_their_place_and_nothing_is_changed() {
    for (from, to, what, args, says) in BAD_STACKS {
        let desk = Desk::new();
        desk.edit("jailkit.toml", from, to);
        let said = desk.run(&[&["up", "--yes"], *args].concat()).exits(1).says(says).says("jailkit.toml:");
        assert!(!desk.host().join("srv/jail").exists() && !desk.host().join("etc/rc.conf").exists(), "{what}: {said}");
    }
}

#[test]
fn archives_that_are_not_what_they_should_be_are_refused() {
    let whole = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/web-and-db/base.txz")).unwrap();
    let mut flipped = whole.clone();
    flipped[1000] ^= 1;
    for bytes in [&whole[..whole.len() / 2], &flipped, b""] {
        let desk = Desk::new();
        fs::write(desk.dir.path().join("base.txz"), bytes).unwrap();
        desk.run(&["up", "--yes"]).exits(1).says("jailkit.toml:14:11").says("is not the archive that was asked for");
        assert!(!desk.host().join("srv/jail").exists());
    }
}

#[test]
fn files_that_were_broken_before_are_refused_with_their_place() {
    for (file, text, says) in [
        ("etc/jail.conf", "old {\n  path = \"/old;\n}\n", "/etc/jail.conf:2:10"),
        ("etc/pf.conf", "pass in quick on \"lo0\nblock all\n", "/etc/pf.conf:1:18"),
        ("etc/rc.conf", "hostname=\"h\n", "/etc/rc.conf:1:"),
    ] {
        let desk = Desk::new();
        desk.run(&["status"]);
        fs::write(desk.host().join(file), text).unwrap();
        desk.run(&["up", "--yes"]).exits(1).says(says);
        assert_eq!(fs::read_to_string(desk.host().join(file)).unwrap(), text);
        assert!(!desk.host().join("srv/jail").exists(), "{file}");
    }
}

#[test]
fn what_the_host_says_otherwise_is_not_overwritten() {
    let desk = Desk::new();
    desk.run(&["status"]);
    fs::write(desk.host().join("etc/pf.conf"), "extip = \"192.0.2.1\"\n").unwrap();
    desk.run(&["up", "--yes"]).exits(1).says("/etc/pf.conf: the macro extip = \"192.0.2.1\" is there already");
}

#[test]
fn wrong_command_lines_exit_with_2() {
    let desk = Desk::new();
    for args in [&["upp"][..], &["up", "--nope"], &["where", "www"], &["where", "www:var"], &[]] {
        desk.run(args).exits(2);
    }
    desk.run(&["up", "absent.toml"]).exits(1).says("cannot read the stack file absent.toml");
}

#[cfg(not(target_os = "freebsd"))]
#[test]
fn a_native_host_is_a_freebsd_one() {
    let desk = Desk::new();
    desk.run(&["status", "--host", "native"]).exits(1).says("the native host is a FreeBSD system");
}

#[test]
fn a_run_that_is_killed_goes_on() {
    for lines in [3, 9, 14, 20, 27] {
        let desk = Desk::new();
        let mut child = desk.command(&["up", "--yes"]).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        assert_eq!(stderr.lines().take(lines).count(), lines);
        child.kill().unwrap();
        child.wait().unwrap();
        desk.run(&["up", "--yes"]).exits(0);
        desk.run(&["status"]).exits(0);
        desk.run(&["up", "--yes"]).exits(0).says("nothing to do");
    }
}

#[test]
fn completions_and_man_pages_are_made() {
    let desk = Desk::new();
    desk.run(&["completions", "bash"]).exits(0).says("_jailkit");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        desk.run(&["completions", shell]).exits(0).says("dry-run").says("dying").says("release");
    }
    let man = desk.dir.path().join("man");
    fs::create_dir(&man).unwrap();
    desk.run(&["man", man.to_str().unwrap()]).exits(0);
    assert!(fs::read_to_string(man.join("jailkit-up.1")).unwrap().contains("Make the host run a stack"));
    // `-n` of ls is that of jls(8).
    let ls = fs::read_to_string(man.join("jailkit-ls.1")).unwrap();
    assert!(ls.contains("Show parameters as name=value") && !ls.contains("dry"), "{ls}");
    desk.run(&["man", "absent"]).exits(1).says("cannot write to absent: No such file or directory");
}
