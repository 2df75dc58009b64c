//! What follows a matched opening without a bound: the rest of a key block or of a token.
//!
//! An opening is held back. Once the value is certain, the rest is swallowed as it comes: it need not be held, since
//! nothing can displace the match (its score is 1.0, which no other recognizer gives).

use crate::byte_set::ByteSet;

/// The kinds of tails.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tail {
    /// The body and the end line of a PEM block.
    Pem,
    /// Payload and signature of a JSON web token.
    Jwt,
}

/// What a byte did to a tail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Not certain yet.
    Undecided,
    /// It is a match, whatever follows; it goes on.
    Certain,
    /// The match ends before this byte.
    EndBefore,
    /// The match ends with this byte.
    EndWith,
    /// No match after all.
    Dead,
}

/// A payload longer than this is taken for a token's without waiting for its second dot.
const JWT_UNDECIDED: usize = 2_048;
/// Longer than any header field may be: a part past this is cut.
const JWT_LIMIT: usize = 32_768;
/// A block without an end line is cut here.
const PEM_LIMIT: usize = 32_768;

const BASE64URL: ByteSet = ByteSet::TOKEN;
/// Base64, line ends (also escaped ones) and blanks.
const PEM_BODY: ByteSet = ByteSet::ALNUM.with(b"+/= \t\r\n\\");
const PEM_LABEL: ByteSet = ByteSet::NONE.range(b'A', b'Z').with(b"0123456789 ");
const PEM_END: &[u8] = b"-----END ";

#[derive(Clone, Copy, Debug)]
pub(crate) enum TailState {
    PemBody {
        bytes: usize,
    },
    /// So many bytes of `-----END ` were seen.
    PemEnd {
        seen: usize,
    },
    PemLabel {
        bytes: usize,
    },
    /// So many of the closing dashes were seen.
    PemClose {
        dashes: usize,
    },
    JwtPayload {
        bytes: usize,
    },
    /// Past what is undecided, in an overlong payload.
    JwtLongPayload {
        bytes: usize,
    },
    JwtSignature {
        bytes: usize,
    },
}

impl Tail {
    pub(crate) const fn begin(self) -> TailState {
        match self {
            Self::Pem => TailState::PemBody { bytes: 0 },
            Self::Jwt => TailState::JwtPayload { bytes: 0 },
        }
    }
    /// The most bytes that may stay undecided after the opening.
    pub(crate) const fn longest_undecided(self) -> usize {
        match self {
            Self::Pem => 0,
            Self::Jwt => JWT_UNDECIDED + 1,
        }
    }
}

impl TailState {
    pub(crate) fn step(&mut self, byte: u8) -> Step {
        match *self {
            // ── key blocks: certain from the start
            Self::PemBody { bytes } if byte == b'-' && bytes < PEM_LIMIT => self.go(Self::PemEnd { seen: 1 }),
            Self::PemBody { bytes } if PEM_BODY.contains(byte) && bytes < PEM_LIMIT => {
                self.go(Self::PemBody { bytes: bytes + 1 })
            }
            Self::PemEnd { seen } if byte == PEM_END[seen] => {
                let seen = seen + 1;
                self.go(if seen == PEM_END.len() { Self::PemLabel { bytes: 0 } } else { Self::PemEnd { seen } })
            }
            Self::PemLabel { .. } if byte == b'-' => self.go(Self::PemClose { dashes: 1 }),
            Self::PemLabel { bytes } if bytes < 48 && PEM_LABEL.contains(byte) => {
                self.go(Self::PemLabel { bytes: bytes + 1 })
            }
            Self::PemClose { dashes: 4 } if byte == b'-' => Step::EndWith,
            Self::PemClose { dashes } if byte == b'-' => self.go(Self::PemClose { dashes: dashes + 1 }),
            Self::PemBody { .. } | Self::PemEnd { .. } | Self::PemLabel { .. } | Self::PemClose { .. } => {
                Step::EndBefore
            }

            // ── tokens: certain at the second dot
            Self::JwtPayload { bytes } if byte == b'.' && bytes > 1 => self.go(Self::JwtSignature { bytes: 0 }),
            Self::JwtPayload { bytes } if BASE64URL.contains(byte) && bytes < JWT_UNDECIDED => {
                *self = Self::JwtPayload { bytes: bytes + 1 };
                Step::Undecided
            }
            Self::JwtPayload { bytes } if BASE64URL.contains(byte) => self.go(Self::JwtLongPayload { bytes }),
            Self::JwtPayload { .. } => Step::Dead,
            Self::JwtLongPayload { .. } if byte == b'.' => self.go(Self::JwtSignature { bytes: 0 }),
            Self::JwtLongPayload { bytes } if BASE64URL.contains(byte) && bytes < JWT_LIMIT => {
                self.go(Self::JwtLongPayload { bytes: bytes + 1 })
            }
            Self::JwtSignature { bytes } if BASE64URL.contains(byte) && bytes < JWT_LIMIT => {
                self.go(Self::JwtSignature { bytes: bytes + 1 })
            }
            Self::JwtLongPayload { .. } | Self::JwtSignature { .. } => Step::EndBefore,
        }
    }

    fn go(&mut self, next: Self) -> Step {
        *self = next;
        Step::Certain
    }

    /// Whether the tail is certain before any byte of it.
    pub(crate) const fn is_certain(&self) -> bool {
        !matches!(self, Self::JwtPayload { .. })
    }
}
