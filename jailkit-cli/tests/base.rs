//! `jailkit base` as a person or a program runs it.
#![allow(clippy::unwrap_used)] // the helpers here are part of tests

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use assert_cmd::Command;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/web-and-db");
const SHA256: &str = "7d85209fee268a0c3b1a1b785ffd5bae697111c649400941575fb7a05a179442";

struct Scene {
    dir: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::cargo_bin("jailkit").unwrap();
        command.env_remove("JAILKIT_ROOT");
        let names = std::env::vars_os().map(|(name, _)| name);
        for name in names.filter(|name| name.to_string_lossy().to_lowercase().ends_with("_proxy")) {
            command.env_remove(name);
        }
        command.env("JAILKIT_ROOT", self.dir.path().join("host")).env("JAILKIT_CACHE", self.dir.path().join("cache"));
        command.current_dir(&self.dir).arg("base").args(line.split_ascii_whitespace());
        command
    }

    /// What a run says: exit code, standard output, standard error; the scene's own paths left away.
    fn run(&self, line: &str) -> (i32, String, String) {
        let output = self.command(line).output().unwrap();
        let own = format!("{}/", self.dir.path().display());
        let text = |bytes: &[u8]| {
            let text = String::from_utf8(bytes.to_owned()).unwrap();
            text.replace(&own, "").replace(EXAMPLE, "EXAMPLE").replace(SHA256, "SHA256")
        };
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    }

    fn json(&self, line: &str) -> serde_json::Value {
        serde_json::from_str(&self.run(&format!("{line} --json")).1).unwrap()
    }
}

