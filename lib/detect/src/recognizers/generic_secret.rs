//! Values that their labels give away: `password = …`, `"client_secret": "…"`.

use crate::byte_set::ByteSet;
use crate::checksum::entropy;
use crate::finding::Category;
use crate::recognizer::{Candidate, Hit, Recognizer};

pub(crate) const GENERIC_SECRET: Recognizer = Recognizer {
    name: "generic_secret",
    kind: "generic_secret",
    category: Category::Secret,
    pattern: r#"(?i:password|passwd|passphrase|pwd|client[_-]?secret|secret[_-]?key|secret|api[_-]?key|apikey|access[_-]?token|auth[_-]?token|access[_-]?key|private[_-]?key|encryption[_-]?key|bearer[_-]?token)(?:\\?["'])?[ \t]{0,3}(?:=>|:=|=|:)[ \t]{0,3}(?:\\?["'])?[A-Za-z0-9!#$%&*+./=?@^_~-]{8,128}"#,
    not_after: ByteSet::ALNUM,
    not_before: ByteSet::ALNUM.with(b"!#$%&*+/=?@^_~-("),
    lookahead: 0,
    check,
    tail: None,
    positive: &[
        ("DB_PASSWORD=h7Gk29!sLq0", "h7Gk29!sLq0"),
        (r#"{"client_secret": "q8Zt-42LmNo_pQr7"}"#, "q8Zt-42LmNo_pQr7"),
        ("api_key: 9f8e7d6c5b4a39281706f5e4d3c2b1a0", "9f8e7d6c5b4a39281706f5e4d3c2b1a0"),
    ],
    negative: &[
        "password: changeme",
        "password = os.environ.get",
        "secret: your_secret_here1",
        "password=********",
        "api_key = config.api_key_2024",
        "The secret: nobody knows",
        "password = <your password>",
    ],
};

/// What stands in examples instead of a value.
const STAND_INS: &[&str] = &[
    "your",
    "example",
    "placeholder",
    "changeme",
    "xxxx",
    "****",
    "....",
    "environ",
    "getenv",
    "process.env",
    "config.",
    "settings.",
    "redacted",
];

fn check(candidate: &Candidate<'_>) -> Option<Hit> {
    let text = candidate.text;
    // The value begins after the last of the label's signs.
    let sign = text.iter().position(|b| matches!(b, b'=' | b':'))?;
    let value_at = sign + text[sign..].iter().position(|b| !b"=:> \t\"'\\".contains(b))?;
    let value = text[value_at..].strip_suffix(b".").unwrap_or(&text[value_at..]);
    let lower = value.to_ascii_lowercase();
    let is_stand_in = STAND_INS.iter().any(|word| lower.windows(word.len()).any(|w| w == word.as_bytes()));
    let has = |test: fn(&u8) -> bool| value.iter().any(test);
    let mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic);
    let random = value.len() >= 8 && mixed && entropy(value) >= 2.7;
    (random && !is_stand_in).then_some(Hit::part(value_at, value_at + value.len(), 0.7))
}
