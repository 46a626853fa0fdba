//! Rows in columns.

use std::io::{IsTerminal, Write, stdout};

use crate::commands::bytes::cut;

/// The last column is cut to the width, where there is one.
pub(super) struct Table<const COLUMNS: usize> {
    head: [&'static str; COLUMNS],
    rows: Vec<[String; COLUMNS]>,
}

const NARROWEST: usize = 20;
const WHERE_NOT_TOLD: usize = 120;

/// How wide lines may be: a file or a pipe takes them whole.
pub(super) fn width() -> Option<usize> {
    let told = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    stdout().is_terminal().then(|| told.unwrap_or(WHERE_NOT_TOLD))
}

// === impl Table ===

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub(super) fn new(head: [&'static str; COLUMNS]) -> Self {
        Self { head, rows: Vec::new() }
    }

    pub(super) fn push(&mut self, row: [String; COLUMNS]) {
        self.rows.push(row);
    }

    pub(super) fn write(&self, width: Option<usize>, out: &mut dyn Write) -> std::io::Result<()> {
        let widths: [usize; COLUMNS] = std::array::from_fn(|column| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.chain([self.head[column].len()]).max().unwrap_or_default()
        });
        write_row(&self.head.map(str::to_owned), &widths, width, out)?;
        self.rows.iter().try_for_each(|row| write_row(row, &widths, width, out))
    }
}

fn write_row<const COLUMNS: usize>(
    row: &[String; COLUMNS],
    widths: &[usize; COLUMNS],
    width: Option<usize>,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let mut line = String::new();
    for (cell, width) in row.iter().zip(widths).take(COLUMNS - 1) {
        line.push_str(&format!("{cell:<width$}  "));
    }
    let left = width.map(|width| width.saturating_sub(line.chars().count()).max(NARROWEST));
    line.push_str(&cut(&row[COLUMNS - 1], left));
    writeln!(out, "{}", line.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(width: Option<usize>) -> String {
        let mut table = Table::new(["A", "REASON"]);
        table.push(["0:1".into(), "é".repeat(30)]);
        table.push(["10:1234".into(), "short".into()]);
        let mut out = Vec::new();
        table.write(width, &mut out).expect("a vector takes all");
        String::from_utf8(out).expect("is UTF-8")
    }

    #[test]
    fn columns_are_as_wide_as_they_must_be() {
        let whole = "é".repeat(30);
        assert_eq!(written(None), format!("A        REASON\n0:1      {whole}\n10:1234  short\n"));
    }

    #[test]
    fn the_last_column_is_cut() {
        let line = written(Some(34)).lines().nth(1).expect("a row").to_owned();
        assert_eq!((line.chars().count(), line.chars().last()), (34, Some('…')));
        let line = written(Some(5)).lines().nth(1).expect("a row").to_owned();
        assert_eq!(line.chars().count(), 9 + NARROWEST, "something is left of it however narrow it is");
    }
}
