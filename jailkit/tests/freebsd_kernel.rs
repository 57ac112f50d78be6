//! jailkit's system calls on a real FreeBSD host, as root: jails, mounts, limits. Elsewhere these tests refuse to run.
//!
//! `cargo test --no-run --target x86_64-unknown-freebsd` makes one binary that can be copied over. What a test makes
//! it takes away again, also when it fails: directories below a temporary one, jails named `jailkit-test-*`, addresses
//! of lo0, the interfaces lo4711 and epair4711. Modules that it needs stay loaded.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]
#![cfg(target_os = "freebsd")]

use std::os::fd::AsFd;
use std::path::Path;

use jailkit::kernel::native::NativeKernel;
use jailkit::kernel::{
    Closing, DevfsRuleset, Errno, GetFlags, Jail, JailKey, Jid, Kernel, MountFlags, MountRequest, Param, ParamKind,
    ParamType, Reach, SetFlags, Value, mount,
};

mod freebsd;

use freebsd::only_as_root;

const CREATE: SetFlags = SetFlags { create: true, update: false, attach: false, dying: false };

fn text(name: &str, value: &str) -> Param {
    Param::new(name, Value::String(value.into()))
}

/// A jail that goes when this does.
struct TestJail(Jid);

impl TestJail {
    fn create(name: &str, path: &Path, more: &[Param]) -> Self {
        let name = format!("jailkit-test-{name}-{}", std::process::id());
        let mut params = vec![text("name", &name), text("path", path.to_str().unwrap()), Param::flag("persist")];
        params.extend_from_slice(more);
        Self(NativeKernel.jail_set(&params, CREATE).unwrap())
    }

    fn read(&self, name: &str, kind: ParamKind) -> Value {
        let keys = [Param::new("jid", Value::Int(self.0.0))];
        let (_, mut values) = NativeKernel.jail_get(&keys, &[ParamType::new(name, kind)], GetFlags::default()).unwrap();
        values.remove(0)
    }
}

impl Drop for TestJail {
    fn drop(&mut self) {
        if let Err(error) = NativeKernel.jail_remove(self.0) {
            eprintln!("jail {} is left: {error}", self.0);
        }
    }
}

/// A mount that goes when this does.
struct TestMount<'a>(&'a Path);

impl Drop for TestMount<'_> {
    fn drop(&mut self) {
        if let Err(error) = NativeKernel.unmount(self.0, true) {
            eprintln!("{} stays mounted: {error}", self.0.display());
        }
    }
}

fn request(fstype: &str, source: &Path, target: &Path) -> MountRequest {
    MountRequest {
        fstype: fstype.into(),
        source: Some(source.into()),
        target: target.into(),
        ..MountRequest::default()
    }
}

#[test]
fn a_jail_is_made_read_changed_and_removed() {
    only_as_root();
    let root = tempfile::tempdir().unwrap();
    let address = "127.1.2.3".parse().unwrap();
    let jail = TestJail::create(
        "life",
        root.path(),
        &[text("host.hostname", "inside"), Param::new("ip4.addr", Value::Ipv4(vec![address]))],
    );
    assert_eq!(jail.read("host.hostname", ParamKind::String(256)), Value::String(b"inside".into()));
    assert_eq!(jail.read("ip4.addr", ParamKind::Ipv4), Value::Ipv4(vec![address]));
    let update = SetFlags { update: true, ..SetFlags::default() };
    let jid = Param::new("jid", Value::Int(jail.0.0));
    NativeKernel.jail_set(&[jid.clone(), Param::flag("allow.raw_sockets")], update).unwrap();
    assert_eq!(jail.read("allow.raw_sockets", ParamKind::Bool), Value::Int(1));
    let error = NativeKernel.jail_set(&[jid, text("path", "/")], update).unwrap_err();
    assert_eq!((error.errno, error.message.as_deref()), (Errno::EINVAL, Some("path cannot be changed after creation")));
}

