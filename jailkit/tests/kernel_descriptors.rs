//! The rules of jail descriptors in the simulated kernel, each with its source.

#![allow(clippy::unwrap_used)] // the helpers here are part of tests

use std::os::fd::{AsFd, OwnedFd};
use std::process::{Command, Stdio};

use jailkit::kernel::sim::SimKernel;
use jailkit::kernel::{
    Closing, Descriptors, GetFlags, JailName, Jid, Kernel, KernelError, MountRequest, Param, ParamKind, ParamType,
    Reach, SetFlags, Value,
};

const CREATE: SetFlags = SetFlags { create: true, update: false, attach: false, dying: false };
const UPDATE: SetFlags = SetFlags { create: false, update: true, attach: false, dying: false };

fn named(name: &str) -> Param {
    JailName::new(name).unwrap().into()
}

/// A kernel with a jail `www` of number 7, which may have children.
fn kernel(release: &str) -> (tempfile::TempDir, SimKernel) {
    let root = tempfile::tempdir().unwrap();
    let kernel = SimKernel::boot(root.path(), release.parse().unwrap()).unwrap();
    create(&kernel);
    (root, kernel)
}

fn create(kernel: &SimKernel) {
    let params = [named("www"), Jid(7).into(), Param::flag("persist"), Param::new("children.max", Value::Int(3))];
    kernel.jail_set(&params, CREATE).unwrap();
}

fn open(kernel: &dyn Descriptors, closing: Closing) -> OwnedFd {
    kernel.get_and_open(None, &[named("www")], &[], GetFlags::default(), closing).unwrap().2
}

/// What a call came to: its number, or its errno with the kernel's words.
fn told<T: std::fmt::Debug>(result: Result<T, KernelError>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => {
            let message = error.message.map_or_else(String::new, |message| format!(" {message}"));
            format!("{}{message}", error.errno.name().unwrap())
        }
    }
}

/// What each rule is tried on: a kernel, its calls with descriptors, and a descriptor of the jail `www`, 7.
struct Stage<'a> {
    kernel: &'a SimKernel,
    calls: &'a dyn Descriptors,
    www: OwnedFd,
}

impl Stage<'_> {
    fn used(&self) -> Reach<'_> {
        Reach::Use(self.www.as_fd())
    }

    fn below(&self) -> Reach<'_> {
        Reach::At(self.www.as_fd())
    }

    fn is_there(&self, name: &str) -> bool {
        self.kernel.jail_get(&[named(name)], &[], GetFlags::default()).is_ok()
    }

    /// Lets the jail die, and stay as a dying one: what it has mounted holds it.
    fn die(&self) {
        let params = ["allow.mount", "allow.mount.tmpfs"].map(Param::flag);
        let statfs = Param::new("enforce_statfs", Value::Int(1));
        self.calls.set(self.used(), &[params.as_slice(), &[statfs]].concat(), UPDATE).unwrap();
        std::fs::create_dir_all(self.kernel.root().join("mnt")).unwrap();
        let inside = self.kernel.clone();
        inside.jail_attach(Jid(7)).unwrap();
        let request = MountRequest { fstype: "tmpfs".into(), target: "/mnt".into(), ..MountRequest::default() };
        inside.mount(&request).unwrap();
        self.calls.remove(self.www.as_fd()).unwrap();
    }
}