#[test]
fn a_release_is_fetched_listed_checked_extracted_and_removed() {
    let scene = Scene::new();
    let run = |line: &str| scene.run(line);
    assert_eq!(run("list"), (0, String::new(), "the cache is empty; jailkit base fetch fills it\n".to_owned()));
    let fetch = format!("fetch 14.2-RELEASE --arch amd64 --mirror {EXAMPLE}");
    let (code, out, err) = run(&fetch);
    assert_eq!((code, out.as_str()), (0, "cache/archives/SHA256/base.txz\n"), "{err}");
    assert!(err.ends_with("fetching base.txz\nchecking base.txz\n"), "{err}");
    assert!(run(&fetch).2.ends_with("base.txz is in the cache\n"));
    insta::assert_snapshot!(run("list").1, @r"
    RELEASE       ARCH   ARCHIVE   ENTRIES        SIZE
    14.2-RELEASE  amd64  base.txz      372  152.94 KiB
    ");
    assert_eq!(run("verify").1, "1 archives are what they should be, 0 are not\n");
    assert_eq!(run("fetch 14.2-RELEASE --arch amd64 --offline").0, 0);
    assert_eq!(run("fetch 14.2-RELEASE --arch arm64 --offline").0, 1);
    let listed = scene.json("list");
    assert_eq!((&listed[0]["release"], &listed[0]["dist"]["entries"]), (&"14.2-RELEASE".into(), &372.into()));

    let archive = format!("cache/archives/{SHA256}/base.txz");
    let extracted = scene.json(&format!("extract {archive} a --into b"));
    assert_eq!((&extracted["entries"], &extracted["checked"]), (&372.into(), &true.into()));
    assert!(scene.dir.path().join("a/bin/sh").is_file() && scene.dir.path().join("b/bin/sh").is_file());

    fs::write(scene.dir.path().join(&archive), "damaged").unwrap();
    let (code, out, err) = run("verify");
    assert_eq!((code, out.as_str()), (1, "0 archives are what they should be, 1 are not\n"));
    assert!(err.contains("its sha256 is "), "{err}");
    assert_eq!(run("remove 14.2-RELEASE --arch amd64").0, 0);
    let (code, _, err) = run("remove 14.2-RELEASE --arch amd64");
    assert_eq!((code, err.as_str()), (1, "error: 14.2-RELEASE for amd64 is not in the cache\n"));
}

#[test]
fn an_archive_is_extracted_whole_or_not_at_all() {
    let scene = Scene::new();
    let (code, out, err) = scene.run(&format!("extract {EXAMPLE}/base.txz fs"));
    assert_eq!(code, 0, "{err}");
    insta::assert_snapshot!(out, @r"
    EXAMPLE/base.txz: 372 entries, 302.52 KiB, sha256 SHA256, as MANIFEST has it
    made fs
    ");
    let (code, _, err) = scene.run(&format!("extract {EXAMPLE}/base.txz fs"));
    assert_eq!(code, 1);
    let occupied = "error: fs is there already and is not an empty directory; remove it, or extract elsewhere\n";
    assert!(err.ends_with(occupied), "{err}");
    // Cut off, with and without something to check it against.
    let whole = fs::read(Path::new(EXAMPLE).join("base.txz")).unwrap();
    fs::write(scene.dir.path().join("base.txz"), &whole[..100_000]).unwrap();
    let (code, _, err) = scene.run("extract base.txz other");
    assert_eq!(code, 1);
    assert!(err.ends_with(": the archive ends too early\n"), "{err}");
    let (code, _, err) = scene.run(&format!("extract base.txz other --manifest {EXAMPLE}/MANIFEST"));
    assert_eq!(code, 1);
    assert!(err.ends_with("not SHA256; fetch it again\n"), "{err}");
    assert!(!scene.dir.path().join("other").exists());
    let (code, out, _) = scene.run(&format!("extract {EXAMPLE}/base.txz --verify-only --max-size 1M"));
    assert_eq!((code, out.lines().count()), (0, 1));
    let (code, _, err) = scene.run(&format!("extract {EXAMPLE}/base.txz small --max-size 100K"));
    assert_eq!(code, 1);
    assert!(err.contains("unpacks to more than 102400 bytes"), "{err}");
    let usage = ["extract", "extract base.txz", "extract base.txz x --max-size much", "extract base.txz x --thin"];
    for line in usage.into_iter().chain(["fetch 14", "fetch 14.2-RELEASE --mirror ftp://x"]) {
        assert_eq!(scene.run(line).0, 2, "{line}");
    }
}

#[test]
fn nothing_is_done_where_it_is_only_to_be_shown() {
    let scene = Scene::new();
    for line in [format!("extract {EXAMPLE}/base.txz fs -n"), format!("fetch 14.2-RELEASE --mirror {EXAMPLE} -n")] {
        let (code, out, _) = scene.run(&line);
        assert_eq!(code, 0);
        assert!(out.starts_with("would "), "{out}");
    }
    assert!(!scene.dir.path().join("fs").exists() && !scene.dir.path().join("cache").exists());
}

#[test]
fn thin_jails_come_with_their_fstab() {
    let scene = Scene::new();
    let (code, out, err) = scene.run(&format!("extract {EXAMPLE}/base.txz shared --thin --into www --into db"));
    assert_eq!(code, 0, "{err}");
    let lines: Vec<_> = out.lines().filter(|line| line.contains("nullfs")).collect();
    assert_eq!(lines.len(), 14);
    assert_eq!(lines[0], "shared\twww\tnullfs\tro\t0\t0");
    assert_eq!(lines[1], "www.own/etc\twww/etc\tnullfs\trw\t0\t0");
    assert!(scene.dir.path().join("db.own/etc/rc").is_file() && scene.dir.path().join("db").is_dir());
}

#[test]
fn a_release_newer_than_the_kernel_needs_force() {
    let scene = Scene::new();
    let (code, _, err) = scene.run(&format!("fetch 99.0-RELEASE --mirror {EXAMPLE}"));
    assert_eq!(code, 1);
    assert!(err.contains("99.0-RELEASE is newer than the host's kernel, which is of "), "{err}");
    assert_eq!(scene.run(&format!("fetch 99.0-RELEASE --mirror {EXAMPLE} --force")).0, 0);
    // Without a release, that of the host.
    assert_eq!(scene.run(&format!("fetch --mirror {EXAMPLE}")).0, 0);
    assert_eq!(scene.json("list").as_array().unwrap().len(), 2);
}

/// A proxy that answers for the host it is asked to connect to; what it was asked for comes out at the other end.
fn proxy() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (tell, told) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let connect = head(&mut stream);
            stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").unwrap();
            let get = head(&mut stream);
            let file = get.split(' ').nth(1).unwrap().rsplit('/').next().unwrap().to_owned();
            let body = fs::read(Path::new(EXAMPLE).join(file)).unwrap();
            let answer = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
            stream.write_all(answer.as_bytes()).and_then(|()| stream.write_all(&body)).unwrap();
            tell.send(connect.lines().next().unwrap().to_owned()).unwrap();
        }
    });
    (address, told)
}

fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

#[test]
fn http_proxy_names_the_way() {
    let (scene, (proxy, told)) = (Scene::new(), proxy());
    let line = "fetch 14.2-RELEASE --arch amd64 --mirror http://mirror.invalid";
    let output = scene.command(line).env("http_proxy", proxy).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(told.recv().unwrap(), "CONNECT mirror.invalid:80 HTTP/1.1");
}