#[test]
fn the_listing_ends_and_finds_the_jail() {
    only_as_root();
    let root = tempfile::tempdir().unwrap();
    let jail = TestJail::create("listing", root.path(), &[]);
    let (mut last, mut found) = (0, false);
    let error = loop {
        let keys = [Param::new("lastjid", Value::Int(last))];
        match NativeKernel.jail_get(&keys, &[], GetFlags::default()) {
            Ok((Jid(jid), _)) => (last, found) = (jid, found || jid == jail.0.0),
            Err(error) => break error,
        }
    };
    assert!(found);
    assert_eq!((error.errno, error.message), (Errno::ENOENT, Some(format!("no jail after {last}"))));
}

#[test]
fn every_parameter_of_this_kernel_can_be_read() {
    only_as_root();
    let root = tempfile::tempdir().unwrap();
    let jail = TestJail::create("params", root.path(), &[]);
    let params = NativeKernel.jail_params().unwrap();
    assert!(params.contains(&ParamType::new("name", ParamKind::String(256))));
    assert!(params.contains(&ParamType::new("ip4", ParamKind::JailSys)));
    let keys = [Param::new("jid", Value::Int(jail.0.0))];
    for param in params.iter().filter(|param| !matches!(param.name.as_str(), "jid" | "name")) {
        let read = NativeKernel.jail_get(&keys, std::slice::from_ref(param), GetFlags::default());
        assert!(read.is_ok(), "{param:?}: {read:?}");
    }
}

#[test]
fn a_jail_that_has_gone_is_told_as_gone() {
    only_as_root();
    let root = tempfile::tempdir().unwrap();
    let name = format!("jailkit-test-gone-{}", std::process::id());
    let params = [text("name", &name), text("path", root.path().to_str().unwrap()), Param::flag("persist")];
    let jail = Jail::create(&NativeKernel, &params, CREATE).unwrap();
    assert_eq!(jail.descriptor().is_some(), NativeKernel.descriptors().is_ok());
    assert!(jail.update(&NativeKernel, &[Param::flag("allow.raw_sockets")], false).unwrap());
    let found = Jail::open(&NativeKernel, &JailKey::new(&name).unwrap(), GetFlags::default()).unwrap();
    assert_eq!(found.as_ref(), Some(&jail));
    assert!(jail.remove(&NativeKernel).unwrap());
    for held in [jail, found.unwrap()] {
        assert!(!held.is_there(&NativeKernel).unwrap());
        assert_eq!(held.get(&NativeKernel, &[]).unwrap(), None);
        assert!(!held.update(&NativeKernel, &[Param::flag("persist")], false).unwrap());
        assert!(!held.attach(&NativeKernel).unwrap());
        assert!(!held.remove(&NativeKernel).unwrap());
    }
}

/// `meta` and `env`, of FreeBSD 15.
#[test]
fn text_is_kept_with_a_jail() {
    only_as_root();
    let root = tempfile::tempdir().unwrap();
    let params = NativeKernel.jail_params().unwrap();
    let Some(meta) = params.into_iter().find(|param| param.name == "meta") else {
        eprintln!("not tried: this kernel keeps no text with jails");
        return;
    };
    let jail = TestJail::create("meta", root.path(), &[text("meta", "a=1\nb=2"), text("env", "")]);
    assert_eq!(jail.read("meta", meta.kind), Value::String(b"a=1\nb=2".into()));
    assert_eq!(jail.read("meta.b", ParamKind::String(16)), Value::String(b"2".into()));
    assert_eq!(jail.read("env", meta.kind), Value::String(Vec::new()));
}

