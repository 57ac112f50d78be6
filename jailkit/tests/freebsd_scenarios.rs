//! The recorded scenarios of `tests/corpus/kernel`, call by call on a real FreeBSD host, as root: a kernel of FreeBSD 13
//! has to answer as the recorded one did, another as the simulated kernel of its release does.
//!
//! One binary that can be copied over; it starts itself again for what is done in jails. It removes every jail that it
//! finds in the end, so it runs only where there is none before, and says so elsewhere. What it makes lies in a temporary
//! directory.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]
#![cfg(target_os = "freebsd")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use jailkit::kernel::native::NativeKernel;
use jailkit::kernel::sim::Release;
use jailkit::kernel::sim::scenario::{Answer, FileCall, Machine, Runner, answer, not_attached};
use jailkit::kernel::{Errno, GetFlags, Jid, Kernel, KernelError, Param, SetFlags, Value};
use serde_json::Value as Json;

mod freebsd;

use freebsd::only_as_root;

/// Scenarios with the answers of a FreeBSD 13.2 kernel, in the order in which they ran.
const RECORDED: [(&str, &str); 2] = [
    (include_str!("corpus/kernel/jails.scenario"), include_str!("corpus/kernel/jails.jsonl")),
    (include_str!("corpus/kernel/mounts.scenario"), include_str!("corpus/kernel/mounts.jsonl")),
];

/// Where the scenarios make their directories.
const THEIRS: &str = "/tmp/m";

/// Calls that are left out: what would attach this process, what is about the host's root, what depends on how soon the
/// kernel clears a jail away, and what depends on the numbers of jails, which are others here.
const LEFT_OUT: [&str; 7] = [
    "set ca name=s:never path=s:/nonexistent persist",
    "umount /",
    "get - name=s:w -- jid/i",
    "remove $w",
    "get - name=s:x -- jid/i",
    "get - lastjid=i:0 -- name/s",
    "get - lastjid=i:500 -- name/s",
];

/// Values that are the machine's.
const OWN: [&str; 3] = ["cpuset.id", "osreldate", "osrelease"];

/// The numbers that the scenarios name, and how many new jails they have at most. No new one may have a named number, nor
/// one from 400, after which a scenario looks for the next jail, to 500, which that is.
const NAMED: [i32; 7] = [7, 77, 500, 999, 12345, 999_999, 1_000_000];
const NEW_JAILS: i32 = 60;
const NEXT: std::ops::Range<i32> = 400..500;

/// How a process of ours is told what it is for, and what it says before its answer.
const JAIL: &str = "JAILKIT_TEST_JAIL";
const LINE: &str = "JAILKIT_TEST_LINE";
const ANSWER: &str = "jailkit-test-answer ";

/// This host, with the processes that are held in jails.
#[derive(Default)]
struct Host(Mutex<BTreeMap<i32, Child>>);

/// This binary once more, in a jail.
fn again(jail: Jid, line: &str) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["what_is_done_in_jails", "--exact", "--nocapture", "--test-threads=1"]);
    command.env(JAIL, jail.to_string()).env(LINE, line).stdout(Stdio::piped()).spawn().unwrap()
}

/// What it says.
fn said(child: &mut Child) -> Answer {
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines().map_while(Result::ok);
    let said = lines.find_map(|line| line.split_once(ANSWER).map(|(_, said)| said.to_owned()));
    serde_json::from_str(&said.unwrap()).unwrap()
}

impl Machine for Host {
    fn kernel(&self) -> &dyn Kernel {
        &NativeKernel
    }

    fn inside(&self, jail: Jid, line: &str) -> Result<Answer, String> {
        let mut child = again(jail, line);
        let said = said(&mut child);
        child.wait().unwrap();
        Ok(said)
    }

    fn set_and_attach(&self, _: &[Param], _: SetFlags) -> Result<Jid, KernelError> {
        panic!("this would attach the tests themselves");
    }

    fn hold(&self, jail: Jid) -> Result<(), Errno> {
        let mut child = again(jail, "");
        assert_eq!(said(&mut child), Answer::new());
        self.0.lock().unwrap().insert(jail.0, child);
        Ok(())
    }

    fn kill_held(&self, jail: Jid) -> Result<(), Errno> {
        let mut child = self.0.lock().unwrap().remove(&jail.0).ok_or(Errno::ESRCH)?;
        child.kill().unwrap();
        child.wait().unwrap();
        Ok(())
    }

    fn files(&self, call: FileCall<'_>) -> Result<(), Errno> {
        let done = match call {
            FileCall::MakeDir(path) => std::fs::create_dir(path),
            FileCall::RemoveDir(path) => std::fs::remove_dir(path),
            FileCall::Touch(path) => {
                std::fs::File::options().write(true).create(true).truncate(false).open(path).map(drop)
            }
            FileCall::Remove(path) => std::fs::remove_file(path),
            FileCall::Link(target, path) => std::os::unix::fs::symlink(target, path),
        };
        done.map_err(|error| Errno(error.raw_os_error().unwrap()))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        for child in self.0.lock().unwrap().values_mut() {
            let _ = child.kill().and_then(|()| child.wait());
        }
    }
}

/// Not a test by itself: what this binary does in a jail where it has been started for that.
#[test]
fn what_is_done_in_jails() {
    let (Ok(jail), Ok(line)) = (std::env::var(JAIL), std::env::var(LINE)) else { return };
    let tell = |answer: Answer| println!("\n{ANSWER}{}", Json::Object(answer));
    match NativeKernel.jail_attach(Jid(jail.parse().unwrap())) {
        Err(error) => tell(not_attached(error.errno)),
        Ok(()) if line.is_empty() => {
            tell(Answer::new());
            std::thread::sleep(std::time::Duration::from_secs(3600));
        }
        Ok(()) => tell(answer(&Host::default(), &line).unwrap()),
    }
    std::process::exit(0);
}

