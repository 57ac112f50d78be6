//! The right to change a host, and plans carried out with it.

use std::ffi::c_void;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jailkit::apply::{self, ApplyError, SessionError, StepError, Watch};
use jailkit::host;
use jailkit::journal::LockError;
use jailkit::life::{self, What};
use jailkit::plan::Step;
use self_cell::self_cell;

use crate::bytes::Bytes;
use crate::error::{Error, Status};
use crate::failure::Failure;
use crate::guard;
use crate::handle::{self, Handle, Kind};
use crate::host::Host;
use crate::stack::{Plan, Planned, Stack, purge_of};

/// The right to change a host: no other jailkit has it until the session is freed.
pub struct Session {
    _opaque: (),
}

impl Handle for Session {
    const KIND: Kind = Kind::Session;
    const NAME: &'static str = "jk_session";
    type Value = Open;
}

/// What is behind the handle: the session, and the number by which it knows its plans.
pub(crate) struct Open {
    session: OwnSession,
    number: u64,
}

type Changing<'h> = apply::Session<'h>;

self_cell!(
    /// A session with the host that it borrows.
    struct OwnSession {
        owner: Arc<dyn host::Host>,
        #[covariant]
        dependent: Changing,
    }
);

/// The numbers of sessions, from 1.
static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// What a callback is told of.
#[repr(C)]
#[allow(non_camel_case_types, reason = "C's names, as the header has them")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgressKind {
    /// A step begins: `done` of `total`, from 1; `text` is the step.
    JK_PROGRESS_STEP = 0,
    /// A long step is so far: `done` of `total` bytes of the base archive; no text.
    JK_PROGRESS_BYTES = 1,
    /// Something that is not as it should be and does not stop the plan; `text` says what.
    JK_PROGRESS_WARNING = 2,
    /// A jail has been created, changed or removed, or has failed; `jail` is its name, `text` says which.
    JK_PROGRESS_JAIL = 3,
    /// A command of a jail printed a line: `jail` is its name, `text` the line, bytes of no encoding.
    JK_PROGRESS_OUTPUT = 4,
}

/// How far a plan is. Its bytes are there during the callback only.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What this is about.
    pub kind: ProgressKind,
    /// How much is done.
    pub done: u64,
    /// Of how much.
    pub total: u64,
    /// The jail; nothing where it is about none.
    pub jail: Bytes,
    /// Words for a person.
    pub text: Bytes,
}

/// Who is told how far a plan is. `user` is what the program gave with the callback. Any answer but 0 calls the plan
/// off before its next step, or amid the base archive.
///
/// The calls come one after the other, but not all from one thread: jails are started by threads of the library. The
/// callback must not use the session it is called from.
pub type ProgressFn = Option<unsafe extern "C-unwind" fn(user: *mut c_void, progress: *const Progress) -> i32>;

/// Takes the right to change a host, and clears away what a killed run left half written. `purpose` is what others are
/// told it is held for, such as `up`. Where somebody holds it, waits for them where `wait` is true.
///
/// On success a new handle is in `session`; free it with `jk_session_free`, which gives the right back. It stays when
/// the host is freed. Else NULL is.
///
/// Errors: `JK_ERROR_BUSY` where another jailkit is at work; `JK_ERROR_RIGHTS` where this process is not root;
/// `JK_ERROR_IO`.
///
/// # Safety
/// `host` is NULL or a host; `session` and `error` are NULL or places; the bytes are there. A NULL `host` or `session`
/// is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_session_open(
    host: *const Host,
    purpose: Bytes,
    wait: bool,
    session: *mut *mut Session,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::give(error, session, "session", || {
            let purpose = purpose.str("purpose")?;
            let host = Arc::clone(&handle::get(host, "host")?.host);
            let session = OwnSession::try_new(host, |host| apply::Session::open(&**host, purpose, wait))?;
            let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
            Ok(Open { session, number })
        })
    }
}

/// What it takes to make the session's host run a stack. Nothing is changed.
///
/// On success a new handle is in `plan`; free it with `jk_plan_free`. Else NULL is.
///
/// Errors: as `jk_plan_up` has them.
///
/// # Safety
/// `session` is NULL or a session, `stack` NULL or a stack; `plan` and `error` are NULL or places. A NULL `session`,
/// `stack` or `plan` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_session_plan_up(
    session: *const Session,
    stack: *const Stack,
    plan: *mut *mut Plan,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::give(error, plan, "plan", || {
            let (open, stack) = (handle::get(session, "session")?, handle::get(stack, "stack")?);
            Ok(Planned::new(open.session.borrow_dependent().plan_up(stack)?, open.number))
        })
    }
}

/// What takes back everything that jailkit has made on the session's host; the jails' data too, where `purge` is true.
/// Nothing is changed.
///
/// On success a new handle is in `plan`; free it with `jk_plan_free`. Else NULL is.
///
/// Errors: as `jk_plan_up` has them.
///
/// # Safety
/// `session` is NULL or a session; `plan` and `error` are NULL or places. A NULL `session` or `plan` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_session_plan_down(
    session: *const Session,
    purge: bool,
    plan: *mut *mut Plan,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::give(error, plan, "plan", || {
            let open = handle::get(session, "session")?;
            let planned = open.session.borrow_dependent().plan_down(purge_of(purge))?;
            Ok(Planned::new(planned, open.number))
        })
    }
}

