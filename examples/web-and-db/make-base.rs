//! Makes the small base.txz and MANIFEST of this example, byte for byte the same each time:
//!
//! ```sh
//! cargo run -p jailkit --example make-base -- examples/web-and-db
//! ```
//!
//! The archive is laid out as FreeBSD's own: names that begin with `./`, numeric owners, hard links, symbolic links,
//! setuid files, a sticky /tmp, `schg` flags in pax headers, several xz blocks. Its programs are fillers, which is
//! enough for the simulated host; a real one takes base.txz from a release.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use sha2::{Digest, Sha256};
use tar::{EntryType, Header};
use xz2::stream::{Check, MtStreamBuilder};
use xz2::write::XzEncoder;

/// 2024-11-29, the build of 14.2-RELEASE.
const MTIME: u64 = 1_732_838_400;
/// Small, so that there are several blocks in so little.
const BLOCK: u64 = 64 * 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = PathBuf::from(std::env::args_os().nth(1).ok_or("usage: make-base DIR")?);
    let mut tree = Tree::new();
    directories(&mut tree)?;
    settings(&mut tree)?;
    programs(&mut tree)?;
    libraries(&mut tree)?;
    shared_files(&mut tree)?;
    let (tar, entries) = tree.finish()?;

    let xz = compress(&tar)?;
    let mut line = String::from("base.txz\t");
    for byte in Sha256::digest(&xz) {
        write!(line, "{byte:02x}")?;
    }
    writeln!(line, "\t{entries}\tbase\t\"Base system (MANDATORY)\"\ton")?;
    std::fs::write(dir.join("base.txz"), &xz)?;
    std::fs::write(dir.join("MANIFEST"), &line)?;
    println!("{entries} entries, {} bytes unpacked, {} packed", tar.len(), xz.len());
    Ok(())
}

fn compress(tar: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    // One thread gives the same bytes on every machine; the blocks are those of many.
    let stream = MtStreamBuilder::new().threads(1).preset(6).block_size(BLOCK).check(Check::Crc64).encoder()?;
    let mut encoder = XzEncoder::new_stream(Vec::new(), stream);
    encoder.write_all(tar)?;
    Ok(encoder.finish()?)
}

/// The archive as it grows.
struct Tree {
    tar: tar::Builder<Vec<u8>>,
    entries: u64,
    made: BTreeSet<String>,
}

impl Tree {
    fn new() -> Self {
        Self { tar: tar::Builder::new(Vec::new()), entries: 0, made: BTreeSet::new() }
    }

    fn finish(self) -> Result<(Vec<u8>, u64), Box<dyn Error>> {
        Ok((self.tar.into_inner()?, self.entries))
    }

    fn entry(&mut self, path: &str, kind: EntryType, mode: u32, owner: (u64, u64), data: &[u8]) -> Header {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(owner.0);
        header.set_gid(owner.1);
        header.set_mtime(MTIME);
        header.set_size(data.len() as u64);
        self.entries += 1;
        self.made.insert(path.to_owned());
        header
    }

    fn dir(&mut self, path: &str, mode: u32, owner: (u64, u64)) -> Result<(), Box<dyn Error>> {
        let mut header = self.entry(path, EntryType::Directory, mode, owner, b"");
        let name = if path.is_empty() { "./".to_owned() } else { format!("./{path}/") };
        Ok(self.tar.append_data(&mut header, name, std::io::empty())?)
    }

    fn file(&mut self, path: &str, mode: u32, owner: (u64, u64), data: &[u8]) -> Result<(), Box<dyn Error>> {
        let mut header = self.entry(path, EntryType::Regular, mode, owner, data);
        Ok(self.tar.append_data(&mut header, format!("./{path}"), data)?)
    }

    /// A file that not even root may change: `schg`, as chflags(1) names it.
    fn fixed_file(&mut self, path: &str, mode: u32, data: &[u8]) -> Result<(), Box<dyn Error>> {
        self.tar.append_pax_extensions([("SCHILY.fflags", "schg".as_bytes())])?;
        self.file(path, mode, (0, 0), data)
    }

