//! Every parameter with zeros of every size: the kernel knows no types, only how many bytes there are.

use jailkit::kernel::sim::SimKernel;
use jailkit::kernel::{Errno, Kernel, Param, ParamKind, SetFlags, Value};

const SIZES: [usize; 20] = [0, 1, 3, 4, 5, 8, 16, 31, 32, 33, 63, 64, 65, 255, 256, 257, 1020, 1024, 4080, 4096];

/// What a parameter given as zeros of a size is refused with, by kern_jail_set in kern_jail.c and msg_prison_check in
/// sysv_msg.c.
fn refusal(name: &str, kind: ParamKind, size: usize) -> Option<Errno> {
    let must = |holds: bool| (!holds).then_some(Errno::EINVAL);
    let most = |most: usize| (size > most).then_some(Errno::ENAMETOOLONG);
    match name {
        "parent" | "children.cur" | "cpuset.id" | "dying" => Some(Errno::EINVAL),
        // 0 is no release date, and neither host nor vnet can be disabled.
        "osreldate" | "host" | "vnet" => Some(Errno::EINVAL),
        // An empty path leads nowhere.
        "path" => must(size > 0).or(Some(Errno::ENOENT)),
        // There must be room for one byte more.
        "osrelease" => must(size > 0).or_else(|| most(31)),
        // 255 addresses at most, and none of them unspecified: only no address at all is left.
        "ip4.addr" | "ip6.addr" => must(size == 0),
        _ => match kind {
            ParamKind::Bool => None,
            ParamKind::Int | ParamKind::JailSys => must(size == 4),
            ParamKind::ULong => must(size == 8),
            ParamKind::String(room) => must(size > 0).or_else(|| most(room)),
            ParamKind::Ipv4 | ParamKind::Ipv6 | ParamKind::Raw(_) => unreachable!("{name}"),
        },
    }
}

#[test]
fn zeros_of_any_size_are_taken_or_refused_by_their_number() {
    let root = tempfile::tempdir().unwrap();
    let kernel = SimKernel::boot(root.path(), "13.2".parse().unwrap()).unwrap();
    for param in kernel.jail_params().unwrap() {
        for size in SIZES {
            // What is given twice would count once.
            let mut given = vec![Param::new(param.name.as_str(), Value::Raw(vec![0; size]))];
            if param.name != "persist" {
                given.push(Param::flag("persist"));
            }
            let set = kernel.jail_set(&given, SetFlags { create: true, ..SetFlags::default() });
            let expected = refusal(&param.name, param.kind, size);
            assert_eq!(set.as_ref().err().map(|error| error.errno), expected, "{} of {size} bytes", param.name);
            if let Ok(jid) = set {
                kernel.jail_remove(jid).unwrap();
            }
        }
    }
}
