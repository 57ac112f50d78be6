//! `start`, `stop`, `restart`, `modify`, `remove`, `ls`, `exec` and `console`, as a user runs them.

#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const CONF: &str = r#"
exec.start = "/bin/sh /etc/rc";
exec.stop = "/bin/sh /etc/rc.shutdown jail";
exec.clean;
path = "/srv/$name";
interface = lo0;

db {
    ip4.addr = 127.0.0.10;
    mount.devfs;
    exec.prestart = "echo before db";
}
www {
    depend = db;
    ip4.addr = 127.0.0.11;
    host.hostname = www.example.org;
    mount = "/srv/share /srv/www/share nullfs ro 0 0";
    mount.devfs;
    exec.poststop = "echo after www";
}
bad { exec.start += /usr/bin/false; }
worse { depend = bad; }
loop1 { depend = loop2; }
loop2 { depend = loop1; }
"#;

/// A simulated host with a jail.conf.
struct Desk {
    dir: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { dir: tempfile::tempdir().unwrap() };
        desk.output("ls");
        for dir in ["share", "db/dev", "www/dev", "www/share", "bad", "worse", "worse/dev", "loop1", "loop2"] {
            fs::create_dir_all(desk.host().join("srv").join(dir)).unwrap();
        }
        desk.write("etc/jail.conf", CONF);
        desk
    }

    fn host(&self) -> PathBuf {
        self.dir.path().join("host")
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.host().join(path), text).unwrap();
    }

    fn output(&self, line: &str) -> Output {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("jailkit"));
        command.env_remove("JAILKIT_ROOT");
        command.arg("--root").arg(self.host()).args(line.split_whitespace()).stdin(Stdio::null());
        command.output().unwrap()
    }

    /// The commands with what they print and their exit codes, as on a terminal.
    fn session(&self, lines: &[&str]) -> String {
        let mut session = String::new();
        for line in lines {
            let output = self.output(line);
            let stderr = String::from_utf8(output.stderr).unwrap();
            let beside: String = stderr
                .lines()
                .filter(|line| !line.starts_with("simulated: "))
                .map(|line| format!("! {line}\n"))
                .collect();
            let stdout = String::from_utf8(output.stdout).unwrap();
            let code = output.status.code().unwrap();
            let status = if code == 0 { String::new() } else { format!("=> {code}\n") };
            write!(session, "$ jailkit {line}\n{stdout}{beside}{status}").unwrap();
        }
        session
    }

    fn json(&self, line: &str) -> Value {
        serde_json::from_slice(&self.output(&format!("--json {line}")).stdout).unwrap()
    }

    /// What a jail leaves or takes: what is mounted, which addresses there are, and which jails.
    fn is_clean(&self) -> bool {
        self.json("ls") == Value::Array(Vec::new())
            && fs::read_dir(self.host().join("var/run")).unwrap().next().is_none()
    }
}

#[test]
fn jails_start_behind_those_they_depend_on_and_stop_before_them() {
    let desk = Desk::new();
    insta::assert_snapshot!(desk.session(&[
        "start -j 1 www",
        "ls",
        "start www",
        "start www db",
        "stop db",
        "stop db",
        "ls"
    ]));
    assert!(desk.is_clean());
}

#[test]
fn one_jails_failure_leaves_those_that_do_not_depend_on_it_alone() {
    let desk = Desk::new();
    insta::assert_snapshot!(desk.session(&["start -j 1", "ls name", "stop -j 1 *"]));
    assert!(desk.is_clean());
}

#[test]
fn a_restart_takes_the_dependents_along() {
    let desk = Desk::new();
    insta::assert_snapshot!(desk.session(&["restart db", "start -j 1 www", "restart -j 1 -v db", "ls name jid"]));
}

