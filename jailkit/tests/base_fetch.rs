//! Fetching a release from a server on loopback that does all that servers and networks do wrong.
#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use jailkit::base::{Arch, BaseError, Cache, Fetch, FetchError, FetchEvent, Fetched, Mirror, Patience, Release, fetch};

/// What the server does with one request for the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    /// What a server should do, ranges included.
    Right,
    /// Knows no ranges.
    NoRanges,
    /// Says the right length, and closes the connection after so many bytes.
    CutAfter(usize),
    /// Sends so many bytes, and then nothing more.
    StallAfter(usize),
    /// Says a length that is so much less, and sends that.
    TooShort(usize),
    /// Says a length that is too much.
    TooLong(usize),
    /// Goes on with another version of the file, and says so.
    Changed,
    /// Goes on with another version of the file, under the old one's name.
    ChangedUnsaid,
    /// Sends another range than it was asked for.
    WrongRange,
    /// Answers with a status and nothing else.
    Status(u16),
}

struct Server {
    url: String,
    /// The archive requests that came, by where their range starts.
    asked: Arc<Mutex<Vec<Option<usize>>>>,
}

fn example(file: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/web-and-db").join(file)).unwrap()
}

impl Server {
    /// A server that does these things one after the other, and the last one from then on.
    fn new(script: &'static [Does]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let seen = Arc::clone(&seen);
                thread::spawn(move || serve(stream.unwrap(), script, &seen));
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<Option<usize>> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, script: &[Does], asked: &Mutex<Vec<Option<usize>>>) {
    let mut head = Vec::new();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while !head.ends_with(b"\r\n\r\n") {
        if reader.read_until(b'\n', &mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    // The client may be gone before all is sent.
    let mut send = |head: String, body: &[u8]| {
        let head = format!("HTTP/1.1 {head}\r\nConnection: close\r\n\r\n");
        drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)));
    };
    let path = head.split(' ').nth(1).unwrap();
    if path == "/releases/amd64/amd64/14.2-release/manifest" {
        let manifest = example("MANIFEST");
        return send(format!("200 OK\r\nContent-Length: {}", manifest.len()), &manifest);
    }
    if path != "/releases/amd64/amd64/14.2-release/base.txz" {
        return send("404 Not Found\r\nContent-Length: 0".to_owned(), b"");
    }
    let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let range = header("range: bytes=").map(|range| range.trim_end_matches('-').parse::<usize>().unwrap());
    let does = {
        let mut asked = asked.lock().unwrap();
        asked.push(range);
        *script.get(asked.len() - 1).or(script.last()).unwrap()
    };
    let mut archive = example("base.txz");
    let whole = archive.len();
    let mut tag = "\"one\"";
    if matches!(does, Does::Changed | Does::ChangedUnsaid) {
        archive.iter_mut().for_each(|byte| *byte ^= 0x55);
        tag = if does == Does::Changed { "\"two\"" } else { tag };
    }
    // A request that would go on with another version gets the whole of this one.
    let range = range.filter(|_| does != Does::NoRanges && header("if-range: ").is_none_or(|known| known == tag));
    let start = range.unwrap_or(0);
    if start >= whole {
        return send(format!("416 Range Not Satisfiable\r\nContent-Range: bytes */{whole}\r\nContent-Length: 0"), b"");
    }
    let rest = &archive[start..];
    let answer = |len: usize| match range {
        None => format!("200 OK\r\nETag: {tag}\r\nContent-Length: {len}"),
        Some(start) => {
            let start = if does == Does::WrongRange { start + 1 } else { start };
            format!(
                "206 Partial\r\nETag: {tag}\r\nContent-Range: bytes {start}-{}/{whole}\r\nContent-Length: {len}",
                whole - 1
            )
        }
    };
    match does {
        Does::Right | Does::NoRanges | Does::Changed | Does::ChangedUnsaid | Does::WrongRange => {
            send(answer(rest.len()), rest);
        }
        Does::CutAfter(len) => send(answer(rest.len()), &rest[..len.min(rest.len())]),
        Does::StallAfter(len) => {
            send(answer(rest.len()), &rest[..len.min(rest.len())]);
            // Until the client has had enough.
            drop(reader.read(&mut [0]));
        }
        Does::TooShort(less) => send(answer(rest.len() - less), &rest[..rest.len() - less]),
        Does::TooLong(more) => send(answer(rest.len() + more), rest),
        Does::Status(status) => send(format!("{status} No\r\nContent-Length: 0"), b""),
    }
}

