//! jail(8) at work on FreeBSD 13.2, as `tests/corpus/lifecycle/transcript.txt` shows it, and ours on the simulated
//! host: the same hooks in the same order, each with the same mounts, addresses and jails around it, the same words,
//! the same outcome.

#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;

use bstr::ByteSlice;
use jailkit::host::{Host, SimHost};
use jailkit::jailconf::{JailConf, Resolved};
use jailkit::kernel::{self, GetFlags, Jail, JailKey, ParamKind, ParamType, Value};
use jailkit::life::{self, Event, Format, List, Observer, Operation, Options, Selection, What};
use jailkit::process::{Exit, Program};
use jailkit::source::Source;
use jailkit::stack::Owner;

mod between;

use between::{Between, Meddler};

const CONF: &str = include_str!("corpus/lifecycle/jail.conf");
const FSTAB: &str = include_str!("corpus/lifecycle/fstab.db");
const TRANSCRIPT: &str = include_str!("corpus/lifecycle/transcript.txt");

/// What was seen: the simulated host's hooks look around as the script `note` does on FreeBSD.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Notes {
    fn note(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }
}

fn noting(dir: &Path) -> Between<Notes> {
    let host = SimHost::open(dir).unwrap();
    let make = |path: &str| {
        let mut at = std::path::PathBuf::from("/");
        for part in Path::new(path).components().skip(1) {
            at.push(part);
            if host.files().stat(&at).unwrap().is_none() {
                host.files().make_dir(&at, 0o755, Owner::ROOT).unwrap();
            }
        }
    };
    for source in ["one", "two", "three", "sp ace"] {
        make(&format!("/tmp/src/{source}"));
    }
    for jail in ["db", "www", "broken", "nomount", "late", "slow", "daemon"] {
        for dir in ["one", "two", "three", "sp ace", "dev", "proc"] {
            make(&format!("/tmp/jails/{jail}/{dir}"));
        }
    }
    make("/root/lc");
    host.files().replace(Path::new("/root/lc/fstab.db"), FSTAB.as_bytes(), 0o644).unwrap();
    Between { host, meddler: Notes::default() }
}

/// What the script prints, without what only a process can know.
fn look(host: &SimHost, label: &str) -> String {
    let kernel = host.kernel();
    let ends = ["dev", "fd", "proc", "one", "two", "three"];
    let mounts = kernel.mounts().unwrap().into_iter().filter(|mount| {
        let name = mount.target.file_name().map_or("", |name| name.to_str().unwrap());
        mount.target != Path::new("/dev") && ends.contains(&name)
    });
    let access = |read_only: bool| if read_only { "ro" } else { "rw" };
    let mounts = mounts.map(|mount| format!("{}({}) ", mount.target.display(), access(mount.flags.read_only)));
    let interfaces = kernel.interfaces().unwrap();
    let lo0 = interfaces.iter().find(|interface| interface.name == "lo0").unwrap();
    let addresses = lo0.addresses.iter().map(|net| net.addr().to_string());
    let addresses = addresses.filter(|address| address.starts_with("127.0.0.5")).map(|address| address + " ");
    let jails = kernel::running(kernel).unwrap();
    format!(
        "{label}: mounts=[{}] addrs=[{}] jails=[{}]",
        mounts.collect::<String>(),
        addresses.collect::<String>(),
        jails.iter().map(|name| format!("{name} ")).collect::<String>()
    )
}

impl Meddler for Notes {
    fn program(&self, host: &SimHost, program: &Program) -> std::io::Result<Option<Exit>> {
        let command = program.command.to_str().unwrap();
        if let Some(label) = command.strip_prefix("/bin/sh /root/lc/note ") {
            let seen = look(host, label);
            self.note(if program.jail.is_some() { format!("in the jail, {label}") } else { seen });
        }
        Ok(None)
    }
}