/// `jail -v` shows what it runs; these are the same steps.
#[test]
fn each_step_is_told_where_that_is_asked_for() {
    let desk = Desk::new();
    desk.output("host --interface em0 --interface epair0b --interface epair1b");
    desk.write(
        "etc/jail.conf",
        r#"path = "/srv/$name"; persist; stop.timeout = 0;
        db { ip4.addr = "em0|10.0.0.1/24", "em0|10.0.0.2/32 vhid 1"; mount = "tmpfs /srv/db/dev tmpfs rw 0 0"; }
        www { vnet; vnet.interface = epair0b; zfs.dataset = tank/www; }
        bad { vnet; vnet.interface = epair1b; exec.poststart = false; }"#,
    );
    insta::assert_snapshot!(desk.session(&["start -v -j 1", "stop -v -j 1"]));
}

#[test]
fn what_becomes_of_several_jails_is_counted_in_the_words_of_the_operation() {
    let desk = Desk::new();
    desk.write(
        "etc/jail.conf",
        "path = /srv/db; persist; a {} b { depend = a; } c { path = /nope; } d { depend = c; }",
    );
    insta::assert_snapshot!(desk.session(&[
        "start -j 1",
        "start -j 1",
        "modify a b",
        "modify -j 1",
        "restart -j 1 a",
        "stop -j 1",
        "stop a b",
        "start b",
        "remove a b",
    ]));
    assert!(desk.is_clean());
}

#[test]
fn a_running_jail_is_changed_where_it_can_be() {
    let desk = Desk::new();
    desk.output("start www");
    let edit = |from: &str, to: &str| {
        let path = desk.host().join("etc/jail.conf");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from));
        fs::write(path, text.replace(from, to)).unwrap();
    };
    edit("www.example.org", "web.example.org");
    let first = desk.session(&["-n modify www", "modify www", "ls -j www host.hostname", "modify nosuch"]);
    edit("host.hostname = web", "path = /srv/worse; allow.raw_sockets; host.hostname = web");
    let then = desk.session(&[
        "-n modify www",
        "modify www",
        "-n modify --restart www",
        "modify --restart www",
        "ls -j www path",
    ]);
    let last = desk.session(&["stop www", "modify www", "modify --create www", "modify -c -r www"]);
    insta::assert_snapshot!(first + &then + &last);
}

#[test]
fn a_dry_run_shows_the_steps_and_takes_none() {
    let desk = Desk::new();
    let before = desk.session(&["-n start www", "-n stop www", "-n restart www", "-n remove www", "-n start loop1"]);
    assert!(desk.is_clean());
    desk.output("start www");
    let running = desk.session(&["-n start www", "-n stop db", "-n restart db", "-n remove www"]);
    insta::assert_snapshot!(before + &running);
    assert_eq!(desk.json("ls name").as_array().unwrap().len(), 2);
    let steps = desk.json("-n stop www");
    assert_eq!(steps[0]["name"], "www");
    assert_eq!(steps[0]["steps"][0], "run exec.stop in the jail: /bin/sh /etc/rc.shutdown jail");
}

#[test]
fn jails_are_removed_by_name_number_and_pattern() {
    let desk = Desk::new();
    desk.output("start www");
    insta::assert_snapshot!(desk.session(&[
        "remove nosuch",
        "remove 1",
        "ls name",
        "remove *.x",
        "remove * nosuch",
        "ls name",
        "remove"
    ]));
}

#[test]
fn a_wrong_file_or_name_is_said_to_be_so() {
    let desk = Desk::new();
    desk.write("etc/broken.conf", "www { path = \"/srv/www\n");
    insta::assert_snapshot!(desk.session(&[
        "start -f /etc/nosuch.conf",
        "stop -f /etc/nosuch.conf www",
        "start -f here/jail.conf",
        "-n start -f etc/jail.conf db",
        "start -f /etc/broken.conf",
        "start nosuch",
        "stop nosuch",
        "restart nosuch",
        "start -j 0",
        "start -j -1",
        "start -j many",
        "exec nosuch id",
        "console nosuch",
    ]));
    fs::remove_file(desk.host().join("etc/jail.conf")).unwrap();
    insta::assert_snapshot!("without_a_jail_conf", desk.session(&["start", "stop"]));
}

