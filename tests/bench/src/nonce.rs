//! A fresh word for every request, that no guardrail takes for something: letters only, of one length.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Gives nonces that differ within and between runs.
pub struct Nonces {
    run: String,
    next: AtomicU64,
}

impl Default for Nonces {
    fn default() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64);
        Self::of_run(now)
    }
}

impl Nonces {
    pub fn of_run(run: u64) -> Self {
        Self { run: letters(run, 6), next: AtomicU64::new(0) }
    }

    pub fn next(&self) -> String {
        format!("{}{}", self.run, letters(self.next.fetch_add(1, Ordering::Relaxed), 6))
    }
}

/// A number in base 20, without vowels, so that no word appears by chance; high digits are dropped.
fn letters(mut number: u64, length: usize) -> String {
    const ALPHABET: &[u8; 20] = b"bcdfghjklmnpqrstvwxz";
    let mut out = vec![b'b'; length];
    for place in out.iter_mut().rev() {
        *place = ALPHABET[(number % 20) as usize];
        number /= 20;
    }
    out.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn nonces_differ_and_are_letters_of_one_length() {
        let nonces = Nonces::of_run(7);
        let all: HashSet<String> = (0..10_000).map(|_| nonces.next()).collect();
        assert_eq!(all.len(), 10_000);
        assert!(all.iter().all(|n| n.len() == 12 && n.bytes().all(|b| b.is_ascii_lowercase())));
        assert_ne!(Nonces::of_run(8).next(), Nonces::of_run(7).next());
    }
}
