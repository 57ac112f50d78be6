//! How far long work is: a bar with rate and time left on a terminal, a line now and then elsewhere.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{BinaryBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::terminal::Terminal;

/// Where there is no terminal: the pause between two lines.
const PAUSE: Duration = Duration::from_secs(5);

pub(super) struct Meter<'a> {
    terminal: &'a Terminal,
    label: String,
    bar: Option<ProgressBar>,
    said: Instant,
}

impl<'a> Meter<'a> {
    pub(super) fn new(terminal: &'a Terminal) -> Self {
        let bar = (io::stderr().is_terminal() && !terminal.json()).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
            bar.set_style(style(false));
            bar
        });
        Self { terminal, label: String::new(), bar, said: Instant::now() }
    }

    /// Another thing begins; `label` says what is done to what.
    pub(super) fn begin(&mut self, label: String) {
        match &self.bar {
            Some(bar) => {
                bar.reset();
                bar.set_message(label.clone());
            }
            None => self.terminal.note(&label),
        }
        self.label = label;
        self.said = Instant::now();
    }

    /// So many bytes are done, of so many where that is known.
    pub(super) fn at(&mut self, done: u64, of: Option<u64>) {
        if let Some(bar) = &self.bar {
            if bar.length() != of {
                bar.set_style(style(of.is_some()));
                of.map_or_else(|| bar.unset_length(), |of| bar.set_length(of));
            }
            bar.set_position(done);
        } else if self.said.elapsed() >= PAUSE {
            self.said = Instant::now();
            let done = match of.filter(|&of| of > 0) {
                Some(of) => format!("{}%", u128::from(done) * 100 / u128::from(of)),
                None => BinaryBytes(done).to_string(),
            };
            self.terminal.note(format_args!("{}: {done}", self.label));
        }
    }

    /// A line about what happens, without disturbing the bar.
    pub(super) fn note(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.terminal.note(line)),
            None => self.terminal.note(line),
        }
    }
}

impl Drop for Meter<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn style(bounded: bool) -> ProgressStyle {
    let template = if bounded {
        "{msg} {wide_bar} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta}"
    } else {
        "{msg} {binary_bytes} {binary_bytes_per_sec}"
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