#[test]
fn a_descriptor_is_had_or_refused_by_name() {
    only_as_root();
    let root = tempfile::tempdir().unwrap();
    let jail = TestJail::create("descriptor", root.path(), &[]);
    let descriptors = match NativeKernel.descriptors() {
        Err(refused) => {
            assert_eq!(refused.message.as_deref(), Some("jail descriptors need FreeBSD 15"));
            return;
        }
        Ok(descriptors) => descriptors,
    };
    let open = |closing| descriptors.get_and_open(None, &[Param::from(jail.0)], &[], GetFlags::default(), closing);
    let (jid, _, descriptor) = open(Closing::Leaves).unwrap();
    assert_eq!(jid, jail.0);
    // What it names is read, changed and entered through it.
    let level = ParamType::new("securelevel", ParamKind::Int);
    let used = Reach::Use(descriptor.as_fd());
    let update = SetFlags { update: true, ..SetFlags::default() };
    descriptors.set(used, &[Param::new("securelevel", Value::Int(2))], update).unwrap();
    let (_, values) = descriptors.get(used, &[], std::slice::from_ref(&level), GetFlags::default()).unwrap();
    assert_eq!(values, [Value::Int(2)]);
    let file = tempfile::tempfile().unwrap();
    assert!(descriptors.remove(file.as_fd()).is_err());
    // An owner that is closed takes the jail along.
    drop(open(Closing::Removes).unwrap());
    std::mem::forget(jail);
    assert_eq!(descriptors.remove(descriptor.as_fd()).unwrap_err().errno, Errno::ENOENT);
    // The number goes to another jail, the descriptor does not.
    let other = TestJail::create("reused", root.path(), &[Param::from(jid)]);
    assert_eq!(other.0, jid);
    assert_eq!(descriptors.remove(descriptor.as_fd()).unwrap_err().errno, Errno::ENOENT);
    assert_eq!(descriptors.attach(descriptor.as_fd()).unwrap_err().errno, Errno::ENOENT);
}

#[test]
fn devfs_rulesets_are_listed_used_and_applied() {
    only_as_root();
    let root = tempfile::tempdir().unwrap();
    let dev = root.path().canonicalize().unwrap();
    mount(&NativeKernel, &MountRequest::devfs(&dev, DevfsRuleset::NONE)).unwrap();
    let _mounted = TestMount(&dev);
    assert!(dev.join("mem").exists() && dev.join("null").exists());
    let unknown = DevfsRuleset(60_999);
    let loaded = NativeKernel.devfs_rulesets().unwrap();
    assert!(!loaded.contains(&unknown) && !loaded.contains(&DevfsRuleset::NONE), "{loaded:?}");
    assert_eq!(NativeKernel.apply_devfs_ruleset(&dev, unknown).unwrap_err().errno, Errno::ESRCH);
    // The kernel lists it once a devfs has it; it has no rule, so it is not told.
    NativeKernel.use_devfs_ruleset(&dev, unknown).unwrap();
    assert!(!NativeKernel.devfs_rulesets().unwrap().contains(&unknown));
    NativeKernel.use_devfs_ruleset(&dev, DevfsRuleset::NONE).unwrap();
    let error = NativeKernel.apply_devfs_ruleset(Path::new("/tmp"), DevfsRuleset::JAIL).unwrap_err();
    assert_eq!(error.errno, Errno::ENOTTY);
    // rc(8) loads it, where devfs_load_rulesets has not been turned off.
    if loaded.contains(&DevfsRuleset::JAIL) {
        NativeKernel.use_devfs_ruleset(&dev, DevfsRuleset::JAIL).unwrap();
        assert!(dev.join("mem").exists());
        NativeKernel.apply_devfs_ruleset(&dev, DevfsRuleset::NONE).unwrap();
        assert!(!dev.join("mem").exists() && dev.join("null").exists());
    }
}

