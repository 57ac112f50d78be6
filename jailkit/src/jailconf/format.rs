//! The layout of a jail.conf made even: what it says, its comments and its quotes stay.

use bstr::{BStr, ByteSlice};

use super::JailConf;
use super::lex::{Kind, Lexer, Token};
use super::parse::{Item, Statements};
use crate::source::{Diagnostic, Diagnostics, Source, Span};

/// How far a block is indented where the file does not show it.
const INDENT: &[u8] = b"    ";

/// The widest indentation that is taken over from a file, in spaces.
const WIDEST: usize = 8;

impl JailConf {
    /// The file in an even layout: a statement a line, blocks indented as most of the file's own are, one blank beside
    /// `=` and `+=`, a closing brace on its own line, one blank line where there were several, nothing at the ends of
    /// lines. Comments and quotes stay, as do the lines of a list that stands on several. What is laid out already
    /// stays as it is, and the file resolves to what it did before.
    ///
    /// # Errors
    /// A statement that would read otherwise in a new layout: a variable's name with a quote in it can do that.
    ///
    /// # Example
    /// ```
    /// use jailkit::jailconf::JailConf;
    /// use jailkit::source::Source;
    ///
    /// let conf = JailConf::parse(&Source::new("jail.conf", "www{path=/srv; # here\n\n\npersist;}"))?;
    /// assert_eq!(conf.formatted()?, b"www {\n    path = /srv; # here\n\n    persist;\n}\n");
    /// # Ok::<(), jailkit::source::Diagnostics>(())
    /// ```
    pub fn formatted(&self) -> Result<Vec<u8>, Diagnostics> {
        let mut layout = Layout::of(self);
        layout.file(&self.source);
        let formatted = Source::new(self.source.name(), layout.out);
        let after = Self::parse(&formatted).map_err(|found| match found.first() {
            Some(one) => Diagnostics::from(otherwise(&self.source, Span::at(one.span.start()))),
            None => found,
        })?;
        match self.first_difference(&after) {
            Some(span) => Err(otherwise(&self.source, span).into()),
            None => Ok(after.text().to_vec()),
        }
    }

    /// Where the statements of two files first differ, as a place in this one.
    fn first_difference(&self, other: &Self) -> Option<Span> {
        let (ours, theirs) = (&self.statements, &other.statements);
        let differing = ours.items.iter().zip(&theirs.items).find(|(one, two)| !is_same(self, one, other, two));
        match differing {
            Some((item, _)) => Some(place(item)),
            None if ours.items.len() == theirs.items.len() => None,
            None => Some(ours.items.get(theirs.items.len()).map_or(Span::at(0), place)),
        }
    }
}

fn otherwise(source: &Source, span: Span) -> Diagnostic {
    Diagnostic::error(source, span, "this would read otherwise in a new layout")
        .with_help("write it in a plainer way, and format the file again")
}

fn place(item: &Item) -> Span {
    match item {
        Item::Open { name, .. } => *name,
        Item::Close { span } => *span,
        Item::Param(param) => param.span,
    }
}

/// Whether two statements of two files say the same in the same words.
fn is_same(one: &JailConf, ours: &Item, other: &JailConf, theirs: &Item) -> bool {
    let words = |a: Span, b: Span| one.source.slice(a) == other.source.slice(b);
    match (ours, theirs) {
        (Item::Close { .. }, Item::Close { .. }) => true,
        (Item::Open { name: a, .. }, Item::Open { name: b, .. }) => words(*a, *b),
        (Item::Param(a), Item::Param(b)) => {
            let (ours, theirs) = (values(&one.statements, &a.values), values(&other.statements, &b.values));
            words(a.name, b.name)
                && (a.is_variable, a.op, ours.len()) == (b.is_variable, b.op, theirs.len())
                && ours.iter().zip(theirs).all(|(a, b)| {
                    let (a, b) = (pieces(&one.statements, a), pieces(&other.statements, b));
                    a.len() == b.len()
                        && a.iter().zip(b).all(|(a, b)| a.is_variable() == b.is_variable() && words(a.span(), b.span()))
                })
        }
        _ => false,
    }
}

fn values<'a>(statements: &'a Statements, range: &std::ops::Range<u32>) -> &'a [std::ops::Range<u32>] {
    &statements.values[range.start as usize..range.end as usize]
}

