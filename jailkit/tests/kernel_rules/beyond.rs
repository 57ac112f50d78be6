//! What scenarios have no call for: modules, sysctl(3), and interfaces.

use jailkit::kernel::sim::SimKernel;
use jailkit::kernel::{Errno, GetFlags, Jid, Kernel, KernelError, Param, ParamKind, ParamType, SetFlags, Value};

fn boot() -> (tempfile::TempDir, SimKernel) {
    boot_of("13.2")
}

fn boot_of(release: &str) -> (tempfile::TempDir, SimKernel) {
    let root = tempfile::tempdir().unwrap();
    let kernel = SimKernel::boot(root.path(), release.parse().unwrap()).unwrap();
    (root, kernel)
}

fn text(name: &str, value: &str) -> Param {
    Param::new(name, Value::String(value.into()))
}

fn create(kernel: &SimKernel, name: &str, params: &[Param]) -> Result<(), KernelError> {
    let params = [&[text("name", name), Param::flag("persist")], params].concat();
    kernel.jail_set(&params, SetFlags { create: true, ..SetFlags::default() }).map(drop)
}

fn update(kernel: &SimKernel, name: &str, param: Param) {
    kernel.jail_set(&[text("name", name), param], SetFlags { update: true, ..SetFlags::default() }).unwrap();
}

