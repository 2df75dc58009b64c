//! JSON lines in, JSON lines out: one answer a line, also for lines that cannot be used.

use std::io::{BufRead, Read, Write};

use anyhow::Context;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The longest line that is read. A longer one is answered with an error and skipped.
const MAX_LINE_BYTES: usize = 64 << 20;

/// Why a line cannot be answered.
pub(crate) type Unusable = String;

/// Every line has at least this. The id goes back as it was spelled.
#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
}

/// Answers each line with the fields that `answer` gives (the inside of a JSON object, without the id).
///
/// Fails only where the input cannot be read or the output not be written.
pub(crate) fn answer_lines(
    mut input: impl BufRead,
    mut output: impl Write,
    mut answer: impl FnMut(&str) -> Result<serde_json::Map<String, serde_json::Value>, Unusable>,
) -> anyhow::Result<()> {
    let mut line = Vec::new();
    let mut first = true;
    while let Some(complete) = read_line(&mut input, &mut line).context("cannot read the input")? {
        if complete && line.trim_ascii().is_empty() {
            continue;
        }
        // Some editors begin a file with a byte order mark.
        let line =
            if std::mem::take(&mut first) { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line) } else { &line[..] };
        let (id, answered) = match std::str::from_utf8(line) {
            _ if !complete => ("null", Err(format!("longer than {MAX_LINE_BYTES} bytes"))),
            Err(_) => ("null", Err("not UTF-8".into())),
            Ok(text) if !text.trim_start().starts_with('{') => ("null", Err("not a JSON object".into())),
            Ok(text) => match serde_json::from_str::<Named<'_>>(text) {
                Err(error) => ("null", Err(unusable(&error))),
                Ok(named) => (named.id.map_or("null", RawValue::get), answer(text)),
            },
        };
        let fields = answered.unwrap_or_else(|why| [("error".to_owned(), why.into())].into_iter().collect());
        let rest = serde_json::Value::Object(fields).to_string();
        // `{"id":…` and then the fields without their brace.
        let comma = if rest.len() > 2 { "," } else { "" };
        // Each answer goes out at once: who waits for it before the next line must not wait for ever.
        let written = writeln!(output, "{{\"id\":{id}{comma}{}", &rest[1..]).and_then(|()| output.flush());
        written.context("cannot write the output")?;
    }
    Ok(())
}

/// What is wrong with a line, without its content.
pub(crate) fn unusable(error: &serde_json::Error) -> Unusable {
    match error.classify() {
        serde_json::error::Category::Data => {
            format!("a field is missing or of the wrong type (column {})", error.column())
        }
        _ => format!("not JSON (column {})", error.column()),
    }
}

/// Reads a line without its end; `Some(false)` where it was too long and was skipped, `None` at the end of the input.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<Option<bool>> {
    line.clear();
    let limit = u64::try_from(MAX_LINE_BYTES).unwrap_or(u64::MAX) + 1;
    if input.take(limit).read_until(b'\n', line)? == 0 {
        return Ok(None);
    }
    let ended = line.last() == Some(&b'\n');
    if ended || line.len() <= MAX_LINE_BYTES {
        line.truncate(line.len() - usize::from(ended));
        return Ok(Some(true));
    }
    line.clear();
    line.shrink_to_fit();
    // Skips to the line's end by the buffer, which is small.
    loop {
        let buffer = input.fill_buf()?;
        let (used, done) = match buffer.iter().position(|b| *b == b'\n') {
            Some(end) => (end + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        input.consume(used);
        if done {
            return Ok(Some(false));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(input: &[u8]) -> Vec<String> {
        let mut output = Vec::new();
        answer_lines(input, &mut output, |text| match text.contains("bad") {
            true => Err("no".into()),
            false => Ok([("ok".to_owned(), true.into())].into_iter().collect()),
        })
        .unwrap();
        String::from_utf8(output).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn ids_come_back_as_they_were_spelled() {
        for id in ["\"a\\u00e9\"", "7", "1.50", "12345678901234567890123", "null", "[1, 2]"] {
            assert_eq!(
                answers(format!("{{\"x\": 1, \"id\": {id}}}").as_bytes()),
                [format!("{{\"id\":{id},\"ok\":true}}")]
            );
        }
    }

    #[test]
    fn every_unusable_line_is_answered_and_the_rest_goes_on() {
        let lines = answers(b"{\"id\":1}\nnonsense\n\n{\"id\":2,\"bad\":1}\r\n\xff\n[7]\n{}\n{\"id\":3}");
        assert_eq!(lines.len(), 7);
        assert_eq!(lines[0], "{\"id\":1,\"ok\":true}");
        assert!(lines[1].starts_with("{\"id\":null,\"error\":\"not a JSON object"));
        assert_eq!(lines[2], "{\"id\":2,\"error\":\"no\"}");
        assert_eq!(lines[3], "{\"id\":null,\"error\":\"not UTF-8\"}");
        assert!(lines[4].starts_with("{\"id\":null,\"error\""));
        assert_eq!(lines[5], "{\"id\":null,\"ok\":true}");
        assert_eq!(lines[6], "{\"id\":3,\"ok\":true}");
    }

    #[test]
    fn a_line_over_the_limit_is_skipped_and_the_next_is_read() {
        let long = format!("{{\"id\":1,\"x\":\"{}\"}}\n{{\"id\":2}}\n", "x".repeat(MAX_LINE_BYTES));
        let lines = answers(long.as_bytes());
        assert!(lines[0].starts_with("{\"id\":null,\"error\":\"longer than"));
        assert_eq!(lines[1], "{\"id\":2,\"ok\":true}");
    }
}
