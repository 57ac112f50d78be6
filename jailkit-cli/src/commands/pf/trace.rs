//! `jailkit pf trace`

use std::process::ExitCode;

use clap::Args;
use jailkit::pf::rule::Direction;
use jailkit::pf::trace::{Packet, Tracer};

use super::Input;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Say which rules a packet meets, and what becomes of it
///
/// For example: jailkit pf trace /etc/pf.conf --in igb0 --from 198.51.100.9:50000 --to 203.0.113.10:80
#[derive(Args)]
pub(super) struct Trace {
    #[command(flatten)]
    input: Input,

    #[command(flatten)]
    way: Way,

    /// The protocol, by its name or number
    #[arg(long, value_name = "PROTO", default_value = "tcp")]
    proto: String,

    /// Where it comes from; an IPv6 address with a port stands in brackets
    #[arg(long, value_name = "ADDR[:PORT]")]
    from: String,

    /// Where it goes
    #[arg(long, value_name = "ADDR[:PORT]")]
    to: String,

    /// The flags of a tcp packet, S where none are given: letters of F S R P A U E W, or none
    #[arg(long, value_name = "FLAGS")]
    flags: Option<String>,

    /// The type of an icmp packet, an echo request where none is given
    #[arg(long, value_name = "TYPE[/CODE]")]
    icmp_type: Option<String>,

    /// What a table holds, in place of what the file puts into it: bad=198.51.100.0/24,!198.51.100.7
    #[arg(long, value_name = "NAME=ADDR,...")]
    table: Vec<String>,

    /// Trace the reply too, with the state that the packet leaves
    #[arg(long)]
    reply: bool,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Way {
    /// The interface that the packet comes in by
    #[arg(long = "in", value_name = "IF")]
    inward: Option<String>,

    /// The interface that the packet goes out by
    #[arg(long = "out", value_name = "IF")]
    outward: Option<String>,
}

impl Trace {
    pub(super) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let packet = self.packet()?;
        let interfaces = self.input.interfaces()?;
        let set = self.input.read_with(&interfaces)?;
        let mut tracer = Tracer::new(&set, &interfaces);
        for text in &self.table {
            tracer.fill_table(text).map_err(usage)?;
        }
        let trace = tracer.trace(&packet);
        let state = trace.outcomes.iter().find_map(|outcome| outcome.state.clone()).filter(|_| self.reply);
        let reply = state.map(|state| {
            let reply = state.reply();
            tracer.track(state);
            tracer.trace(&reply)
        });
        match (terminal.json(), reply) {
            (true, reply) if self.reply => {
                terminal.say_json(&serde_json::json!({"packet": trace, "reply": reply}))?;
            }
            (true, _) => terminal.say_json(&trace)?,
            (false, None) => terminal.say(trace)?,
            (false, Some(reply)) => terminal.say(format_args!("{trace}\n\n{reply}"))?,
        }
        Ok(ExitCode::SUCCESS)
    }

    fn packet(&self) -> Result<Packet, Failure> {
        let (direction, interface) = match (&self.way.inward, &self.way.outward) {
            (Some(interface), _) => (Direction::In, interface),
            (None, Some(interface)) => (Direction::Out, interface),
            (None, None) => return Err(Failure::Usage("say --in or --out, and the interface".to_owned())),
        };
        let mut packet = Packet::new(direction, interface, &self.proto, &self.from, &self.to).map_err(usage)?;
        if let Some(letters) = &self.flags {
            packet = packet.with_flags(letters).map_err(usage)?;
        }
        if let Some(kind) = &self.icmp_type {
            packet = packet.with_icmp(kind).map_err(usage)?;
        }
        Ok(packet)
    }
}

fn usage(error: impl std::fmt::Display) -> Failure {
    Failure::Usage(error.to_string())
}