impl Observer for Notes {
    fn happens(&self, event: &Event<'_>) {
        match event.what {
            What::Created(_) => self.note(format!("{}: created", event.jail)),
            What::Removed(_) => self.note(format!("{}: removed", event.jail)),
            What::Updated(_) => self.note(format!("{}: updated", event.jail)),
            _ => {}
        }
    }
}

/// A command of the transcript with the lines of its hooks, its words, and whether it was well.
struct Recorded {
    lines: Vec<String>,
    is_well: bool,
}

/// The answer to the `nth` time that the transcript gives this command.
fn recorded(command: &str, nth: usize) -> Recorded {
    let start = format!("$ jail -f /root/lc/jail.conf {command}\n");
    let (_, rest) = TRANSCRIPT.match_indices(&start).nth(nth).map(|(at, _)| TRANSCRIPT.split_at(at)).unwrap();
    let body = rest[start.len()..].split("\n$ ").next().unwrap();
    let outside = |line: &&str| !line.contains("jailed=1") && !line.starts_with("jail:") && !line.starts_with("mount_");
    let lines = body.lines().filter(outside).filter(|line| line.contains(": ") && !line.starts_with("status"));
    let bare = |line: &str| match (line.split_once(": jailed=0"), line.find("mounts=[")) {
        (Some((label, _)), Some(at)) => format!("{label}: {}", &line[at..]),
        _ => line.to_owned(),
    };
    Recorded { lines: lines.map(bare).collect(), is_well: body.contains("status 0") }
}

fn conf() -> Resolved {
    JailConf::parse(&Source::new("/root/lc/jail.conf", CONF)).unwrap().resolve().unwrap()
}

/// Runs ours and compares it with what jail(8) did.
#[track_caller]
fn compare(host: &Between<Notes>, command: &str, nth: usize, operation: Operation, name: &str) {
    host.meddler.0.lock().unwrap().clear();
    let outcome = life::run(host, &conf(), &[name], operation, &Options::default(), &host.meddler);
    let is_well = outcome.as_ref().is_ok_and(life::Summary::is_well);
    let expected = recorded(command, nth);
    let seen: Vec<_> =
        host.meddler.0.lock().unwrap().iter().filter(|line| !line.starts_with("in the jail")).cloned().collect();
    let shown = format!("{}\n", seen.join("\n"));
    assert_eq!(shown, format!("{}\n", expected.lines.join("\n")), "jail {command}: {outcome:?}");
    assert_eq!(is_well, expected.is_well, "jail {command}: {outcome:?}");
}

#[test]
fn ours_does_what_jail_8_does() {
    let dir = tempfile::tempdir().unwrap();
    let host = noting(dir.path());
    compare(&host, "-c db", 0, Operation::Start, "db");
    compare(&host, "-c db", 1, Operation::Start, "db");
    compare(&host, "-cm db", 0, Operation::StartOrModify, "db");
    compare(&host, "-r db", 0, Operation::Stop, "db");
    compare(&host, "-c www", 0, Operation::Start, "www");
    compare(&host, "-r db", 1, Operation::Stop, "db");
    compare(&host, "-c broken", 0, Operation::Start, "broken");
    compare(&host, "-c nomount", 0, Operation::Start, "nomount");
    compare(&host, "-c late", 0, Operation::Start, "late");
    compare(&host, "-c slow", 0, Operation::Start, "slow");
    compare(&host, "-c daemon", 0, Operation::Start, "daemon");
    compare(&host, "-r daemon", 0, Operation::Stop, "daemon");
    compare(&host, "-r nosuch", 0, Operation::Stop, "nosuch");
    compare(&host, "-c nosuch", 0, Operation::Start, "nosuch");
    assert!(kernel::running(host.kernel()).unwrap().is_empty());
}

