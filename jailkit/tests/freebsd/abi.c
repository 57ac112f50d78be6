/*
 * The numbers that jailkit takes for FreeBSD's, checked by FreeBSD's own headers: compiling this file is the test.
 * A test in src/kernel/abi.rs compares them with those that jailkit uses.
 */
#include <sys/types.h>
#include <sys/param.h>
#include <sys/acl.h>
#include <sys/cpuset.h>
#include <sys/event.h>
#include <sys/jail.h>
#include <sys/mount.h>
#include <sys/proc.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sockio.h>
#include <sys/syscall.h>
#include <sys/sysctl.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <fs/devfs/devfs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/in_var.h>
#include <netinet6/in6_var.h>
#include <netinet6/nd6.h>
#include <errno.h>
#include <ifaddrs.h>
#include <stddef.h>
#include <unistd.h>

#define CHECK(what, number) _Static_assert((what) == (number), #what)

CHECK(JAIL_CREATE, 0x1);
CHECK(JAIL_UPDATE, 0x2);
CHECK(JAIL_ATTACH, 0x4);
CHECK(JAIL_DYING, 0x8);
#ifdef JAIL_USE_DESC
CHECK(JAIL_USE_DESC, 0x10);
CHECK(JAIL_AT_DESC, 0x20);
CHECK(JAIL_GET_DESC, 0x40);
CHECK(JAIL_OWN_DESC, 0x80);
#endif
#ifdef SYS_jail_attach_jd
CHECK(SYS_jail_attach_jd, 597);
CHECK(SYS_jail_remove_jd, 598);
#endif
CHECK(CLOSE_RANGE_CLOEXEC, 0x4);
CHECK(MNT_RDONLY, 0x1);
CHECK(MNT_NOEXEC, 0x4);
CHECK(MNT_NOSUID, 0x8);
CHECK(MNT_UPDATE, 0x10000);
CHECK(MNT_FORCE, 0x80000);
CHECK(MNT_NOATIME, 0x10000000);
CHECK(MNT_BYFSID, 0x8000000);
CHECK(CTLTYPE, 0xf);
CHECK(CTLTYPE_INT, 2);
CHECK(CTLTYPE_STRING, 3);
CHECK(CTLTYPE_OPAQUE, 5);
CHECK(CTLTYPE_ULONG, 8);
CHECK(AF_INET, 2);
CHECK(AF_INET6, 28);
CHECK(IFF_UP, 0x1);
CHECK(ND6_INFINITE_LIFETIME, 0xffffffff);
CHECK(SIOCSIFFLAGS, 0x80206910);
CHECK(SIOCGIFFLAGS, 0xc0206911);
CHECK(SIOCDIFADDR, 0x80206919);
CHECK(SIOCAIFADDR, 0x8044692b);
CHECK(SIOCDIFADDR_IN6, 0x81206919);
CHECK(SIOCAIFADDR_IN6, 0x8088691b);
CHECK(SIOCSIFVNET, 0xc020695a);
CHECK(SIOCSIFRVNET, 0xc020695b);
CHECK(SIOCIFDESTROY, 0x80206979);
CHECK(SIOCIFCREATE2, 0xc020697c);
CHECK(DEVFS_MAGIC, 0xdb0a087a);
CHECK(DEVFSIO_RGETNEXT, 0xc0ec4404);
CHECK(DEVFSIO_SUSE, 0x8002440a);
CHECK(DEVFSIO_SAPPLY, 0x8002440b);
CHECK(DEVFSIO_SGETNEXT, 0xc002440c);
CHECK(sizeof(struct devfs_rule), 236);
CHECK(offsetof(struct devfs_rule, dr_id), 4);
CHECK(sizeof(struct ifreq), 32);
CHECK(offsetof(struct ifreq, ifr_ifru), 16);
CHECK(sizeof(struct sockaddr_in), 16);
CHECK(offsetof(struct sockaddr_in, sin_addr), 4);
CHECK(sizeof(struct sockaddr_in6), 28);
CHECK(offsetof(struct sockaddr_in6, sin6_addr), 8);
CHECK(sizeof(struct in_aliasreq), 68);
CHECK(offsetof(struct in_aliasreq, ifra_mask), 48);
CHECK(sizeof(struct in6_aliasreq), 136);
CHECK(offsetof(struct in6_aliasreq, ifra_prefixmask), 72);
CHECK(offsetof(struct in6_aliasreq, ifra_lifetime), 104);
CHECK(offsetof(struct in6_addrlifetime, ia6t_vltime), 16);
CHECK(sizeof(struct in6_ifreq), 288);
CHECK(offsetof(struct in6_ifreq, ifr_ifru), 16);
CHECK(sizeof(struct statfs), 2344);
CHECK(sizeof(fsid_t), 8);
CHECK(sizeof(struct kinfo_proc), 1088);
CHECK(sizeof(struct iovec), 16);
CHECK(MNT_NOWAIT, 2);
CHECK(CTL_SYSCTL, 0);
CHECK(CTL_SYSCTL_NAME, 1);
CHECK(CTL_SYSCTL_NEXT, 2);
CHECK(CTL_SYSCTL_OIDFMT, 4);
CHECK(CTL_KERN, 1);
CHECK(KERN_PROC, 14);
CHECK(KERN_PROC_PROC, 8);
CHECK(SZOMB, 5);
CHECK(PRIO_PROCESS, 0);
CHECK(CPU_LEVEL_CPUSET, 2);
CHECK(CPU_WHICH_PID, 2);
CHECK(RLIMIT_NOFILE, 8);
CHECK(RLIMIT_UMTXP, 14);
CHECK(-EVFILT_PROC, 5);
CHECK(NOTE_EXIT, 0x80000000);
CHECK(EV_ADD, 0x1);
CHECK(EV_ONESHOT, 0x10);
CHECK(sizeof(struct rlimit), 16);
CHECK(sizeof(struct timespec), 16);
CHECK(sizeof(struct kevent), 64);
CHECK(sizeof(struct ifaddrs), 56);
CHECK(sizeof(struct sockaddr_storage), 128);
CHECK(sizeof(pid_t), 4);
CHECK(sizeof(gid_t), 4);
CHECK(sizeof(mode_t), 2);
CHECK(sizeof(cpusetid_t), 4);
CHECK(offsetof(struct statfs, f_flags), 8);
CHECK(offsetof(struct statfs, f_fstypename), 280);
CHECK(offsetof(struct statfs, f_mntfromname), 296);
CHECK(offsetof(struct statfs, f_mntonname), 1320);
CHECK(offsetof(struct kinfo_proc, ki_structsize), 0);
CHECK(offsetof(struct kinfo_proc, ki_pid), 72);
CHECK(offsetof(struct kinfo_proc, ki_stat), 388);
CHECK(offsetof(struct kinfo_proc, ki_jid), 592);
/* The limits of login.conf(5), as src/process/login.rs numbers them. */
CHECK(RLIMIT_CPU, 0);
CHECK(RLIMIT_FSIZE, 1);
CHECK(RLIMIT_DATA, 2);
CHECK(RLIMIT_STACK, 3);
CHECK(RLIMIT_CORE, 4);
CHECK(RLIMIT_RSS, 5);
CHECK(RLIMIT_MEMLOCK, 6);
CHECK(RLIMIT_NPROC, 7);
CHECK(RLIMIT_SBSIZE, 9);
CHECK(RLIMIT_VMEM, 10);
CHECK(RLIMIT_NPTS, 11);
CHECK(RLIMIT_SWAP, 12);
CHECK(RLIMIT_KQUEUES, 13);
#ifdef RLIMIT_PIPEBUF
CHECK(RLIMIT_PIPEBUF, 15);
#endif
CHECK(RLIM_INFINITY, 0x7fffffffffffffff);
/* What src/kernel/marshal.rs knows of types. */
CHECK(CTLTYPE_S64, 4);
CHECK(CTLTYPE_UINT, 6);
CHECK(CTLTYPE_LONG, 7);
CHECK(CTLTYPE_U64, 9);
CHECK(CTLTYPE_U8, 0xa);
CHECK(CTLTYPE_U16, 0xb);
CHECK(CTLTYPE_S8, 0xc);
CHECK(CTLTYPE_S16, 0xd);
CHECK(CTLTYPE_S32, 0xe);
CHECK(CTLTYPE_U32, 0xf);
/* Of src/kernel/native/syscalls.rs. */
CHECK(ACL_TYPE_ACCESS, 2);
CHECK(ACL_TYPE_DEFAULT, 3);
CHECK(ACL_TYPE_NFS4, 4);
/* Error numbers. */
CHECK(EPERM, 1);
CHECK(ENOENT, 2);
CHECK(ESRCH, 3);
CHECK(EINTR, 4);
CHECK(EIO, 5);
CHECK(ENXIO, 6);
CHECK(E2BIG, 7);
CHECK(EBADF, 9);
CHECK(EDEADLK, 11);
CHECK(ENOMEM, 12);
CHECK(EACCES, 13);
CHECK(EFAULT, 14);
CHECK(EBUSY, 16);
CHECK(EEXIST, 17);
CHECK(EXDEV, 18);
CHECK(ENODEV, 19);
CHECK(ENOTDIR, 20);
CHECK(EISDIR, 21);
CHECK(EINVAL, 22);
CHECK(ENOTTY, 25);
CHECK(EFBIG, 27);
CHECK(ENOSPC, 28);
CHECK(EROFS, 30);
CHECK(ERANGE, 34);
CHECK(EAGAIN, 35);
CHECK(EPROTONOSUPPORT, 43);
CHECK(EOPNOTSUPP, 45);
CHECK(EAFNOSUPPORT, 47);
CHECK(EADDRINUSE, 48);
CHECK(EADDRNOTAVAIL, 49);
CHECK(ELOOP, 62);
CHECK(ENAMETOOLONG, 63);
CHECK(ENOTEMPTY, 66);
CHECK(ENOSYS, 78);
