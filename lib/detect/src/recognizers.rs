//! The recognizers that ship with Weir, one a file. Each brings its examples; the tests below run them all.

use crate::recognizer::Recognizer;

mod anthropic;
mod aws_access_key;
mod aws_secret_key;
mod credit_card;
mod email;
mod generic_secret;
mod github;
mod gitlab;
mod google_api_key;
mod huggingface;
mod iban;
mod ipv4;
mod ipv6;
mod jwt;
mod npm;
mod openai;
mod phone;
mod private_key;
mod sendgrid;
mod slack;
mod stripe;
mod us_ssn;

#[cfg(test)]
mod tests;

pub(crate) const BUILTIN: &[&Recognizer] = &[
    &email::EMAIL,
    &phone::PHONE,
    &credit_card::CREDIT_CARD,
    &iban::IBAN,
    &us_ssn::US_SSN,
    &ipv4::IPV4,
    &ipv6::IPV6,
    &aws_access_key::AWS_ACCESS_KEY,
    &aws_secret_key::AWS_SECRET_KEY,
    &github::PERSONAL,
    &github::FINE_GRAINED,
    &github::OAUTH,
    &github::APP,
    &github::REFRESH,
    &gitlab::GITLAB,
    &slack::TOKEN,
    &slack::WEBHOOK,
    &stripe::STRIPE,
    &google_api_key::GOOGLE_API_KEY,
    &openai::OPENAI,
    &anthropic::ANTHROPIC,
    &huggingface::HUGGINGFACE,
    &npm::NPM,
    &sendgrid::SENDGRID,
    &jwt::JWT,
    &private_key::PRIVATE_KEY,
    &generic_secret::GENERIC_SECRET,
];
