//! Jails moved into included files: what they mean stays, or they stay.
#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use jailkit::jailconf::{JailConf, MoveError, Moved};
use jailkit::source::Source;

const CONF: &str = "path = \"/srv/$name\";\n\n# the shop\nwww {\n\tpersist;\n} # end\n\ndb {\n\tpersist;\n}\n";

/// A directory with a jail.conf and other files.
fn scene(conf: &str, others: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("jail.conf.d")).unwrap();
    std::fs::write(dir.path().join("jail.conf"), conf).unwrap();
    for (name, text) in others {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

fn conf(dir: &Path) -> JailConf {
    JailConf::parse(&Source::read(dir.join("jail.conf")).unwrap()).unwrap()
}

fn moved(dir: &Path, jails: &[&str], into: &str) -> Result<Moved, MoveError> {
    conf(dir).move_jails(jails, into, &std::fs::read(dir.join(into)).unwrap_or_default())
}

fn texts(moved: &Moved) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(moved.file.text()), text(moved.included.text()))
}

#[test]
fn a_jail_goes_into_a_new_file_that_is_included_in_its_place() {
    let dir = scene(CONF, &[]);
    let (file, included) = texts(&moved(dir.path(), &["www"], "jail.conf.d/www.conf").unwrap());
    assert_eq!(file, "path = \"/srv/$name\";\n\n.include \"jail.conf.d/www.conf\";\n\ndb {\n\tpersist;\n}\n");
    assert_eq!(included, "# the shop\nwww {\n\tpersist;\n} # end\n");
}

#[test]
fn several_jails_go_together() {
    let dir = scene(CONF, &[]);
    let (file, included) = texts(&moved(dir.path(), &["www", "db"], "more.conf").unwrap());
    assert_eq!(file, "path = \"/srv/$name\";\n\n.include \"more.conf\";\n");
    assert_eq!(included, "# the shop\nwww {\n\tpersist;\n} # end\n\ndb {\n\tpersist;\n}\n");
}

#[test]
fn a_pattern_that_takes_the_file_in_already_is_enough() {
    let dir = scene(&format!("{CONF}\n.include \"jail.conf.d/*.conf\";\n"), &[("jail.conf.d/a.conf", "a { }\n")]);
    let gone = moved(dir.path(), &["www"], "jail.conf.d/www.conf").unwrap();
    let (file, included) = texts(&gone);
    assert!(
        !file.contains("www") && file.ends_with("db {\n\tpersist;\n}\n\n.include \"jail.conf.d/*.conf\";\n"),
        "{file}"
    );
    assert!(included.starts_with("# the shop\nwww {") && gone.is_reordered);
    // Into one that is there: at its end.
    let (_, included) = texts(&moved(dir.path(), &["db"], "jail.conf.d/a.conf").unwrap());
    assert_eq!(included, "a { }\n\ndb {\n\tpersist;\n}\n");
}

#[test]
fn a_jail_that_would_mean_something_else_stays() {
    // The included file is before the wildcard that the jail overrides.
    let text = ".include \"more.conf\";\n* { path = /all; }\nwww { path = /www; }\n";
    let dir = scene(text, &[("more.conf", "")]);
    let error = moved(dir.path(), &["www"], "more.conf").unwrap_err();
    assert!(matches!(&error, MoveError::Differs { jails, .. } if *jails == ["www"]), "{error}");
    // A file that holds jails already and was not included.
    let dir = scene(CONF, &[("more.conf", "other { }\n")]);
    let error = moved(dir.path(), &["www"], "more.conf").unwrap_err().to_string();
    assert!(error.contains("the file would not mean the same with jail 'other'"), "{error}");
    assert!(matches!(moved(dir.path(), &["none"], "x.conf"), Err(MoveError::NoJail(name)) if name == "none"));
}

#[test]
fn both_files_are_written_and_a_crash_in_between_loses_no_jail() {
    let dir = scene(CONF, &[]);
    let path = dir.path().join("jail.conf");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let before = conf(dir.path()).resolve().unwrap();
    let gone = moved(dir.path(), &["www"], "jail.conf.d/www.conf").unwrap();

    // The first of the two is there, the other not yet.
    std::fs::write(gone.included.name(), gone.included.text()).unwrap();
    assert_eq!(conf(dir.path()).resolve().unwrap().jails.len(), before.jails.len());

    std::fs::remove_file(gone.included.name()).unwrap();
    gone.write().unwrap();
    let after = conf(dir.path()).resolve().unwrap();
    assert_eq!(after.jail(b"www").unwrap().value("path").unwrap(), "/srv/www");
    for file in [&path, gone.included.name()] {
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o7777, 0o640);
    }

    // Where the new file cannot be written the old one stays.
    let nowhere = moved(dir.path(), &["db"], "no/such/dir.conf").unwrap();
    assert!(nowhere.write().unwrap_err().to_string().contains("create a temporary file in"));
    assert!(conf(dir.path()).has_jail("db"));
}