fn pieces<'a>(statements: &'a Statements, range: &std::ops::Range<u32>) -> &'a [super::parse::Piece] {
    &statements.pieces[range.start as usize..range.end as usize]
}

/// What stands between two tokens: blanks and comments.
pub(super) struct Gap<'a> {
    /// The quote that ends a string with a variable at its end; it belongs to the token before.
    quote: &'a [u8],
    comments: Vec<Comment<'a>>,
    /// How many line ends are behind the last comment.
    newlines: usize,
}

struct Comment<'a> {
    /// Where it begins in the gap.
    start: usize,
    text: &'a [u8],
    /// Whether it reaches to the end of its line.
    is_line: bool,
    /// What stands before it: so many line ends, and blanks.
    newlines: usize,
    blanks: &'a [u8],
}

impl Comment<'_> {
    /// Whether nothing but blanks stands before it in the gap.
    fn is_at_start(&self) -> bool {
        self.start == self.blanks.len()
    }
}

impl<'a> Gap<'a> {
    pub(super) fn of(text: &'a [u8]) -> Self {
        let whole = text.len();
        let quote = usize::from(text.first() == Some(&b'"'));
        let (quote, mut rest) = text.split_at(quote);
        let mut comments = Vec::new();
        loop {
            let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let (blanks, comment) = rest.split_at(blank);
            let newlines = memchr::memchr_iter(b'\n', blanks).count();
            if comment.is_empty() {
                return Self { quote, comments, newlines };
            }
            let is_line = !comment.starts_with(b"/*");
            let len = if is_line {
                memchr::memchr(b'\n', comment)
            } else {
                memchr::memmem::find(&comment[2..], b"*/").map(|len| len + 4)
            };
            let (text, after) = comment.split_at(len.unwrap_or(comment.len()));
            let blanks = &blanks[memchr::memrchr(b'\n', blanks).map_or(0, |at| at + 1)..];
            comments.push(Comment { start: whole - comment.len(), text, is_line, newlines, blanks });
            rest = after;
        }
    }
}

impl Gap<'_> {
    /// Where the line begins on which the comments begin that stand right above what follows the gap; none where there
    /// are none, or where they stand beside something else. The gap itself may be where a line begins.
    pub(super) fn comments_above(&self, begins_line: bool) -> Option<usize> {
        // A stray semicolon or a brace: what follows it could be within a comment.
        let is_comment = |text: &[u8]| [&b"#"[..], b"//", b"/*"].iter().any(|begin| text.starts_with(begin));
        if !self.comments.iter().all(|comment| is_comment(comment.text)) {
            return None;
        }
        let mut below = self.newlines;
        let mut first = None;
        for (index, comment) in self.comments.iter().enumerate().rev() {
            let is_first_in_line = comment.newlines > 0 || (index == 0 && begins_line && comment.is_at_start());
            if below > 1 || !is_first_in_line {
                break;
            }
            first = Some(comment.start - comment.blanks.len());
            below = comment.newlines;
        }
        first
    }
}

/// What the line that is being written holds so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    /// Nothing.
    Empty,
    /// Something that ends here, and that a comment may follow.
    Ended,
    /// A comment before which nothing stands; what stood behind it goes on behind it.
    Begun,
}

/// The text as it is laid out.
struct Layout<'a> {
    out: Vec<u8>,
    indent: &'a [u8],
    newline: &'static str,
    depth: usize,
    line: Line,
    /// Whether nothing has come behind the beginning of the file or block yet.
    at_start: bool,
    /// Line ends that no comment or statement has claimed yet.
    newlines: usize,
    /// The kind of the last token of the statement that is open.
    open: Option<Kind>,
}

impl<'a> Layout<'a> {
    fn of(conf: &'a JailConf) -> Self {
        Self {
            out: Vec::with_capacity(conf.text().len() + conf.text().len() / 8),
            indent: dominant_indent(conf),
            newline: conf.newline(),
            depth: 0,
            line: Line::Empty,
            at_start: true,
            newlines: 0,
            open: None,
        }
    }

