//! How far a plan is, on the terminal: a line a step, and a bar for what takes long.

use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};
use jailkit::apply::Watch;
use jailkit::life;
use jailkit::plan::Step;
use jailkit::source::printable;

use crate::terminal::Terminal;

pub(crate) struct Progress<'a> {
    terminal: &'a Terminal,
    bar: Mutex<Option<ProgressBar>>,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(terminal: &'a Terminal) -> Self {
        Self { terminal, bar: Mutex::new(None) }
    }

    /// Ends the bar of a step that is done.
    pub(crate) fn finish(&self) {
        if let Some(bar) = self.bar.lock().unwrap_or_else(PoisonError::into_inner).take() {
            bar.finish_and_clear();
        }
    }
}

const STYLE: &str = "      {bar:30} {percent:>3}%  {bytes}/{total_bytes}  {bytes_per_sec}, {eta} left";

impl Watch for Progress<'_> {
    fn step(&self, number: usize, total: usize, step: &Step) -> ControlFlow<()> {
        self.finish();
        self.terminal.note(format_args!("[{number:>2}/{total}] {step}"));
        ControlFlow::Continue(())
    }

    fn bytes(&self, done: u64, total: u64) -> ControlFlow<()> {
        if self.terminal.is_watched() {
            let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
            let bar = bar.get_or_insert_with(|| {
                let style = ProgressStyle::with_template(STYLE).unwrap_or_else(|_| ProgressStyle::default_bar());
                ProgressBar::new(total).with_style(style)
            });
            bar.set_position(done);
        }
        ControlFlow::Continue(())
    }

    fn warn(&self, message: &str) {
        self.finish();
        self.terminal.note(format_args!("warning: {message}"));
    }
}

impl life::Observer for Progress<'_> {
    fn happens(&self, event: &life::Event<'_>) {
        if let Some(line) = crate::happenings::line(event) {
            self.terminal.note(format_args!("        {}: {line}", printable(event.jail)));
        }
    }
}