    fn symlink(&mut self, path: &str, target: &str) -> Result<(), Box<dyn Error>> {
        let mut header = self.entry(path, EntryType::Symlink, 0o755, (0, 0), b"");
        Ok(self.tar.append_link(&mut header, format!("./{path}"), target)?)
    }

    fn hard_link(&mut self, path: &str, target: &str) -> Result<(), Box<dyn Error>> {
        if !self.made.contains(target) {
            return Err(format!("{path}: no {target} to link to").into());
        }
        let mut header = self.entry(path, EntryType::Link, 0o555, (0, 0), b"");
        Ok(self.tar.append_link(&mut header, format!("./{path}"), format!("./{target}"))?)
    }
}

/// Bytes that stand for a program: an ELF header of FreeBSD's, then noise that no compressor takes away.
fn filler(name: &str, len: usize) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01\x09".to_vec();
    bytes.extend_from_slice(name.as_bytes());
    let mut state = name
        .bytes()
        .fold(0x9e37_79b9_7f4a_7c15_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // Half noise, half of what repeats, as in machine code.
        bytes.extend_from_slice(&(state as u32).to_le_bytes());
        bytes.extend_from_slice(b"\x48\x89\xe5\x90");
    }
    bytes
}

const ROOT: (u64, u64) = (0, 0);

fn directories(tree: &mut Tree) -> Result<(), Box<dyn Error>> {
    tree.dir("", 0o755, ROOT)?;
    for path in "bin boot boot/defaults boot/kernel boot/modules dev etc etc/defaults etc/mtree etc/newsyslog.conf.d \
                 etc/pam.d etc/periodic etc/periodic/daily etc/pkg etc/rc.d etc/security etc/ssh etc/ssl \
                 etc/syslog.d lib lib/casper lib/geom libexec libexec/resolvconf media mnt net proc rescue sbin \
                 usr usr/bin usr/home usr/include usr/include/sys usr/lib usr/lib/debug usr/lib/dtrace usr/lib32 \
                 usr/libdata usr/libexec usr/libexec/hyperv usr/local usr/obj usr/sbin usr/share usr/share/doc \
                 usr/share/examples usr/share/examples/jails usr/share/locale usr/share/man usr/share/man/man1 \
                 usr/share/man/man5 usr/share/man/man8 usr/share/misc usr/share/mk usr/share/skel \
                 usr/share/zoneinfo usr/share/zoneinfo/Etc usr/share/zoneinfo/Europe usr/src usr/tests var \
                 var/account var/at var/cache var/crash var/cron var/db var/db/etcupdate var/db/freebsd-update \
                 var/db/pkg var/log var/mail var/msgs var/preserve var/run var/spool var/spool/lock var/yp"
        .split_ascii_whitespace()
    {
        tree.dir(path, 0o755, ROOT)?;
    }
    tree.dir("root", 0o750, ROOT)?;
    tree.dir("tmp", 0o1777, ROOT)?;
    tree.dir("var/tmp", 0o1777, ROOT)?;
    tree.dir("var/tmp/vi.recover", 0o1777, ROOT)?;
    tree.dir("var/audit", 0o550, (0, 77))?;
    tree.dir("var/authpf", 0o770, (0, 63))?;
    tree.dir("var/backups", 0o750, ROOT)?;
    tree.dir("var/cron/tabs", 0o700, ROOT)?;
    tree.dir("var/games", 0o775, (0, 13))?;
    tree.dir("var/db/ntp", 0o755, (123, 123))?;
    tree.dir("var/heimdal", 0o700, ROOT)?;
    tree.dir("var/run/ppp", 0o770, (0, 68))?;
    tree.dir("var/spool/clientmqueue", 0o770, (25, 25))?;
    tree.dir("var/spool/opielocks", 0o700, ROOT)?;
    tree.tar.append_pax_extensions([("SCHILY.fflags", "schg".as_bytes())])?;
    tree.dir("var/empty", 0o555, ROOT)?;
    tree.symlink("sys", "usr/src/sys")?;
    tree.symlink("home", "usr/home")
}