    fn file(&mut self, source: &Source) {
        let text = source.text();
        let mut lexer = Lexer::new(source);
        let mut end = 0;
        loop {
            let token = lexer.next();
            let gap = Gap::of(&text[end..token.whole.start()]);
            self.out.extend_from_slice(gap.quote);
            end = token.whole.end();
            if self.open.is_some() {
                self.in_statement(&gap, token, source);
            } else if self.between_statements(&gap, token, source) {
                // jail(8) does not read what follows, where anything does.
                let rest = &text[token.whole.start()..];
                if !rest.is_empty() || self.line != Line::Empty {
                    self.end_line();
                }
                self.out.extend_from_slice(rest);
                return;
            }
        }
    }

    /// Takes a comment or the first token of a statement; whether the file ends here.
    fn between_statements(&mut self, gap: &Gap<'_>, token: Token, source: &Source) -> bool {
        for comment in &gap.comments {
            self.newlines += comment.newlines;
            let blanks = comment.blanks.trim_end_with(|c| c == '\r');
            match self.line {
                Line::Ended if self.newlines == 0 && !blanks.is_empty() => self.out.extend_from_slice(blanks),
                Line::Ended | Line::Begun if self.newlines == 0 => self.out.push(b' '),
                _ => {
                    self.begin_line(self.depth);
                    self.line = Line::Begun;
                }
            }
            self.comment(comment);
            self.newlines = 0;
        }
        self.newlines += gap.newlines;
        match token.kind {
            Kind::End => return true,
            Kind::Semicolon => return false,
            Kind::Close => {
                self.depth = self.depth.saturating_sub(1);
                self.newlines = 0;
                self.begin_line(self.depth);
                self.end_statement(b"}");
                return false;
            }
            _ => {}
        }
        if self.line == Line::Begun && self.newlines == 0 {
            self.out.push(b' ');
        } else {
            self.begin_line(self.depth);
        }
        self.out.extend_from_slice(source.slice(token.whole));
        self.open = Some(token.kind);
        false
    }

    fn in_statement(&mut self, gap: &Gap<'_>, token: Token, source: &Source) {
        let mut must_break = false;
        for comment in &gap.comments {
            if must_break || comment.newlines > 0 {
                self.continue_line();
            } else {
                self.out.push(b' ');
            }
            self.comment(comment);
            must_break = comment.is_line;
        }
        let is_broken = gap.newlines > 0;
        let before = self.open.replace(token.kind);
        match token.kind {
            _ if must_break => self.continue_line(),
            Kind::Text { joined: true } | Kind::Var { joined: true } => {}
            _ if !gap.comments.is_empty() => {
                if is_broken {
                    self.continue_line();
                } else {
                    self.out.push(b' ');
                }
            }
            Kind::Semicolon | Kind::Comma | Kind::End => {}
            Kind::Text { .. } | Kind::Var { .. }
                if is_broken && matches!(before, Some(Kind::Comma | Kind::Equals | Kind::PlusEquals)) =>
            {
                self.continue_line();
            }
            _ => self.out.push(b' '),
        }
        match token.kind {
            Kind::Semicolon => self.end_statement(b";"),
            Kind::Open => {
                self.end_statement(b"{");
                self.depth += 1;
                self.at_start = true;
            }
            Kind::End => self.open = None,
            _ => self.out.extend_from_slice(source.slice(token.whole)),
        }
    }

    fn end_statement(&mut self, with: &[u8]) {
        self.out.extend_from_slice(with);
        (self.open, self.line, self.newlines, self.at_start) = (None, Line::Ended, 0, false);
    }

    /// A comment, with nothing at the ends of its lines.
    fn comment(&mut self, comment: &Comment<'_>) {
        for (index, line) in comment.text.split_str("\n").enumerate() {
            if index > 0 {
                self.end_line();
            }
            self.out.extend_from_slice(line.trim_end_with(|c| c.is_ascii_whitespace()));
        }
    }

    fn end_line(&mut self) {
        self.out.extend_from_slice(self.newline.as_bytes());
    }

    /// A new line, with a blank one before it where there was one or more.
    fn begin_line(&mut self, depth: usize) {
        if self.line != Line::Empty {
            self.end_line();
            if self.newlines > 1 && !self.at_start {
                self.end_line();
            }
        }
        self.indent(depth);
        (self.line, self.newlines, self.at_start) = (Line::Ended, 0, false);
    }