type Rule = (&'static str, &'static str, fn(Stage<'_>) -> String, &'static str);

const RULES: &[Rule] = &[
    ("a jail is changed by its descriptor", "kern_jail_set", |on| told(on.calls.set(on.used(), &[], UPDATE)), "Jid(7)"),
    (
        "a jid beside the descriptor must be its jail's",
        "kern_jail_set",
        |on| told(on.calls.set(on.used(), &[Jid(8).into()], UPDATE)),
        "EINVAL cannot change jid",
    ),
    (
        "what a descriptor names cannot be created",
        "kern_jail_set",
        |on| told(on.calls.set(on.used(), &[Param::flag("persist")], CREATE)),
        "EEXIST jail 7 already exists",
    ),
    (
        "a name beside the descriptor is the jail's new one",
        "kern_jail_set",
        |on| {
            on.calls.set(on.used(), &[named("web")], UPDATE).unwrap();
            format!("{} {}", on.is_there("www"), on.is_there("web"))
        },
        "false true",
    ),
    (
        "a jail is read by its descriptor",
        "kern_jail_get",
        |on| {
            let wanted = [ParamType::new("name", ParamKind::String(256))];
            told(on.calls.get(on.used(), &[], &wanted, GetFlags::default()))
        },
        "(Jid(7), [String([119, 119, 119])])",
    ),
    (
        "a jail is created below that of a descriptor, and found there by the name it has there",
        "kern_jail_set, kern_jail_get: JAIL_AT_DESC",
        |on| {
            on.calls.set(on.below(), &[named("inner"), Param::flag("persist")], CREATE).unwrap();
            let found = on.calls.get(on.below(), &[named("inner")], &[], GetFlags::default());
            format!("{} {}", found.is_ok(), on.is_there("www.inner"))
        },
        "true true",
    ),
    (
        "from below, the jail itself is not to be seen",
        "kern_jail_get: JAIL_AT_DESC",
        |on| told(on.calls.get(on.below(), &[Jid(7).into()], &[], GetFlags::default())),
        "ENOENT jail 7 not found",
    ),
    (
        "nothing is created below a jail without children",
        "kern_jail_set: pr_childmax",
        |on| {
            on.calls.set(on.used(), &[Param::new("children.max", Value::Int(0))], UPDATE).unwrap();
            told(on.calls.set(on.below(), &[Param::flag("persist")], CREATE))
        },
        "EPERM",
    ),
    (
        "a descriptor comes with the creation",
        "kern_jail_set: jfd_out",
        |on| {
            let params = [named("db"), Param::flag("persist")];
            let (jid, db) = on.calls.set_and_open(Reach::Own, &params, CREATE, Closing::Leaves).unwrap();
            let found = on.calls.get(Reach::Use(db.as_fd()), &[], &[], GetFlags::default()).unwrap();
            (found.0 == jid).to_string()
        },
        "true",
    ),
    (
        "a creation that fails gives none, and leaves none open",
        "kern_jail_set: done_free",
        |on| {
            told(
                on.calls
                    .set_and_open(Reach::Own, &[named("www"), Param::flag("persist")], CREATE, Closing::Removes)
                    .map(drop),
            )
        },
        "EEXIST jail \"www\" already exists",
    ),
    (
        "a file that is no descriptor",
        "jaildesc_find, jail(2)",
        |on| told(on.calls.remove(tempfile::tempfile().unwrap().as_fd())),
        "EINVAL not a jail descriptor",
    ),
    (
        "a descriptor of a jail that is gone",
        "jaildesc_find",
        |on| {
            on.calls.remove(on.www.as_fd()).unwrap();
            let gone = [
                told(on.calls.attach(on.www.as_fd())),
                told(on.calls.remove(on.www.as_fd())),
                told(on.calls.set(on.used(), &[], UPDATE)),
                told(on.calls.set(on.below(), &[Param::flag("persist")], CREATE)),
            ];
            assert!(gone.iter().all(|told| *told == gone[0]));
            gone[0].clone()
        },
        "ENOENT descriptor to dead jail",
    ),
    (
        "a namesake with its number is another jail",
        "jaildesc_prison_cleanup",
        |on| {
            on.calls.remove(on.www.as_fd()).unwrap();
            create(on.kernel);
            format!("{} {}", told(on.calls.remove(on.www.as_fd())), on.is_there("www"))
        },
        "ENOENT descriptor to dead jail true",
    ),
    (
        "a jail that begins to die takes its descriptors away",
        "prison_cleanup_locked",
        |on| {
            on.die();
            told(on.calls.get(on.used(), &[], &[], GetFlags { dying: true }))
        },
        "ENOENT descriptor to dead jail",
    ),
    (
        "one that was opened of a dying jail reads it and cannot enter it",
        "kern_jail_get, sys_jail_attach_jd",
        |on| {
            on.die();
            let dying = GetFlags { dying: true };
            let (_, _, www) = on.calls.get_and_open(None, &[named("www")], &[], dying, Closing::Leaves).unwrap();
            let read = told(on.calls.get(Reach::Use(www.as_fd()), &[], &[], dying));
            format!("{read}; {}; {}", told(on.calls.attach(www.as_fd())), told(on.calls.remove(www.as_fd())))
        },
        "(Jid(7), []); EINVAL; ()",
    ),
    (
        "whoever has a descriptor may enter the jail, wherever he is",
        "sys_jail_attach_jd: no look at whose child it is",
        |on| {
            on.kernel.jail_set(&[named("db"), Param::flag("persist")], CREATE).unwrap();
            let inside = on.kernel.clone();
            inside.jail_attach(on.kernel.jail_get(&[named("db")], &[], GetFlags::default()).unwrap().0).unwrap();
            let by_number = told(inside.jail_attach(Jid(7)));
            format!("{by_number} {}", told(inside.descriptors().unwrap().attach(on.www.as_fd())))
        },
        "EINVAL ()",
    ),
    (
        "a descriptor has the rights of its opener",
        "priv_check_cred of fp->f_cred",
        |on| {
            let params = [named("www.weak"), Param::flag("persist"), Param::flag("allow.nosuser")];
            let (weak, _) = on.calls.set_and_open(Reach::Own, &params, CREATE, Closing::Leaves).unwrap();
            let strong = on.calls.get_and_open(None, &[weak.into()], &[], GetFlags::default(), Closing::Leaves);
            let strong = strong.unwrap().2;
            let inside = on.kernel.clone();
            inside.jail_attach(weak).unwrap();
            let calls = inside.descriptors().unwrap();
            format!(
                "{} {}",
                told(calls.set(Reach::Own, &[Param::flag("persist")], UPDATE)),
                told(calls.set(Reach::Use(strong.as_fd()), &[Param::flag("persist")], UPDATE).map(drop))
            )
        },
        "EPERM ()",
    ),
    (
        "desc is no parameter of a call without descriptors",
        "kern_jail_set, kern_jail_get",
        |on| told(on.kernel.jail_set(&[named("www"), Param::new("desc", Value::Int(0))], UPDATE)),
        "EINVAL unexpected desc",
    ),
    (
        "an owner that is closed removes the jail and those in it",
        "jaildesc_close: JDF_OWNING",
        |on| {
            on.calls.set(on.below(), &[named("inner"), Param::flag("persist")], CREATE).unwrap();
            let owner = open(on.calls, Closing::Removes);
            let before = on.is_there("www.inner");
            drop(owner);
            format!("{before} {} {}", on.is_there("www"), on.is_there("www.inner"))
        },
        "true false false",
    ),
    (
        "not before the last of its copies is",
        "jaildesc_close is called by the last one",
        |on| {
            let owner = open(on.calls, Closing::Removes);
            let copy = owner.try_clone().unwrap();
            drop(owner);
            let between = on.is_there("www");
            drop(copy);
            format!("{between} {}", on.is_there("www"))
        },
        "true false",
    ),
    (
        "an owner whose jail is gone removes no other",
        "jaildesc_close: jd_prison",
        |on| {
            let owner = open(on.calls, Closing::Removes);
            on.calls.remove(on.www.as_fd()).unwrap();
            create(on.kernel);
            drop(owner);
            on.is_there("www").to_string()
        },
        "true",
    ),
    (
        "so does a process that is killed with it",
        "jaildesc_close, exit1",
        |on| {
            let owner = open(on.calls, Closing::Removes);
            let mut process = Command::new("sleep").arg("60").stdin(Stdio::from(owner)).spawn().unwrap();
            let before = on.is_there("www");
            process.kill().unwrap();
            process.wait().unwrap();
            format!("{before} {}", on.is_there("www"))
        },
        "true false",
    ),
];

#[test]
fn descriptors_name_one_jail() {
    let broken: Vec<String> = RULES
        .iter()
        .map(|(rule, source, act, expected)| {
            let (_root, kernel) = kernel("15");
            let calls = kernel.descriptors().unwrap();
            (rule, source, act(Stage { kernel: &kernel, calls, www: open(calls, Closing::Leaves) }), expected)
        })
        .filter(|(_, _, answer, expected)| answer != *expected)
        .map(|(rule, source, answer, expected)| format!("{rule} ({source}): {expected} expected, {answer} answered"))
        .collect();
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn before_freebsd_15_there_are_none() {
    for release in ["13.2", "14"] {
        let (_root, kernel) = kernel(release);
        let error = kernel.descriptors().err().unwrap();
        assert_eq!(error.message.as_deref(), Some("jail descriptors need FreeBSD 15"));
        let error = kernel.jail_set(&[named("www"), Param::new("desc", Value::Int(0))], UPDATE).unwrap_err();
        assert_eq!(error.message.as_deref(), Some("unknown parameter: desc"), "{release}");
    }
}

#[test]
fn a_kernel_booted_anew_knows_no_owner() {
    let (root, kernel) = kernel("15");
    let owner = open(kernel.descriptors().unwrap(), Closing::Removes);
    let kernel = SimKernel::boot(root.path(), "15".parse().unwrap()).unwrap();
    create(&kernel);
    drop(owner);
    assert!(kernel.jail_get(&[named("www")], &[], GetFlags::default()).is_ok());
}
