//! A directive in a prompt steers the answer to it, through any gateway in between:
//!
//! ```text
//! @sim n=qrx c=50 d=20ms f=300ms;
//! ```
//!
//! It starts with the word `@sim` and goes on to the next `;`, the end of the line, or the end of the text. Fields stand
//! in any order, each at most once, parted by spaces:
//!
//! | field | means |
//! |---|---|
//! | `n` | a nonce (1 to 64 of `A-Z a-z 0-9 _ -`): the answer begins with it, and its words follow from it alone |
//! | `c` | content chunks, 1 to 100,000: as many words; `sim-echo` cuts the echoed text into as many pieces |
//! | `d` | time between events, 0 to 60 s, as `20ms`, `500us` or `2s` |
//! | `f` | time before the first byte, likewise |
//!
//! What is not of this form is an error, which the caller sees as 400: a misspelt directive would make a load test lie.

use std::time::Duration;

/// Bound on `c`.
pub const MAX_CHUNKS: usize = 100_000;
/// Bound on `d` and `f`.
pub const MAX_DELAY: Duration = Duration::from_secs(60);
const MAX_NONCE: usize = 64;
const MARK: &str = "@sim";

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directive {
    pub nonce: Option<String>,
    pub chunks: Option<usize>,
    pub delay: Option<Duration>,
    pub first: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("`@sim`: more than one directive in a message")]
    Second,
    #[error("`@sim`: a field must be `n=`, `c=`, `d=` or `f=` and its value")]
    Field,
    #[error("`@sim`: field `{0}` is given twice")]
    Twice(char),
    #[error("`@sim`: the value of `{field}` must be {must}")]
    Value { field: char, must: &'static str },
    #[error("`@sim`: no field is given")]
    Empty,
}

impl Directive {
    /// The directive in a message, if it has one.
    pub fn find(text: &str) -> Result<Option<Self>, Malformed> {
        let mut found = None;
        for (at, _) in text.match_indices(MARK) {
            let starts_word = text[..at].chars().next_back().is_none_or(char::is_whitespace);
            let rest = &text[at + MARK.len()..];
            // `@simon` is a name, not a directive.
            if !starts_word || !rest.chars().next().is_none_or(|c| c.is_whitespace() || c == ';') {
                continue;
            }
            if found.is_some() {
                return Err(Malformed::Second);
            }
            let end = rest.find([';', '\n']).unwrap_or(rest.len());
            found = Some(Self::parse(&rest[..end])?);
        }
        Ok(found)
    }

    fn parse(fields: &str) -> Result<Self, Malformed> {
        let mut directive = Self::default();
        for field in fields.split_whitespace() {
            let (name, value) = field.split_once('=').ok_or(Malformed::Field)?;
            match name {
                "n" => set(&mut directive.nonce, 'n', nonce(value)?)?,
                "c" => set(&mut directive.chunks, 'c', chunks(value)?)?,
                "d" => set(&mut directive.delay, 'd', delay('d', value)?)?,
                "f" => set(&mut directive.first, 'f', delay('f', value)?)?,
                _ => return Err(Malformed::Field),
            }
        }
        if directive == Self::default() { Err(Malformed::Empty) } else { Ok(directive) }
    }
}

fn set<T>(slot: &mut Option<T>, field: char, value: T) -> Result<(), Malformed> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Malformed::Twice(field)),
    }
}

fn nonce(value: &str) -> Result<String, Malformed> {
    let fits = (1..=MAX_NONCE).contains(&value.len())
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if fits { Ok(value.to_owned()) } else { Err(Malformed::Value { field: 'n', must: "1 to 64 of A-Z a-z 0-9 _ -" }) }
}

fn chunks(value: &str) -> Result<usize, Malformed> {
    let number = digits(value).and_then(|n| usize::try_from(n).ok()).filter(|n| (1..=MAX_CHUNKS).contains(n));
    number.ok_or(Malformed::Value { field: 'c', must: "1 to 100000" })
}

fn delay(field: char, value: &str) -> Result<Duration, Malformed> {
    let (number, micros) = match value {
        v if v.ends_with("ms") => (&v[..v.len() - 2], 1_000),
        v if v.ends_with("us") => (&v[..v.len() - 2], 1),
        v => (v.strip_suffix('s').unwrap_or(""), 1_000_000),
    };
    let delay = digits(number).and_then(|n| n.checked_mul(micros)).map(Duration::from_micros);
    delay.filter(|d| *d <= MAX_DELAY).ok_or(Malformed::Value { field, must: "0 to 60 s, as 20ms, 500us or 2s" })
}

/// Digits alone: the number parser of the standard library also takes a sign.
fn digits(value: &str) -> Option<u64> {
    let all = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    if all { value.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Option<Duration> {
        Some(Duration::from_millis(n))
    }

    #[test]
    fn a_directive_stands_anywhere_and_ends_at_a_semicolon_line_or_text_end() {
        let whole = Directive { nonce: Some("a-B_9".into()), chunks: Some(50), delay: ms(20), first: ms(2000) };
        for text in [
            "@sim n=a-B_9 c=50 d=20ms f=2s",
            "Hello @sim c=50 n=a-B_9  f=2s d=20000us; and on",
            "x\n@sim d=20ms n=a-B_9 f=2000ms c=50\nmore c=1",
        ] {
            assert_eq!(Directive::find(text), Ok(Some(whole.clone())), "{text}");
        }
    }

    #[test]
    fn text_without_the_mark_has_none() {
        for text in ["", "sim c=1", "me@sim.example c=1", "@simon says c=1", "a@sim c=1"] {
            assert_eq!(Directive::find(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn what_is_not_of_the_form_is_refused() {
        let value = |text| matches!(Directive::find(text), Err(Malformed::Value { .. }));
        for text in [
            "@sim c=0",
            "@sim c=100001",
            "@sim c=+5",
            "@sim c=-1",
            "@sim c=",
            "@sim c=5.0",
            "@sim c=99999999999999999999",
            "@sim d=20",
            "@sim d=ms",
            "@sim d=61s",
            "@sim d=60001ms",
            "@sim d=1m",
            "@sim d=18446744073709551615s",
            "@sim f=1.5s",
            "@sim n=",
            "@sim n=a.b",
            "@sim n=é",
        ] {
            assert!(value(text), "{text}: {:?}", Directive::find(text));
        }
        assert_eq!(Directive::find("@sim c=5 c=5"), Err(Malformed::Twice('c')));
        assert_eq!(Directive::find("@sim c=5 please"), Err(Malformed::Field));
        assert_eq!(Directive::find("@sim chunks=5"), Err(Malformed::Field));
        assert_eq!(Directive::find("@sim"), Err(Malformed::Empty));
        assert_eq!(Directive::find("@sim c=5; @sim c=6"), Err(Malformed::Second));
    }

    #[test]
    fn the_bounds_themselves_are_allowed() {
        let found = Directive::find("@sim c=100000 d=60s f=0ms").unwrap().unwrap();
        assert_eq!((found.chunks, found.delay, found.first), (Some(MAX_CHUNKS), Some(MAX_DELAY), ms(0)));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "(.{0,20}@sim[ a-z=0-9;µ]{0,40}){0,3}") {
            let _ = Directive::find(&text);
        }
    }
}
