//! Answers for people: a table that fits the terminal and cannot play tricks with it.

use std::borrow::Cow;
use std::io::{self, Write};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use weir_sql::output::{is_number, text};
use weir_sql::{RecordBatch, SchemaRef};

/// Letters of a cell: a prompt of a megabyte is better read with `--format jsonl`.
const CELL: usize = 240;

/// Collects rows until all widths are known.
pub(super) struct Drawing {
    table: Table,
    rows: u64,
}

impl Drawing {
    pub(super) fn new(schema: &SchemaRef) -> Self {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(schema.fields().iter().map(|field| cell(field.name())));
        for (at, field) in schema.fields().iter().enumerate() {
            if is_number(field.data_type())
                && let Some(column) = table.column_mut(at)
            {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        Self { table, rows: 0 }
    }

    pub(super) fn batch(&mut self, batch: &RecordBatch) {
        for row in 0..batch.num_rows() {
            let cells = batch.columns().iter().map(|column| text(column.as_ref(), row));
            self.table.add_row(cells.map(|text| text.map(|text| cell(&text)).unwrap_or_default()));
            self.rows += 1;
        }
    }

    pub(super) fn finish(self, out: &mut impl Write, truncated: bool) -> io::Result<()> {
        writeln!(out, "{}", self.table.trim_fmt())?;
        match (self.rows, truncated) {
            (1, false) => writeln!(out, "(1 row)")?,
            (rows, false) => writeln!(out, "({rows} rows)")?,
            (rows, true) => writeln!(out, "(the first {rows} rows; --max-rows shows more)")?,
        }
        out.flush()
    }
}

fn cell(text: &str) -> String {
    let shown = printable(text);
    match shown.char_indices().nth(CELL) {
        Some((cut, _)) => format!("{}…", &shown[..cut]),
        None => shown.into_owned(),
    }
}

/// The text on one line, with what a terminal would obey, or hide, spelled out.
fn printable(text: &str) -> Cow<'_, str> {
    spell_out(text, |c| is_command(c) || matches!(c, '\n' | '\r' | '\t'))
}

/// The same, with lines left as they are.
pub(super) fn harmless(text: &str) -> Cow<'_, str> {
    spell_out(text, is_command)
}

fn spell_out(text: &str, spelled: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&spelled) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' if spelled(c) => shown.push_str("\\n"),
            '\r' if spelled(c) => shown.push_str("\\r"),
            '\t' if spelled(c) => shown.push_str("\\t"),
            // As JSON spells it, so that JSON stays JSON.
            c if spelled(c) => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    shown.push_str(&format!("\\u{unit:04x}"));
                }
            }
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

// Controls (escape sequences), direction overrides (text that reads otherwise than it is), and tags (text that is not seen).
fn is_command(c: char) -> bool {
    let layout = matches!(c, '\n' | '\r' | '\t');
    let hidden = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{e0000}'..='\u{e007f}');
    (c.is_control() && !layout) || hidden
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_cannot_move_the_cursor_or_hide() {
        assert_eq!(printable("a\u{1b}[2Jb\n\u{9b}31m\u{202e}x"), "a\\u001b[2Jb\\n\\u009b31m\\u202ex");
        assert_eq!(printable("\u{e0041}"), "\\udb40\\udc41");
        assert_eq!(harmless("{\"a\":\"\u{7f}\"}\r\n"), "{\"a\":\"\\u007f\"}\r\n");
        assert!(matches!(printable("plain grün 你好"), Cow::Borrowed(_)));
    }

    #[test]
    fn long_cells_are_cut_between_letters() {
        let shown = cell(&"ü".repeat(1_000));
        assert_eq!(shown.chars().count(), CELL + 1);
        assert!(shown.ends_with('…'));
        assert_eq!(cell("short"), "short");
    }
}
