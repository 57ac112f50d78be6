//! Where the parts of a stack stand in its file, for what is found wrong with them later, when a host is looked at.

use crate::source::{Diagnostic, Source, Span};

/// Places in a stack file. The vectors run beside the stack's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    pub(super) source: Option<Source>,
    pub(super) jail_root: Span,
    pub(super) log_root: Span,
    pub(crate) interface: Span,
    pub(crate) ports: Span,
    pub(crate) archive: Span,
    /// The manifest or digest that vouches for the archive.
    pub(crate) voucher: Span,
    pub(crate) jails: Vec<JailPlaces>,
    pub(super) shared: Vec<SharedPlaces>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct JailPlaces {
    pub(crate) name: Span,
    pub(super) address: Span,
    pub(super) depends: Vec<Span>,
    /// For each entry of `publish` its ports.
    pub(super) publish: Vec<Vec<Span>>,
    pub(crate) mounts: Vec<MountPlaces>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MountPlaces {
    pub(crate) source: Span,
    pub(super) at: Span,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SharedPlaces {
    pub(super) path: Span,
    pub(super) mounts: Vec<SharedMountPlaces>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SharedMountPlaces {
    pub(super) jail: Span,
    pub(super) at: Span,
}

impl Places {
    /// An error at a place of the stack file; at none where the stack did not come from a file.
    pub(crate) fn error(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        let source = self.source.clone().unwrap_or_else(|| Source::new("stack", ""));
        Diagnostic::error(&source, span, message)
    }
}
