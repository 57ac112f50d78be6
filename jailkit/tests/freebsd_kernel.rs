//! jailkit's system calls on a real FreeBSD host, as root: jails, mounts, limits. Elsewhere these tests refuse to run.
//!
//! `cargo test --no-run --target x86_64-unknown-freebsd` makes one binary that can be copied over. What a test makes
//! it takes away again, also when it fails: directories below a temporary one, jails named `jailkit-test-*`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]
#![cfg(target_os = "freebsd")]

use std::os::fd::AsFd;
use std::path::Path;

use jailkit::kernel::native::NativeKernel;
use jailkit::kernel::{
    DevfsRuleset, Errno, GetFlags, Jid, Kernel, MountFlags, MountRequest, Param, ParamKind, ParamType, SetFlags, Value,
    mount,
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
fn a_descriptor_is_had_or_refused_by_name() {
    only_as_root();
    let root = tempfile::tempdir().unwrap();
    let jail = TestJail::create("descriptor", root.path(), &[]);
    let file = tempfile::tempfile().unwrap();
    let error = NativeKernel.jail_remove_descriptor(file.as_fd()).unwrap_err();
    match NativeKernel.jail_descriptor(jail.0) {
        Err(refused) => {
            assert_eq!(refused.message.as_deref(), Some("jail descriptors need FreeBSD 15"));
            assert_eq!(error.message.as_deref(), Some("jail descriptors need FreeBSD 15"));
        }
        Ok(descriptor) => {
            assert_eq!(error.errno, Errno::EBADF);
            let jid = jail.0;
            NativeKernel.jail_remove_descriptor(descriptor.as_fd()).unwrap();
            std::mem::forget(jail);
            // The number goes to another jail, the descriptor does not.
            let other = TestJail::create("reused", root.path(), &[Param::from(jid)]);
            let error = NativeKernel.jail_remove_descriptor(descriptor.as_fd()).unwrap_err();
            assert_eq!((other.0, error.errno), (jid, Errno::ENOENT));
        }
    }
}

#[test]
fn devfs_rulesets_are_listed_used_and_applied() {
    only_as_root();
    let root = tempfile::tempdir().unwrap();
    let dev = root.path().canonicalize().unwrap();
    mount(&NativeKernel, &MountRequest::devfs(&dev, 0)).unwrap();
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
    for address in ["127.45.67.89/32", "fd00:6a61:696c::1/128"] {
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
    let jail = TestJail::create("limits", root.path(), &[Param::new("securelevel", Value::Int(2))]);
    let name = match jail.read("name", ParamKind::String(256)) {
        Value::String(_) => format!("jailkit-test-limits-{}.child", std::process::id()),
        other => panic!("{other:?}"),
    };
    for (limit, value) in [("securelevel", 1), ("children.max", 1)] {
        let params = [text("name", &name), Param::flag("persist"), Param::new(limit, Value::Int(value))];
        let error = NativeKernel.jail_set(&params, CREATE).unwrap_err();
        assert_eq!(error.errno, Errno::EPERM, "{limit}");
    }
}
