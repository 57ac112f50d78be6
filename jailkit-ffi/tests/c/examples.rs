//! The C examples, built against the installed library and run.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use crate::built;

/// The library, installed in a folder.
struct Installed {
    dir: PathBuf,
}

/// The library that all examples are built against.
fn installed() -> &'static Installed {
    static INSTALLED: OnceLock<Installed> = OnceLock::new();
    INSTALLED.get_or_init(|| Installed::under(Path::new(env!("CARGO_TARGET_TMPDIR"))))
}

impl Installed {
    fn under(dir: &Path) -> Self {
        let installed = Self { dir: dir.to_owned() };
        installed.script("install");
        installed
    }

    fn prefix(&self) -> PathBuf {
        self.dir.join("prefix")
    }

    fn script(&self, action: &str) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("install");
        let mut command = Command::new(script);
        command.arg(action).env("PREFIX", self.prefix()).env("BUILD", built::directory());
        for name in ["DESTDIR", "LIBDIR", "INCLUDEDIR", "PKGCONFIGDIR"] {
            command.env_remove(name);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// A field of jailkit.pc, its variables replaced, as pkg-config does.
    fn flags(&self, field: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.prefix().join("lib/pkgconfig/jailkit.pc")).unwrap();
        let mut variables = Vec::new();
        for line in text.lines() {
            let replaced = variables.iter().fold(line.to_owned(), |line, (name, value): &(String, String)| {
                line.replace(&format!("${{{name}}}"), value)
            });
            if let Some((name, value)) = replaced.split_once('=').filter(|(name, _)| !name.contains(':')) {
                variables.push((name.to_owned(), value.to_owned()));
            }
            if let Some(value) = replaced.strip_prefix(&format!("{field}: ")) {
                return value.split_whitespace().map(str::to_owned).collect();
            }
        }
        panic!("no {field} in {text}");
    }

    /// Builds an example; its program.
    fn example(&self, name: &str) -> PathBuf {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../examples/c/{name}.c"));
        let program = self.dir.join(format!("{name}-{:?}", std::thread::current().id()));
        let output = Command::new("cc")
            .args(["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-o"])
            .args([&program, &source])
            .args(self.flags("Cflags"))
            .args(self.flags("Libs"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        program
    }

    fn run(&self, name: &str, arguments: &[&str]) -> Output {
        Command::new(self.example(name))
            .args(arguments)
            .env("LD_LIBRARY_PATH", self.prefix().join("lib"))
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .output()
            .unwrap()
    }
}

/// What a program printed, with its exit code.
fn shown(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("exit code: {:?}\n-- stdout\n{out}-- stderr\n{err}", output.status.code())
}

#[test]
fn jails_are_listed_as_jls_would() {
    let installed = installed();
    insta::assert_snapshot!(shown(&installed.run("resolve", &["jailkit-ffi/tests/files/jail.conf"])));
}

#[test]
fn every_fault_of_a_file_is_told() {
    let installed = installed();
    insta::assert_snapshot!(shown(&installed.run("resolve", &["jailkit-ffi/tests/files/broken.conf"])));
}

#[test]
fn a_packet_is_traced_with_its_reply() {
    let installed = installed();
    let packet = ["jailkit-ffi/tests/files/pf.conf", "igb0=203.0.113.10/24", "198.51.100.9:50000", "203.0.113.10:80"];
    insta::assert_snapshot!(shown(&installed.run("trace", &packet)));
}

#[test]
fn the_reference_stack_comes_up_after_it_was_called_off() {
    let installed = installed();
    let dir = tempfile::tempdir().unwrap();
    let host = dir.path().join("host");
    let arguments = ["examples/web-and-db/jailkit.toml", host.to_str().unwrap()];
    let called_off = installed.run("up", &[arguments[0], arguments[1], "3"]);
    insta::assert_snapshot!("called_off", shown(&called_off));
    insta::assert_snapshot!("taken_up", shown(&installed.run("up", &arguments)));
    insta::assert_snapshot!("nothing_left_to_do", shown(&installed.run("up", &arguments)));
}

#[test]
fn what_is_installed_can_be_uninstalled() {
    let dir = tempfile::tempdir().unwrap();
    let installed = Installed::under(dir.path());
    let files = |dir: &Path| {
        let mut found = Vec::new();
        let mut dirs = vec![dir.to_owned()];
        while let Some(dir) = dirs.pop() {
            for entry in std::fs::read_dir(dir).unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_dir() { dirs.push(entry.path()) } else { found.push(entry.path()) }
            }
        }
        let mut names: Vec<_> =
            found.iter().map(|path| path.strip_prefix(dir).unwrap().display().to_string()).collect();
        names.sort();
        names
    };
    let version = env!("CARGO_PKG_VERSION");
    let abi = jailkit_ffi::abi::JK_ABI_VERSION;
    assert_eq!(
        files(&installed.prefix()),
        [
            "include/jailkit.h".to_owned(),
            "lib/libjailkit.a".to_owned(),
            "lib/libjailkit.so".to_owned(),
            format!("lib/libjailkit.so.{abi}"),
            format!("lib/libjailkit.so.{abi}.{version}"),
            "lib/pkgconfig/jailkit.pc".to_owned(),
        ]
    );
    installed.script("uninstall");
    assert_eq!(files(&installed.prefix()), [""; 0]);
}
