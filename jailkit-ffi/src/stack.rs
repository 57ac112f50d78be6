//! The stack file, and what it takes to make a host run it.

use jailkit::host::{FileError, PfError};
use jailkit::journal::{Journal, JournalError};
use jailkit::plan::{self, PlanError, Purge};
use jailkit::source::Source;
use jailkit::stack;

use crate::bytes::Bytes;
use crate::error::{Error, Status};
use crate::failure::Failure;
use crate::findings::Findings;
use crate::guard;
use crate::handle::{self, Handle, Kind};
use crate::host::Host;
use crate::text::Text;

/// A stack: what a host's jails are to be. It never changes, and may be read by several threads.
pub struct Stack {
    _opaque: (),
}

impl Handle for Stack {
    const KIND: Kind = Kind::Stack;
    const NAME: &'static str = "jk_stack";
    type Value = stack::Stack;
}

/// The steps that make a host what it is to be. It never changes, and may be read by several threads.
pub struct Plan {
    _opaque: (),
}

impl Handle for Plan {
    const KIND: Kind = Kind::Plan;
    const NAME: &'static str = "jk_plan";
    type Value = Planned;
}

/// What is behind the handle: the plan, its steps in words, and the session that it was made in.
pub(crate) struct Planned {
    pub(crate) plan: plan::Plan,
    steps: Vec<String>,
    /// The number of the session; 0 for a plan that is only to be looked at.
    pub(crate) session: u64,
}

impl Planned {
    pub(crate) fn new(plan: plan::Plan, session: u64) -> Self {
        let steps = plan.steps.iter().map(ToString::to_string).collect();
        Self { plan, steps, session }
    }
}

/// Reads a stack file from the disk of the system that the program runs on; relative paths in it start at the file.
/// The warnings are in `findings`, if that is not NULL; free them with `jk_findings_free`.
///
/// On success a new handle is in `stack`; free it with `jk_stack_free`. Else NULL is there, and in `findings`.
///
/// Errors: `JK_ERROR_NOT_FOUND`, `JK_ERROR_RIGHTS` and `JK_ERROR_IO` where the file cannot be read; `JK_ERROR_FILE`
/// with everything that is wrong, in the error's own findings.
///
/// # Safety
/// `stack`, `findings` and `error` are NULL or places; the bytes are there. A NULL `stack` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_stack_read(
    path: Bytes,
    stack: *mut *mut Stack,
    findings: *mut *mut Findings,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::call(error, || {
            let warned = handle::wanted_place(findings, "findings")?;
            let place = handle::place(stack, "stack")?;
            let path = path.path("path")?;
            let source = Source::read(path).map_err(|error| Failure::unreadable(path, &error))?;
            let (stack, warnings) = stack::read(&source)?;
            if let Some(warned) = warned {
                warned.put(handle::new(warnings));
            }
            place.put(handle::new(stack));
            Ok(())
        })
    }
}

/// What the stack is called; nothing for NULL.
///
/// The bytes are the handle's.
///
/// # Safety
/// `stack` is NULL or a stack.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_stack_name(stack: *const Stack) -> Bytes {
    // SAFETY: as the section above says.
    guard::look(|| unsafe { handle::peek(stack) }.map(|stack| Bytes::of(stack.name.as_bytes())))
}

/// How many jails the stack has; 0 for NULL.
///
/// # Safety
/// `stack` is NULL or a stack.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_stack_len(stack: *const Stack) -> usize {
    // SAFETY: as the section above says.
    guard::look(|| unsafe { handle::peek(stack) }.map(|stack| stack.jails.len()))
}

/// The name of a jail of the stack, by its number in the file, from 0; nothing where there is none.
///
/// The bytes are the handle's.
///
/// # Safety
/// `stack` is NULL or a stack.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_stack_jail(stack: *const Stack, index: usize) -> Bytes {
    // SAFETY: as the section above says.
    guard::look(|| unsafe { handle::peek(stack) }?.jails.get(index).map(|jail| Bytes::of(jail.name.as_bytes())))
}

/// Frees a stack. NULL is fine. Its plans stay.
///
/// # Safety
/// `stack` is NULL or a stack, and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_stack_free(stack: *mut Stack) {
    // SAFETY: as the section above says.
    unsafe { handle::free(stack) };
}

