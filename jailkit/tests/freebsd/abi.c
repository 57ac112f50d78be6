/*
 * The numbers that jailkit takes for FreeBSD's, checked by FreeBSD's own headers: compiling this file is the test.
 * A test in src/kernel/abi.rs compares them with those that jailkit uses.
 */
#include <sys/types.h>
#include <sys/param.h>
#include <sys/jail.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/sockio.h>
#include <sys/syscall.h>
#include <sys/sysctl.h>
#include <sys/user.h>
#include <fs/devfs/devfs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/in_var.h>
#include <netinet6/in6_var.h>
#include <netinet6/nd6.h>
#include <stddef.h>

#define CHECK(what, number) _Static_assert((what) == (number), #what)

CHECK(JAIL_CREATE, 0x1);
CHECK(JAIL_UPDATE, 0x2);
CHECK(JAIL_ATTACH, 0x4);
CHECK(JAIL_DYING, 0x8);
#ifdef JAIL_USE_DESC
CHECK(JAIL_USE_DESC, 0x10);
CHECK(JAIL_GET_DESC, 0x40);
CHECK(JAIL_OWN_DESC, 0x80);
#endif
#ifdef SYS_jail_attach_jd
CHECK(SYS_jail_attach_jd, 597);
CHECK(SYS_jail_remove_jd, 598);
#endif
CHECK(MNT_RDONLY, 0x1);
CHECK(MNT_NOEXEC, 0x4);
CHECK(MNT_NOSUID, 0x8);
CHECK(MNT_UPDATE, 0x10000);
CHECK(MNT_FORCE, 0x80000);
CHECK(MNT_NOATIME, 0x10000000);
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
CHECK(sizeof(struct kinfo_proc), 1088);
CHECK(sizeof(struct iovec), 16);