#[test]
fn the_hooks_of_a_jail_run_in_it_between_those_of_the_host() {
    let dir = tempfile::tempdir().unwrap();
    let host = noting(dir.path());
    let labels = |host: &Between<Notes>| -> Vec<String> {
        let seen = std::mem::take(&mut *host.meddler.0.lock().unwrap());
        seen.iter().map(|line| line.split(": ").next().unwrap().to_owned()).collect()
    };
    let quiet = Options::default();
    life::start(&host, &conf(), &["db"], &quiet, &life::Silent).unwrap();
    let up = ["prepare", "prestart", "created", "in the jail, start", "in the jail, start2", "poststart"];
    assert_eq!(labels(&host), up);
    life::stop(&host, &conf(), &["db"], &quiet, &life::Silent).unwrap();
    assert_eq!(labels(&host), ["prestop", "in the jail, stop", "poststop", "release"]);
}

/// What happened to each jail, told by the life cycle itself: its hooks by their label, its creation and removal.
#[derive(Default)]
struct ByJail(Mutex<BTreeMap<String, Vec<String>>>);

impl Observer for ByJail {
    fn happens(&self, event: &Event<'_>) {
        let what = match event.what {
            What::Command { program, .. } => match program.command.to_str().unwrap().rsplit_once("lc/note ") {
                Some((_, label)) if program.jail.is_none() => format!("{label}:"),
                _ => return,
            },
            What::Created(_) => format!("{}: created", event.jail),
            What::Removed(_) => format!("{}: removed", event.jail),
            _ => return,
        };
        self.0.lock().unwrap().entry(event.jail.to_string()).or_default().push(what);
    }
}

/// How often each thing happened.
fn counted(happened: impl IntoIterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    happened.into_iter().for_each(|what| *counts.entry(what).or_default() += 1);
    counts
}

/// The transcript's `-rc *` and `-r *`, where jails go side by side and hooks do not say whose they are.
///
/// On the slow machine of the transcript the first hook of `slow` took longer than its timeout. And jail(8) forgot
/// `www` and `late`: on a restart the dependents of a jail wait for it for ever, and nothing is said of them.
#[test]
fn all_jails_restart_and_stop_as_under_jail_8() {
    let dir = tempfile::tempdir().unwrap();
    let host = noting(dir.path());
    let of_theirs = |command: &str| {
        let recorded = recorded(command, 0);
        let hooks = recorded.lines.iter().map(|line| match line.split_once(": mounts=") {
            Some((label, _)) => format!("{label}:"),
            None => line.clone(),
        });
        (counted(hooks), recorded.is_well)
    };
    let run = |operation| {
        let seen = ByJail::default();
        let options = Options { jobs: 4.try_into().unwrap(), ..Options::default() };
        let summary = life::run(&host, &conf(), &["*"], operation, &options, &seen).unwrap();
        (seen.0.into_inner().unwrap(), summary)
    };
    let without = |seen: BTreeMap<String, Vec<String>>, forgotten: &[&str]| {
        counted(
            seen.into_iter().filter(|(jail, _)| !forgotten.contains(&jail.as_str())).flat_map(|(_, happened)| happened),
        )
    };

    let (seen, summary) = run(Operation::Restart);
    assert_eq!(seen["db"], ["prepare:", "prestart:", "db: created", "created:", "poststart:"]);
    assert_eq!(seen["broken"], ["prepare:", "prestart:", "broken: created", "created:", "broken: removed"]);
    assert_eq!(seen["nomount"], ["prepare:"]);
    let (mut theirs, is_well) = of_theirs("-rc *");
    *theirs.get_mut("prepare:").unwrap() -= 1;
    assert_eq!(without(seen, &["www", "late", "slow"]), theirs);
    assert_eq!(summary.is_well(), is_well);
    let failed: Vec<_> = summary.failures().map(|(name, _)| name.to_string()).collect();
    assert_eq!(failed, ["broken", "nomount", "late", "slow"]);
    let running: BTreeSet<_> = kernel::running(host.kernel()).unwrap().into_iter().collect();
    assert_eq!(running, BTreeSet::from(["daemon", "db", "www"].map(|name| name.parse().unwrap())));

    let (seen, summary) = run(Operation::Stop);
    assert_eq!(seen["daemon"], ["prestop:", "daemon: removed", "poststop:", "release:"]);
    let (theirs, is_well) = of_theirs("-r *");
    assert_eq!(without(seen, &["www"]), theirs);
    assert_eq!(summary.is_well(), is_well);
    assert!(kernel::running(host.kernel()).unwrap().is_empty());
}

