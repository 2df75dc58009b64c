//! Private keys in PEM: from the begin line to the end line, also with escaped line ends or cut short.

use crate::byte_set::ByteSet;
use crate::finding::Category;
use crate::recognizer::{Recognizer, certain};
use crate::tail::Tail;

pub(crate) const PRIVATE_KEY: Recognizer = Recognizer {
    name: "private_key",
    kind: "private_key",
    category: Category::Secret,
    // The begin line, header fields, and as much of the body as tells a key from talk about one.
    pattern: r"-----BEGIN (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:[ \t\r\n]|\\[rnt]){1,8}(?:[A-Za-z-]{3,20}: [\x20-\x5B\x5D-\x7E]{1,80}(?:[\r\n]|\\[rn]){1,4}){0,3}[A-Za-z0-9+/]{16}",
    not_after: ByteSet::NONE,
    not_before: ByteSet::NONE,
    lookahead: 0,
    check: certain,
    tail: Some(Tail::Pem),
    positive: &[
        (
            "key:\n-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq98ElzjtH+\nabc/def==\n-----END RSA PRIVATE KEY-----\nrest",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq98ElzjtH+\nabc/def==\n-----END RSA PRIVATE KEY-----",
        ),
        (
            r"{'k':'-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\nAASC\n-----END PRIVATE KEY-----\n'}",
            r"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\nAASC\n-----END PRIVATE KEY-----",
        ),
        (
            "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,3F17\n\nMHcCAQEEIIrYSSNQFaA2Hwf1d\n-----END EC PRIVATE KEY-----",
            "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,3F17\n\nMHcCAQEEIIrYSSNQFaA2Hwf1d\n-----END EC PRIVATE KEY-----",
        ),
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA",
            "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA",
        ),
    ],
    negative: &[
        "a file that starts with -----BEGIN PRIVATE KEY----- is a key",
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
        "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n-----END PUBLIC KEY-----",
        "-----BEGIN CERTIFICATE-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n-----END CERTIFICATE-----",
    ],
};
