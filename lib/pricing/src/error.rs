/// None is worth a retry: the same input fails the same way.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("price table, line {line}: {what}")]
    Table { line: usize, what: String },
    #[error("cost overflows")]
    Overflow,
    /// A usage record that is not of its format; says what is wrong with it, without its content.
    #[error("usage: {0}")]
    Usage(String),
}
