//! What one gets of a base archive: a tree as the archive has it, whole or not at all.
#![allow(clippy::unwrap_used)] // the helpers here are part of tests

use std::cell::RefCell;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jailkit::base::{BaseError, Event, Expect, Extract, Manifest, Ownership, extract};
use jailkit::stack::Owner;

fn example() -> (PathBuf, Expect) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/web-and-db");
    let archive = dir.join("base.txz");
    let expect = Manifest::read(&dir.join("MANIFEST")).unwrap().expect_of(&archive).unwrap();
    (archive, expect)
}

fn quiet(_: &Event) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn trees_are_as_the_archive_has_them() {
    let (archive, expect) = example();
    let dir = tempfile::tempdir().unwrap();
    let targets = [dir.path().join("a"), dir.path().join("b")];
    let told = RefCell::new(Vec::new());
    let record = |target: &Path, owners: &[(PathBuf, Owner)]| {
        assert!(!target.exists(), "told before the tree is there");
        told.borrow_mut().push((target.to_owned(), owners.to_owned()));
        Ok(())
    };
    let ownership = Ownership::Record(&record);
    let job = Extract { expect, ownership, flush: false, ..Extract::new(&archive, &targets) };
    let mut last = None;
    let done = extract(&job, &mut |event| {
        last = Some(*event);
        quiet(event)
    })
    .unwrap();
    assert_eq!((Some(done.sha256), Some(done.entries)), (expect.sha256, expect.entries));
    let last = last.unwrap();
    assert_eq!((last.read, last.entries, last.unpacked), (last.len, done.entries, done.bytes));
    assert_eq!(names(dir.path()), ["a", "b"]);

    for root in &targets {
        let stat = |path: &str| fs::symlink_metadata(root.join(path)).unwrap();
        let mode = |path: &str| stat(path).permissions().mode() & 0o7777;
        assert_eq!(mode(""), 0o755);
        assert_eq!(mode("tmp"), 0o1777);
        assert_eq!(mode("var/empty"), 0o555);
        assert_eq!(mode("usr/bin/su"), 0o4555);
        assert_eq!(mode("usr/bin/wall"), 0o2555);
        assert_eq!(mode("etc/master.passwd"), 0o600);
        assert_eq!(stat("rescue/cat").ino(), stat("rescue/rescue").ino());
        assert_eq!(stat("root/.profile").ino(), stat(".profile").ino());
        assert_eq!(fs::read_link(root.join("usr/bin/cc")).unwrap(), Path::new("clang"));
        assert_eq!(fs::read_link(root.join("usr/sbin/mailwrapper")).unwrap(), Path::new("/usr/libexec/dma"));
        for path in ["", "bin", "bin/sh", "usr/bin/cc", "var/empty"] {
            assert_eq!(stat(path).mtime(), 1_732_838_400, "{path}");
        }
        assert!(fs::read(root.join("etc/rc.subr")).unwrap().starts_with(b"load_rc_config"));
        assert!(fs::read_dir(root.join("usr/share/examples/jails")).unwrap().count() == 1);
    }
    let told = told.into_inner();
    assert_eq!(told.iter().map(|(target, _)| target).collect::<Vec<_>>(), [&targets[0], &targets[1]]);
    for (_, owners) in told {
        let owner = |path: &str| owners.iter().find(|(at, _)| at == Path::new(path)).map(|(_, owner)| *owner);
        assert_eq!(owner("var/db/ntp"), Some(Owner { uid: 123, gid: 123 }));
        assert_eq!(owner("usr/bin/wall"), Some(Owner { uid: 0, gid: 4 }));
        assert_eq!(owner("bin/sh"), None);
    }
}

#[test]
fn an_archive_is_checked_without_a_target() {
    let (archive, expect) = example();
    let done = extract(&Extract { expect, ..Extract::new(&archive, &[]) }, &mut quiet).unwrap();
    assert_eq!(Some(done.entries), expect.entries);
}

