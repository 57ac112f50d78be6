//! Reading a jail.conf of 20,000 jails, and one ten times as long: how fast, and how much memory it takes.
//!
//! ```sh
//! cargo bench -p jailkit --bench jailconf
//! ```
//!
//! FreeBSD's own parser reads and resolves 23 MB/s of the first on the machine that this was written on.

use std::fmt::Write as _;
use std::hint::black_box;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use jailkit::jailconf::JailConf;
use jailkit::source::Source;

/// Each thing is measured this often, and its best time counts.
const ROUNDS: usize = 7;

/// Says to a process of this program which file it is to read, so that its peak of memory can be told.
const READ: &str = "JAILCONF_BENCH_READ";

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    if let Some(path) = std::env::var_os(READ) {
        return read(Path::new(&path));
    }
    let mut first = None;
    for jails in [20_000, 200_000] {
        let source = Source::new("jail.conf", conf(jails)?);
        let mb = source.text().len() as f64 / 1e6;
        println!("{jails} jails, {mb:.1} MB");
        let parse = best(|| JailConf::parse(&source).map(|conf| conf.text().len()))?;
        println!("  parse            {:7.1} MB/s", mb / parse);
        let both = best(|| JailConf::parse(&source)?.resolve().map(|resolved| resolved.jails.len()))?;
        println!("  parse and resolve{:7.1} MB/s", mb / both);
        if let Some((first_parse, first_both)) = first.replace((parse, both)) {
            println!(
                "  time against the first: parse {:.1}, parse and resolve {:.1}",
                parse / first_parse,
                both / first_both
            );
        }
        println!("  peak memory      {:7.1} times the file", peak(source.text())? as f64 / (mb * 1e6));
    }
    Ok(())
}

/// Defaults on top, six lines a jail, with variables and `+=`.
fn conf(jails: usize) -> Result<String, std::fmt::Error> {
    let mut text = String::from(
        "# defaults\npath = \"/srv/jail/$name/fs\";\nexec.clean;\nmount.devfs;\nexec.start = \"/bin/sh /etc/rc\";\n\
         exec.stop = \"/bin/sh /etc/rc.shutdown\";\n$domain = \"example.org\";\n\n",
    );
    for index in 0..jails {
        let (high, low) = (index / 250 % 250, index % 250);
        write!(
            text,
            "jail{index} {{\n\thost.hostname = \"$name.$domain\";\n\t$n = {index};\n\t\
             ip4.addr = \"lo1|10.0.{high}.{low}/32\";\n\texec.start += \"/usr/bin/true $n\";\n\t\
             allow.raw_sockets;\n\tmount.fstab = \"/etc/fstab.$name\";\n}}\n"
        )?;
    }
    Ok(text)
}

/// The seconds of the fastest round.
fn best<T, E>(work: impl Fn() -> Result<T, E>) -> Result<f64, E> {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        black_box(work()?);
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(best)
}

/// The bytes that a process has at most while it reads a file and keeps all of it.
fn peak(text: &[u8]) -> Outcome<u64> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), text)?;
    let output = Command::new(std::env::current_exe()?).env(READ, file.path()).output()?;
    let said = String::from_utf8(output.stdout)?;
    Ok(said.trim().parse().map_err(|_| format!("the process that reads the file said '{said}'"))?)
}

fn read(path: &Path) -> Outcome<()> {
    let conf = JailConf::parse(&Source::read(path)?)?;
    let resolved = conf.resolve()?;
    println!("{}", high_water()?);
    black_box((conf, resolved));
    Ok(())
}

/// The most memory that this process had; Linux tells it.
fn high_water() -> io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.map(|kib| kib * 1024).ok_or_else(|| io::ErrorKind::Unsupported.into())
}
