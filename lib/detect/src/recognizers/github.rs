//! GitHub's tokens, by their published prefixes.

use crate::byte_set::ByteSet;
use crate::finding::Category;
use crate::recognizer::{Recognizer, certain};

const fn token(
    name: &'static str,
    kind: &'static str,
    pattern: &'static str,
    positive: &'static [(&'static str, &'static str)],
) -> Recognizer {
    Recognizer {
        name,
        kind,
        category: Category::Secret,
        pattern,
        not_after: ByteSet::WORD,
        not_before: ByteSet::WORD,
        lookahead: 0,
        check: certain,
        tail: None,
        positive,
        negative: &["ghp_short", "gho_abc", "ghs_", "github_pat_", "xghp_16C7e42F292c6912E7710c838347Ae178B4a"],
    }
}

pub(crate) const PERSONAL: Recognizer = token(
    "github_pat",
    "github_pat",
    r"ghp_[A-Za-z0-9]{36,251}",
    &[("token=ghp_16C7e42F292c6912E7710c838347Ae178B4a", "ghp_16C7e42F292c6912E7710c838347Ae178B4a")],
);

pub(crate) const FINE_GRAINED: Recognizer = token(
    "github_fine_grained_pat",
    "github_pat",
    r"github_pat_[A-Za-z0-9_]{36,244}",
    &[(
        "use github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abc now",
        "github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abc",
    )],
);

pub(crate) const OAUTH: Recognizer = token(
    "github_oauth",
    "github_oauth_token",
    r"gho_[A-Za-z0-9]{36,251}",
    &[("gho_16C7e42F292c6912E7710c838347Ae178B4a", "gho_16C7e42F292c6912E7710c838347Ae178B4a")],
);

pub(crate) const APP: Recognizer = token(
    "github_app",
    "github_app_token",
    r"gh[us]_[A-Za-z0-9]{36,251}",
    &[
        ("ghu_16C7e42F292c6912E7710c838347Ae178B4a", "ghu_16C7e42F292c6912E7710c838347Ae178B4a"),
        ("(ghs_16C7e42F292c6912E7710c838347Ae178B4a)", "ghs_16C7e42F292c6912E7710c838347Ae178B4a"),
    ],
);

pub(crate) const REFRESH: Recognizer = token(
    "github_refresh",
    "github_refresh_token",
    r"ghr_[A-Za-z0-9]{36,251}",
    &[("ghr_1B4a2e77838347a7E420ce178F2E7c6912E16924", "ghr_1B4a2e77838347a7E420ce178F2E7c6912E16924")],
);