fn settings(tree: &mut Tree) -> Result<(), Box<dyn Error>> {
    let texts: [(&str, u32, &str); 16] = [
        ("COPYRIGHT", 0o444, "The files of this archive are fillers made by jailkit's make-base; BSD-2-Clause.\n"),
        (".profile", 0o644, "PATH=/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin; export PATH\n"),
        ("root/.login", 0o644, "# run at login by csh\n"),
        ("root/.shrc", 0o644, "alias ll='ls -laFo'\n"),
        ("etc/rc", 0o755, RC),
        ("etc/rc.shutdown", 0o755, RC_SHUTDOWN),
        ("etc/rc.subr", 0o644, "load_rc_config() {\n\t[ ! -r /etc/rc.conf ] || . /etc/rc.conf\n}\n"),
        ("etc/defaults/rc.conf", 0o644, "hostname=\"\"\nsyslogd_enable=\"YES\"\ncron_enable=\"YES\"\n"),
        ("etc/group", 0o644, "wheel:*:0:root\ndaemon:*:1:\noperator:*:5:root\nwww:*:80:\nnobody:*:65534:\n"),
        ("etc/hosts", 0o644, "::1\t\t\tlocalhost\n127.0.0.1\t\tlocalhost\n"),
        ("etc/nsswitch.conf", 0o644, "group: files\nhosts: files dns\npasswd: files\nshells: files\n"),
        ("etc/login.conf", 0o644, "default:\\\n\t:path=/sbin /bin /usr/sbin /usr/bin:\\\n\t:umask=022:\n"),
        ("etc/shells", 0o644, "/bin/sh\n/bin/csh\n/bin/tcsh\n"),
        ("etc/syslog.conf", 0o644, "*.notice\t\t\t/var/log/messages\n"),
        ("etc/ttys", 0o644, "console\tnone\tunknown\toff\tinsecure\n"),
        ("etc/freebsd-update.conf", 0o644, "Components world\n"),
    ];
    for (path, mode, text) in texts {
        tree.file(path, mode, ROOT, text.as_bytes())?;
    }
    tree.hard_link("root/.profile", ".profile")?;
    let accounts = "root:*:0:0::0:0:Charlie &:/root:/bin/sh\nwww:*:80:80::0:0:World Wide Web Owner:/nonexistent:/usr/sbin/nologin\n";
    tree.file("etc/master.passwd", 0o600, ROOT, accounts.as_bytes())?;
    tree.file("etc/passwd", 0o644, ROOT, accounts.replace("::0:0:", ":").as_bytes())?;
    for name in "cleanvar cron dmesg hostid hostname jail ldconfig mountcritlocal netif newsyslog nullfs pf routing \
                 sshd syslogd sysctl tmp var"
        .split_ascii_whitespace()
    {
        let text = format!("#!/bin/sh\n# PROVIDE: {name}\n. /etc/rc.subr\nload_rc_config {name}\n");
        tree.file(&format!("etc/rc.d/{name}"), 0o555, ROOT, text.as_bytes())?;
    }
    tree.symlink("etc/aliases", "mail/aliases")?;
    tree.symlink("etc/unbound", "../var/unbound")?;
    tree.symlink("etc/rmt", "../usr/sbin/rmt")?;
    tree.file("var/log/utx.log", 0o644, ROOT, b"")?;
    tree.file("var/run/utx.active", 0o644, ROOT, b"")?;
    tree.file("var/mail/root", 0o660, (0, 6), b"")
}

