//! Token counting, dated price tables and exact cost. Pure.
//!
//! - [`PriceTable`]: prices by model with dates; Weir's own TOML or the widely used JSON map. Numbers are read from
//!   their text and never pass through a binary fraction.
//! - [`Bill`]: what is billed of one call, in disjoint buckets; made from a provider's usage ([`UsageFormat`]).
//! - [`count_text`], [`count_chat_input`]: tokens as OpenAI's models count them.
//!
//! What holds: a cost is the exact sum of tokens × price. [`Exact`] keeps every digit; [`Money`](weir_schemas::Money)
//! is rounded, half up, only where a price is finer than a pico-dollar. What has no price is `None`, never zero.
//!
//! What is not promised: charges that are no tokens (searches, images by the piece, sessions), and the counts of
//! other makers' tokenizers, which are estimated with OpenAI's.

mod bill;
mod error;
mod exact;
mod rates;
mod table;
mod tokens;
mod usage;

pub use bill::Bill;
pub use error::Error;
pub use exact::Exact;
pub use rates::Tier;
pub use table::PriceTable;
pub use tokens::{Encoding, count_chat_input, count_text};
pub use usage::UsageFormat;
