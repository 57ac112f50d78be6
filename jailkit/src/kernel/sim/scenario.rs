//! Scenarios: calls to the kernel, one a line, run one after the other, with the answers as JSON lines.
//!
//! The language is that of the recordings from real kernels in `jailkit/tests/corpus/kernel`: `set FLAGS PARAM...`,
//! `get FLAGS KEY... -- WANT...`, `remove JID`, `in $NAME LINE`, `mount FLAGS KEY=VALUE...`, `umount [-f] PATH`,
//! `hold $NAME`, `kill $NAME`, `mkdir`, `rmdir`, `touch`, `rm`, `ln TARGET PATH`; `NAME = set ...` binds a jid. The
//! calls go through [`Kernel`], as all of jailkit's do, of whatever [`Machine`].

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde_json::{Map, Value as Json, json};

use super::options::ERRMSG_LEN;
use super::{Release, SimKernel};
use crate::kernel::{
    Errno, GetFlags, Jid, Kernel, KernelError, MountFlags, MountRequest, Param, ParamKind, ParamType, SetFlags, Value,
};

/// What scenarios run on: a kernel, with processes and files.
pub trait Machine {
    /// Its kernel, as this process sees it.
    fn kernel(&self) -> &dyn Kernel;

    /// What another process answers to a line after it has entered a jail; see [`answer`].
    ///
    /// # Errors
    /// Why the line is no call.
    fn inside(&self, jail: Jid, line: &str) -> Result<Answer, String>;

    /// jail_set(2) with `JAIL_ATTACH` by another process, which ends.
    ///
    /// # Errors
    /// What the kernel refused it with.
    fn set_and_attach(&self, params: &[Param], flags: SetFlags) -> Result<Jid, KernelError>;

    /// Lets a process begin that sleeps in a jail.
    ///
    /// # Errors
    /// What it was refused to enter with.
    fn hold(&self, jail: Jid) -> Result<(), Errno>;

    /// Ends the process that sleeps in a jail.
    ///
    /// # Errors
    /// `ESRCH` where there is none.
    fn kill_held(&self, jail: Jid) -> Result<(), Errno>;

