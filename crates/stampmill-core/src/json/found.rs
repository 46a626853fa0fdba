//! Where in a document stands what was asked for.

use super::reads::{Compiled, KeyStart, NOTHING, Scope, Slot, State, StateId};

/// From where to where, in bytes of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

/// Filled by [`super::scan`], and used again for each document.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// One for each scope.
    tables: Vec<Table>,
    /// Values that some masks hide, in the order of their ends.
    masked: Vec<(usize, Span)>,
    /// White space between tokens, in order.
    pub(super) gaps: Vec<Span>,
    pub(super) frames: Vec<Frame>,
}

/// What was found in one scope.
#[derive(Clone, Debug, Default)]
struct Table {
    /// One row behind the other.
    cells: Vec<Span>,
    /// Where the row begins that is being filled.
    filling: usize,
    /// Where the rows begin of the list that is being read.
    list: usize,
}

/// An array or object that is open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) state: StateId,
    pub(super) start: u32,
    /// Of the element that is being read.
    pub(super) element: u32,
    pub(super) within: Inside,
}

/// What a value stands in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inside {
    /// [`NOTHING`] if nothing is read of what is in it.
    pub(super) state: StateId,
    pub(super) is_object: bool,
    /// All of it is checked, for it is part of what is copied.
    pub(super) is_read: bool,
}

/// One row of a scope: what was found of the document, or of one item of a list.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    scope: Scope,
    start: usize,
}

/// The rows of one list, in order.
#[derive(Clone, Copy, Debug)]
pub struct Rows {
    items: Scope,
    next: usize,
    end: usize,
    width: usize,
}

const MISSING: Span = Span { start: u32::MAX, end: u32::MAX };

// === impl Found ===

impl Found {
    /// Of no document yet.
    pub const fn new() -> Self {
        Self { tables: Vec::new(), masked: Vec::new(), gaps: Vec::new(), frames: Vec::new() }
    }

    /// What stands there, if anything does. `row` is of the slot's scope.
    #[inline]
    pub fn at(&self, row: Row, slot: Slot) -> Option<Span> {
        debug_assert_eq!(row.scope, slot.scope, "a slot is read in a row of its own scope");
        let span = self.tables[slot.scope.0].cells[row.start + slot.place];
        (span != MISSING).then_some(span)
    }

    pub fn document(&self) -> Row {
        Row { scope: Scope::DOCUMENT, start: 0 }
    }

    /// The items of the list whose rows `slot` keeps; none if there is no array or object.
    pub fn rows(&self, row: Row, slot: Slot, items: Scope, reads: &Compiled) -> Rows {
        let rows = self.at(row, slot).unwrap_or(Span { start: 0, end: 0 });
        Rows { items, next: rows.start as usize, end: rows.end as usize, width: reads.scopes[items.0] }
    }

    /// Appends a part of the document without insignificant white space.
    #[inline]
    pub fn copy(&self, document: &[u8], span: Span, out: &mut Vec<u8>) {
        if self.gaps.is_empty() {
            out.extend_from_slice(&document[span.range()]);
            return;
        }
        self.copy_around_gaps(document, span, out);
    }

    #[inline(never)]
    fn copy_around_gaps(&self, document: &[u8], span: Span, out: &mut Vec<u8>) {
        let first = self.gaps.partition_point(|gap| gap.start < span.start);
        let mut copied = span.start as usize;
        for gap in self.gaps[first..].iter().take_while(|gap| gap.start < span.end) {
            out.extend_from_slice(&document[copied..gap.start as usize]);
            copied = gap.end as usize;
        }
        out.extend_from_slice(&document[copied..span.end as usize]);
    }

    /// A value without insignificant white space, and with `"***"` for all that the mask hides.
    pub fn masked(&self, document: &[u8], span: Span, mask: usize) -> Vec<u8> {
        const HIDDEN: &[u8] = b"\"***\"";
        let mut hidden: Vec<Span> = self.masked.iter().filter(|(of, _)| *of == mask).map(|(_, span)| *span).collect();
        if hidden.iter().any(|hidden| hidden.start <= span.start && span.end <= hidden.end) {
            return HIDDEN.to_vec();
        }
        hidden.sort_unstable_by_key(|hidden| hidden.start);
        let mut out = Vec::with_capacity(span.range().len());
        let mut copied = span.start;
        for hidden in hidden {
            if copied <= hidden.start && hidden.end <= span.end {
                self.copy(document, Span { start: copied, end: hidden.start }, &mut out);
                out.extend_from_slice(HIDDEN);
                copied = hidden.end;
            }
        }
        self.copy(document, Span { start: copied, end: span.end }, &mut out);
        out
    }

    /// What Handlebars takes for something: not null, false, 0, or empty.
    pub fn is_something(&self, document: &[u8], span: Span, include_zero: bool) -> bool {
        match &document[span.range()] {
            [b'{' | b'[', rest @ ..] => !matches!(rest.trim_ascii_start(), [b'}' | b']', ..]),
            [b'"', rest @ ..] => rest != b"\"",
            [b'n' | b'f', ..] => false,
            [b't', ..] => true,
            number => include_zero || !super::is_zero(number),
        }
    }

