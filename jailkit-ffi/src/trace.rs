//! What a packet meets on its way through a ruleset.

use std::sync::Arc;

use bstr::BString;
use jailkit::pf::rule::Direction as Way;
use jailkit::pf::trace::{Packet, State, Tracer as Tracing, Verdict as Fate};
use self_cell::self_cell;

use crate::bytes::Bytes;
use crate::error::{Error, Status};
use crate::failure::Failure;
use crate::guard;
use crate::handle::{self, Handle, Kind};
use crate::ruleset::{Read, Ruleset};

/// What follows packets through a ruleset, with its tables and the connections it has been told of.
pub struct Tracer {
    _opaque: (),
}

impl Handle for Tracer {
    const KIND: Kind = Kind::Tracer;
    const NAME: &'static str = "jk_tracer";
    type Value = OwnTracer;
}

self_cell!(
    /// A tracer with the rules that it borrows.
    pub(crate) struct OwnTracer {
        owner: Arc<Read>,
        #[not_covariant]
        dependent: Tracing,
    }
);

/// The answer to what becomes of a packet. It never changes, and may be read by several threads.
pub struct Trace {
    _opaque: (),
}

impl Handle for Trace {
    const KIND: Kind = Kind::Trace;
    const NAME: &'static str = "jk_trace";
    type Value = Traced;
}

/// A trace as C reads it.
pub(crate) struct Traced {
    verdict: Verdict,
    text: String,
    json: Vec<u8>,
    state: Option<State>,
    steps: Vec<Step>,
}

struct Step {
    rule: BString,
    file: BString,
    line: usize,
    did: &'static str,
    told: String,
}

/// The way a packet goes through an interface.
#[repr(C)]
#[allow(non_camel_case_types, reason = "C's names, as the header has them")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// It comes in.
    JK_IN = 0,
    /// It goes out.
    JK_OUT = 1,
}

/// What becomes of a packet.
#[repr(C)]
#[allow(non_camel_case_types, reason = "C's names, as the header has them")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// There is no trace.
    #[default]
    JK_NO_VERDICT = 0,
    /// It passes.
    JK_PASS = 1,
    /// It is blocked.
    JK_BLOCK = 2,
    /// That depends on what only the running host knows.
    JK_UNDECIDED = 3,
}

/// A packet that opens a connection: tcp's first, or an echo request of icmp, where nothing else is said.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PacketSpec {
    /// The way it goes, one of `jk_direction`.
    pub direction: u32,
    /// The interface it goes through.
    pub interface: Bytes,
    /// Its protocol, by name or number.
    pub protocol: Bytes,
    /// Where it comes from: `198.51.100.9:50000`, `[2001:db8::1]:50000`, or an address alone.
    pub from: Bytes,
    /// Where it goes.
    pub to: Bytes,
    /// The flags of a tcp packet, letters of `FSRPAUEW` or `none`; no bytes for `S`.
    pub flags: Bytes,
    /// `TYPE` or `TYPE/CODE` of an icmp packet; no bytes for an echo request.
    pub icmp: Bytes,
}

/// One thing that happens to a packet. Its bytes are the trace's.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TraceStep {
    /// The rule in pfctl's notation; nothing where pf acts without one.
    pub rule: Bytes,
    /// The file that the rule's statement is in.
    pub file: Bytes,
    /// The line that it begins on, from 1; 0 where there is no rule.
    pub line: usize,
    /// A word for what happens: `translated`, `passes`, `blocks`.
    pub did: Bytes,
    /// The same for a person.
    pub told: Bytes,
}

/// A tracer for a ruleset, with the ruleset's own tables and no connections.
///
/// On success a new handle is in `tracer`; free it with `jk_tracer_free`. It stays when the ruleset is freed. Else
/// NULL is.
///
/// Errors: `JK_ERROR_ARGUMENT` and `JK_ERROR_HANDLE` only.
///
/// # Safety
/// `ruleset` is NULL or a ruleset; `tracer` and `error` are NULL or places. A NULL `ruleset` or `tracer` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_tracer_new(
    ruleset: *const Ruleset,
    tracer: *mut *mut Tracer,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::give(error, tracer, "tracer", || {
            let read = Arc::clone(handle::get(ruleset, "ruleset")?);
            Ok(OwnTracer::new(read, |read| Tracing::new(&read.set, &read.interfaces)))
        })
    }
}

