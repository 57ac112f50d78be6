//! Archives made to do harm: each is refused with an error that names the entry, nothing outside the target is
//! created, changed or read, and nothing half done stays.
#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use std::fs;
use std::io::Write;
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use jailkit::base::{BaseError, Expect, Extract, Extracted, Limits, Sha256, extract};
use sha2::Digest;
use tar::{EntryType, Header};
use xz2::stream::{Check, MtStreamBuilder};
use xz2::write::XzEncoder;

/// A tar archive, its headers as hostile as one likes.
#[derive(Clone, Default)]
struct Tar(Vec<u8>);

impl Tar {
    fn header(name: &[u8], kind: EntryType, size: u64) -> Header {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_size(size);
        for set in [Header::set_uid, Header::set_gid, Header::set_mtime] {
            set(&mut header, 0);
        }
        header.set_cksum();
        header
    }

    fn raw(mut self, header: &Header, data: &[u8]) -> Self {
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(data);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    fn data(self, name: &str, kind: EntryType, data: &[u8]) -> Self {
        self.raw(&Self::header(name.as_bytes(), kind, data.len() as u64), data)
    }

    fn file(self, name: &str, data: &str) -> Self {
        self.data(name, EntryType::Regular, data.as_bytes())
    }

    fn dir(self, name: &str) -> Self {
        self.data(name, EntryType::Directory, b"")
    }

    fn special(self, name: &str, kind: EntryType) -> Self {
        self.data(name, kind, b"")
    }

    fn link(self, name: &str, kind: EntryType, target: &str) -> Self {
        let mut header = Self::header(name.as_bytes(), kind, 0);
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_cksum();
        self.raw(&header, b"")
    }

    fn symlink(self, name: &str, target: &str) -> Self {
        self.link(name, EntryType::Symlink, target)
    }

    fn hard_link(self, name: &str, target: &str) -> Self {
        self.link(name, EntryType::Link, target)
    }

    /// An extension header with one record.
    fn pax(self, key: &str, value: &[u8]) -> Self {
        let mut record = [b" ", key.as_bytes(), b"=", value, b"\n"].concat();
        let digits = (1..).find(|digits| (record.len() + digits).to_string().len() == *digits).unwrap();
        record.splice(0..0, (record.len() + digits).to_string().into_bytes());
        self.malformed_pax(&record)
    }

    fn malformed_pax(self, records: &[u8]) -> Self {
        self.data("x", EntryType::XHeader, records)
    }

    fn end(mut self) -> Vec<u8> {
        self.0.extend_from_slice(&[0; 1024]);
        self.0
    }
}

/// A file of a time that is far beyond what 64 bits of seconds have.
fn late() -> Header {
    let mut header = Tar::header(b"late", EntryType::Regular, 0);
    header.as_old_mut().mtime = *b"\x80\0\0\0\x32\x32\x32\x32\x32\x32\x32\x32";
    header.set_cksum();
    header
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let stream = MtStreamBuilder::new().threads(1).preset(1).block_size(2048).check(Check::Crc64).encoder().unwrap();
    let mut encoder = XzEncoder::new_stream(Vec::new(), stream);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A place to extract to, with a tree beside it that nobody may touch.
struct Scene {
    dir: tempfile::TempDir,
    before: Vec<String>,
}

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let canary = dir.path().join("canary");
        fs::create_dir_all(canary.join("below")).unwrap();
        // A file that was never read since it was written: where it is read, the system notes the time.
        for name in ["file", "below/file"] {
            let file = fs::File::create(canary.join(name)).unwrap();
            (&file).write_all(b"canary").unwrap();
            let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
            file.set_times(fs::FileTimes::new().set_accessed(long_ago)).unwrap();
        }
        let before = Self::state(&canary);
        Self { dir, before }
    }

