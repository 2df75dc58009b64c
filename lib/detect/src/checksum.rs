//! Check digits.

/// Luhn's sum over decimal digits, the check digit last.
pub(crate) fn luhn(digits: impl Iterator<Item = u8> + Clone) -> bool {
    let count = digits.clone().count();
    let sum: u32 = digits
        .enumerate()
        .map(|(index, digit)| match (count - index) % 2 {
            0 if digit > 4 => u32::from(digit) * 2 - 9,
            0 => u32::from(digit) * 2,
            _ => u32::from(digit),
        })
        .sum();
    sum.is_multiple_of(10)
}

/// ISO 7064 MOD 97-10 over letters and digits, as they stand (an IBAN moves its first four to the end before).
pub(crate) fn mod97(characters: impl Iterator<Item = u8>) -> u32 {
    characters.fold(0, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte.to_ascii_uppercase() - b'A') + 10) % 97,
    })
}

/// Shannon entropy in bits per byte: words have some 3, random tokens over 4.
pub(crate) fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let total = f64::from(u32::try_from(bytes.len().max(1)).unwrap_or(u32::MAX));
    counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / total).map(|p| -p * p.log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luhn_holds_for_known_numbers_and_not_with_a_digit_changed() {
        let digits = |text: &'static str| text.bytes().map(|b| b - b'0');
        for good in ["79927398713", "4111111111111111", "378282246310005", "0"] {
            assert!(luhn(digits(good)), "{good}");
        }
        for bad in ["79927398710", "4111111111111112"] {
            assert!(!luhn(digits(bad)), "{bad}");
        }
    }

    #[test]
    fn an_iban_turned_round_has_the_rest_one() {
        assert_eq!(mod97(b"370400440532013000DE89".iter().copied()), 1);
        assert_ne!(mod97(b"370400440532013001DE89".iter().copied()), 1);
    }

    #[test]
    fn random_text_has_more_entropy_than_a_repeated_letter() {
        assert!(entropy(b"aaaaaaaaaaaaaaaa") < 0.01);
        assert!(entropy(b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY") > 4.0);
    }
}