    /// Whether a part of the document holds no insignificant white space.
    #[inline]
    pub fn is_compact(&self, span: Span) -> bool {
        if self.gaps.is_empty() {
            return true;
        }
        let first = self.gaps.partition_point(|gap| gap.start < span.start);
        self.gaps.get(first).is_none_or(|gap| gap.start >= span.end)
    }

    pub(super) fn begin(&mut self, reads: &Compiled) {
        let scopes = reads.scopes.len();
        self.tables.resize_with(scopes, Table::default);
        self.tables.iter_mut().for_each(|table| table.cells.clear());
        self.masked.clear();
        self.gaps.clear();
        self.frames.clear();
        self.begin_row(reads, Scope::DOCUMENT);
    }

    pub(super) fn begin_row(&mut self, reads: &Compiled, scope: Scope) {
        let table = &mut self.tables[scope.0];
        table.filling = table.cells.len();
        table.cells.resize(table.filling + reads.scopes[scope.0], MISSING);
    }

    /// A value of this state begins: what was found under the same key before does not count.
    #[inline(always)]
    pub(super) fn enter(&mut self, reads: &Compiled, state: StateId) {
        let state = &reads.states[state as usize];
        let is_kept = *self.slot(state.slot) != MISSING;
        if is_kept || state.more_slots.iter().any(|slot| *self.slot(*slot) != MISSING) {
            state.below.iter().for_each(|slot| *self.slot(*slot) = MISSING);
        }
    }

    #[inline(never)]
    pub(super) fn keep(&mut self, reads: &Compiled, state: StateId, span: Span) {
        let state = &reads.states[state as usize];
        *self.slot(state.slot) = span;
        for slot in &state.more_slots {
            *self.slot(*slot) = span;
        }
        for mask in &state.masks {
            self.masked.push((*mask, span));
        }
    }

    pub(super) fn begin_lists(&mut self, reads: &Compiled, state: StateId) {
        for (_, items) in &reads.states[state as usize].lists {
            let table = &mut self.tables[items.0];
            table.list = table.cells.len();
        }
    }

    pub(super) fn end_lists(&mut self, reads: &Compiled, state: StateId) {
        for (rows, items) in &reads.states[state as usize].lists {
            let table = &self.tables[items.0];
            let span = Span::new(table.list, table.cells.len());
            *self.slot(*rows) = span;
        }
    }

    /// The state of a member of the innermost object, whose key has no escapes left.
    #[inline(always)]
    pub(super) fn member(
        &mut self,
        reads: &Compiled,
        inside: StateId,
        (key, start): (&[u8], KeyStart),
        at: Span,
    ) -> StateId {
        let state = &reads.states[inside as usize];
        if !state.lists.is_empty() {
            self.begin_items(reads, state, Some(at));
        }
        let field = state.fields.iter().find(|field| field.is(start, key));
        self.entered(reads, field.map_or(state.other, |field| field.next))
    }

    #[inline(never)]
    fn begin_items(&mut self, reads: &Compiled, state: &State, key: Option<Span>) {
        for (_, items) in &state.lists {
            self.begin_row(reads, *items);
            if let Some(key) = key {
                *self.slot(items.key()) = key;
            }
        }
    }

    pub(super) fn element(&mut self, reads: &Compiled, inside: StateId, place: u32) -> StateId {
        let state = &reads.states[inside as usize];
        self.begin_items(reads, state, None);
        let element = state.elements.iter().find(|(known, _)| *known == place);
        self.entered(reads, element.map_or(state.other, |(_, next)| *next))
    }

    #[inline(always)]
    fn entered(&mut self, reads: &Compiled, state: StateId) -> StateId {
        if state != NOTHING {
            self.enter(reads, state);
        }
        state
    }

    #[inline(always)]
    fn slot(&mut self, slot: Slot) -> &mut Span {
        let table = &mut self.tables[slot.scope.0];
        &mut table.cells[table.filling + slot.place]
    }
}

// === impl Inside ===

impl Inside {
    /// In no array or object.
    pub(super) const DOCUMENT: Self = Self { state: NOTHING, is_object: false, is_read: false };
}

// === impl Span ===

impl Span {
    /// Of a document that is not longer than [`super::MAX_LENGTH`].
    #[allow(clippy::cast_possible_truncation, reason = "no document is longer")]
    pub(super) fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

// === impl Rows ===

impl Rows {
    /// How many are left.
    pub fn len(&self) -> usize {
        (self.end - self.next) / self.width
    }

    pub fn is_empty(&self) -> bool {
        self.next == self.end
    }
}

impl Iterator for Rows {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        let row = Row { scope: self.items, start: self.next };
        (self.next < self.end).then(|| {
            self.next += self.width;
            row
        })
    }
}