    /// mkdir(2), rmdir(2), open(2) with `O_CREAT`, unlink(2) or symlink(2), which has two paths, by the scenario's word.
    ///
    /// # Errors
    /// What the system refused it with.
    fn files(&self, call: FileCall<'_>) -> Result<(), Errno>;
}

/// A call about files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileCall<'a> {
    /// `mkdir PATH`
    MakeDir(&'a Path),
    /// `rmdir PATH`
    RemoveDir(&'a Path),
    /// `touch PATH`: open(2) with `O_CREAT` and `O_WRONLY`.
    Touch(&'a Path),
    /// `rm PATH`
    Remove(&'a Path),
    /// `ln TARGET PATH`: symlink(2).
    Link(&'a Path, &'a Path),
}

impl<'a> FileCall<'a> {
    fn new(words: &[&'a str]) -> Option<Self> {
        Some(match *words {
            ["mkdir", path] => Self::MakeDir(Path::new(path)),
            ["rmdir", path] => Self::RemoveDir(Path::new(path)),
            ["touch", path] => Self::Touch(Path::new(path)),
            ["rm", path] => Self::Remove(Path::new(path)),
            ["ln", target, path] => Self::Link(Path::new(target), Path::new(path)),
            _ => return None,
        })
    }
}

impl Machine for SimKernel {
    fn kernel(&self) -> &dyn Kernel {
        self
    }

    fn inside(&self, jail: Jid, line: &str) -> Result<Answer, String> {
        let forked = self.clone();
        match forked.jail_attach(jail) {
            Ok(()) => answer(&forked, line),
            Err(error) => Ok(not_attached(error.errno)),
        }
    }

    fn set_and_attach(&self, params: &[Param], flags: SetFlags) -> Result<Jid, KernelError> {
        let jid = self.clone().jail_set(params, flags)?;
        let ended = self.end_process(jid);
        ended.map(|()| jid).map_err(|errno| KernelError { call: "exit".to_owned(), errno, message: None })
    }

    fn hold(&self, jail: Jid) -> Result<(), Errno> {
        Self::hold(self, jail)
    }

    fn kill_held(&self, jail: Jid) -> Result<(), Errno> {
        Self::kill_held(self, jail)
    }

    fn files(&self, call: FileCall<'_>) -> Result<(), Errno> {
        match call {
            FileCall::MakeDir(path) => self.make_dir(path),
            FileCall::RemoveDir(path) => self.remove_dir(path),
            FileCall::Touch(path) => self.touch(path),
            FileCall::Remove(path) => self.remove_file(path),
            FileCall::Link(target, path) => self.link(target, path),
        }
    }
}

/// A machine, and the names that scenarios have bound.
#[derive(Debug)]
pub struct Runner<M = SimKernel> {
    machine: M,
    bound: BTreeMap<String, i32>,
}

/// A line that is no call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: '{text}' is no call: {reason}")]
pub struct ScenarioError {
    /// Its number, from 1.
    pub line: usize,
    /// The line.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

/// An answer, but for the call itself.
pub type Answer = Map<String, Json>;

impl Runner {
    /// Boots a host in `root`: root on UFS, `/dev`, `/tmp` on tmpfs, a few files.
    ///
    /// # Errors
    /// What the system failed with.
    pub fn boot(root: &Path, release: Release) -> io::Result<Self> {
        for dir in ["bin", "dev", "etc", "home", "lib", "libexec", "mnt", "proc", "root", "sbin", "tmp", "usr", "var"] {
            std::fs::create_dir_all(root.join(dir))?;
        }
        std::fs::write(root.join("etc/passwd"), "root:*:0:0:Charlie &:/root:/bin/sh\n")?;
        let kernel = SimKernel::boot(root, release)?;
        for (fstype, target) in [("devfs", "/dev"), ("tmpfs", "/tmp")] {
            let request = MountRequest {
                fstype: fstype.into(),
                source: Some(fstype.into()),
                target: target.into(),
                ..MountRequest::default()
            };
            kernel.mount(&request).map_err(io::Error::other)?;
        }
        Ok(Self::new(kernel))
    }
}

impl<M: Machine> Runner<M> {
    /// Runs scenarios on a machine as it is.
    pub fn new(machine: M) -> Self {
        Self { machine, bound: BTreeMap::new() }
    }

    /// Runs a scenario: an answer for each line of it, section titles included.
    ///
    /// # Errors
    /// [`ScenarioError`] at the first line that is no call; the calls before it have been made.
    pub fn run(&mut self, scenario: &str) -> Result<Vec<Json>, ScenarioError> {
        let mut answers = Vec::new();
        for (index, line) in scenario.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            if let Some(title) = line.strip_prefix('#') {
                answers.push(json!({ "section": title.trim() }));
                continue;
            }
            let failed = |reason| ScenarioError { line: index + 1, text: line.to_owned(), reason };
            let mut answer = Map::from_iter([("call".to_owned(), Json::from(line))]);
            answer.extend(self.call(line).map_err(failed)?);
            answers.push(Json::Object(answer));
        }
        Ok(answers)
    }

    /// Removes every jail, as is done between scenarios that run in one boot.
    pub fn remove_jails(&mut self) {
        let mut last = 0;
        let wanted = [];
        let kernel = self.machine.kernel();
        while let Ok((jid, _)) =
            kernel.jail_get(&[Param::new("lastjid", Value::Int(last))], &wanted, GetFlags::default())
        {
            last = jid.0;
            // One that is gone already has gone with its parent.
            if kernel.jail_remove(jid).is_err() {
                continue;
            }
        }
        self.bound.clear();
    }

    fn call(&mut self, line: &str) -> Result<Answer, String> {
        let (name, line) = match line.split_once(" = ") {
            Some((name, rest)) if !name.contains(' ') => (Some(name), rest),
            _ => (None, line),
        };
        let mut answer = answer(&self.machine, &self.resolved(line))?;
        if let Some(name) = name {
            let jid = answer.get("ok").and_then(Json::as_i64).and_then(|jid| i32::try_from(jid).ok());
            self.bound.insert(name.to_owned(), jid.unwrap_or(-1));
            if jid.is_some() {
                answer.insert("bind".to_owned(), name.into());
            }
        }
        Ok(answer)
    }

    /// A line with the jids of its names; -1 for a name that is not bound.
    fn resolved(&self, line: &str) -> String {
        let words = line.split_whitespace().map(|word| match word.split_once('$') {
            Some((before, name)) if before.is_empty() || before.ends_with("=i:") => {
                format!("{before}{}", self.bound.get(name).copied().unwrap_or(-1))
            }
            _ => word.to_owned(),
        });
        words.collect::<Vec<_>>().join(" ")
    }
}

/// What a machine answers to one call, a line without names in it.
///
/// # Errors
/// Why the line is no call.
pub fn answer(machine: &(impl Machine + ?Sized), line: &str) -> Result<Answer, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (verb, rest) = words.split_first().ok_or("it is empty")?;
    let kernel = machine.kernel();
    let done = |result: Result<i32, KernelError>| Ok(told(result));
    let named = || rest.first().map(|word| jid(word)).ok_or("it names no jail".to_owned());
    match *verb {
        "in" => machine.inside(named()?, &rest[1..].join(" ")),
        "set" => {
            let (flags, params) = rest.split_first().ok_or("it has no flags")?;
            let flags = SetFlags {
                create: flags.contains('c'),
                update: flags.contains('u'),
                attach: flags.contains('a'),
                dying: flags.contains('d'),
            };
            let params: Vec<Param> = params.iter().map(|word| param(word)).collect::<Result<_, _>>()?;
            let set =
                if flags.attach { machine.set_and_attach(&params, flags) } else { kernel.jail_set(&params, flags) };
            done(set.map(|jid| jid.0))
        }
        "get" => get(kernel, rest),
        "remove" => done(kernel.jail_remove(named()?).map(|()| 0)),
        "mount" => done(kernel.mount(&mount(rest)?).map(|()| 0)),
        "umount" => {
            let (force, path) = match rest {
                ["-f", path] => (true, path),
                [path] => (false, path),
                _ => return Err("it names no path".to_owned()),
            };
            done(kernel.unmount(Path::new(path), force).map(|()| 0))
        }
        "hold" => Ok(file_answer(machine.hold(named()?))),
        "kill" => Ok(file_answer(machine.kill_held(named()?))),
        _ => {
            let call = FileCall::new(&words).ok_or("the verb is unknown, or has too few words")?;
            Ok(file_answer(machine.files(call)))
        }
    }
}

fn get(kernel: &dyn Kernel, words: &[&str]) -> Result<Answer, String> {
    let (flags, words) = words.split_first().ok_or("it has no flags")?;
    let flags = GetFlags { dying: flags.contains('d') };
    let at = words.iter().position(|word| *word == "--").unwrap_or(words.len());
    let keys: Vec<Param> = words[..at].iter().map(|word| param(word)).collect::<Result<_, _>>()?;
    let wanted = words.get(at + 1..).unwrap_or_default().iter().map(|word| {
        let (name, kind) = word.rsplit_once('/').ok_or("a value to read has no type")?;
        let kind = match kind {
            "i" => ParamKind::Int,
            "s" => ParamKind::String(1024),
            "4" => ParamKind::Ipv4,
            "6" => ParamKind::Ipv6,
            _ => return Err(format!("there is no type '{kind}'")),
        };
        Ok(ParamType::new(name, kind))
    });
    let wanted: Vec<ParamType> = wanted.collect::<Result<_, String>>()?;
    Ok(match kernel.jail_get(&keys, &wanted, flags) {
        Err(error) => told(Err(error)),
        Ok((jid, values)) => {
            let mut answer = told(Ok(jid.0));
            let values = wanted.iter().zip(values).map(|(param, value)| (param.name.clone(), as_json(value)));
            answer.insert("values".to_owned(), Json::Object(values.collect()));
            answer
        }
    })
}

fn mount(words: &[&str]) -> Result<MountRequest, String> {
    let (flags, options) = words.split_first().ok_or("it has no flags")?;
    let flags = MountFlags {
        read_only: flags.contains('r'),
        update: flags.contains('u'),
        nosuid: flags.contains('n'),
        ..MountFlags::default()
    };
    let mut request = MountRequest { flags, ..MountRequest::default() };
    for option in options {
        match option.split_once('=') {
            Some(("fstype", value)) => request.fstype = value.to_owned(),
            Some(("fspath", "")) => request.options.push(("fspath".to_owned(), Some(String::new()))),
            Some(("fspath", value)) => request.target = value.into(),
            Some(("from", value)) => request.source = Some(value.into()),
            Some((name, value)) => request.options.push((name.to_owned(), Some(value.to_owned()))),
            None => request.options.push(((*option).to_owned(), None)),
        }
    }
    Ok(request)
}

fn jid(word: &str) -> Jid {
    Jid(word.parse().unwrap_or(-1))
}

fn param(word: &str) -> Result<Param, String> {
    let Some((name, typed)) = word.split_once('=') else { return Ok(Param::flag(word)) };
    let (kind, value) = typed.split_once(':').ok_or("a parameter's value has no type")?;
    let bad = |what: &str| format!("'{value}' is {what}");
    let value = match kind {
        "i" => Value::Int(value.parse().map_err(|_| bad("no number"))?),
        "s" => Value::String(value.into()),
        "4" => Value::Ipv4(list(value).map_err(|()| bad("no list of IPv4 addresses"))?),
        "6" => Value::Ipv6(list(value).map_err(|()| bad("no list of IPv6 addresses"))?),
        "z" => Value::Raw(vec![0; value.parse().map_err(|_| bad("no number"))?]),
        _ => return Err(format!("there is no type '{kind}'")),
    };
    Ok(Param::new(name, value))
}

fn list<T: std::str::FromStr>(text: &str) -> Result<Vec<T>, ()> {
    text.split(',').filter(|word| !word.is_empty()).map(|word| word.parse().map_err(|_| ())).collect()
}

fn errno(errno: Errno) -> Json {
    errno.name().map_or_else(|| errno.0.into(), Json::from)
}

/// The answer of a process that could not enter its jail.
pub fn not_attached(why: Errno) -> Answer {
    Map::from_iter([("attach".to_owned(), errno(why))])
}

fn told(result: Result<i32, KernelError>) -> Answer {
    match result {
        Ok(value) => Map::from_iter([("ok".to_owned(), value.into())]),
        Err(error) => {
            let mut answer = Map::from_iter([("errno".to_owned(), errno(error.errno))]);
            if let Some(message) = error.message {
                let room = message.floor_char_boundary(ERRMSG_LEN - 1);
                answer.insert("errmsg".to_owned(), message[..room].into());
            }
            answer
        }
    }
}

fn file_answer(result: Result<(), Errno>) -> Answer {
    told(result.map(|()| 0).map_err(|errno| KernelError { call: String::new(), errno, message: None }))
}

fn as_json(value: Value) -> Json {
    match value {
        Value::Flag => Json::Null,
        Value::Int(value) => value.into(),
        Value::ULong(value) => value.into(),
        Value::String(text) => String::from_utf8_lossy(&text).into(),
        Value::Ipv4(list) => list.iter().map(ToString::to_string).collect(),
        Value::Ipv6(list) => list.iter().map(ToString::to_string).collect(),
        Value::Raw(bytes) => bytes.into(),
    }
}
