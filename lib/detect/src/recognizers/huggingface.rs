//! Access tokens of the Hugging Face hub.

use crate::byte_set::ByteSet;
use crate::finding::Category;
use crate::recognizer::{Recognizer, certain};

pub(crate) const HUGGINGFACE: Recognizer = Recognizer {
    name: "huggingface_token",
    kind: "huggingface_token",
    category: Category::Secret,
    pattern: r"(?:hf|api_org)_[A-Za-z]{34}",
    not_after: ByteSet::WORD,
    not_before: ByteSet::TOKEN,
    lookahead: 0,
    check: certain,
    tail: None,
    positive: &[("HF_TOKEN=hf_abcdefghijklmnopqrstuvwxyzABCDEFGH", "hf_abcdefghijklmnopqrstuvwxyzABCDEFGH")],
    negative: &["hf_abc", "hf_hub_download"],
};
