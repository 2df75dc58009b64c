use weir_pricing::PriceTable;

use crate::config::Around;
use crate::reader::{Report, Section};

/// The table that the file names, or the one that ships with Weir.
pub(crate) fn read(mut section: Section<'_, '_>, around: &Around<'_>, report: &mut Report) -> PriceTable {
    let file = section.get("file");
    section.finish(report);
    let table = file.and_then(|value| {
        let text = match (around.read)(value.text(report)?) {
            Ok(text) => text,
            Err(error) => return value.wrong(report, &format!("cannot be read: {}", error.kind())),
        };
        PriceTable::parse(&text).map_or_else(|error| value.wrong(report, &error.to_string()), Some)
    });
    table.unwrap_or_else(PriceTable::builtin)
}
