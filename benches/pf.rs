//! Reading, expanding and printing 10,000 rules with macros, tables and lists of four: 100,000 rules expanded, to be
//! compared with pfctl -nf (300,000 rules a second) and pfctl -nvf (5,400 a second); and a packet traced through them.
#![allow(clippy::expect_used)] // a benchmark that cannot read its own input has nothing to measure

use std::fmt::Write;
use std::time::Instant;

use jailkit::pf::rule::Direction;
use jailkit::pf::trace::{Packet, Tracer};
use jailkit::pf::{Environment, Interfaces, MAX_RULES, NoFiles, Ruleset};
use jailkit::source::Source;

/// As many statements, a fifth of them with lists that make 46 rules of five together.
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

fn best(runs: usize, mut run: impl FnMut()) -> f64 {
    let times = (0..runs).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    });
    times.fold(f64::INFINITY, f64::min)
}

fn main() {
    let interfaces = Interfaces::default();
    let env = Environment { interfaces: &interfaces, files: &NoFiles, max_rules: MAX_RULES };
    for statements in [1_000, 10_000, 50_000] {
        let source = Source::new("pf.conf", config(statements));
        let set = Ruleset::read(&source, &env).expect("the file is sound");
        let rules = set.len() as f64;
        let read = best(5, || drop(Ruleset::read(&source, &env)));
        let print = best(5, || drop(std::hint::black_box(set.print())));
        println!(
            "{statements:>6} statements, {rules:>7} rules: read and expand {:>10.0} a second, print {:>10.0}, both {:>10.0}",
            rules / read,
            rules / print,
            rules / (read + print)
        );
        let tracer = Tracer::new(&set, &interfaces);
        let missed = best(5, || drop(std::hint::black_box(tracer.trace(&packet("igb1")))));
        let met = best(5, || drop(std::hint::black_box(tracer.trace(&packet("igb0")))));
        println!("{:>6} trace: on another interface {:.3} ms, on the rules' own {:.3} ms", "", missed * 1e3, met * 1e3);
    }
}