#[test]
fn mounts_come_and_go() {
    only_as_root();
    let root = tempfile::tempdir().unwrap();
    let root = root.path().canonicalize().unwrap();
    let (source, target) = (root.join("source"), root.join("target"));
    for dir in [&source, &target] {
        std::fs::create_dir(dir).unwrap();
    }
    let named = ["devfs", "fdescfs", "linprocfs", "procfs", "tmpfs"].map(|name| (name, Path::new(name)));
    for (fstype, from) in [("nullfs", source.as_path()), ("unionfs", source.as_path())].into_iter().chain(named) {
        if !NativeKernel.has_module(fstype).unwrap()
            && let Err(error) = NativeKernel.load_module(fstype)
        {
            eprintln!("not tried: {error}");
            continue;
        }
        mount(&NativeKernel, &request(fstype, from, &target)).unwrap();
        let mounted = TestMount(&target);
        let table = NativeKernel.mounts().unwrap();
        assert!(table.iter().any(|found| found.fstype == fstype && found.target == target), "{table:?}");
        drop(mounted);
        assert!(NativeKernel.mounts().unwrap().iter().all(|found| found.target != target));
    }
    let strict = MountFlags { read_only: true, nosuid: true, noexec: true, noatime: true, ..MountFlags::default() };
    let tmpfs = MountRequest { flags: strict, ..request("tmpfs", Path::new("tmpfs"), &target) };
    mount(&NativeKernel, &tmpfs).unwrap();
    let mounted = TestMount(&target);
    let flags = || NativeKernel.mounts().unwrap().into_iter().find(|found| found.target == target).unwrap().flags;
    assert_eq!(flags(), strict);
    let update = MountFlags { update: true, ..MountFlags::default() };
    mount(&NativeKernel, &MountRequest { flags: update, ..tmpfs }).unwrap();
    assert_eq!(flags(), MountFlags::default());
    std::fs::write(target.join("file"), "").unwrap();
    drop(mounted);
    // The same directory twice would take the kernel down: our own words come first.
    let error = mount(&NativeKernel, &request("nullfs", &source, &source)).unwrap_err();
    assert!(error.to_string().ends_with("are not distinct"), "{error}");
    let error = mount(&NativeKernel, &request("nosuchfs", &source, &target)).unwrap_err();
    assert_eq!(error.message.as_deref(), Some("there is no file system type 'nosuchfs'"));
}

#[test]
fn addresses_come_and_go() {
    only_as_root();
    let has = |address: &str| {
        let address: ipnet::IpNet = address.parse().unwrap();
        let interfaces = NativeKernel.interfaces().unwrap();
        interfaces.iter().any(|found| found.name == "lo0" && found.addresses.contains(&address))
    };
    let has_v6 = NativeKernel.sysctl("net.inet6.ip6.forwarding").is_ok();
    let v6 = has_v6.then_some("fd00:6a61:696c::1/128");
    for address in ["127.45.67.89/32"].into_iter().chain(v6) {
        let net: ipnet::IpNet = address.parse().unwrap();
        NativeKernel.add_address("lo0", net).unwrap();
        let there = has(address);
        NativeKernel.remove_address("lo0", net.addr()).unwrap();
        assert!(there && !has(address), "{address}");
    }
}

#[test]
fn a_jail_is_held_to_its_limits() {
    only_as_root();
    let root = tempfile::tempdir().unwrap();
    let more = [Param::new("securelevel", Value::Int(2)), Param::new("children.max", Value::Int(2))];
    let jail = TestJail::create("limits", root.path(), &more);
    let child = |name: &str, more: &[Param]| {
        let name = format!("jailkit-test-limits-{}.{name}", std::process::id());
        let params = [&[text("name", &name), Param::flag("persist")], more].concat();
        NativeKernel.jail_set(&params, CREATE)
    };
    for (limit, value) in [("securelevel", 1), ("children.max", 2)] {
        let error = child("refused", &[Param::new(limit, Value::Int(value))]).unwrap_err();
        assert_eq!(error.errno, Errno::EPERM, "{limit}");
    }
    // children.max bounds whoever creates from inside; the host goes beyond it.
    for name in ["one", "two", "three"] {
        child(name, &[]).unwrap();
    }
    assert_eq!(jail.read("children.cur", ParamKind::Int), Value::Int(3));
}

