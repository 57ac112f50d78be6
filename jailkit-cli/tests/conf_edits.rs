//! The commands that change a jail.conf or an fstab: what they print, what they leave, and what they refuse.
#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use assert_cmd::Command;

/// Runs the command in a directory; its exit code, standard output and standard error.
fn jailkit(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let output =
        Command::cargo_bin("jailkit").unwrap().env_remove("JAILKIT_ROOT").args(args).current_dir(dir).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// A directory with the file of each command's name in it: `jail.conf` and `fstab`, which are mode 0640, and a link
/// to each.
fn scene() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("jail.conf", "path=\"/srv/$name\";\ndb { persist; }\nwww {\n\tdepend = db;\n\tip4.addr = 10.0.0.2;\n}\n"),
        (
            "fstab",
            "# mine\n/usr/ports\t/srv/www/ports  nullfs ro 0 0\n/x /srv/www/x nullfs rw\n/y /srv/www/x nullfs rw\n",
        ),
    ] {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(name, dir.path().join(format!("{name}.link"))).unwrap();
    }
    dir
}

/// Each command that edits one file, with the file last written as `FILE`.
const EDITS: &[&[&str]] = &[
    &["conf", "fmt", "jail.conf"],
    &["conf", "set", "jail.conf", "-j", "www", "host.hostname", "www.example.org"],
    &["conf", "append", "jail.conf", "-j", "www", "ip4.addr", "10.0.0.3"],
    &["conf", "unset", "jail.conf", "-j", "www", "ip4.addr"],
    &["conf", "rename", "jail.conf", "db", "pg"],
    &["conf", "move", "jail.conf", "db", "db.conf"],
    &["fstab", "fmt", "fstab"],
    &["fstab", "add", "fstab", "/a b", "/srv/www/a b", "nullfs", "ro"],
    &["fstab", "remove", "fstab", "/srv/www/x/"],
];

#[test]
fn a_dry_run_shows_the_edit_and_changes_nothing() {
    let mut shown = String::new();
    for args in EDITS {
        let dir = scene();
        let before = fs::read(dir.path().join(args[2])).unwrap();
        let (code, out, err) = jailkit(dir.path(), &[args, &["-n"][..]].concat());
        assert_eq!((code, err.as_str()), (0, ""), "{args:?}");
        assert_eq!(fs::read(dir.path().join(args[2])).unwrap(), before);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4, "{args:?}");
        shown += &format!("$ jailkit {} -n\n{out}", args.join(" "));
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn an_edit_keeps_the_mode_and_a_link_and_leaves_nothing_behind() {
    for args in EDITS {
        let dir = scene();
        let path = dir.path().join(args[2]);
        let before = fs::read(&path).unwrap();
        let link = format!("{}.link", args[2]);
        let through_link = [&args[..2], &[link.as_str()], &args[3..]].concat();
        assert_eq!(jailkit(dir.path(), &through_link), (0, String::new(), String::new()), "{args:?}");
        assert_ne!(fs::read(&path).unwrap(), before, "{args:?}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640, "{args:?}");
        assert!(fs::symlink_metadata(dir.path().join(link)).unwrap().is_symlink(), "{args:?}");
        let files = 4 + usize::from(args[1] == "move");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), files, "{args:?}");
    }
}

#[test]
fn an_edit_and_its_inverse_leave_the_file() {
    let dir = scene();
    let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
    let before = (read("jail.conf"), read("fstab"));
    for args in [
        &["conf", "append", "jail.conf", "-j", "www", "ip4.addr", "10.0.0.3"][..],
        &["conf", "unset", "jail.conf", "-j", "www", "ip4.addr"],
        &["conf", "rename", "jail.conf", "db", "pg"],
        &["conf", "rename", "jail.conf", "pg", "db"],
        &["fstab", "add", "fstab", "/a#b", "/n\u{e9}w", "nullfs", "ro"],
        &["fstab", "remove", "fstab", "/n\u{e9}w"],
    ] {
        assert_eq!(jailkit(dir.path(), args), (0, String::new(), String::new()), "{args:?}");
    }
    assert_eq!((read("jail.conf"), read("fstab")), before);
}

#[test]
fn fmt_says_whether_a_file_is_laid_out() {
    let dir = scene();
    for (group, file) in [("conf", "jail.conf"), ("fstab", "fstab")] {
        let check = [group, "fmt", file, "--check"];
        assert_eq!(jailkit(dir.path(), &check), (1, String::new(), format!("{file} would be laid out anew\n")));
        assert!(jailkit(dir.path(), &[&check[..], &["-n"]].concat()).1.starts_with("--- "));
        assert_eq!(jailkit(dir.path(), &[group, "fmt", file]).0, 0);
        assert_eq!(jailkit(dir.path(), &check), (0, String::new(), String::new()));
    }
}