/// The end of the transcript: a jail that lives for its command, and one that is changed and removed.
#[test]
fn a_jail_lives_as_long_as_its_command_unless_it_persists() {
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    let conf = |text: &str| JailConf::parse(&Source::new("jail.conf", text)).unwrap().resolve().unwrap();
    let run = |text: &str, name: &str, operation| {
        life::run(&host, &conf(text), &[name], operation, &Options::default(), &life::Silent).unwrap().is_well()
    };
    assert!(run("cl { path = /; command = \"/bin/echo hello from inside\"; }", "cl", Operation::Start));
    assert!(run("cl2 { path = /; persist; }", "cl2", Operation::Start));
    assert!(run("cl2 { path = /; persist; host.hostname = changed; }", "cl2", Operation::Modify));
    let mut list = List::new(&host, Format { params: vec!["host.hostname".into()], ..Format::default() }).unwrap();
    list.read(&host, &Selection { jail: Some("cl2".into()), dying: false }).unwrap();
    assert_eq!(list.body(), "changed\n");
    let names: Vec<_> = kernel::running(host.kernel()).unwrap().into_iter().collect();
    assert_eq!(names, ["cl2"]);
    assert!(life::remove(&host, &["cl2"], &Options::default(), &life::Silent).unwrap().is_well());
    assert!(kernel::running(host.kernel()).unwrap().is_empty());
}

/// Takes down every effect in its order.
#[derive(Default)]
struct Effects(Mutex<Vec<String>>);

impl Meddler for Effects {
    fn effect(&self, what: &str) -> std::io::Result<()> {
        self.0.lock().unwrap().push(what.to_owned());
        Ok(())
    }

    fn program(&self, _host: &SimHost, program: &Program) -> std::io::Result<Option<Exit>> {
        let place = if program.jail.is_some() { "in the jail" } else { "run" };
        self.effect(&format!("{place} {}", program.command)).map(|()| None)
    }
}

/// The order that jail(8) documents, for a jail with everything set; `exec.stop` comes before the processes are asked
/// to end, and all that was made is taken back in reverse.
#[test]
fn everything_happens_in_the_order_that_jail_8_documents() {
    let text = "
        base { path = /srv/base; persist; }
        www {
            exec.release = release; exec.poststop = poststop; exec.stop = stop; exec.prestop = prestop;
            exec.poststart = poststart; command = command; exec.start = \"/bin/sh /etc/rc\";
            zfs.dataset = tank/www; exec.created = created; exec.prestart = prestart; mount.procfs; mount.fdescfs;
            mount.devfs; mount.fstab = /etc/fstab.www; mount = \"/srv/share /srv/www/one nullfs rw 0 0\";
            interface = lo0; ip4.addr = 127.0.0.2; exec.prepare = prepare; depend = base; path = /srv/www;
        }
        net {
            exec.start = \"/bin/sh /etc/rc\"; vnet.interface = epair0; zfs.dataset = tank/net; exec.created = created; vnet;
            depend = www; path = /srv/base;
        }";
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    for path in ["share", "base", "www/one", "www/two", "www/dev", "www/proc"] {
        std::fs::create_dir_all(dir.path().join("srv").join(path)).unwrap();
    }
    host.files().replace("/etc/fstab.www".as_ref(), b"/srv/share /srv/www/two nullfs ro 0 0\n", 0o644).unwrap();
    host.kernel().create_interface("epair0").unwrap();
    let conf = JailConf::parse(&Source::new("jail.conf", text)).unwrap().resolve().unwrap();
    let host = Between { host, meddler: Effects::default() };
    let run = |operation| {
        let summary = life::run(&host, &conf, &["*"], operation, &Options::default(), &life::Silent).unwrap();
        assert!(summary.is_well(), "{summary:?}");
        std::mem::take(&mut *host.meddler.0.lock().unwrap()).join("\n")
    };
    insta::assert_snapshot!("order_of_a_start", run(Operation::Start));
    insta::assert_snapshot!("order_of_a_stop", run(Operation::Stop));
}