const RC: &str = "#!/bin/sh\n# Starts what the jail is for.\nPATH=/sbin:/bin:/usr/sbin:/usr/bin; export PATH\n\
                  . /etc/rc.subr\nload_rc_config\nfor script in /etc/rc.d/* /usr/local/etc/rc.d/*; do\n\
                  \t[ ! -x \"$script\" ] || \"$script\" faststart\ndone\nexit 0\n";
const RC_SHUTDOWN: &str = "#!/bin/sh\n# Stops what /etc/rc started.\n. /etc/rc.subr\nload_rc_config\n\
                           for script in /usr/local/etc/rc.d/* /etc/rc.d/*; do\n\
                           \t[ ! -x \"$script\" ] || \"$script\" faststop\ndone\nexit 0\n";

fn programs(tree: &mut Tree) -> Result<(), Box<dyn Error>> {
    let plain = [
        (
            "bin",
            "cat chflags chio chmod cp csh cpuset date dd df domainname echo ed expr freebsd-version getfacl hostname \
                 kill ln ls mkdir mv pax pgrep ps pwait pwd realpath rm rmail rmdir setfacl sh sleep stty sync test uuidgen",
        ),
        (
            "sbin",
            "devfs dmesg dump fsck ifconfig kldload kldstat kldunload ldconfig md5 mount mount_nullfs nologin \
                  pfctl ping rcorder reboot route shutdown swapon sysctl umount zfs zpool",
        ),
        (
            "usr/bin",
            "awk basename bzip2 cmp cut diff dirname env find grep head id less logger make more nc openssl sed \
                     sort ssh tail tar tee top tr uname uniq vi wc xargs xz",
        ),
        (
            "usr/sbin",
            "bsdinstall chown cron freebsd-update inetd jail jexec jls newsyslog pkg pw pwd_mkdb service sshd \
                      syslogd sysrc tzsetup",
        ),
        ("usr/libexec", "atrun getty save-entropy sftp-server"),
    ];
    for (dir, names) in plain {
        for name in names.split_ascii_whitespace() {
            let len = 300 + name.len() * 90;
            tree.file(&format!("{dir}/{name}"), 0o555, ROOT, &filler(name, len))?;
        }
    }
    for (link, target) in [
        ("bin/[", "bin/test"),
        ("bin/link", "bin/ln"),
        ("bin/unlink", "bin/rm"),
        ("bin/tcsh", "bin/csh"),
        ("bin/-sh", "bin/sh"),
        ("bin/red", "bin/ed"),
        ("bin/pkill", "bin/pgrep"),
        ("sbin/halt", "sbin/reboot"),
        ("sbin/fastboot", "sbin/reboot"),
        ("sbin/sha256", "sbin/md5"),
        ("usr/bin/bunzip2", "usr/bin/bzip2"),
        ("usr/bin/egrep", "usr/bin/grep"),
        ("usr/bin/unxz", "usr/bin/xz"),
        ("usr/bin/ex", "usr/bin/vi"),
    ] {
        tree.hard_link(link, target)?;
    }
    tree.file("rescue/rescue", 0o555, ROOT, &filler("rescue", 24_000))?;
    for name in "[ bunzip2 cat chmod cp date dd df echo ed ex expr fsck grep gzip halt ifconfig kill ln ls mkdir mount \
                 mv nc ping ps pwd reboot rm rmdir route sed sh sleep sync sysctl tail tar tee test umount vi xz zfs"
        .split_ascii_whitespace()
    {
        tree.hard_link(&format!("rescue/{name}"), "rescue/rescue")?;
    }
    tree.fixed_file("sbin/init", 0o500, &filler("init", 6_000))?;
    for name in ["chpass", "login", "passwd", "su"] {
        tree.fixed_file(&format!("usr/bin/{name}"), 0o4555, &filler(name, 2_000))?;
    }
    for name in ["chfn", "chsh", "ypchpass"] {
        tree.hard_link(&format!("usr/bin/{name}"), "usr/bin/chpass")?;
    }
    tree.file("usr/bin/crontab", 0o4555, ROOT, &filler("crontab", 2_000))?;
    tree.file("usr/bin/wall", 0o2555, (0, 4), &filler("wall", 900))?;
    tree.file("sbin/mksnap_ffs", 0o4550, (0, 5), &filler("mksnap_ffs", 900))?;
    tree.symlink("usr/bin/cc", "clang")?;
    tree.symlink("usr/sbin/mailwrapper", "/usr/libexec/dma")
}

