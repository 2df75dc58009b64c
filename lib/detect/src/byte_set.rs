//! A set of bytes as a bitmap, built at compile time.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ByteSet([u64; 4]);

impl ByteSet {
    pub(crate) const NONE: Self = Self([0; 4]);
    pub(crate) const DIGIT: Self = Self::NONE.range(b'0', b'9');
    pub(crate) const ALNUM: Self = Self::DIGIT.range(b'a', b'z').range(b'A', b'Z');
    /// What identifiers are made of.
    pub(crate) const WORD: Self = Self::ALNUM.with(b"_");
    /// Base64url, and most makers' tokens.
    pub(crate) const TOKEN: Self = Self::ALNUM.with(b"_-");

    pub(crate) const fn range(mut self, first: u8, last: u8) -> Self {
        let mut byte = first;
        while byte <= last {
            self.0[(byte >> 6) as usize] |= 1 << (byte & 63);
            byte += 1;
        }
        self
    }
    pub(crate) const fn with(mut self, bytes: &[u8]) -> Self {
        let mut i = 0;
        while i < bytes.len() {
            self.0[(bytes[i] >> 6) as usize] |= 1 << (bytes[i] & 63);
            i += 1;
        }
        self
    }
    #[inline]
    pub(crate) const fn contains(&self, byte: u8) -> bool {
        self.0[(byte >> 6) as usize] & (1 << (byte & 63)) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in_and_nothing_else() {
        let set = ByteSet::DIGIT.with(b"-\xff");
        for byte in 0..=u8::MAX {
            assert_eq!(set.contains(byte), byte.is_ascii_digit() || byte == b'-' || byte == 0xff, "{byte}");
        }
    }
}
