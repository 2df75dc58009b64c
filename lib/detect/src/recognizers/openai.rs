//! OpenAI's keys: of projects, service accounts and administrators, and the older form.

use crate::byte_set::ByteSet;
use crate::finding::Category;
use crate::recognizer::{Recognizer, certain};

pub(crate) const OPENAI: Recognizer = Recognizer {
    name: "openai_api_key",
    kind: "openai_api_key",
    category: Category::Secret,
    pattern: r"sk-(?:(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,220}|[A-Za-z0-9]{40,64})",
    not_after: ByteSet::WORD,
    not_before: ByteSet::TOKEN,
    lookahead: 0,
    check: certain,
    tail: None,
    positive: &[
        (
            "Bearer sk-proj-abcDEF0123456789_abc-DEF0123456789T3BlbkFJabcDEF",
            "sk-proj-abcDEF0123456789_abc-DEF0123456789T3BlbkFJabcDEF",
        ),
        (
            "OPENAI_API_KEY=sk-abcdefghij0123456789T3BlbkFJabcdefghij0123456789",
            "sk-abcdefghij0123456789T3BlbkFJabcdefghij0123456789",
        ),
    ],
    negative: &["sk-proj-short", "a task-abcdefghij0123456789T3BlbkFJabcdefghij0123456789", "sk-learn is a library"],
};
