//! Where the parts of a template stand in its source.

/// Follows a template in the order of its source.
///
/// The handlebars crate says exactly where a tag begins. Around a text it takes white space away, so that a text is
/// looked for from the end of what was before it.
pub(super) struct Cursor<'a> {
    source: &'a str,
    at: usize,
}

// === impl Cursor ===

impl<'a> Cursor<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        Self { source, at: 0 }
    }

    /// The byte that a tag begins at; what follows is behind it.
    pub(super) fn tag(&mut self, line_and_column: Option<(usize, usize)>) -> usize {
        let start = line_and_column.map_or(self.at, |(line, column)| byte_at(self.source, line, column));
        let rest = &self.source[start..];
        self.at = start + rest.find("}}").map_or(rest.len(), |end| end + 2);
        start
    }

    /// The byte that a text begins at, which ends before the next tag beside it.
    pub(super) fn text(&mut self, text: &str, next: Option<(usize, usize)>) -> usize {
        let next = next.map(|(line, column)| byte_at(self.source, line, column));
        let region = self.source.get(self.at..next.unwrap_or(self.source.len())).unwrap_or_default();
        let found = if next.is_some() { region.rfind(text) } else { region.find(text) };
        let start = self.at + found.unwrap_or(0);
        self.at = if found.is_some() { start + text.len() } else { self.at };
        start
    }
}

/// The byte at a line and a column in characters, both from 1.
pub(super) fn byte_at(source: &str, line: usize, column: usize) -> usize {
    let mut lines = source.split_inclusive('\n');
    let before: usize = lines.by_ref().take(line.saturating_sub(1)).map(str::len).sum();
    let line = lines.next().unwrap_or_default();
    before + line.char_indices().nth(column.saturating_sub(1)).map_or(line.len(), |(at, _)| at)
}