/// jexec(8): `-u` and a clean environment without a user are the host's, `-U` is the jail's.
#[test]
fn a_user_is_looked_up_where_jexec_looks() {
    let desk = Desk::new();
    desk.output("start -j 1 db");
    for (line, user, passwd) in [
        ("exec db id", Value::Null, "Host"),
        ("exec -l db id", Value::Null, "Host"),
        ("exec -u www db id", "www".into(), "Host"),
        ("exec -l -U www db id", "www".into(), "Jail"),
        ("console db", "root".into(), "Jail"),
    ] {
        desk.output(line);
        let recorded = fs::read_to_string(desk.host().join(".jailkit-sim/programs")).unwrap();
        let last: Value = serde_json::from_str(recorded.lines().last().unwrap()).unwrap();
        assert_eq!((&last["program"]["user"], &last["program"]["passwd"]), (&user, &passwd.into()), "{line}");
    }
}

/// `jail -f -`
#[test]
fn a_jail_conf_is_read_from_standard_input() {
    let desk = Desk::new();
    let conf = desk.host().join("typed.conf");
    fs::write(&conf, "typed { path = /srv/db; persist; }").unwrap();
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("jailkit"));
    command.env_remove("JAILKIT_ROOT");
    command.arg("--root").arg(desk.host()).args(["start", "-f", "-", "typed"]);
    let output = command.stdin(fs::File::open(conf).unwrap()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(desk.session(&["ls name"]), "$ jailkit ls name\ntyped\n");
}

#[test]
fn ls_lists_as_jls_does() {
    let desk = Desk::new();
    desk.output("start -j 1 www");
    insta::assert_snapshot!(desk.session(&[
        "ls",
        "ls -v",
        "ls -N",
        "ls -h jid name ip4.addr",
        "ls -n name host.hostname allow.raw_sockets",
        "ls -q host.hostname path",
        "ls name path",
        "ls -j www",
        "ls -j 1 name jid",
        "ls -d name dying",
        "ls -j nosuch",
        "ls nosuchparam",
        "--json ls -j www name jid ip4.addr persist vnet",
    ]));
}

#[test]
fn ls_watches_until_its_reader_goes_away() {
    let desk = Desk::new();
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("jailkit"));
    command.env_remove("JAILKIT_ROOT");
    command.args(["ls", "-w", "--root"]).arg(desk.host()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut reader = std::io::BufReader::new(child.stdout.take().unwrap());
    for _ in 0..2 {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut reader, &mut line).unwrap();
        assert!(line.contains("JID"), "{line}");
    }
    drop(reader);
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(1));
}

#[test]
fn a_command_in_a_jail_is_written_down_and_its_status_passed_on() {
    let desk = Desk::new();
    desk.output("start www");
    insta::assert_snapshot!(desk.session(&[
        "exec www id -u",
        "exec 2 id",
        "exec -l -U www -d /tmp www ls -l",
        "exec -e LANG=C -e EMPTY= www env",
        "exec -e =x www env",
        "exec www false",
        "exec www exit 7",
        "exec www kill -TERM $$",
        "exec www",
        "-n exec www id",
        "exec -u root -U root www id",
        "console www",
        "console -U www www",
    ]));
    let recorded = fs::read_to_string(desk.host().join(".jailkit-sim/programs")).unwrap();
    assert!(recorded.contains("\"environment\""), "{recorded}");
    let last: Value = serde_json::from_str(recorded.lines().last().unwrap()).unwrap();
    assert_eq!(last["program"]["user"], "www");
    assert_eq!(last["program"]["passwd"], "Jail");
    assert_eq!(last["program"]["clean"], true);
}

#[test]
fn programs_are_told_what_became_of_each_jail() {
    let desk = Desk::new();
    let started = desk.json("start www bad worse");
    let outcomes: Vec<_> = started.as_array().unwrap().iter().map(|jail| [&jail["name"], &jail["outcome"]]).collect();
    let expected = [["db", "started"], ["www", "started"], ["bad", "failed"], ["worse", "skipped"]];
    assert_eq!(outcomes, expected);
    assert_eq!(started[3]["error"], "skipped (depends on bad, which failed)");
    assert_eq!(desk.json("stop db")[0]["outcome"], "stopped");
}
