//! Errors in the dialect's shape.

use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Envelope<'a> {
    error: Body<'a>,
}

#[derive(Serialize)]
struct Body<'a> {
    message: &'a str,
    r#type: &'a str,
    param: Option<&'a str>,
    code: Option<&'a str>,
}

/// `{"error":{"message","type","param","code"}}`, as clients of the dialect read it.
pub fn error_body(message: &str, kind: &str, param: Option<&str>, code: Option<&str>) -> Vec<u8> {
    let envelope = Envelope { error: Body { message, r#type: kind, param, code } };
    serde_json::to_vec(&envelope).expect("strings always serialise")
}

/// True where a provider's error has the dialect's shape already: an object with an object `error` that has a message.
pub fn is_error_body(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Shape {
        error: Inner,
    }
    #[derive(Deserialize)]
    struct Inner {
        #[serde(rename = "message")]
        _message: String,
    }
    matches!(serde_json::from_slice::<Shape>(body), Ok(Shape { error: Inner { .. } }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_errors_have_the_shape_that_is_looked_for() {
        let body = error_body("no \"such\" thing", "invalid_request_error", Some("model"), None);
        assert!(is_error_body(&body));
        assert_eq!(
            String::from_utf8(body).unwrap(),
            r#"{"error":{"message":"no \"such\" thing","type":"invalid_request_error","param":"model","code":null}}"#
        );
        for other in ["", "oops", "[]", r#"{"error":"x"}"#, r#"{"error":{"code":1}}"#, r#"{"detail":"x"}"#] {
            assert!(!is_error_body(other.as_bytes()), "{other}");
        }
    }
}