/// As recorded from FreeBSD 13.2 (`corpus/kernel/jails.jsonl`), and unchanged up to 15.
#[test]
fn what_the_kernel_refuses_it_says_why() {
    only_as_root();
    let root = tempfile::tempdir().unwrap();
    let jail = TestJail::create("refused", root.path(), &[]);
    let name = format!("jailkit-test-refused-{}", std::process::id());
    let update = SetFlags { update: true, ..SetFlags::default() };
    let other = text("name", &format!("{name}-other"));
    let own = Param::new("jid", Value::Int(jail.0.0));
    let exists = format!("jail \"{name}\" already exists");
    let missing = format!("jail \"{name}-other\" not found");
    for (params, flags, errno, message) in [
        (vec![text("name", &name), Param::flag("persist")], CREATE, Errno::EEXIST, exists.as_str()),
        (vec![other.clone(), Param::flag("persist")], update, Errno::ENOENT, &missing),
        (vec![Param::new("jid", Value::Int(-5)), Param::flag("persist")], CREATE, Errno::EINVAL, "negative jid"),
        (vec![other.clone()], CREATE, Errno::EINVAL, "new jail must persist or attach"),
        (
            vec![other, Param::flag("persist"), Param::flag("nosuchparam")],
            CREATE,
            Errno::EINVAL,
            "unknown parameter: nosuchparam",
        ),
        (
            vec![own.clone(), Param::new("vnet", Value::Int(1))],
            update,
            Errno::EINVAL,
            "vnet cannot be changed after creation",
        ),
        (
            vec![own.clone(), text("osrelease", "1.0")],
            update,
            Errno::EINVAL,
            "osrelease cannot be changed after creation",
        ),
        (vec![own, text("name", &format!("{name}.inside"))], update, Errno::EINVAL, "cannot change jail's parent"),
    ] {
        let error = NativeKernel.jail_set(&params, flags).unwrap_err();
        assert_eq!((error.errno, error.message.as_deref()), (errno, Some(message)), "{params:?}");
    }
}

/// What a program of the system prints; none where it is not installed.
fn printed(program: &str, arguments: &[&str]) -> Option<String> {
    if !Path::new(program).exists() {
        eprintln!("not compared with {program}, which is not here");
        return None;
    }
    let output = std::process::Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_jail_reads_as_under_jls() {
    only_as_root();
    let root = tempfile::tempdir().unwrap();
    let addresses = ["127.1.2.6", "127.1.2.5"].map(|address| address.parse().unwrap()).to_vec();
    let more = [text("host.hostname", "inside"), Param::new("ip4.addr", Value::Ipv4(addresses.clone()))];
    let jail = TestJail::create("jls", root.path(), &more);
    assert_eq!(jail.read("ip4.addr", ParamKind::Ipv4), Value::Ipv4(addresses));
    let name = format!("jailkit-test-jls-{}", std::process::id());
    let jid = jail.0.to_string();
    let wanted = ["-j", &jid, "name", "host.hostname", "ip4.addr", "enforce_statfs", "allow.chflags", "ip6"];
    if let Some(told) = printed("/usr/sbin/jls", &wanted) {
        assert_eq!(told.trim_end(), format!("{name} inside 127.1.2.6,127.1.2.5 2 false {}", ip6(&jail)));
    }
}

fn ip6(jail: &TestJail) -> &'static str {
    match jail.read("ip6", ParamKind::JailSys) {
        Value::Int(0) => "disable",
        Value::Int(1) => "new",
        _ => "inherit",
    }
}

#[test]
fn the_addresses_are_lists_and_the_rest_has_its_layout() {
    only_as_root();
    let params = NativeKernel.jail_params().unwrap();
    for (name, kind) in [
        ("jid", ParamKind::Int),
        ("name", ParamKind::String(256)),
        ("path", ParamKind::String(1024)),
        ("persist", ParamKind::Bool),
        ("host", ParamKind::JailSys),
        ("host.hostid", ParamKind::ULong),
        ("ip4.addr", ParamKind::Ipv4),
        ("allow.mount", ParamKind::Bool),
    ] {
        assert!(params.contains(&ParamType::new(name, kind)), "{name}: {params:?}");
    }
}