#[test]
fn what_cannot_be_done_is_said_and_nothing_is_lost() {
    let mut shown = String::new();
    for args in [
        &["conf", "fmt", "none.conf"][..],
        &["conf", "append", "jail.conf", "-j", "none", "ip4.addr", "10.0.0.3"],
        &["conf", "rename", "jail.conf", "none", "pg"],
        &["conf", "rename", "jail.conf", "db", "www"],
        &["conf", "rename", "jail.conf", "db", "12"],
        &["conf", "move", "jail.conf", "none", "x.conf"],
        &["conf", "move", "jail.conf", "db", "others.conf"],
        &["fstab", "fmt", "none"],
        &["fstab", "add", "fstab", "/a", "/b", "nullfs", "nosuid"],
        &["fstab", "add", "fstab", "/a", "/b", "null fs", "ro"],
        &["fstab", "remove", "fstab", "/none"],
        &["fstab", "check", "fstab", "--conf", "jail.conf"],
        &["fstab", "check", "fstab", "--conf", "jail.conf", "--jail-path", "/x"],
    ] {
        let dir = scene();
        fs::write(dir.path().join("others.conf"), "other { }\n").unwrap();
        let before = fs::read(dir.path().join("jail.conf")).unwrap();
        let (code, out, err) = jailkit(dir.path(), args);
        assert_eq!(out, "", "{args:?}");
        assert_eq!(fs::read(dir.path().join("jail.conf")).unwrap(), before);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 5, "{args:?}");
        shown += &format!("$ jailkit {}\n{err}[{code}]\n", args.join(" "));
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn an_fstab_is_checked_by_itself_and_for_its_jails() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::create_dir_all(at("www/data")).unwrap();
    fs::create_dir(at("source")).unwrap();
    let (source, www, fstab) = (at("source"), at("www"), at("fstab"));
    fs::write(&fstab, format!("{source} {www}/data nullfs ro\n{source} {source} nullfs\ntmpfs /tmp tmpfs\n")).unwrap();
    fs::write(at("jail.conf"), format!("www {{ path = \"{www}\"; mount.fstab = \"{fstab}\"; }}\n")).unwrap();

    // Two lines say no access: not for getfsent(3), and enough for jail(8).
    let (code, out, err) = jailkit(dir.path(), &["fstab", "check", "fstab"]);
    assert!(code == 1 && out.is_empty() && err.matches("getfsent(3) cannot read this line").count() == 2, "{err}");
    let (code, _, err) = jailkit(dir.path(), &["fstab", "check", "fstab", "--conf", "jail.conf"]);
    assert!(code == 1 && err.contains("is mounted on itself") && err.contains("/tmp is outside of the jail"), "{err}");
    assert!(!err.contains("getfsent"), "{err}");
    let told = jailkit(dir.path(), &["fstab", "check", "fstab", "--jail-path", &www]);
    assert_eq!((told.0, told.2), (1, err));

    // What is missing is an error on the host, here a simulated one, and a warning elsewhere.
    fs::write(&fstab, "/usr/nothing /nowhere nullfs ro 0 0\n").unwrap();
    let (code, _, err) = jailkit(dir.path(), &["fstab", "check", "fstab"]);
    assert!(code == 0 && err.contains("warning: /usr/nothing does not exist"), "{err}");
    let (code, _, err) = jailkit(dir.path(), &["fstab", "check", "fstab", "--root", "host"]);
    assert!(code == 1 && err.contains("error: the mount point /nowhere does not exist"), "{err}");
    fs::create_dir_all(at("host/usr/nothing")).unwrap();
    fs::create_dir_all(at("host/nowhere")).unwrap();
    assert_eq!(jailkit(dir.path(), &["fstab", "check", "fstab", "--root", "host"]).0, 0);
}

#[test]
fn bytes_of_a_file_never_act_on_the_terminal() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("jail.conf"), b"a = '\x1b[31m\xff';\nw{ x = \"\\x1b\"; }\n").unwrap();
    fs::write(dir.path().join("fstab"), b"/\x1b[31m\xff /y nullfs rw\nbad\x1b\xfe\n/z  /y ufs rw\x07\n").unwrap();
    for args in [
        &["conf", "fmt", "jail.conf", "-n"][..],
        &["conf", "resolve", "jail.conf"],
        &["conf", "get", "jail.conf", "w", "a"],
        &["conf", "move", "jail.conf", "w", "w.conf", "-n"],
        &["fstab", "check", "fstab"],
        &["fstab", "list", "fstab"],
        &["fstab", "fmt", "fstab", "-n"],
        &["fstab", "remove", "fstab", "/y", "-n"],
    ] {
        let output = Command::cargo_bin("jailkit")
            .unwrap()
            .env_remove("JAILKIT_ROOT")
            .args(args)
            .current_dir(dir.path())
            .output()
            .unwrap();
        for stream in [&output.stdout, &output.stderr] {
            let text = std::str::from_utf8(stream).unwrap();
            assert!(!text.contains(|c: char| c.is_control() && c != '\n' && c != '\t'), "{args:?}: {text:?}");
        }
        assert!(output.stdout.len() + output.stderr.len() > 0, "{args:?}");
    }
    // What is written is what was there, byte for byte.
    assert_eq!(jailkit(dir.path(), &["fstab", "fmt", "fstab"]).0, 0);
    assert!(fs::read(dir.path().join("fstab")).unwrap().starts_with(b"/\x1b[31m\xff /y nullfs rw\nbad\x1b\xfe\n"));
}