fn first_jail() -> Option<Jid> {
    let keys = [Param::new("lastjid", Value::Int(0))];
    NativeKernel.jail_get(&keys, &[], GetFlags::default()).ok().map(|(jid, _)| jid)
}

/// Lets the kernel number new jails where the scenarios name none.
fn number_new_jails() {
    let create = SetFlags { create: true, ..SetFlags::default() };
    loop {
        let jid = NativeKernel.jail_set(&[Param::flag("persist")], create).unwrap();
        NativeKernel.jail_remove(jid).unwrap();
        let mut new = jid.0..jid.0 + NEW_JAILS;
        if !new.any(|jid| NAMED.contains(&jid) || NEXT.contains(&jid)) {
            return;
        }
    }
}

/// What is mounted below a directory goes, the newest first, and every jail.
struct Cleared<'a>(&'a Path);

impl Drop for Cleared<'_> {
    fn drop(&mut self) {
        Runner::new(Host::default()).remove_jails();
        let table = NativeKernel.mounts().unwrap_or_default();
        for found in table.iter().rev().filter(|found| found.target.starts_with(self.0)) {
            if let Err(error) = NativeKernel.unmount(&found.target, true) {
                eprintln!("{} stays mounted: {error}", found.target.display());
            }
        }
    }
}

/// A scenario without what is left out, and its answers, if there are.
fn kept(lines: &str) -> Vec<&str> {
    let call = |line: &str| serde_json::from_str::<Json>(line).ok()?.get("call")?.as_str().map(str::to_owned);
    let is_kept = |line: &&str| !LEFT_OUT.contains(&call(line).as_deref().unwrap_or(line).trim());
    lines.lines().filter(is_kept).collect()
}

/// What an answer says but for what is another on every machine. `jids` are the expected numbers by those of here.
fn comparable(answer: &Json, jids: &BTreeMap<i64, i64>) -> Json {
    let number = |value: &Json| value.as_i64().map(|jid| jids.get(&jid).copied().unwrap_or(jid));
    let mut answer = answer.clone();
    let object = answer.as_object_mut().unwrap();
    object.remove("call");
    if let Some(ok) = object.get("ok").and_then(number) {
        object.insert("ok".to_owned(), ok.into());
    }
    if let Some(values) = object.get_mut("values").and_then(Json::as_object_mut) {
        values.retain(|name, _| !OWN.contains(&name.as_str()));
        for name in ["jid", "parent"] {
            if let Some(jid) = values.get(name).and_then(number) {
                values.insert(name.to_owned(), jid.into());
            }
        }
        // A jail without a name has its number for one.
        if let Some(jid) = values.get("name").and_then(|name| name.as_str()?.parse::<i64>().ok()) {
            let name = jids.get(&jid).copied().unwrap_or(jid).to_string();
            values.insert("name".to_owned(), name.into());
        }
    }
    answer
}

/// The release of this kernel, or the newest that is simulated.
fn release() -> Release {
    let number = NativeKernel.sysctl("kern.osreldate").unwrap();
    let (major, minor) = (number / 100_000, number / 1000 % 100);
    let known = format!("{major}.{minor}").parse().or_else(|_| major.to_string().parse());
    known.unwrap_or_default()
}

#[test]
fn the_recorded_calls_are_answered_the_same() {
    only_as_root();
    if let Some(jail) = first_jail() {
        eprintln!("not tried: there is a jail, {jail}, and this test removes all jails");
        return;
    }
    if NativeKernel.sysctl("security.jail.jailed").unwrap() != 0 {
        eprintln!("not tried: this is a jail itself");
        return;
    }
    number_new_jails();
    for module in ["nullfs", "tmpfs", "fdescfs", "procfs"] {
        NativeKernel.load_module(module).unwrap();
    }
    let dir = tempfile::tempdir().unwrap();
    let ours = dir.path().canonicalize().unwrap();
    let _cleared = Cleared(&ours);
    let ours = ours.join("m").display().to_string();
    let simulated = tempfile::tempdir().unwrap();
    let mut simulated = Runner::boot(simulated.path(), release()).unwrap();
    let mut runner = Runner::new(Host::default());
    let mut differ = Vec::new();
    for (scenario, recorded) in RECORDED {
        let scenario = kept(scenario).join("\n");
        let expected: Vec<Json> = match release() < "14.0".parse().unwrap() {
            true => kept(recorded).into_iter().map(|line| serde_json::from_str(line).unwrap()).collect(),
            false => simulated.run(&scenario).unwrap(),
        };
        let answers = runner.run(&scenario.replace(THEIRS, &ours)).unwrap();
        assert_eq!(answers.len(), expected.len());
        let mut jids = BTreeMap::new();
        for (answer, expected) in answers.iter().zip(expected) {
            let answer: Json = serde_json::from_str(&answer.to_string().replace(&ours, THEIRS)).unwrap();
            let call = expected.get("call").and_then(Json::as_str).unwrap_or_default();
            if call.split(' ').any(|word| word == "set")
                && let (Some(here), Some(there)) = (answer["ok"].as_i64(), expected["ok"].as_i64())
            {
                jids.entry(here).or_insert(there);
            }
            if comparable(&answer, &jids) != comparable(&expected, &BTreeMap::new()) {
                differ.push(format!("expected: {expected}\n    here: {answer}"));
            }
        }
        runner.remove_jails();
        simulated.remove_jails();
    }
    assert!(differ.is_empty(), "{} calls differ:\n{}", differ.len(), differ.join("\n"));
}