#[test]
fn numbers_are_those_of_sysctl() {
    only_as_root();
    // An int, an unsigned int and an unsigned long.
    for name in ["kern.osreldate", "kern.maxproc", "hw.pagesize", "hw.physmem", "security.jail.jailed"] {
        let number = NativeKernel.sysctl(name).unwrap();
        if let Some(told) = printed("/sbin/sysctl", &["-n", name]) {
            assert_eq!(told.trim_end(), number.to_string(), "{name}");
        }
    }
    assert_eq!(NativeKernel.sysctl("kern.ostype").unwrap_err().errno, Errno::EINVAL);
    assert_eq!(NativeKernel.sysctl("kern.jailkit_has_none").unwrap_err().errno, Errno::ENOENT);
    let forwarding = NativeKernel.sysctl("net.inet.ip.forwarding").unwrap();
    NativeKernel.set_sysctl("net.inet.ip.forwarding", forwarding).unwrap();
    assert_eq!(NativeKernel.sysctl("net.inet.ip.forwarding").unwrap(), forwarding);
}

#[test]
fn modules_are_told_apart() {
    only_as_root();
    assert!(NativeKernel.has_module("devfs").unwrap());
    assert!(!NativeKernel.has_module("jailkit-has-none").unwrap());
    assert_eq!(NativeKernel.load_module("jailkit-has-none").unwrap_err().errno, Errno::ENOENT);
    NativeKernel.unload_module("jailkit-has-none").unwrap();
}