struct Scene {
    dir: tempfile::TempDir,
    events: Vec<FetchEvent>,
}

impl Scene {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), events: Vec::new() }
    }

    fn cache(&self) -> Cache {
        Cache::new(self.dir.path().join("cache"))
    }

    fn fetch(&mut self, mirror: &str) -> Result<Vec<Fetched>, FetchError> {
        self.fetch_as(mirror, |job| job)
    }

    fn fetch_as(
        &mut self,
        mirror: &str,
        with: impl for<'a> Fn(Fetch<'a>) -> Fetch<'a>,
    ) -> Result<Vec<Fetched>, FetchError> {
        let (release, arch) = (&release(), &arch());
        let patience = Patience { attempts: 3, pause: Duration::from_millis(1), stall: Duration::from_millis(300) };
        let (sets, mirror, cache) = (&["base".to_owned()], &mirror.parse()?, &self.cache());
        let job = Fetch { release, arch, sets, mirror, cache, manifest: None, offline: false, patience };
        let events = &mut self.events;
        fetch(&with(job), &mut |event| {
            events.push(event.clone());
            ControlFlow::Continue(())
        })
    }

    /// The archives in the cache that could be used.
    fn usable(&self) -> Vec<PathBuf> {
        let found = self.cache().list().unwrap();
        found.into_iter().filter(|cached| cached.len.is_some()).map(|cached| cached.path).collect()
    }
}

fn release() -> Release {
    "14.2-RELEASE".parse().unwrap()
}

fn arch() -> Arch {
    "amd64".parse().unwrap()
}