/// Fills a table, in every anchor that has one of the name, in place of what the ruleset puts into it:
/// `bad=198.51.100.0/24,!198.51.100.7`. Nothing is kept of the bytes.
///
/// Errors: `JK_ERROR_ARGUMENT` for other text.
///
/// # Safety
/// `tracer` is NULL or a tracer that nobody else uses meanwhile; `error` is NULL or a place; the bytes are there. A
/// NULL `tracer` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_tracer_fill_table(tracer: *mut Tracer, table: Bytes, error: *mut *mut Error) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::call(error, || {
            let table = table.str("table")?;
            let tracer = handle::get_mut(tracer, "tracer")?;
            let filled = tracer.with_dependent_mut(|_, tracing| tracing.fill_table(table));
            filled.map_err(|error| Failure::of(Status::JK_ERROR_ARGUMENT, &error))
        })
    }
}

/// Adds the connection that a traced packet opens: its packets, and the replies, pass from now on. Where the trace
/// leaves no state, nothing happens.
///
/// Errors: `JK_ERROR_ARGUMENT` and `JK_ERROR_HANDLE` only.
///
/// # Safety
/// `tracer` is NULL or a tracer that nobody else uses meanwhile, `trace` NULL or a trace; `error` is NULL or a place.
/// A NULL `tracer` or `trace` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_tracer_track(tracer: *mut Tracer, trace: *const Trace, error: *mut *mut Error) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::call(error, || {
            let state = handle::get(trace, "trace")?.state.clone();
            let tracer = handle::get_mut(tracer, "tracer")?;
            tracer.with_dependent_mut(|_, tracing| state.into_iter().for_each(|state| tracing.track(state)));
            Ok(())
        })
    }
}

/// Says what becomes of a packet. Nothing is kept of its bytes.
///
/// On success a new handle is in `trace`; free it with `jk_trace_free`. Else NULL is.
///
/// Errors: `JK_ERROR_ARGUMENT` where there can be no such packet.
///
/// # Safety
/// `tracer` is NULL or a tracer; `trace` and `error` are NULL or places; the bytes are there. A NULL `tracer` or
/// `trace` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_tracer_trace(
    tracer: *const Tracer,
    packet: PacketSpec,
    trace: *mut *mut Trace,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::give(error, trace, "trace", || {
            let packet = read(&packet)?;
            follow(handle::get(tracer, "tracer")?, &packet)
        })
    }
}

/// Says what becomes of the reply to a traced packet; `jk_tracer_track` the trace first, for the reply to belong to
/// its connection.
///
/// On success a new handle is in `reply`; free it with `jk_trace_free`. Else NULL is.
///
/// Errors: `JK_ERROR_NOT_FOUND` where the traced packet leaves no state to which there could be a reply.
///
/// # Safety
/// `tracer` is NULL or a tracer, `trace` NULL or a trace; `reply` and `error` are NULL or places. A NULL `tracer`,
/// `trace` or `reply` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_tracer_reply(
    tracer: *const Tracer,
    trace: *const Trace,
    reply: *mut *mut Trace,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::give(error, reply, "reply", || {
            let state = handle::get(trace, "trace")?.state.as_ref();
            let state = state.ok_or_else(|| Failure::not_found("the packet leaves no state"))?;
            follow(handle::get(tracer, "tracer")?, &state.reply())
        })
    }
}

/// Frees a tracer. NULL is fine. Its traces stay.
///
/// # Safety
/// `tracer` is NULL or a tracer, and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_tracer_free(tracer: *mut Tracer) {
    // SAFETY: as the section above says.
    unsafe { handle::free(tracer) };
}

/// What becomes of the packet; `JK_NO_VERDICT` for NULL.
///
/// # Safety
/// `trace` is NULL or a trace.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_trace_verdict(trace: *const Trace) -> Verdict {
    // SAFETY: as the section above says.
    guard::look(|| unsafe { handle::peek(trace) }.map(|trace| trace.verdict))
}