/// An interface that goes when this does.
struct TestInterface(&'static str);

impl Drop for TestInterface {
    fn drop(&mut self) {
        if let Err(error) = NativeKernel.destroy_interface(self.0) {
            eprintln!("interface {} is left: {error}", self.0);
        }
    }
}

fn addresses_of(interface: &str) -> Option<Vec<ipnet::IpNet>> {
    let interfaces = NativeKernel.interfaces().unwrap();
    interfaces.into_iter().find(|found| found.name == interface).map(|found| found.addresses)
}

#[test]
fn a_loopback_is_made_with_addresses_and_destroyed() {
    only_as_root();
    NativeKernel.create_interface("lo4711").unwrap();
    let interface = TestInterface("lo4711");
    assert_eq!(NativeKernel.create_interface("lo4711").unwrap_err().errno, Errno::EEXIST);
    let address: ipnet::IpNet = "127.47.11.1/24".parse().unwrap();
    NativeKernel.add_address("lo4711", address).unwrap();
    assert!(addresses_of("lo4711").unwrap().contains(&address));
    if let Some(told) = printed("/sbin/ifconfig", &["lo4711"]) {
        assert!(told.contains("inet 127.47.11.1 netmask 0xffffff00"), "{told}");
        assert!(told.contains("<UP,"), "{told}");
    }
    // One that is there is given anew.
    let wider = "127.47.11.1/16".parse().unwrap();
    NativeKernel.add_address("lo4711", wider).unwrap();
    assert_eq!(addresses_of("lo4711").unwrap().iter().filter(|found| found.addr() == address.addr()).count(), 1);
    NativeKernel.remove_address("lo4711", address.addr()).unwrap();
    assert!(addresses_of("lo4711").unwrap().iter().all(|found| found.addr() != address.addr()));
    let error = NativeKernel.remove_address("lo4711", address.addr()).unwrap_err();
    assert_eq!(error.errno, Errno::EADDRNOTAVAIL);
    drop(interface);
    assert_eq!(addresses_of("lo4711"), None);
    assert_eq!(NativeKernel.destroy_interface("lo4711").unwrap_err().errno, Errno::ENXIO);
}

#[test]
fn an_interface_moves_into_a_jail_and_back() {
    only_as_root();
    if let Err(error) = NativeKernel.sysctl("kern.features.vimage").and(NativeKernel.load_module("if_epair")) {
        eprintln!("not tried: {error}");
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let jail = TestJail::create("vnet", root.path(), &[Param::new("vnet", Value::Int(1))]);
    // The kernel makes a pair of it and says the first one's name.
    NativeKernel.create_interface("epair4711").unwrap();
    let _pair = TestInterface("epair4711a");
    assert!(addresses_of("epair4711a").is_some() && addresses_of("epair4711b").is_some());
    NativeKernel.move_interface("epair4711b", jail.0).unwrap();
    assert_eq!(addresses_of("epair4711b"), None);
    NativeKernel.reclaim_interface("epair4711b", jail.0).unwrap();
    assert!(addresses_of("epair4711b").is_some());
    let shares = TestJail::create("no-vnet", root.path(), &[]);
    assert_eq!(NativeKernel.move_interface("epair4711b", shares.0).unwrap_err().errno, Errno::EEXIST);
    let error = NativeKernel.reclaim_interface("epair4711b", jail.0).unwrap_err();
    assert_eq!(error.errno, Errno::ENXIO);
}

#[test]
fn the_mounts_are_those_of_mount() {
    only_as_root();
    let root = tempfile::tempdir().unwrap();
    let target = root.path().canonicalize().unwrap();
    assert_eq!(NativeKernel.unmount(&target, false).unwrap_err().errno, Errno::EINVAL);
    mount(&NativeKernel, &MountRequest::tmpfs(&target).option("size", "1m").nosuid().read_only()).unwrap();
    let _mounted = TestMount(&target);
    let table = NativeKernel.mounts().unwrap();
    assert!(table.iter().any(|found| found.target == Path::new("/")));
    if let Some(told) = printed("/sbin/mount", &["-p"]) {
        let path = target.display().to_string();
        let line = told.lines().find(|line| line.split_whitespace().nth(1) == Some(&path)).unwrap();
        let words: Vec<_> = line.split_whitespace().collect();
        assert_eq!(words[..3], ["tmpfs", &path, "tmpfs"]);
        let options: Vec<_> = words[3].split(',').collect();
        assert!(options.contains(&"ro") && options.contains(&"nosuid"), "{line}");
    }
}

/// A jail's root may rename what a mount point is in, and put a link there.
#[test]
fn a_path_is_told_with_the_file_system_it_is_on() {
    only_as_root();
    let dev = NativeKernel.file_system("/dev/null".as_ref()).unwrap();
    assert_eq!((dev.fstype.as_str(), dev.target.as_path()), ("devfs", Path::new("/dev")));
    assert_eq!(NativeKernel.file_system("/".as_ref()).unwrap().target, Path::new("/"));
    assert_eq!(NativeKernel.file_system("/nosuch".as_ref()).unwrap_err().errno, Errno::ENOENT);
}

#[test]
fn a_link_on_the_way_leads_to_no_other_mount() {
    only_as_root();
    let root = tempfile::tempdir().unwrap();
    let root = root.path().canonicalize().unwrap();
    let [own, other] = ["own", "other"].map(|name| root.join(name).join("point"));
    for point in [&own, &other] {
        std::fs::create_dir_all(point).unwrap();
        mount(&NativeKernel, &MountRequest::tmpfs(point).option("size", "1m")).unwrap();
    }
    let (mounted, other) = (TestMount(&own), TestMount(&other));
    std::fs::rename(root.join("own"), root.join("moved")).unwrap();
    std::os::unix::fs::symlink("other", root.join("own")).unwrap();
    NativeKernel.unmount(&own, false).unwrap();
    std::mem::forget(mounted);
    let told = NativeKernel.mounts().unwrap();
    assert!(told.iter().any(|found| found.target == other.0) && told.iter().all(|found| found.target != own));
}

#[test]
fn a_nul_is_refused_before_the_call() {
    only_as_root();
    let root = tempfile::tempdir().unwrap();
    let request = MountRequest::tmpfs(root.path()).option("size", "1\0m");
    assert_eq!(mount(&NativeKernel, &request).unwrap_err().errno, Errno::EINVAL);
}