#[test]
fn what_goes_wrong_on_the_way_is_made_good() {
    const LEN: usize = 1000;
    let whole = example("base.txz").len();
    let table: &[(&'static [Does], &[Option<usize>])] = &[
        (&[Does::Right], &[None]),
        (&[Does::CutAfter(LEN), Does::Right], &[None, Some(LEN)]),
        // Each failure with bytes gained is the first one again.
        (
            &[Does::CutAfter(10), Does::CutAfter(10), Does::CutAfter(10), Does::CutAfter(10), Does::Right],
            &[None, Some(10), Some(20), Some(30), Some(40)],
        ),
        (&[Does::CutAfter(0), Does::Right], &[None, None]),
        (&[Does::StallAfter(LEN), Does::Right], &[None, Some(LEN)]),
        (&[Does::StallAfter(0), Does::Right], &[None, None]),
        (&[Does::CutAfter(LEN), Does::NoRanges], &[None, Some(LEN)]),
        (&[Does::TooShort(LEN), Does::Right], &[None, None]),
        (&[Does::TooLong(LEN), Does::Right], &[None, Some(whole)]),
        // What is there turns out to be all there is.
        (&[Does::TooLong(LEN), Does::Status(416)], &[None, Some(whole)]),
        (&[Does::CutAfter(LEN), Does::Status(416), Does::Right], &[None, Some(LEN), None]),
        (&[Does::CutAfter(LEN), Does::Changed, Does::Right], &[None, Some(LEN), None]),
        (&[Does::CutAfter(LEN), Does::ChangedUnsaid, Does::Right], &[None, Some(LEN), None]),
        (&[Does::CutAfter(LEN), Does::WrongRange, Does::Right], &[None, Some(LEN), None]),
        (&[Does::Status(503), Does::Status(429), Does::Right], &[None, None, None]),
    ];
    for (script, asked) in table {
        let (server, mut scene) = (Server::new(script), Scene::new());
        let fetched = scene.fetch(&server.url).unwrap_or_else(|error| panic!("{script:?}: {error}"));
        assert_eq!(&server.asked(), asked, "{script:?}");
        assert_eq!(fs::read(&fetched[0].path).unwrap(), example("base.txz"), "{script:?}");
        assert_eq!(scene.usable(), [fetched[0].path.clone()]);
        let beside = fs::read_dir(fetched[0].path.parent().unwrap()).unwrap().count();
        assert_eq!(beside, 1, "{script:?}: nothing half done stays");
    }
}

#[test]
fn what_cannot_be_made_good_is_told_and_nothing_is_usable() {
    let table: &[(&'static [Does], &str)] = &[
        (&[Does::Status(404)], "/base.txz: the server answers 404"),
        (&[Does::Status(403)], "/base.txz: the server answers 403"),
        (&[Does::Status(500)], "tried 3 times: the server answers 500"),
        (&[Does::CutAfter(0)], "tried 3 times: "),
        (&[Does::StallAfter(0)], "tried 3 times: "),
        (&[Does::CutAfter(100), Does::CutAfter(0)], "tried 3 times: "),
        (&[Does::CutAfter(100), Does::WrongRange, Does::CutAfter(0)], "tried 3 times: "),
        (&[Does::ChangedUnsaid], "is not the archive that MANIFEST names: its sha256 is "),
        (&[Does::TooShort(1000)], "is not the archive that MANIFEST names: its sha256 is "),
        (&[Does::CutAfter(1000), Does::ChangedUnsaid], "is not the archive that MANIFEST names: its sha256 is "),
    ];
    for (script, message) in table {
        let (server, mut scene) = (Server::new(script), Scene::new());
        let error = scene.fetch(&server.url).unwrap_err();
        assert!(error.to_string().contains(message), "{script:?}: {error}");
        assert!(scene.usable().is_empty(), "{script:?}");
    }
}

#[test]
fn a_download_goes_on_in_the_next_run() {
    let mut scene = Scene::new();
    let broken = Server::new(&[Does::CutAfter(1000), Does::CutAfter(0)]);
    assert!(matches!(scene.fetch(&broken.url), Err(FetchError::Network { attempts: 3, .. })));
    let server = Server::new(&[Does::Right]);
    scene.fetch(&server.url).unwrap();
    assert_eq!(server.asked(), [Some(1000)]);
    assert!(scene.events.contains(&FetchEvent::Begin { file: "base.txz".to_owned(), have: 1000 }));
    // And what is there is not fetched again.
    scene.fetch(&server.url).unwrap();
    assert_eq!(server.asked().len(), 1);
    assert!(scene.events.contains(&FetchEvent::Cached { file: "base.txz".to_owned() }));
}

#[test]
fn what_an_older_run_left_of_something_else_is_thrown_away() {
    let mut scene = Scene::new();
    let broken = Server::new(&[Does::ChangedUnsaid, Does::ChangedUnsaid]);
    assert!(scene.fetch(&broken.url).is_err());
    let dir = scene.cache().list().unwrap()[0].path.parent().unwrap().to_owned();
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join(".jailkit-base.txz.tmp"), [0; 2000]).unwrap();
    let server = Server::new(&[Does::Right]);
    scene.fetch(&server.url).unwrap();
    assert_eq!(server.asked(), [Some(2000), None]);
}

#[test]
fn offline_is_the_cache_alone() {
    let (server, mut scene) = (Server::new(&[Does::Right]), Scene::new());
    let offline = |mirror: &str, scene: &mut Scene| scene.fetch_as(mirror, |job| Fetch { offline: true, ..job });
    let error = offline("http://127.0.0.1:1", &mut scene).unwrap_err().to_string();
    assert!(error.starts_with("14.2-RELEASE for amd64 is not in the cache "), "{error}");
    let path = scene.fetch(&server.url).unwrap()[0].path.clone();
    assert_eq!(offline("http://127.0.0.1:1", &mut scene).unwrap()[0].path, path);
    // Damaged where it lies: said offline, made good else.
    fs::write(&path, "damaged").unwrap();
    assert!(matches!(offline(&server.url, &mut scene), Err(FetchError::Base(BaseError::Digest { .. }))));
    assert!(scene.cache().check(&scene.cache().list().unwrap()[0].dist).is_err());
    assert!(scene.fetch(&server.url).unwrap()[0].fetched);
    fs::remove_file(&path).unwrap();
    let error = offline(&server.url, &mut scene).unwrap_err().to_string();
    assert!(error.starts_with("base.txz of 14.2-RELEASE for amd64 is not in the cache "), "{error}");
}

#[test]
fn directories_and_file_urls_are_mirrors() {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/web-and-db").canonicalize().unwrap();
    for mirror in [dist.display().to_string(), format!("file://{}", dist.display())] {
        let mut scene = Scene::new();
        let fetched = scene.fetch(&mirror).unwrap();
        assert_eq!(fs::read(&fetched[0].path).unwrap(), example("base.txz"));
    }
    let mut scene = Scene::new();
    let damaged = scene.dir.path().join("dist");
    fs::create_dir(&damaged).unwrap();
    fs::write(damaged.join("MANIFEST"), example("MANIFEST")).unwrap();
    fs::write(damaged.join("base.txz"), &example("base.txz")[1..]).unwrap();
    let error = scene.fetch(&damaged.display().to_string()).unwrap_err();
    assert!(matches!(error, FetchError::Digest { .. }), "{error}");
    assert!(scene.usable().is_empty());
    assert!(matches!(scene.fetch("/nonexistent"), Err(FetchError::Base(BaseError::File { .. }))));
}

#[test]
fn a_set_that_a_release_lacks_is_told_with_those_it_has() {
    let (server, mut scene) = (Server::new(&[Does::Right]), Scene::new());
    let sets = vec!["kernel".to_owned()];
    let (release, arch, cache) = (&release(), &arch(), &scene.cache());
    let (mirror, patience): (&Mirror, _) = (&server.url.parse().unwrap(), Patience::default());
    let job = Fetch { release, arch, sets: &sets, mirror, cache, manifest: None, offline: false, patience };
    let error = fetch(&job, &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert_eq!(error.to_string(), "14.2-RELEASE has no kernel; it has: base");
    // Called off: what has come is kept, and cannot be used.
    let base = ["base".to_owned()];
    let stop = &mut |event: &FetchEvent| match event {
        FetchEvent::Bytes { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    assert!(matches!(fetch(&Fetch { sets: &base, ..job }, stop), Err(FetchError::Cancelled)));
    assert!(scene.usable().is_empty());
    scene.events.clear();
    scene.fetch(&server.url).unwrap();
    assert!(matches!(scene.events[0], FetchEvent::Begin { have: 1.., .. }));
}

#[test]
fn a_release_that_is_removed_leaves_what_others_have() {
    let (server, mut scene) = (Server::new(&[Does::Right]), Scene::new());
    let path = scene.fetch(&server.url).unwrap()[0].path.clone();
    let cache = scene.cache();
    let other = "14.3-RELEASE".parse().unwrap();
    let manifests = cache.dir().join("releases");
    fs::create_dir_all(manifests.join("14.3-RELEASE/amd64/amd64")).unwrap();
    fs::write(manifests.join("14.3-RELEASE/amd64/amd64/MANIFEST"), example("MANIFEST")).unwrap();
    assert_eq!(cache.list().unwrap().len(), 2);
    assert_eq!(cache.remove(&release(), &arch()).unwrap(), 0);
    assert!(path.exists());
    assert_eq!(cache.remove(&other, &arch()).unwrap(), example("base.txz").len() as u64);
    assert!(!path.exists());
    assert_eq!(cache.list().unwrap(), []);
    assert_eq!(cache.remove(&other, &arch()).unwrap(), 0);
}
