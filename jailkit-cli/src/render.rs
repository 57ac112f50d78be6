//! Diagnostics as a person reads them: the source line with carets under what is meant.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use jailkit::source::{Diagnostic, Severity, printable};

/// How much of a line is shown on each side of what is meant, in bytes.
const WINDOW: usize = 400;

/// The diagnostic as several lines of text, with colors where `colors` says so.
pub(crate) fn diagnostic(found: &Diagnostic, colors: bool) -> String {
    let level = match found.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let excerpt = Excerpt::around(found);
    let position = found.position();
    let mut annotation = AnnotationKind::Primary.span(excerpt.marked.clone());
    if let Some(label) = &found.label {
        annotation = annotation.label(printable(label.as_bytes()));
    }
    let name = printable(found.source.name().as_os_str().as_encoded_bytes());
    let snippet = Snippet::source(excerpt.text).line_start(position.line).annotation(annotation);
    let title = level.primary_title(printable(found.message.as_bytes()));
    let mut report = vec![if excerpt.cut {
        // The snippet's own column would count from the cut.
        title.element(Origin::path(name).line(position.line).char_column(position.column)).element(snippet)
    } else {
        title.element(snippet.path(name))
    }];
    if let Some(help) = &found.help {
        report.push(Group::with_title(Level::HELP.secondary_title(printable(help.as_bytes()))));
    }
    let renderer = if colors { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&report)
}

/// The first line of what is meant, made printable.
struct Excerpt {
    text: String,
    marked: std::ops::Range<usize>,
    cut: bool,
}

impl Excerpt {
    fn around(found: &Diagnostic) -> Self {
        let text = found.source.text();
        let start = found.span.start().min(text.len());
        let line_start = text[..start].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let line_end = line_start + found.source.line(found.position().line).len();
        let start = start.min(line_end);
        let end = found.span.end().clamp(start, line_end);
        let from = line_start.max(start.saturating_sub(WINDOW));
        let to = line_end.min(start.saturating_add(WINDOW));
        let end = end.min(to);
        let before = printable(&text[from..start]);
        let marked = printable(&text[start..end]);
        let range = before.len()..before.len() + marked.len();
        let after = printable(&text[end..to]);
        Self { text: before + &marked + &after, marked: range, cut: from > line_start }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jailkit::source::{Source, Span};

    fn rendered(text: &[u8], span: Span) -> String {
        let source = Source::new("jail.conf", text);
        let found = Diagnostic::error(&source, span, "unknown parameter").with_label("here").with_help("try 'path'");
        diagnostic(&found, false)
    }

    #[test]
    fn carets_stand_under_the_span() {
        insta::assert_snapshot!(rendered(b"www {\n  pth = \"/\";\n}\n", Span::new(8, 11)), @r#"
        error: unknown parameter
         --> jail.conf:2:3
          |
        2 |   pth = "/";
          |   ^^^ here
          |
        help: try 'path'
        "#);
    }

    #[test]
    fn bytes_that_would_act_on_the_terminal_are_pictures() {
        let text = rendered(b"a\x1b[31m\xff\x00 = b;\n", Span::new(9, 10));
        assert!(!text.contains(['\x1b', '\0']), "{text}");
        assert!(text.contains("jail.conf:1:10"), "{text}");
    }

    #[test]
    fn a_huge_line_is_cut_and_keeps_its_column() {
        let mut line = vec![b'a'; 1 << 20];
        line[500_000] = b'{';
        let text = rendered(&line, Span::new(500_000, 500_001));
        assert!(text.contains("jail.conf:1:500001"), "{text}");
        assert!(text.len() < 4000, "{} bytes", text.len());
    }

    #[test]
    fn the_end_of_a_file_can_be_pointed_at() {
        assert!(rendered(b"www {\n", Span::at(6)).contains("jail.conf:2:1"));
        assert!(rendered(b"", Span::at(0)).contains("jail.conf:1:1"));
    }
}