/// `linux` and `linux.osname` of a jail.
fn linux(kernel: &SimKernel, name: &str) -> (i32, String) {
    let wanted = [ParamType::new("linux", ParamKind::Int), ParamType::new("linux.osname", ParamKind::String(65))];
    let (_, values) = kernel.jail_get(&[text("name", name)], &wanted, GetFlags::default()).unwrap();
    match values.as_slice() {
        [Value::Int(way), Value::String(osname)] => (*way, String::from_utf8_lossy(osname).into_owned()),
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn parameters_come_with_their_modules() {
    for (module, param) in [
        ("fusefs", "allow.mount.fusefs"),
        ("linprocfs", "allow.mount.linprocfs"),
        ("linux", "linux"),
        ("linux64", "linux.osrelease"),
        ("linsysfs", "linux.osname"),
        ("vmm", "allow.vmm"),
        ("zfs", "allow.mount.zfs"),
    ] {
        let (_root, kernel) = boot();
        let knows = || kernel.jail_params().unwrap().iter().any(|known| known.name == param);
        assert!(!knows(), "{param} without {module}");
        kernel.load_module(module).unwrap();
        assert!(knows(), "{param} with {module}");
        kernel.unload_module(module).unwrap();
        assert_eq!(knows(), param.starts_with("allow."), "{param} after {module}");
    }
}

#[test]
fn a_jail_has_what_linux_programs_are_told_from_the_start() {
    let (_root, kernel) = boot();
    create(&kernel, "old", &[]).unwrap();
    kernel.load_module("linux").unwrap();
    create(&kernel, "own", &[text("linux.osname", "Other")]).unwrap();
    create(&kernel, "own.new", &[]).unwrap();
    create(&kernel, "own.as", &[Param::new("linux", Value::Int(2))]).unwrap();
    update(&kernel, "own", text("linux.osname", "Third"));
    for (name, way, osname) in
        [("old", 1, "Linux"), ("own", 1, "Third"), ("own.new", 1, "Other"), ("own.as", 2, "Third")]
    {
        assert_eq!(linux(&kernel, name), (way, osname.to_owned()), "{name}");
    }
    update(&kernel, "own", Param::new("linux", Value::Int(2)));
    assert_eq!(linux(&kernel, "own.as"), (2, "Linux".to_owned()));
}

#[test]
fn what_linux_programs_are_told_has_a_form() {
    let (_root, kernel) = boot();
    kernel.load_module("linux64").unwrap();
    for (param, errno, message) in [
        (Param::new("linux", Value::Int(0)), Errno::EINVAL, None),
        (text("linux.osname", &"x".repeat(65)), Errno::ENAMETOOLONG, Some("linux.osname too long")),
        (text("linux.osrelease", "5.15"), Errno::EINVAL, Some("linux.osrelease format error")),
        (text("linux.osrelease", "0.9.1"), Errno::EINVAL, Some("linux.osrelease format error")),
        (text("linux.osrelease", "5.15.0-"), Errno::EINVAL, Some("linux.osrelease format error")),
        (Param::new("linux.oss_version", Value::ULong(1)), Errno::EINVAL, None),
    ] {
        let error = create(&kernel, "x", std::slice::from_ref(&param)).unwrap_err();
        assert_eq!((error.errno, error.message.as_deref()), (errno, message), "{param:?}");
    }
    create(&kernel, "x", &[text("linux.osrelease", "5.15.0-generic")]).unwrap();
}

#[test]
fn a_jail_mounts_snapshots_where_its_parent_does() {
    let (_root, kernel) = boot_of("14");
    kernel.load_module("zfs").unwrap();
    let mounts = |value| Param::new("zfs.mount_snapshot", Value::Int(value));
    let read = |name: &str| {
        let wanted = ["zfs", "zfs.mount_snapshot"].map(|name| ParamType::new(name, ParamKind::Int));
        kernel.jail_get(&[text("name", name)], &wanted, GetFlags::default()).unwrap().1
    };
    create(&kernel, "p", &[mounts(1)]).unwrap();
    create(&kernel, "p.copy", &[]).unwrap();
    create(&kernel, "p.as", &[Param::new("zfs", Value::Int(2))]).unwrap();
    create(&kernel, "p.own", &[mounts(0)]).unwrap();
    for (name, way, value) in [("p", 1, 1), ("p.copy", 1, 1), ("p.as", 2, 0), ("p.own", 1, 0)] {
        assert_eq!(read(name), [Value::Int(way), Value::Int(value)], "{name}");
    }
    for (name, param, errno) in [
        ("p.own.more", mounts(1), Errno::EPERM),
        ("q", mounts(2), Errno::EINVAL),
        ("q", Param::new("zfs", Value::Int(0)), Errno::EINVAL),
    ] {
        assert_eq!(create(&kernel, name, &[param]).unwrap_err().errno, errno, "{name}");
        assert!(kernel.jail_get(&[text("name", name)], &[], GetFlags::default()).is_err(), "{name} is made");
    }
}

#[test]
fn a_jail_is_told_of_itself_and_changes_nothing() {
    let (_root, kernel) = boot();
    kernel.set_sysctl("security.jail.enforce_statfs", 1).unwrap();
    let jail = [
        Param::flag("persist"),
        Param::flag("allow.chflags"),
        Param::flag("allow.mount.tmpfs"),
        Param::new("securelevel", Value::Int(2)),
        Param::new("osreldate", Value::Int(1_200_000)),
    ];
    let jid = kernel.jail_set(&jail, SetFlags { create: true, ..SetFlags::default() }).unwrap();
    let inside = kernel.clone();
    inside.jail_attach(jid).unwrap();
    for (name, on_host, in_jail) in [
        ("security.jail.jailed", 0, 1),
        ("security.jail.vnet", 0, 0),
        ("security.jail.enforce_statfs", 1, 1),
        ("security.jail.chflags_allowed", 0, 1),
        ("security.jail.set_hostname_allowed", 1, 1),
        ("security.jail.socket_unixiproute_only", 1, 1),
        ("security.jail.mount_tmpfs_allowed", 0, 1),
        ("kern.securelevel", -1, 2),
        ("kern.osreldate", 1_302_001, 1_200_000),
    ] {
        assert_eq!((kernel.sysctl(name).unwrap(), inside.sysctl(name).unwrap()), (on_host, in_jail), "{name}");
    }
    assert!(kernel.sysctl("security.jail.children.max").is_err());
    let (_root, newest) = boot_of("15");
    create(&newest, "p", &[]).unwrap();
    assert_eq!(newest.sysctl("security.jail.children.max").unwrap(), 999_999);
    assert_eq!(newest.sysctl("security.jail.children.cur").unwrap(), 1);
    for (kernel, name, errno) in [
        (&inside, "net.inet.ip.forwarding", Errno::EPERM),
        (&kernel, "security.jail.jailed", Errno::EPERM),
        (&kernel, "security.jail.mount_linprocfs_allowed", Errno::ENOENT),
    ] {
        assert_eq!(kernel.set_sysctl(name, 1).unwrap_err().errno, errno, "{name}");
    }
}

#[test]
fn an_address_that_is_there_is_given_anew() {
    let (_root, kernel) = boot();
    let add = |address: &str| kernel.add_address("lo0", address.parse().unwrap()).map_err(|error| error.errno);
    let interfaces = kernel.interfaces().unwrap();
    let had = interfaces[0].addresses.len();
    for (address, answer) in [
        ("10.0.0.1/32", Ok(())),
        ("10.0.0.1/24", Ok(())),
        ("fd00::1/64", Ok(())),
        ("fd00::1/64", Ok(())),
        ("fd00::1/128", Err(Errno::EINVAL)),
    ] {
        assert_eq!(add(address), answer, "{address}");
    }
    let told: Vec<String> = kernel.interfaces().unwrap()[0].addresses[had..].iter().map(ToString::to_string).collect();
    assert_eq!(told, ["10.0.0.1/24", "fd00::1/64"]);
}

#[test]
fn an_interface_moves_only_to_another_network_stack() {
    let (_root, kernel) = boot();
    kernel.create_interface("lo7").unwrap();
    create(&kernel, "shares", &[]).unwrap();
    create(&kernel, "own", &[Param::new("vnet", Value::Int(1))]).unwrap();
    let moved = |to| kernel.move_interface("lo7", Jid(to)).map_err(|error| error.errno);
    assert_eq!([1, 9, 2].map(moved), [Err(Errno::EEXIST), Err(Errno::ENXIO), Ok(())]);
}