/// What it takes to make a host run a stack, to be looked at; `jk_session_plan_up` makes one to be carried out.
/// Nothing is changed.
///
/// On success a new handle is in `plan`; free it with `jk_plan_free`. Else NULL is.
///
/// Errors: `JK_ERROR_FILE` where the stack or a configuration file of the host is wrong; `JK_ERROR_CONFLICT` where
/// something else is in the way; `JK_ERROR_IO` and `JK_ERROR_KERNEL` where the host cannot be looked at;
/// `JK_ERROR_FAILED` where the base archive is not what it is to be.
///
/// # Safety
/// `host` is NULL or a host, `stack` NULL or a stack; `plan` and `error` are NULL or places. A NULL `host`, `stack` or
/// `plan` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_plan_up(
    host: *const Host,
    stack: *const Stack,
    plan: *mut *mut Plan,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::give(error, plan, "plan", || {
            let (host, stack) = (&*handle::get(host, "host")?.host, handle::get(stack, "stack")?);
            let plan = plan::up(stack, host, &Journal::open(host.files())?)?;
            Ok(Planned::new(plan, 0))
        })
    }
}

/// What takes back everything that jailkit has made on a host, to be looked at; the jails' data too, where `purge` is
/// true. `jk_session_plan_down` makes one to be carried out. Nothing is changed.
///
/// On success a new handle is in `plan`; free it with `jk_plan_free`. Else NULL is.
///
/// Errors: as `jk_plan_up` has them.
///
/// # Safety
/// `host` is NULL or a host; `plan` and `error` are NULL or places. A NULL `host` or `plan` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_plan_down(
    host: *const Host,
    purge: bool,
    plan: *mut *mut Plan,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::give(error, plan, "plan", || {
            let host = &*handle::get(host, "host")?.host;
            let plan = plan::down(host, &Journal::open(host.files())?, purge_of(purge))?;
            Ok(Planned::new(plan, 0))
        })
    }
}

pub(crate) fn purge_of(purge: bool) -> Purge {
    if purge { Purge::Purge } else { Purge::Keep }
}

/// How many steps a plan has: 0 where the host is as it is to be, and for NULL.
///
/// # Safety
/// `plan` is NULL or a plan.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_plan_len(plan: *const Plan) -> usize {
    // SAFETY: as the section above says.
    guard::look(|| unsafe { handle::peek(plan) }.map(|plan| plan.steps.len()))
}

/// A step as a person is told what will be done, by its number from 0; nothing where there is none.
///
/// The bytes are the plan's.
///
/// # Safety
/// `plan` is NULL or a plan.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_plan_step(plan: *const Plan, index: usize) -> Bytes {
    // SAFETY: as the section above says.
    guard::look(|| unsafe { handle::peek(plan) }?.steps.get(index).map(|step| Bytes::of(step.as_bytes())))
}

/// A plan as JSON, as `jailkit plan --json` prints it, with each file before and after.
///
/// On success a new text is in `json`; free it with `jk_text_free`. Else NULL is.
///
/// Errors: `JK_ERROR_ARGUMENT` and `JK_ERROR_HANDLE` only.
///
/// # Safety
/// `plan` is NULL or a plan; `json` and `error` are NULL or places. A NULL `plan` or `json` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_plan_json(plan: *const Plan, json: *mut *mut Text, error: *mut *mut Error) -> Status {
    // SAFETY: as the section above says.
    unsafe { guard::give(error, json, "json", || Failure::json(&handle::get(plan, "plan")?.plan)) }
}

/// Frees a plan. NULL is fine.
///
/// # Safety
/// `plan` is NULL or a plan, and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_plan_free(plan: *mut Plan) {
    // SAFETY: as the section above says.
    unsafe { handle::free(plan) };
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Found(found) => found.into(),
            PlanError::Edit(error) => error.into(),
            PlanError::File(error) => error.into(),
            PlanError::Journal(error) => error.into(),
            PlanError::Kernel(error) => error.into(),
            error @ PlanError::ForeignJail { .. } => Self::of(Status::JK_ERROR_CONFLICT, &error),
            error => Self::of(Status::JK_ERROR_FAILED, &error),
        }
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Self::of(Status::JK_ERROR_IO, &error)
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::File(error) => error.into(),
            error => Self::of(Status::JK_ERROR_CONFLICT, &error),
        }
    }
}

impl From<PfError> for Failure {
    fn from(error: PfError) -> Self {
        Self::of(Status::JK_ERROR_FAILED, &error)
    }
}
