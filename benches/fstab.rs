//! Reading an fstab of 100,000 lines:
//!
//! ```sh
//! cargo bench -p jailkit --bench fstab
//! ```

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use jailkit::fstab::Fstab;
use jailkit::source::Source;

/// How often it is read; the best time counts.
const ROUNDS: usize = 5;

fn main() -> Result<(), std::fmt::Error> {
    let mut text = String::new();
    for index in 0..100_000 {
        writeln!(text, "/usr/ports\t/srv/jail/www{index}/fs/usr/with\\040space\tnullfs\tro,noatime\t0\t0")?;
    }
    let source = Source::new("fstab", text);
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        black_box(Fstab::parse(&source).entries().filter(|entry| entry.passno == 0).count());
        best = best.min(start.elapsed().as_secs_f64());
    }
    let megabytes = source.text().len() as f64 / 1e6;
    println!("{megabytes:.1} MB of fstab: {:.1} MB/s", megabytes / best);
    Ok(())
}
