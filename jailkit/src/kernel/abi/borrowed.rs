//! The numbers and layouts that the libc crate gives us, held against FreeBSD's own: where the two differ, jailkit does
//! not compile for FreeBSD.

#[cfg(target_os = "freebsd")]
use std::mem::offset_of;

/// What FreeBSD's headers call it, what it is there, and what the libc crate has for it.
macro_rules! held {
    ($($what:literal = $number:literal: $theirs:expr;)*) => {
        $(
            #[cfg(target_os = "freebsd")]
            const _: () = assert!($theirs as u64 == $number, concat!("the libc crate has another ", $what));
        )*
        #[cfg(test)]
        pub(super) const HELD: &[(&str, u64)] = &[$(($what, $number)),*];
    };
}

held! {
    "JAIL_CREATE" = 0x1: libc::JAIL_CREATE;
    "JAIL_UPDATE" = 0x2: libc::JAIL_UPDATE;
    "JAIL_ATTACH" = 0x4: libc::JAIL_ATTACH;
    "JAIL_DYING" = 0x8: libc::JAIL_DYING;
    "MNT_RDONLY" = 0x1: libc::MNT_RDONLY;
    "MNT_NOEXEC" = 0x4: libc::MNT_NOEXEC;
    "MNT_NOSUID" = 0x8: libc::MNT_NOSUID;
    "MNT_UPDATE" = 0x10000: libc::MNT_UPDATE;
    "MNT_FORCE" = 0x80000: libc::MNT_FORCE;
    "MNT_NOATIME" = 0x10000000: libc::MNT_NOATIME;
    "MNT_BYFSID" = 0x8000000: libc::MNT_BYFSID;
    "MNT_NOWAIT" = 2: libc::MNT_NOWAIT;
    "CTL_SYSCTL" = 0: libc::CTL_SYSCTL;
    "CTL_SYSCTL_NAME" = 1: libc::CTL_SYSCTL_NAME;
    "CTL_SYSCTL_NEXT" = 2: libc::CTL_SYSCTL_NEXT;
    "CTL_SYSCTL_OIDFMT" = 4: libc::CTL_SYSCTL_OIDFMT;
    "CTL_KERN" = 1: libc::CTL_KERN;
    "KERN_PROC" = 14: libc::KERN_PROC;
    "KERN_PROC_PROC" = 8: libc::KERN_PROC_PROC;
    "SZOMB" = 5: libc::SZOMB;
    "PRIO_PROCESS" = 0: libc::PRIO_PROCESS;
    "CPU_LEVEL_CPUSET" = 2: libc::CPU_LEVEL_CPUSET;
    "CPU_WHICH_PID" = 2: libc::CPU_WHICH_PID;
    "RLIMIT_NOFILE" = 8: libc::RLIMIT_NOFILE;
    "RLIMIT_UMTXP" = 14: libc::RLIMIT_UMTXP;
    "-EVFILT_PROC" = 5: -libc::EVFILT_PROC;
    "NOTE_EXIT" = 0x80000000: libc::NOTE_EXIT;
    "EV_ADD" = 0x1: libc::EV_ADD;
    "EV_ONESHOT" = 0x10: libc::EV_ONESHOT;
    "sizeof(struct iovec)" = 16: size_of::<libc::iovec>();
    "sizeof(struct rlimit)" = 16: size_of::<libc::rlimit>();
    "sizeof(struct timespec)" = 16: size_of::<libc::timespec>();
    "sizeof(struct kevent)" = 64: size_of::<libc::kevent>();
    "sizeof(struct ifaddrs)" = 56: size_of::<libc::ifaddrs>();
    "sizeof(struct sockaddr_storage)" = 128: size_of::<libc::sockaddr_storage>();
    "sizeof(pid_t)" = 4: size_of::<libc::pid_t>();
    "sizeof(gid_t)" = 4: size_of::<libc::gid_t>();
    "sizeof(mode_t)" = 2: size_of::<libc::mode_t>();
    "sizeof(cpusetid_t)" = 4: size_of::<libc::cpusetid_t>();
    "sizeof(fsid_t)" = 8: size_of::<libc::fsid_t>();
    "sizeof(struct statfs)" = 2344: size_of::<libc::statfs>();
    "offsetof(struct statfs, f_flags)" = 8: offset_of!(libc::statfs, f_flags);
    "offsetof(struct statfs, f_fstypename)" = 280: offset_of!(libc::statfs, f_fstypename);
    "offsetof(struct statfs, f_mntfromname)" = 296: offset_of!(libc::statfs, f_mntfromname);
    "offsetof(struct statfs, f_mntonname)" = 1320: offset_of!(libc::statfs, f_mntonname);
    "sizeof(struct kinfo_proc)" = 1088: size_of::<libc::kinfo_proc>();
    "offsetof(struct kinfo_proc, ki_structsize)" = 0: offset_of!(libc::kinfo_proc, ki_structsize);
    "offsetof(struct kinfo_proc, ki_pid)" = 72: offset_of!(libc::kinfo_proc, ki_pid);
    "offsetof(struct kinfo_proc, ki_stat)" = 388: offset_of!(libc::kinfo_proc, ki_stat);
    "offsetof(struct kinfo_proc, ki_jid)" = 592: offset_of!(libc::kinfo_proc, ki_jid);
}
