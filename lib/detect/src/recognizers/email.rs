//! E-mail addresses as people write them: dotted ASCII local parts, a domain with a top level of letters.

use crate::byte_set::ByteSet;
use crate::finding::Category;
use crate::recognizer::{Candidate, Hit, Recognizer};

pub(crate) const EMAIL: Recognizer = Recognizer {
    name: "email",
    kind: "EMAIL_ADDRESS",
    category: Category::Pii,
    pattern: r"[A-Za-z0-9_](?:[A-Za-z0-9_.%+'-]{0,62}[A-Za-z0-9_%+-])?@(?:[A-Za-z0-9-]{1,63}\.){1,6}[A-Za-z]{2,24}",
    not_after: ByteSet::WORD,
    not_before: ByteSet::WORD,
    lookahead: 2,
    check,
    tail: None,
    positive: &[
        ("write to jane.doe@example.com.", "jane.doe@example.com"),
        ("<o'brien+news@mail.example.co.uk>", "o'brien+news@mail.example.co.uk"),
        ("to=bob@example.org;", "bob@example.org"),
        ("-a_b-c%d@x-y.io", "a_b-c%d@x-y.io"),
        ("联系bob@example.org吧", "bob@example.org"),
        ("a@b.co, c@d.info", "a@b.co"),
        ("mailto:jane@example.com?subject=hi", "jane@example.com"),
    ],
    negative: &[
        "not an @mention, nor user@localhost",
        "logo@2x.png",
        "npm i lodash@4.17.21",
        "git@github.com:org/repo.git",
        "a@-x.com and a@x-.com and a@x..com",
        "john..doe@",
        "5 apples @ 3.20 each",
    ],
};

/// Files with a scale (`logo@2x.png`) and packages look like addresses.
const FILE_ENDINGS: &[&str] =
    &["png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "css", "js", "ts", "tsx", "jsx", "json", "html", "py", "rs"];

fn check(candidate: &Candidate<'_>) -> Option<Hit> {
    let at = candidate.text.iter().position(|b| *b == b'@')?;
    let (local, domain) = (&candidate.text[..at], &candidate.text[at + 1..]);
    let labels_ok = domain.split(|b| *b == b'.').all(|label| !label.starts_with(b"-") && !label.ends_with(b"-"));
    let dots_ok = !local.windows(2).any(|pair| pair == b"..");
    let top = domain.rsplit(|b| *b == b'.').next()?;
    let is_file = FILE_ENDINGS.iter().any(|ending| top.eq_ignore_ascii_case(ending.as_bytes()));
    // `git@host:path` is an address of a repository.
    let is_remote = local == b"git" && candidate.after.first() == Some(&b':');
    // The name goes on: `a@b.co-op`.
    let goes_on =
        candidate.after.first() == Some(&b'-') && candidate.after.get(1).is_some_and(u8::is_ascii_alphanumeric);
    (labels_ok && dots_ok && !is_file && !is_remote && !goes_on).then_some(Hit::whole(0.95))
}
