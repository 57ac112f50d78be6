//! Reading, expanding and printing 10,000 rules with macros, tables and lists of four: 100,000 rules expanded, to be
//! compared with pfctl -nf (300,000 rules a second) and pfctl -nvf (5,400 a second); a packet traced through them; and
//! addresses looked up in a table of 100,000 networks. Times are of the processor in this program alone, so that other
//! work on the machine does not count, and the best of several runs.
#![allow(clippy::expect_used)] // a benchmark that cannot read its own input has nothing to measure

use std::fmt::Write;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use jailkit::pf::rule::Direction;
use jailkit::pf::trace::{Packet, Tracer};
use jailkit::pf::{Environment, Interfaces, MAX_RULES, NoFiles, Ruleset};
use jailkit::source::Source;

/// So many statements, in turn of five kinds with lists of four: five statements make 16, 16, 4, 4 and 16 rules.
fn config(statements: usize) -> String {
    let mut text =
        String::from("ext = \"igb0\"\nweb = \"{ 80, 443, 8080, 8443 }\"\ntable <bad> persist { 192.0.2.0/24 }\n");
    for index in 0..statements {
        let (high, low) = (index >> 8 & 255, index & 255);
        let line = match index % 5 {
            0 => format!(
                "pass in on $ext proto tcp from {{ 10.{high}.{low}.1, 10.{high}.{low}.2, 10.{high}.{low}.3, \
                 10.{high}.{low}.4 }} to 203.0.113.{low} port $web"
            ),
            1 => format!(
                "pass in on $ext proto {{ tcp, udp }} from any to {{ 203.0.113.{low}, 198.51.100.{low} }} port {{ 53, 853, 5353, {} }}",
                1024 + index % 60000
            ),
            2 => format!("pass in on $ext proto tcp from 10.{high}.{low}.0/24 to any port {{ 22, 25, 587, 993 }}"),
            3 => format!(
                "block in on $ext from {{ <bad>, 172.16.{low}.0/24, 192.168.{low}.0/24, 100.64.{low}.0/24 }} to 10.{high}.0.{low}"
            ),
            _ => format!(
                "pass out on $ext inet proto {{ tcp, udp, icmp, esp }} from ($ext) to {{ 10.{high}.{low}.0/25, 10.{high}.{low}.128/25, 192.0.2.{low}, 198.51.100.{low} }}"
            ),
        };
        writeln!(text, "{line}").expect("a string takes all");
    }
    text
}

fn packet(interface: &str) -> Packet {
    Packet::new(Direction::In, interface, "tcp", "192.0.2.9:50000", "203.0.113.10:80").expect("the packet is sound")
}

/// The processor's time for this program so far, in seconds.
fn spent() -> f64 {
    getrusage(UsageWho::RUSAGE_SELF).map_or(0.0, |usage| usage.user_time().num_microseconds() as f64 / 1e6)
}

/// What one run takes, the best of some: each long enough for the processor's clock to tell.
fn best(mut run: impl FnMut()) -> f64 {
    let one = |times: u32, run: &mut dyn FnMut()| {
        let start = spent();
        (0..times).for_each(|_| run());
        (spent() - start) / f64::from(times)
    };
    let first = one(1, &mut run).max(1e-6);
    let times = (0.05 / first).clamp(1.0, 1000.0) as u32;
    (0..5).map(|_| one(times, &mut run)).fold(f64::INFINITY, f64::min)
}

/// A table of 100,000 networks of several lengths: an address that is in one, and one that is in none.
fn table(interfaces: &Interfaces) {
    let mut text = String::from("table <big> {");
    for index in 0..100_000u32 {
        let (high, low, length) = (index >> 8 & 255, index & 255, 24 + index % 9);
        write!(text, " {}.{high}.{low}.0/{length}", 20 + (index >> 16)).expect("a string takes all");
    }
    text.push_str(" }\nblock from <big>\n");
    let source = Source::new("pf.conf", text);
    let env = Environment { interfaces, files: &NoFiles, max_rules: MAX_RULES };
    let read = best(|| drop(Ruleset::read(&source, &env)));
    let set = Ruleset::read(&source, &env).expect("the file is sound");
    let tracer = Tracer::new(&set, interfaces);
    let look = |from: &str| {
        let packet = Packet::new(Direction::In, "igb0", "tcp", from, "203.0.113.10:80").expect("the packet is sound");
        best(|| drop(std::hint::black_box(tracer.trace(&packet))))
    };
    println!(
        "table of 100,000 networks: read in {:.1} ms; a trace with a look-up in it {:.2} us where the address is in it, \
         {:.2} us where it is not",
        read * 1e3,
        look("20.1.7.0:50000") * 1e6,
        look("192.0.2.9:50000") * 1e6,
    );
}

fn main() {
    let interfaces = Interfaces::default();
    let env = Environment { interfaces: &interfaces, files: &NoFiles, max_rules: MAX_RULES };
    for statements in [1_000, 10_000, 50_000] {
        let source = Source::new("pf.conf", config(statements));
        let set = Ruleset::read(&source, &env).expect("the file is sound");
        let rules = set.len() as f64;
        let read = best(|| drop(Ruleset::read(&source, &env)));
        let print = best(|| drop(std::hint::black_box(set.print())));
        println!(
            "{statements:>6} statements, {rules:>7} rules: read and expand {:>10.0} a second, print {:>10.0}, both {:>10.0}",
            rules / read,
            rules / print,
            rules / (read + print)
        );
        let tracer = Tracer::new(&set, &interfaces);
        let missed = best(|| drop(std::hint::black_box(tracer.trace(&packet("igb1")))));
        let met = best(|| drop(std::hint::black_box(tracer.trace(&packet("igb0")))));
        println!("{:>6} trace: on another interface {:.3} ms, on the rules' own {:.3} ms", "", missed * 1e3, met * 1e3);
    }
    table(&interfaces);
}