#[test]
fn the_wrong_archive_leaves_nothing() {
    let (archive, expect) = example();
    let dir = tempfile::tempdir().unwrap();
    let targets = [dir.path().join("fs")];
    let other = Expect { sha256: Some("0".repeat(64).parse().unwrap()), ..expect };
    let job = Extract { expect: other, ..Extract::new(&archive, &targets) };
    let error = extract(&job, &mut quiet).unwrap_err();
    assert!(matches!(error, BaseError::Digest { found, .. } if Some(found) == expect.sha256), "{error}");
    for entries in [371, 373] {
        let job = Extract { expect: Expect { entries: Some(entries), ..expect }, ..job.clone() };
        assert!(extract(&job, &mut quiet).is_err(), "{entries}");
    }
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn who_watches_may_call_it_off() {
    let (archive, expect) = example();
    let dir = tempfile::tempdir().unwrap();
    let targets = [dir.path().join("fs")];
    for after in [1, 100, 371] {
        let mut stop = |event: &Event| if event.entries < after { quiet(event) } else { ControlFlow::Break(()) };
        let error = extract(&Extract { expect, ..Extract::new(&archive, &targets) }, &mut stop).unwrap_err();
        assert!(matches!(error, BaseError::Cancelled), "{error}");
        assert_eq!(names(dir.path()), [""; 0]);
    }
}

#[test]
fn what_an_interrupted_run_left_is_redone() {
    let (archive, expect) = example();
    let dir = tempfile::tempdir().unwrap();
    let targets = [dir.path().join("fs")];
    let left = dir.path().join(".jailkit-fs.tmp");
    fs::create_dir_all(left.join("bin/sh")).unwrap();
    fs::write(left.join("stray"), "").unwrap();
    fs::set_permissions(left.join("bin"), fs::Permissions::from_mode(0o500)).unwrap();
    extract(&Extract { expect, ..Extract::new(&archive, &targets) }, &mut quiet).unwrap();
    assert_eq!(names(dir.path()), ["fs"]);
    assert!(targets[0].join("bin/sh").is_file());
    assert!(!targets[0].join("stray").exists());
}

#[test]
fn a_place_that_is_taken_stays_as_it_is() {
    let (archive, expect) = example();
    let dir = tempfile::tempdir().unwrap();
    let targets = [dir.path().join("free"), dir.path().join("taken")];
    fs::create_dir(&targets[1]).unwrap();
    fs::write(targets[1].join("data"), "x").unwrap();
    let error = extract(&Extract { expect, ..Extract::new(&archive, &targets) }, &mut quiet).unwrap_err();
    assert!(matches!(error, BaseError::Occupied { ref target } if *target == targets[1]), "{error}");
    assert_eq!(names(dir.path()), ["taken"]);
    std::os::unix::fs::symlink("taken", &targets[0]).unwrap();
    assert!(extract(&Extract { expect, ..Extract::new(&archive, &targets[..1]) }, &mut quiet).is_err());
    assert_eq!(fs::read(targets[1].join("data")).unwrap(), b"x");
}

/// Archives with one file of 64 KiB, `sp`, that has three bytes at 20,000 and holes around them.
#[test]
fn files_with_holes_keep_them() {
    for name in ["gnu", "pax-0.0", "pax-0.1", "pax-1.0", "bsdtar"] {
        let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/corpus/base/sparse-{name}.txz"));
        let dir = tempfile::tempdir().unwrap();
        let targets = [dir.path().join("a"), dir.path().join("b")];
        extract(&Extract { flush: false, ..Extract::new(&archive, &targets) }, &mut quiet).unwrap();
        for root in &targets {
            let bytes = fs::read(root.join("sp")).unwrap();
            assert_eq!((bytes.len(), &bytes[19_998..20_005]), (65_536, &b"\0\0abc\0\0"[..]), "{name}");
            assert!(fs::metadata(root.join("sp")).unwrap().blocks() * 512 < 65_536, "{name}: the holes are filled");
        }
    }
}

#[test]
fn what_is_left_out_is_not_there() {
    let (archive, expect) = example();
    let dir = tempfile::tempdir().unwrap();
    let targets = [dir.path().join("fs")];
    let exclude = ["rescue", "usr/share/man", "*.so.7"].map(str::to_owned);
    let job = Extract { expect, exclude: &exclude, ..Extract::new(&archive, &targets) };
    assert_eq!(Some(extract(&job, &mut quiet).unwrap().entries), expect.entries);
    for (path, there) in
        [("rescue", false), ("usr/share/man", false), ("lib/libc.so.7", false), ("lib/libm.so.5", true)]
    {
        assert_eq!(targets[0].join(path).exists(), there, "{path}");
    }
    let exclude = [".profile".to_owned()];
    let others = [dir.path().join("other")];
    let job = Extract { exclude: &["/.profile".to_owned()], targets: &others, ..job };
    let error = extract(&job, &mut quiet).unwrap_err().to_string();
    assert!(error.ends_with("a hard link to ./.profile: that is left out; leave this out as well"), "{error}");
    extract(&Extract { exclude: &exclude, ..job }, &mut quiet).unwrap();
}

#[test]
fn thin_jails_share_what_none_of_them_changes() {
    let (archive, expect) = example();
    let dir = tempfile::tempdir().unwrap();
    let [shared, www, db] = ["shared", "www", "db"].map(|name| dir.path().join(name));
    let targets = [shared.clone(), www.clone(), db.clone()];
    extract(&Extract { expect, thin: true, ..Extract::new(&archive, &targets) }, &mut quiet).unwrap();
    assert!(shared.join("bin/sh").exists() && shared.join("usr/bin/su").exists());
    assert_eq!(names(&shared.join("etc")), [""; 0], "a mount point");
    assert_eq!(fs::metadata(shared.join("tmp")).unwrap().permissions().mode() & 0o7777, 0o1777);
    for own in [&www, &db] {
        assert!(own.join("etc/rc").exists() && own.join("var/run/ppp").exists());
        assert_eq!(names(own), ["etc", "root", "tmp", "usr", "var"]);
        assert_eq!(names(&own.join("usr")), ["home", "local"]);
        // A hard link from what is shared to what is not is a file of its own.
        assert_eq!(fs::read(own.join("root/.profile")).unwrap(), fs::read(shared.join(".profile")).unwrap());
        assert_ne!(
            fs::metadata(own.join("root/.profile")).unwrap().ino(),
            fs::metadata(shared.join(".profile")).unwrap().ino()
        );
        assert_eq!(fs::metadata(own.join("root/.profile")).unwrap().mtime(), 1_732_838_400);
    }
    let root = Path::new("/srv/jail/www/fs");
    let mounts = jailkit::base::thin_mounts(&jailkit::base::ThinJail { shared: &shared, own: &www, root });
    let lines: Vec<u8> = mounts.iter().flat_map(jailkit::fstab::Entry::line).collect();
    let lines = String::from_utf8(lines).unwrap().replace(&dir.path().display().to_string(), "");
    let mounts = ["etc", "root", "tmp", "usr/home", "usr/local", "var"];
    let own = mounts.map(|at| format!("/www/{at}\t/srv/jail/www/fs/{at}\tnullfs\trw\t0\t0\n"));
    assert_eq!(lines, format!("/shared\t/srv/jail/www/fs\tnullfs\tro\t0\t0\n{}", own.concat()));
}

#[test]
fn extended_attributes_come_along() {
    let dir = tempfile::tempdir().unwrap();
    let mut tar = tar::Builder::new(xz2::write::XzEncoder::new(Vec::new(), 0));
    let mut add = |kind, name| {
        let records = [("SCHILY.xattr.user.note", &b"a\nb"[..]), ("SCHILY.xattr.trusted.note", b"x")];
        tar.append_pax_extensions(records).unwrap();
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(0o555);
        header.set_size(0);
        for set in [tar::Header::set_uid, tar::Header::set_gid, tar::Header::set_mtime] {
            set(&mut header, 0);
        }
        tar.append_data(&mut header, name, &b""[..]).unwrap();
    };
    add(tar::EntryType::Directory, "d");
    add(tar::EntryType::Regular, "d/f");
    let archive = dir.path().join("base.txz");
    fs::write(&archive, tar.into_inner().unwrap().finish().unwrap()).unwrap();
    let targets = [dir.path().join("fs")];
    extract(&Extract::new(&archive, &targets), &mut quiet).unwrap();
    if xattr::set(dir.path(), "user.note", b"").is_err() {
        return; // none on this file system
    }
    for path in ["d", "d/f"] {
        assert_eq!(xattr::get(targets[0].join(path), "user.note").unwrap().as_deref(), Some(&b"a\nb"[..]), "{path}");
        assert_eq!(xattr::get(targets[0].join(path), "trusted.note").unwrap(), None, "{path}");
    }
}

#[test]
fn access_control_lists_come_along() {
    let dir = tempfile::tempdir().unwrap();
    let mut tar = tar::Builder::new(xz2::write::XzEncoder::new(Vec::new(), 0));
    let access = &b"user::rwx,user:www:r-x:80,group::r-x,mask::rwx,other::---"[..];
    for (kind, name) in [(tar::EntryType::Directory, "d"), (tar::EntryType::Regular, "d/f")] {
        let mut records = vec![("SCHILY.acl.access", access)];
        records.extend((name == "d").then_some(("SCHILY.acl.default", access)));
        if name == "d/f" {
            records.clear();
        }
        tar.append_pax_extensions(records).unwrap();
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(0o770);
        header.set_size(0);
        for set in [tar::Header::set_uid, tar::Header::set_gid, tar::Header::set_mtime] {
            set(&mut header, 0);
        }
        tar.append_data(&mut header, name, &b""[..]).unwrap();
    }
    let archive = dir.path().join("base.txz");
    fs::write(&archive, tar.into_inner().unwrap().finish().unwrap()).unwrap();
    let targets = [dir.path().join("fs")];
    extract(&Extract::new(&archive, &targets), &mut quiet).unwrap();
    let list = |path: &str, name: &str| xattr::get(targets[0].join(path), name).unwrap_or_default();
    if let Some(found) = list("d", "system.posix_acl_access") {
        assert_eq!(found.len(), 4 + 5 * 8);
        assert!(list("d", "system.posix_acl_default").is_some());
        assert_eq!(list("d/f", "system.posix_acl_access"), None, "it is made before the directory has its list");
        assert_eq!(fs::metadata(targets[0].join("d")).unwrap().permissions().mode() & 0o7777, 0o770);
    }
}