/// The jails that run before, what is done to which names of which file, whether it ends well, and what runs then.
type Words<'a> = (&'a str, Operation, &'a [&'a str], &'a str, bool, &'a [&'a str]);

/// Each with jail(8)'s rule: what its words leave running, and whether they end well.
#[test]
fn the_words_of_a_command_mean_the_jails_that_jail_8_means() {
    let text = "
        db { path = /srv/db; persist; mount = \"/srv/share /srv/db/share nullfs rw 0 0\"; exec.stop = stop; }
        www { path = /srv/www; persist; depend = db; }
        7 { path = /srv/seven; persist; }";
    let changed = text.replace("path = /srv/db;", "path = /srv/other; securelevel = 1;");
    let cases: &[Words<'_>] = &[
        // running_jail(): a number is the jail's of the file that has it, so that its hooks run and its mounts go.
        ("", Operation::Start, &["db"], text, true, &["db"]),
        ("db", Operation::Stop, &["1"], text, true, &[]),
        ("7", Operation::Stop, &["7"], text, true, &[]),
        // start_state(): an unknown name keeps no other jail from being stopped.
        ("db", Operation::Stop, &["nosuch", "db"], text, false, &[]),
        // A jail that was to be stopped has to run, unless all or a pattern of them was meant.
        ("", Operation::Stop, &["db"], text, false, &[]),
        ("", Operation::Stop, &["*"], text, true, &[]),
        // JF_DEPEND: a jail that runs, and is changed, starts nothing that it depends on.
        ("www", Operation::StartOrModify, &["www"], text, true, &["www"]),
        ("", Operation::StartOrModify, &["www"], text, true, &["db", "www"]),
        // JF_RESTART: the dependents of a jail go with it. Ours come back, which jail(8) forgets.
        ("db www", Operation::ModifyOrRestart, &["db"], &changed, true, &["db", "www"]),
    ];
    for &(running, operation, names, conf, is_well, left) in cases {
        let dir = tempfile::tempdir().unwrap();
        let host = SimHost::open(dir.path()).unwrap();
        for path in ["share", "db/share", "www", "seven", "other"] {
            std::fs::create_dir_all(dir.path().join("srv").join(path)).unwrap();
        }
        let parse = |text: &str| JailConf::parse(&Source::new("jail.conf", text)).unwrap().resolve().unwrap();
        let quiet = Options::default();
        for name in running.split_whitespace() {
            let alone = text.replace("depend = db;", if running.contains("db") { "depend = db;" } else { "" });
            life::run(&host, &parse(&alone), &[name], Operation::Start, &quiet, &life::Silent).unwrap();
        }
        let conf = parse(conf);
        let outcome = life::run(&host, &conf, names, operation, &quiet, &life::Silent);
        let case = format!("{operation:?} {names:?} with {running:?} running: {outcome:?}");
        assert_eq!(outcome.as_ref().is_ok_and(life::Summary::is_well), is_well, "{case}");
        let mut found: Vec<_> = kernel::running(host.kernel()).unwrap().into_iter().collect();
        found.sort();
        assert_eq!(found, left, "{case}");
        if left.is_empty() {
            let mounts = host.kernel().mounts().unwrap();
            assert!(mounts.iter().all(|mount| !mount.target.starts_with("/srv")), "{case}: {mounts:?}");
        }
    }
}

/// What the kernel cannot be asked for without a program of its own is left to mount(8) and umount(8), with the words
/// that jail(8) has for them.
#[test]
fn file_systems_with_a_program_are_mounted_by_it() {
    let text = "
        www {
            path = /srv/www; persist; exec.timeout = 5;
            mount = \"files:/srv/share /srv/www/one nfs ro,nosuid,nfsv4 0 0\", \"/dev/cd0 /srv/www/two cd9660 rw 0 0\";
        }";
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    for path in ["one", "two"] {
        std::fs::create_dir_all(dir.path().join("srv/www").join(path)).unwrap();
    }
    let conf = JailConf::parse(&Source::new("jail.conf", text)).unwrap().resolve().unwrap();
    for operation in [Operation::Start, Operation::Stop] {
        let summary = life::run(&host, &conf, &["www"], operation, &Options::default(), &life::Silent).unwrap();
        assert!(summary.is_well(), "{summary:?}");
    }
    let run: Vec<_> =
        host.sim_processes().recorded().unwrap().iter().map(|run| run.program.line().to_string()).collect();
    let expected = [
        "/sbin/mount -t nfs -o ro,nosuid,nfsv4 files:/srv/share /srv/www/one",
        "/sbin/mount -t cd9660 /dev/cd0 /srv/www/two",
        "/sbin/umount -t cd9660 /srv/www/two",
        "/sbin/umount -t nfs /srv/www/one",
    ];
    assert_eq!(run, expected);
}

/// `jail -R` removes those that run, whatever it does not find.
#[test]
fn a_name_of_no_jail_keeps_no_other_from_being_removed() {
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(dir.path()).unwrap();
    let conf = JailConf::parse(&Source::new("jail.conf", "a { path = /; persist; }")).unwrap().resolve().unwrap();
    life::start(&host, &conf, &["a"], &Options::default(), &life::Silent).unwrap();
    let removed = life::remove(&host, &["nosuch", "1"], &Options::default(), &life::Silent).unwrap();
    let failed: Vec<_> = removed.failures().map(|(name, error)| format!("{name}: {error}")).collect();
    assert_eq!(failed, ["nosuch: there is no such jail; 'jailkit ls' shows what runs, and jail.conf what could"]);
    assert!(kernel::running(host.kernel()).unwrap().is_empty());
    assert!(life::remove(&host, &["nosuch"], &Options::default(), &life::Silent).is_err());
}

/// The kernel of FreeBSD 15 would take the name that a nested jail has already for one that moves it to another parent.
#[test]
fn a_nested_jail_is_changed_in_every_release() {
    let text = "path = /; persist; a { children.max = 1; } a.b { depend = a; host.hostname = old; }";
    let parse = |text: &str| JailConf::parse(&Source::new("jail.conf", text)).unwrap().resolve().unwrap();
    for release in ["13.2", "14", "15"] {
        let dir = tempfile::tempdir().unwrap();
        kernel::sim::SimKernel::boot(dir.path(), release.parse().unwrap()).unwrap();
        let host = SimHost::open(dir.path()).unwrap();
        for (operation, hostname) in [(Operation::Start, "old"), (Operation::Modify, "new")] {
            let conf = parse(&text.replace("old", hostname));
            let summary = life::run(&host, &conf, &["*"], operation, &Options::default(), &life::Silent).unwrap();
            assert!(summary.is_well(), "{release}: {summary:?}");
            let jail = Jail::open(host.kernel(), &JailKey::new("a.b").unwrap(), GetFlags::default());
            let wanted = [ParamType::new("host.hostname", ParamKind::String(256))];
            let found = jail.unwrap().unwrap().get(host.kernel(), &wanted).unwrap().unwrap();
            assert_eq!(found, [Value::String(hostname.into())], "{release}");
        }
    }
}