    fn state(path: &Path) -> Vec<String> {
        let found = fs::symlink_metadata(path).unwrap();
        let (ctime, atime) = ((found.ctime(), found.ctime_nsec()), found.is_file().then(|| found.atime()));
        let owner = (found.uid(), found.gid(), found.mode(), found.nlink());
        let mut state = vec![format!("{} {owner:?} {ctime:?} {atime:?}", path.display())];
        if found.is_dir() {
            let mut below: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
            below.sort();
            state.extend(below.iter().flat_map(|path| Self::state(path)));
        }
        state
    }

    fn target(&self) -> PathBuf {
        self.dir.path().join("fs")
    }

    fn extract(&self, archive: &[u8], limits: Limits, expect: Expect) -> Result<Extracted, BaseError> {
        let path = self.dir.path().join("base.txz");
        fs::write(&path, archive).unwrap();
        let targets = [self.target()];
        let job = Extract { limits, expect, flush: false, ..Extract::new(&path, &targets) };
        let result = extract(&job, &mut |_| ControlFlow::Continue(()));
        fs::remove_file(&path).unwrap();
        assert_eq!(Self::state(&self.dir.path().join("canary")), self.before, "the canary was touched");
        let mut names: Vec<_> =
            fs::read_dir(self.dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        let expected: &[&str] = if result.is_ok() { &["canary", "fs"] } else { &["canary"] };
        assert_eq!(names, expected, "{result:?}");
        result
    }

    /// The error without the name of the archive.
    fn refusal(&self, archive: &[u8], limits: Limits) -> String {
        let error = self.extract(archive, limits, Expect::default()).unwrap_err().to_string();
        error.split_once("base.txz").unwrap_or_else(|| panic!("{error}")).1.trim_start_matches([':', ' ']).to_owned()
    }
}

#[test]
fn hostile_entries_are_refused_by_name() {
    let t = Tar::default;
    let long = "a/".repeat(545) + "a";
    let kinds = [
        ("device", EntryType::Char, "dev/device: a character device; a base system has none, devfs(4) makes them"),
        ("disk", EntryType::Block, "dev/disk: a block device; a base system has none, devfs(4) makes them"),
        ("pipe", EntryType::Fifo, "dev/pipe: a named pipe; a base system has none, devfs(4) makes them"),
        ("what", EntryType::new(b'D'), "dev/what: an entry of type D, which base systems do not have"),
        ("esc", EntryType::new(0x1b), "dev/esc: an entry of type ␛, which base systems do not have"),
    ];
    let mut table: Vec<(Tar, &str)> = vec![
        (t().file("/etc/passwd", "x"), "/etc/passwd: an absolute name; names in an archive start at its top"),
        (t().file("../canary/file", "x"), "../canary/file: a name with '..' in it"),
        (t().file("a/../../canary/file", "x"), "a/../../canary/file: a name with '..' in it"),
        (t().dir("a/.."), "a/..: a name with '..' in it"),
        (t().symlink("../canary/link", "file"), "../canary/link: a name with '..' in it"),
        // Through links, in all the ways there are.
        (t().symlink("a", "../canary").file("a/file", "x"), "a/file: its path leads through the symbolic link a"),
        (
            t().dir("d").symlink("d/a", "../../canary").dir("d/a/new"),
            "d/a/new: its path leads through the symbolic link d/a",
        ),
        (t().symlink("a", "/").symlink("a/b", "x"), "a/b: its path leads through the symbolic link a"),
        (t().dir("here").symlink("a", "here").file("a/f", "x"), "a/f: its path leads through the symbolic link a"),
        (t().symlink("a", "../canary").dir("a"), "a: was a symbolic link before and is a directory now"),
        (t().symlink("a", "../canary/file").file("a", "x"), "a: was a symbolic link before and is a file now"),
        (
            // The open directory is found to be a link when it has been replaced meanwhile.
            t().dir("a").file("a/f", "x").symlink("a", "../canary").file("a/g", "x"),
            "a: was a directory before and is a symbolic link now",
        ),
        (t().file("a", "x").file("a/b", "x"), "a/b: its path leads through a, which is no directory"),
        // Hard links.
        (t().hard_link("a", "../canary/file"), "a: a hard link to ../canary/file: that is not in the archive"),
        (t().hard_link("a", "/etc/passwd"), "a: a hard link to /etc/passwd: that is not in the archive"),
        (
            t().symlink("s", "../canary").hard_link("a", "s/file"),
            "a: a hard link to s/file: no such file in the archive before it",
        ),
        (t().hard_link("a", "b"), "a: a hard link to b: no such file in the archive before it"),
        (t().dir("d").hard_link("a", "d"), "a: a hard link to d: that is a directory"),
        (t().hard_link("a", "."), "a: a hard link to .: that is the top directory"),
        (t().hard_link("a", ""), "a: a hard link to an entry without a name: that is no name"),
        (t().file("f", "x").dir("d").hard_link("d", "f"), "d: was a directory before and is a file now"),
        // Names.
        (t().pax("path", b"a\0b").file("f", "x"), "a␀b: a name with a NUL or a newline in it"),
        (t().pax("path", b"a\nb").file("f", "x"), "a␊b: a name with a NUL or a newline in it"),
        (t().data("l", EntryType::GNULongName, b"a\0b").file("f", "x"), "a␀b: a name with a NUL or a newline in it"),
        (t().file("", "x"), "an entry without a name: a name of 0 bytes; 1 to 1023 are possible"),
        (t().pax("path", long.as_bytes()).file("f", "x"), "(1091 bytes): a name of 1091 bytes; 1 to 1023 are possible"),
        (t().file("\x1b[2J/..", "x"), "␛[2J/..: a name with '..' in it"),
        (t().symlink("s", ""), "s: a symbolic link without a target, or with a NUL in it"),
        (t().pax("linkpath", b"a\0b").symlink("s", "t"), "s: a symbolic link without a target, or with a NUL in it"),
        // A name twice.
        (t().file("a", "x").dir("a"), "a: was a file before and is a directory now"),
        (t().dir("a").file("a", "x"), "a: was a directory before and is a file now"),
        (t().dir("a").symlink("./a/", "x"), "./a/: was a directory before and is a symbolic link now"),
        (t().file("a", "x").symlink("a", "x"), "a: was a file before and is a symbolic link now"),
        (t().file("./", "x"), "./: carries 1 bytes of data, which its type cannot"),
        (t().file(".", "x"), ".: was a directory before and is a file now"),
        // Sizes and counts.
        (
            t().raw(&Tar::header(b"huge", EntryType::Regular, 1 << 40), b"x"),
            "huge: unpacks to more than 67121152 bytes; raise the limit if that is right",
        ),
        (
            t().pax("size", b"18446744073709551615").file("huge", "x"),
            "huge: unpacks to more than 67121152 bytes; raise the limit if that is right",
        ),
        (t().data("d", EntryType::Directory, b"data"), "d: carries 4 bytes of data, which its type cannot"),
        (t().data("s", EntryType::Symlink, b"data"), "s: carries 4 bytes of data, which its type cannot"),
        // Headers.
        (
            t().file("a", "x").raw(&Tar::header(b"x", EntryType::XHeader, 1 << 30), b"x").file("f", "x"),
            ", after a: the tar header is damaged: an extension of more than a megabyte",
        ),
        (t().malformed_pax(b"99 path=a\n").file("f", "x"), "the tar header is damaged: a pax record is malformed"),
        (
            t().file("a", "x").pax("path", b"b"),
            ", after a: the tar header is damaged: an extension of an entry that does not follow",
        ),
        (t().pax("uid", b"4294967296").file("f", "x"), "f: an owner or group id beyond 32 bits"),
        // Found by the fuzzer: arithmetic with such a time panics.
        (t().raw(&late(), b""), "late: the tar header is damaged: its time is no time"),
        (t().pax("mtime", b"9223372036854775807").file("f", "x"), "f: the tar header is damaged: its time is no time"),
        (
            t().pax("GNU.sparse.size", b"10").pax("GNU.sparse.map", b"8,3").file("f", "xyz"),
            "f: the tar header is damaged: the map of the holes is damaged",
        ),
        (
            t().pax("GNU.sparse.size", b"1099511627776").pax("GNU.sparse.map", b"8,3").file("f", "xyz"),
            "f: unpacks to more than 67121152 bytes; raise the limit if that is right",
        ),
        (t().file("a", "x").raw(&Header::new_gnu(), b""), ", after a: the tar header is damaged: its sum is wrong"),
    ];
    for (name, kind, message) in kinds {
        table.push((t().dir("dev").special(&format!("dev/{name}"), kind), message));
    }
    for (tar, message) in table {
        let refused = Scene::new().refusal(&xz(&tar.end()), Limits { bytes: Some(67_121_152), entries: None });
        assert!(
            if message.starts_with('(') { refused.ends_with(&message) } else { refused.starts_with(message) },
            "{refused}\nis not\n{message}"
        );
    }
}

#[test]
fn what_is_odd_and_harmless_is_taken() {
    let scene = Scene::new();
    let tar = Tar::default()
        .symlink("out", "../canary/file")
        .symlink("out", "/etc/passwd")
        .hard_link("same-link", "out")
        .file("f", "old")
        .hard_link("f-link", "f")
        .file("f", "new")
        .hard_link("f", "f")
        .dir("d")
        .dir("./d/")
        .file("implied/below/f", "x")
        .pax("comment", b"hello there")
        .file("..a", "x");
    scene.extract(&xz(&tar.end()), Limits::default(), Expect::default()).unwrap();
    let read = |name: &str| fs::read_to_string(scene.target().join(name)).unwrap();
    assert_eq!((read("f"), read("f-link")), ("new".to_owned(), "old".to_owned()));
    assert_eq!(fs::read_link(scene.target().join("same-link")).unwrap(), Path::new("/etc/passwd"));
    assert_eq!(fs::metadata(scene.target().join("implied/below")).unwrap().mode() & 0o7777, 0o755);
}

#[test]
fn more_entries_than_expected_end_it() {
    let many = |count: usize| (0..count).fold(Tar::default(), |tar, at| tar.file(&format!("f{at}"), "")).end();
    let archive = xz(&many(5000));
    let limits = Limits { entries: Some(1000), bytes: None };
    let refused = Scene::new().refusal(&archive, limits);
    assert_eq!(refused, "f1000: that is one entry more than the 1000 that were expected or allowed");
    let expect = Expect { entries: Some(4999), sha256: None };
    let error = Scene::new().extract(&archive, Limits::default(), expect).unwrap_err().to_string();
    assert!(error.ends_with("f4999: that is one entry more than the 4999 that were expected or allowed"), "{error}");
    let expect = Expect { entries: Some(5001), sha256: None };
    let error = Scene::new().extract(&archive, Limits::default(), expect).unwrap_err();
    assert!(matches!(error, BaseError::Entries { expected: 5001, found: 5000, .. }), "{error}");
}

#[test]
fn a_bomb_goes_off_within_its_limit() {
    // One file of 80 MB that packs to little, and zeros without end after the last entry.
    let zeros = vec![0; 80 << 20];
    let tar = Tar::default().raw(&Tar::header(b"zeros", EntryType::Regular, zeros.len() as u64), &zeros).end();
    let packed = |bytes: &[u8]| {
        let mut encoder = XzEncoder::new(Vec::new(), 0);
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let bomb = packed(&tar);
    assert!(bomb.len() < 1 << 20);
    let scene = Scene::new();
    // By default, 64 times what the archive has, and 64 MiB.
    assert!(scene.refusal(&bomb, Limits::default()).starts_with("zeros: unpacks to more than "));
    let limits = Limits { bytes: Some(1 << 20), entries: None };
    assert_eq!(
        scene.refusal(&bomb, limits),
        "zeros: unpacks to more than 1048576 bytes; raise the limit if that is right"
    );
    let mut endless = Tar::default().file("f", "x").end();
    endless.extend_from_slice(&zeros);
    assert_eq!(
        scene.refusal(&packed(&endless), limits),
        ", after f: unpacks to more than 1048576 bytes; raise the limit if that is right"
    );
    scene.extract(&bomb, Limits { bytes: Some(300 << 20), entries: None }, Expect::default()).unwrap();
}

/// Several entries over several blocks of xz.
fn sound() -> Vec<u8> {
    let text = "0123456789abcdef".repeat(200);
    Tar::default()
        .dir("./")
        .file("./a", &text)
        .pax("mtime", b"1732838400.5")
        .file("./b", "b")
        .symlink("./c", "a")
        .hard_link("./d", "a")
        .end()
}

#[test]
fn a_tar_cut_anywhere_is_refused() {
    let tar = sound();
    let scene = Scene::new();
    for cut in (0..tar.len()).filter(|cut| cut % 512 < 2 || cut % 512 == 511) {
        let error = scene.refusal(&xz(&tar[..cut]), Limits::default());
        assert!(error.contains("too early") || error.contains("no end mark"), "{cut}: {error}");
    }
    scene.extract(&xz(&tar), Limits::default(), Expect::default()).unwrap();
}

#[test]
fn an_xz_cut_anywhere_is_refused() {
    let archive = xz(&sound());
    let scene = Scene::new();
    for cut in 0..archive.len() {
        scene.refusal(&archive[..cut], Limits::default());
    }
    assert_eq!(
        scene.refusal(&archive[..archive.len() - 1], Limits::default()),
        ", after ./d: the archive ends too early"
    );
    assert_eq!(scene.refusal(b"", Limits::default()), "the archive ends too early");
    assert_eq!(scene.refusal(b"<html>not found</html>", Limits::default()), "not an .xz file");
    let trailing = [&archive[..], b"more than a header has"].concat();
    assert_eq!(
        scene.refusal(&trailing, Limits::default()),
        ", after ./d: something that is not .xz follows the compressed data"
    );
}

#[test]
fn a_bit_flipped_anywhere_in_the_xz_is_refused() {
    let archive = xz(&sound());
    let scene = Scene::new();
    for at in 0..archive.len() {
        let mut flipped = archive.clone();
        flipped[at] ^= 1 << (at % 8);
        scene.refusal(&flipped, Limits::default());
    }
}

#[test]
fn a_bit_flipped_anywhere_in_the_tar_is_refused_by_the_digest() {
    let tar = sound();
    let scene = Scene::new();
    let expect = Expect { sha256: Some(Sha256(sha2::Sha256::digest(xz(&tar)).into())), entries: None };
    for at in (0..tar.len()).step_by(7) {
        let mut flipped = tar.clone();
        flipped[at] ^= 1 << (at % 8);
        let error = scene.extract(&xz(&flipped), Limits::default(), expect).unwrap_err();
        assert!(matches!(error, BaseError::Digest { .. }), "{at}: {error}");
    }
}

#[test]
fn several_streams_and_padding_are_one_archive() {
    let tar = sound();
    let scene = Scene::new();
    let (first, second) = tar.split_at(1000);
    let archive = [xz(first), vec![0; 8], xz(second), vec![0; 4]].concat();
    scene.extract(&archive, Limits::default(), Expect::default()).unwrap();
    let scene = Scene::new();
    let archive = [xz(first), vec![0; 6], xz(second)].concat();
    assert!(
        scene.refusal(&archive, Limits::default()).ends_with("something that is not .xz follows the compressed data")
    );
}