    /// A new line within a statement.
    fn continue_line(&mut self) {
        self.end_line();
        self.indent(self.depth + 1);
    }

    fn indent(&mut self, depth: usize) {
        self.out.extend(self.indent.iter().cycle().take(self.indent.len() * depth));
    }
}

/// The blanks that most statements of the outermost blocks stand behind.
fn dominant_indent(conf: &JailConf) -> &[u8] {
    let mut depth = 0usize;
    let mut seen: Vec<(&BStr, usize)> = Vec::new();
    for item in &conf.statements.items {
        let start = match item {
            Item::Close { .. } => {
                depth = depth.saturating_sub(1);
                continue;
            }
            Item::Open { start, .. } => {
                depth += 1;
                (depth == 2).then_some(*start as usize)
            }
            Item::Param(param) => (depth == 1).then_some(param.span.start()),
        };
        let Some(blanks) = start.and_then(|start| conf.line_blanks(start)) else { continue };
        let is_even = blanks == "\t" || (1..=WIDEST).contains(&blanks.len()) && blanks.bytes().all(|byte| byte == b' ');
        if !is_even {
            continue;
        }
        match seen.iter_mut().find(|(known, _)| *known == blanks.as_bytes()) {
            Some((_, count)) => *count += 1,
            None => seen.push((blanks.into(), 1)),
        }
    }
    // Of several that are as frequent, the first.
    let most = seen.iter().map(|&(_, count)| count).max();
    seen.iter().find(|&&(_, count)| Some(count) == most).map_or(INDENT, |&(blanks, _)| blanks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formatted(text: &str) -> String {
        let conf = JailConf::parse(&Source::new("jail.conf", text)).unwrap();
        String::from_utf8(conf.formatted().unwrap()).unwrap()
    }

    #[test]
    fn a_file_gets_an_even_layout_and_keeps_it() {
        for (text, after) in [
            ("", ""),
            (" \n\n", ""),
            ("a=1;b;\n", "a = 1;\nb;\n"),
            ("a  +=  1 ,2;", "a += 1, 2;\n"),
            ("a 1 ;", "a 1;\n"),
            ("w{a;}", "w {\n    a;\n}\n"),
            ("w\n{\n\ta;\n  b;\n\tc;\n  }\n;\n", "w {\n\ta;\n\tb;\n\tc;\n}\n"),
            ("w { }\n\n\n\nv { }", "w {\n}\n\nv {\n}\n"),
            ("w {\n\n  a;\n\n}", "w {\n  a;\n}\n"),
            ("w {\n  v { a; }\n}", "w {\n  v {\n    a;\n  }\n}\n"),
            ("# one  \n\n\n# two\na; # three\t\n", "# one\n\n# two\na; # three\n"),
            ("a;   // why\nb;\t/* c */ # d\n", "a;   // why\nb;\t/* c */ # d\n"),
            ("/* c */ a; /* d\n    e */ b;\n", "/* c */ a; /* d\n    e */\nb;\n"),
            ("/* c */\na;", "/* c */\na;\n"),
            ("w { # why\n\n a; }", "w { # why\n a;\n}\n"),
            ("w # why\n{ a; }", "w # why\n    {\n    a;\n}\n"),
            ("a = 1, # one\n2, /* two */ 3\n;", "a = 1, # one\n    2, /* two */ 3;\n"),
            ("a =\n  1,\n  2;", "a =\n    1,\n    2;\n"),
            ("a = \"x$y\"  ;b=\"${c}\",'d'e$f;", "a = \"x$y\";\nb = \"${c}\", 'd'e$f;\n"),
            ("w { /* c */ }", "w { /* c */\n}\n"),
            ("a;\r\n\r\n\r\nb;\r\n", "a;\r\n\r\nb;\r\n"),
            ("a = 'x\n\n\n  y';", "a = 'x\n\n\n  y';\n"),
            ("a; b;;; # c\n", "a;\nb; # c\n"),
            (".include   \"x\" ;", ".include \"x\";\n"),
            ("a;\u{e9} b  =  1", "a;\n\u{e9} b  =  1"),
        ] {
            assert_eq!(formatted(text), after, "{text:?}");
            assert_eq!(formatted(after), after, "a second time changes nothing: {text:?}");
        }
    }
}
