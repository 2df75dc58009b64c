use std::fmt;
use std::sync::Arc;

/// A secret that cannot be printed.
#[derive(Clone)]
pub struct Secret(pub Arc<str>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