/// Carries out a plan that was made in this session. `progress` is told how far it is, with `user`, and may call it
/// off; NULL where nobody is to be told. A plan that failed, was called off or killed is taken up where it stopped, by
/// a new plan of the same stack.
///
/// Errors: `JK_ERROR_CANCELLED` where the callback called it off; `JK_ERROR_ARGUMENT` for a plan of another session;
/// `JK_ERROR_CONFLICT` where a file has been changed since the plan was made; else the step that failed and why.
///
/// # Safety
/// `session` is NULL or a session that nobody else uses meanwhile, `plan` NULL or a plan; `error` is NULL or a place;
/// `progress` may be called from other threads with `user`. A NULL `session` or `plan` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_session_apply(
    session: *mut Session,
    plan: *const Plan,
    progress: ProgressFn,
    user: *mut c_void,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::call(error, || {
            let planned = handle::get(plan, "plan")?;
            let open = handle::get_mut(session, "session")?;
            if planned.session != open.number {
                return Err(Failure::argument("'plan' was not made in this session: make one with jk_session_plan_up"));
            }
            let teller = Teller { tell: Mutex::new(Callback { progress, user }), cancelled: AtomicBool::new(false) };
            open.session.with_dependent_mut(|_, session| session.carry_out(&planned.plan, &teller))?;
            Ok(())
        })
    }
}

/// Gives the right to change the host back. NULL is fine. The session's plans stay, to be looked at.
///
/// # Safety
/// `session` is NULL or a session, and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_session_free(session: *mut Session) {
    // SAFETY: as the section above says.
    unsafe { handle::free(session) };
}

struct Callback {
    progress: ProgressFn,
    user: *mut c_void,
}

// SAFETY: the caller of `jk_session_apply` says that the callback may be called from other threads with `user`.
unsafe impl Send for Callback {}

/// Tells the program, one call after the other.
struct Teller {
    tell: Mutex<Callback>,
    cancelled: AtomicBool,
}

impl Teller {
    fn tell(&self, kind: ProgressKind, (done, total): (u64, u64), jail: &[u8], text: &[u8]) -> ControlFlow<()> {
        let callback = self.tell.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(progress) = callback.progress else { return ControlFlow::Continue(()) };
        let bytes = |bytes: &[u8]| if bytes.is_empty() { Bytes::NONE } else { Bytes::of(bytes) };
        let told = Progress { kind, done, total, jail: bytes(jail), text: bytes(text) };
        // SAFETY: the program's own function, with what it gave for it, by its word.
        if unsafe { progress(callback.user, &raw const told) } != 0 {
            self.cancelled.store(true, Ordering::Relaxed);
        }
        self.go_on()
    }

    /// What was answered to something that could not be called off counts at the next step.
    fn go_on(&self) -> ControlFlow<()> {
        if self.cancelled.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Watch for Teller {
    fn step(&self, number: usize, total: usize, step: &Step) -> ControlFlow<()> {
        self.go_on()?;
        let text = step.to_string();
        self.tell(ProgressKind::JK_PROGRESS_STEP, (number as u64, total as u64), b"", text.as_bytes())
    }

    fn bytes(&self, done: u64, total: u64) -> ControlFlow<()> {
        self.tell(ProgressKind::JK_PROGRESS_BYTES, (done, total), b"", b"")
    }

    fn warn(&self, message: &str) {
        // Nothing can be called off here; `go_on` remembers the answer.
        let _ = self.tell(ProgressKind::JK_PROGRESS_WARNING, (0, 0), b"", message.as_bytes());
    }
}

impl life::Observer for Teller {
    fn happens(&self, event: &life::Event<'_>) {
        let text = match event.what {
            What::Output(line) => {
                let _ = self.tell(ProgressKind::JK_PROGRESS_OUTPUT, (0, 0), event.jail, line);
                return;
            }
            What::Created(jid) => format!("created as jid {jid}"),
            What::Removed(jid) => format!("removed jid {jid}"),
            What::Updated(jid) => format!("changed jid {jid}"),
            What::RulesetMissing(ruleset) => format!("devfs ruleset {ruleset} is not loaded: every device is shown"),
            What::Failed(error) => format!("failed: {error}"),
            _ => return,
        };
        let _ = self.tell(ProgressKind::JK_PROGRESS_JAIL, (0, 0), event.jail, text.as_bytes());
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Rights(error) => Self::of(Status::JK_ERROR_RIGHTS, &error),
            SessionError::Lock(LockError::File(error)) | SessionError::File(error) => error.into(),
            SessionError::Lock(error) => Self::of(Status::JK_ERROR_BUSY, &error),
            SessionError::Journal(error) => error.into(),
        }
    }
}

impl From<ApplyError> for Failure {
    fn from(error: ApplyError) -> Self {
        let told = Self::of(Status::JK_ERROR_FAILED, &error);
        match error {
            ApplyError::Cancelled => Self { status: Status::JK_ERROR_CANCELLED, ..told },
            ApplyError::Journal(error) => error.into(),
            ApplyError::Step { source, .. } => match *source {
                StepError::Changed { .. } | StepError::StillMounted { .. } => {
                    Self { status: Status::JK_ERROR_CONFLICT, ..told }
                }
                StepError::File(_) => Self { status: Status::JK_ERROR_IO, ..told },
                StepError::Kernel(error) => Self { message: told.message, ..error.into() },
                StepError::Found(found) => Self { message: told.message, ..found.into() },
                _ => told,
            },
        }
    }
}