/// The whole trace for a person, several lines; nothing for NULL.
///
/// The bytes are the trace's.
///
/// # Safety
/// `trace` is NULL or a trace.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_trace_text(trace: *const Trace) -> Bytes {
    // SAFETY: as the section above says.
    guard::look(|| unsafe { handle::peek(trace) }.map(|trace| Bytes::of(trace.text.as_bytes())))
}

/// The whole trace as JSON, as `jailkit pf trace --json` prints it; nothing for NULL.
///
/// The bytes are the trace's.
///
/// # Safety
/// `trace` is NULL or a trace.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_trace_json(trace: *const Trace) -> Bytes {
    // SAFETY: as the section above says.
    guard::look(|| unsafe { handle::peek(trace) }.map(|trace| Bytes::of(&trace.json)))
}

/// How many steps the packet's way has, the first where it may end in several; 0 for NULL.
///
/// # Safety
/// `trace` is NULL or a trace.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_trace_len(trace: *const Trace) -> usize {
    // SAFETY: as the section above says.
    guard::look(|| unsafe { handle::peek(trace) }.map(|trace| trace.steps.len()))
}

/// The step of a number, from 0; one without bytes where there is none.
///
/// The bytes are the trace's.
///
/// # Safety
/// `trace` is NULL or a trace.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_trace_get(trace: *const Trace, index: usize) -> TraceStep {
    guard::look(|| {
        // SAFETY: as the section above says.
        let step = unsafe { handle::peek(trace) }?.steps.get(index)?;
        let rule = step.line > 0;
        Some(TraceStep {
            rule: if rule { Bytes::of(&step.rule) } else { Bytes::NONE },
            file: if rule { Bytes::of(&step.file) } else { Bytes::NONE },
            line: step.line,
            did: Bytes::of(step.did.as_bytes()),
            told: Bytes::of(step.told.as_bytes()),
        })
    })
}

/// Frees a trace. NULL is fine.
///
/// # Safety
/// `trace` is NULL or a trace, and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_trace_free(trace: *mut Trace) {
    // SAFETY: as the section above says.
    unsafe { handle::free(trace) };
}

/// # Safety
/// The bytes are there.
unsafe fn read(spec: &PacketSpec) -> Result<Packet, Failure> {
    // SAFETY: the caller's word, for each of them.
    let text = |bytes: Bytes, what: &str| unsafe { bytes.str(what) };
    let way = match spec.direction {
        way if way == Direction::JK_IN as u32 => Way::In,
        way if way == Direction::JK_OUT as u32 => Way::Out,
        way => return Err(Failure::argument(format!("{way} is no direction"))),
    };
    let bad = |error| Failure::of(Status::JK_ERROR_ARGUMENT, &error);
    let (interface, protocol) = (text(spec.interface, "interface")?, text(spec.protocol, "protocol")?);
    let mut packet =
        Packet::new(way, interface, protocol, text(spec.from, "from")?, text(spec.to, "to")?).map_err(bad)?;
    if !spec.flags.is_none() {
        packet = packet.with_flags(text(spec.flags, "flags")?).map_err(bad)?;
    }
    if !spec.icmp.is_none() {
        packet = packet.with_icmp(text(spec.icmp, "icmp")?).map_err(bad)?;
    }
    Ok(packet)
}

fn follow(tracer: &OwnTracer, packet: &Packet) -> Result<Traced, Failure> {
    tracer.with_dependent(|_, tracing| {
        let trace = tracing.trace(packet);
        let verdict = match trace.verdict {
            Fate::Pass => Verdict::JK_PASS,
            Fate::Block => Verdict::JK_BLOCK,
            Fate::Undecided => Verdict::JK_UNDECIDED,
        };
        let steps = trace.outcomes.first().map_or(&[][..], |outcome| &outcome.trail);
        let steps = steps.iter().map(|step| Step {
            rule: step.rule.map_or_else(BString::default, |rule| rule.text().into()),
            file: step.rule.map_or_else(BString::default, |rule| rule.file().as_os_str().as_encoded_bytes().into()),
            line: step.rule.map_or(0, |rule| rule.line()),
            did: step.effect.word(),
            told: step.effect.to_string(),
        });
        Ok(Traced {
            verdict,
            text: trace.to_string(),
            json: Failure::json(&trace)?,
            state: trace.outcomes.iter().find_map(|outcome| outcome.state.clone()),
            steps: steps.collect(),
        })
    })
}
