//! Mutated base archives: whatever they hold, a tree beside the target stays as it is, and nothing half done is left.
//!
//! The first byte says what the rest is: 0 an .xz file, 1 a tar archive, else a tar archive whose header sums are made
//! right, so that what lies behind them is reached.
#![no_main]

use std::fs;
use std::io::Write;
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use jailkit::base::{Extract, Limits, Ownership, extract};
use liblzma::write::XzEncoder;
use libfuzzer_sys::fuzz_target;

static SCENE: LazyLock<Scene> = LazyLock::new(Scene::new);

fuzz_target!(|input: &[u8]| {
    let Some((&kind, rest)) = input.split_first() else { return };
    let archive = match kind {
        0 => rest.to_owned(),
        1 => xz(rest),
        _ => xz(&with_sums(rest)),
    };
    SCENE.extract(&archive);
});

struct Scene {
    dir: tempfile::TempDir,
    before: Vec<String>,
}

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let canary = dir.path().join("canary");
        fs::create_dir_all(canary.join("below")).unwrap();
        for name in ["file", "below/file"] {
            let file = fs::File::create(canary.join(name)).unwrap();
            (&file).write_all(b"canary").unwrap();
            // Where it is read, the system notes the time.
            let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
            file.set_times(fs::FileTimes::new().set_accessed(long_ago)).unwrap();
        }
        let before = state(&canary);
        Self { dir, before }
    }

    fn extract(&self, archive: &[u8]) {
        let path = self.dir.path().join("base.txz");
        fs::write(&path, archive).unwrap();
        let targets: [PathBuf; 2] = ["fs", "other"].map(|name| self.dir.path().join(name));
        let job = Extract {
            limits: Limits { bytes: Some(4 << 20), entries: Some(1000) },
            ownership: Ownership::Chown,
            flush: false,
            threads: 1,
            ..Extract::new(&path, &targets)
        };
        let result = extract(&job, &mut |_| ControlFlow::Continue(()));
        fs::remove_file(&path).unwrap();
        assert_eq!(state(&self.dir.path().join("canary")), self.before, "the canary was touched");
        for target in &targets {
            assert_eq!(target.exists(), result.is_ok(), "{result:?}");
            if result.is_ok() {
                fs::remove_dir_all(target).unwrap();
            }
        }
        assert_eq!(fs::read_dir(self.dir.path()).unwrap().count(), 1, "something half done is left: {result:?}");
    }
}

fn state(path: &Path) -> Vec<String> {
    let found = fs::symlink_metadata(path).unwrap();
    let (ctime, atime) = ((found.ctime(), found.ctime_nsec()), found.is_file().then(|| found.atime()));
    let owner = (found.uid(), found.gid(), found.mode(), found.nlink());
    let mut state = vec![format!("{} {owner:?} {ctime:?} {atime:?}", path.display())];
    if found.is_dir() {
        let mut below: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        below.sort();
        state.extend(below.iter().flat_map(|path| crate::state(path)));
    }
    state
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = XzEncoder::new(Vec::new(), 0);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The archive with the sums of its headers, as far as its sizes lead to them.
fn with_sums(tar: &[u8]) -> Vec<u8> {
    let mut tar = tar.to_owned();
    let mut at = 0;
    while let Some(header) = tar.get_mut(at..at + 512) {
        if header.iter().all(|&byte| byte == 0) {
            break;
        }
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let digits: String = header[124..136].iter().map(|&byte| char::from(byte)).collect();
        let size = usize::from_str_radix(digits.trim_matches(['\0', ' ']), 8).unwrap_or(0);
        let Some(next) = size.checked_next_multiple_of(512).and_then(|size| size.checked_add(at + 512)) else { break };
        at = next;
    }
    tar
}
