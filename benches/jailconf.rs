//! Reading a jail.conf of 20,000 jails, and one ten times as long:
//!
//! ```sh
//! cargo bench -p jailkit --bench jailconf
//! ```

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use jailkit::jailconf::JailConf;
use jailkit::source::Source;

/// Each thing is measured this often, and its best time counts.
const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for jails in [20_000, 200_000] {
        let source = Source::new("jail.conf", conf(jails)?);
        let mib = source.text().len() as f64 / 1e6;
        println!("{jails} jails, {mib:.1} MB");
        let seconds = best(|| JailConf::parse(&source).map(|conf| conf.text().len()))?;
        println!("  parse            {:7.1} MB/s", mib / seconds);
        let seconds = best(|| JailConf::parse(&source)?.resolve().map(|resolved| resolved.jails.len()))?;
        println!("  parse and resolve{:7.1} MB/s", mib / seconds);
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
            "jail{index} {{\n    host.hostname = \"$name.$domain\";\n    $n = {index};\n    \
             ip4.addr = \"lo1|10.0.{high}.{low}/32\";\n    exec.start += \"/usr/bin/true $n\";\n    \
             allow.raw_sockets;\n    mount.fstab = \"/etc/fstab.$name\"; # its own\n}}\n"
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
