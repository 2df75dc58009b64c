//! Server-sent events out of bytes that arrive in pieces: the `data` of each event, as WHATWG's standard cuts them.

/// Bytes of an event that is not complete yet.
#[derive(Default)]
pub(super) struct EventReader {
    remainder: Vec<u8>,
}

impl EventReader {
    pub(super) fn held_bytes(&self) -> usize {
        self.remainder.len()
    }

    /// Takes a piece, gives the data of the events that it completes.
    pub(super) fn push(&mut self, piece: &[u8]) -> Vec<String> {
        self.remainder.extend_from_slice(piece);
        let mut events = Vec::new();
        let mut taken = 0;
        while let Some((event, end)) = next_event(&self.remainder[taken..]) {
            events.extend(data_of(event));
            taken += end;
        }
        self.remainder.drain(..taken);
        events
    }

    /// Takes what is left: at the end of an answer it stands for an event without its blank line.
    pub(super) fn take_rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.remainder)
    }
}

/// The data of an event; `None` where it has none.
pub(super) fn data_of(event: &[u8]) -> Option<String> {
    let mut data: Option<Vec<u8>> = None;
    for line in lines(event) {
        let Some(value) = line.strip_prefix(b"data") else { continue };
        let value = match value {
            [] => value,
            [b':', b' ', rest @ ..] | [b':', rest @ ..] => rest,
            _ => continue,
        };
        match &mut data {
            None => data = Some(value.to_vec()),
            Some(data) => {
                data.push(b'\n');
                data.extend_from_slice(value);
            }
        }
    }
    data.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn lines(event: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = event;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (line, end) = next_line(rest).unwrap_or((rest, rest.len()));
        rest = &rest[end..];
        Some(line)
    })
}

/// The next line and where the one after it begins. A line ends in CR LF, LF or CR.
fn next_line(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let at = bytes.iter().position(|b| matches!(b, b'\n' | b'\r'))?;
    let crlf = bytes[at] == b'\r' && bytes.get(at + 1) == Some(&b'\n');
    Some((&bytes[..at], at + 1 + usize::from(crlf)))
}

/// The next event (up to its blank line) and where the one after it begins.
fn next_event(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let mut start = 0;
    loop {
        let (line, end) = next_line(&bytes[start..])?;
        if line.is_empty() {
            return Some((&bytes[..start], start + end));
        }
        start += end;
    }
}