fn libraries(tree: &mut Tree) -> Result<(), Box<dyn Error>> {
    for (name, len) in [("libc.so.7", 60_000), ("libcrypt.so.5", 9_000), ("libthr.so.3", 16_000)] {
        tree.fixed_file(&format!("lib/{name}"), 0o444, &filler(name, len))?;
    }
    tree.fixed_file("libexec/ld-elf.so.1", 0o555, &filler("ld-elf.so.1", 18_000))?;
    for (name, len) in [("libm.so.5", 9_000), ("libutil.so.9", 5_000), ("libz.so.6", 7_000), ("libjail.so.1", 3_000)] {
        tree.file(&format!("lib/{name}"), 0o444, ROOT, &filler(name, len))?;
        let plain = name.split_inclusive(".so").next().unwrap_or(name);
        tree.symlink(&format!("usr/lib/{plain}"), &format!("../../lib/{name}"))?;
    }
    tree.symlink("usr/libexec/ld-elf.so.1", "../../libexec/ld-elf.so.1")?;
    tree.file("usr/lib/libc.a", 0o444, ROOT, &filler("libc.a", 30_000))?;
    tree.file("usr/lib/crt1.o", 0o444, ROOT, &filler("crt1.o", 2_000))
}

fn shared_files(tree: &mut Tree) -> Result<(), Box<dyn Error>> {
    tree.file("usr/share/misc/magic", 0o444, ROOT, &b"0\tstring\t\\177ELF\tELF\n".repeat(900))?;
    tree.file("usr/share/mk/bsd.port.mk", 0o444, ROOT, b".include \"/usr/ports/Mk/bsd.port.mk\"\n")?;
    tree.file("usr/share/skel/dot.profile", 0o644, ROOT, b"umask 022\n")?;
    for name in ["UTC", "GMT", "Zulu"] {
        if name == "UTC" {
            tree.file("usr/share/zoneinfo/UTC", 0o444, ROOT, b"TZif2\0UTC0\n")?;
        } else {
            tree.hard_link(&format!("usr/share/zoneinfo/{name}"), "usr/share/zoneinfo/UTC")?;
        }
        tree.hard_link(&format!("usr/share/zoneinfo/Etc/{name}"), "usr/share/zoneinfo/UTC")?;
    }
    for name in ["Berlin", "London", "Paris"] {
        let text = format!("TZif2\0{name}\n");
        tree.file(&format!("usr/share/zoneinfo/Europe/{name}"), 0o444, ROOT, text.as_bytes())?;
    }
    for (section, names) in
        [(1, "cat cp ln ls sh su test"), (5, "fstab jail.conf pf.conf"), (8, "jail jexec jls pfctl")]
    {
        for name in names.split_ascii_whitespace() {
            let page =
                format!(".Dd November 29, 2024\n.Dt {} {section}\n.Os\n.Sh NAME\n.Nm {name}\n", name.to_uppercase());
            tree.file(&format!("usr/share/man/man{section}/{name}.{section}"), 0o444, ROOT, page.as_bytes())?;
        }
    }
    tree.hard_link("usr/share/man/man1/[.1", "usr/share/man/man1/test.1")?;
    // Longer than the 100 bytes that a ustar header has for a name: split at a slash there.
    let deep = "usr/share/examples/jails/a.directory.with.a.rather.long.name.as.some.packages.of.the.base.system.have";
    tree.dir(deep, 0o755, ROOT)?;
    tree.file(&format!("{deep}/README"), 0o444, ROOT, b"See jail(8).\n")
}
