//! The schema registry of this build, read-only, with the calls of Confluent's REST API that readers and producers make.
//!
//! Schemas are no secret and no state: what is served is what this binary writes. Registering is refused.

use std::time::Duration;

use apache_avro::Schema;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Value, json};
use weir_schemas::SchemaId;
use weir_schemas::registry::{RELEASED, Released, by_id};

use crate::body::{Body, read_small};
use crate::ingress::Ingress;
use crate::respond;

const CONTENT_TYPE: &str = "application/vnd.schemaregistry.v1+json";
/// A schema that is looked up.
const MAX_LOOKUP_BYTES: usize = 256 * 1024;
const LOOKUP_WAIT: Duration = Duration::from_secs(10);

/// An answer, or status, code and message of an error.
type Answer = Result<Value, (StatusCode, u32, &'static str)>;

const NO_SUBJECT: (StatusCode, u32, &str) = (StatusCode::NOT_FOUND, 40401, "Subject not found.");
const NO_VERSION: (StatusCode, u32, &str) = (StatusCode::NOT_FOUND, 40402, "Version not found.");
const NO_SCHEMA: (StatusCode, u32, &str) = (StatusCode::NOT_FOUND, 40403, "Schema not found.");
const BAD_VERSION: (StatusCode, u32, &str) =
    (StatusCode::UNPROCESSABLE_ENTITY, 42202, "The version must be a number above 0, or \"latest\".");
const BAD_SCHEMA: (StatusCode, u32, &str) = (StatusCode::UNPROCESSABLE_ENTITY, 42201, "Not an Avro schema.");
const READ_ONLY: (StatusCode, u32, &str) = (StatusCode::METHOD_NOT_ALLOWED, 405, "This registry is read-only.");
const NO_PATH: (StatusCode, u32, &str) = (StatusCode::NOT_FOUND, 404, "Not found.");

/// Whether a path is the registry's.
pub(crate) fn owns(path: &str) -> bool {
    ["/subjects", "/schemas"]
        .iter()
        .any(|root| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

pub(crate) async fn serve(ingress: &Ingress, request: Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let path: Vec<&str> = head.uri.path().trim_matches('/').split('/').collect();
    let prefix = &ingress.topic_prefix;
    let answer = match (&head.method, path.as_slice()) {
        (&Method::GET, path) => get(prefix, path),
        (&Method::POST, ["subjects", subject]) => match read_small(body, MAX_LOOKUP_BYTES, LOOKUP_WAIT).await {
            Some(body) => look_up(prefix, subject, &body),
            None => Err(BAD_SCHEMA),
        },
        _ => Err(READ_ONLY),
    };
    match answer {
        Ok(value) => respond::text(StatusCode::OK, CONTENT_TYPE, value.to_string().into_bytes()),
        Err((status, code, message)) => {
            let body = json!({"error_code": code, "message": message});
            respond::text(status, CONTENT_TYPE, body.to_string().into_bytes())
        }
    }
}

fn get(prefix: &str, path: &[&str]) -> Answer {
    match path {
        ["subjects"] => {
            let mut subjects: Vec<String> = RELEASED.iter().map(|schema| schema.subject(prefix)).collect();
            subjects.dedup();
            Ok(json!(subjects))
        }
        ["subjects", subject, "versions"] => {
            let versions: Vec<i32> = of_subject(prefix, subject)?.iter().map(|schema| schema.version).collect();
            Ok(json!(versions))
        }
        ["subjects", subject, "versions", version] => Ok(described(prefix, version_of(prefix, subject, version)?)),
        ["subjects", subject, "versions", version, "schema"] => {
            serde_json::from_str(version_of(prefix, subject, version)?.avsc).map_err(|_| NO_SCHEMA)
        }
        ["schemas", "ids", id] => {
            let id = id.parse().map(SchemaId).map_err(|_| NO_SCHEMA)?;
            Ok(json!({"schema": by_id(id).ok_or(NO_SCHEMA)?.avsc}))
        }
        ["schemas", "types"] => Ok(json!(["AVRO"])),
        _ => Err(NO_PATH),
    }
}

fn look_up(prefix: &str, subject: &str, body: &[u8]) -> Answer {
    #[derive(Deserialize)]
    struct Lookup {
        schema: String,
    }
    let schemas = of_subject(prefix, subject)?;
    let lookup: Lookup = serde_json::from_slice(body).map_err(|_| BAD_SCHEMA)?;
    let wanted = Schema::parse_str(&lookup.schema).map_err(|_| BAD_SCHEMA)?.canonical_form();
    let found = schemas.into_iter().find(|schema| schema.parsed().canonical_form() == wanted);
    Ok(described(prefix, found.ok_or(NO_SCHEMA)?))
}

fn of_subject(prefix: &str, subject: &str) -> Result<Vec<&'static Released>, (StatusCode, u32, &'static str)> {
    let schemas: Vec<_> = RELEASED.iter().filter(|schema| schema.subject(prefix) == subject).collect();
    if schemas.is_empty() { Err(NO_SUBJECT) } else { Ok(schemas) }
}

fn version_of(
    prefix: &str,
    subject: &str,
    version: &str,
) -> Result<&'static Released, (StatusCode, u32, &'static str)> {
    let schemas = of_subject(prefix, subject)?;
    if version == "latest" {
        return schemas.into_iter().max_by_key(|schema| schema.version).ok_or(NO_VERSION);
    }
    let version: i32 = version.parse().ok().filter(|version| *version > 0).ok_or(BAD_VERSION)?;
    schemas.into_iter().find(|schema| schema.version == version).ok_or(NO_VERSION)
}

fn described(prefix: &str, schema: &Released) -> Value {
    json!({"subject": schema.subject(prefix), "version": schema.version, "id": schema.id.0, "schema": schema.avsc})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_finds_the_schema_of_an_id_and_a_producer_the_id_of_a_schema() {
        let by_id = get("weir", &["schemas", "ids", "1"]).unwrap();
        let latest = get("weir", &["subjects", "weir.requests-value", "versions", "latest"]).unwrap();
        assert_eq!(by_id["schema"], latest["schema"]);
        let body = json!({"schema": latest["schema"]}).to_string();
        assert_eq!(look_up("weir", "weir.requests-value", body.as_bytes()).unwrap()["id"], 1);
    }

    #[test]
    fn what_is_not_there_is_told_in_confluents_codes() {
        assert_eq!(get("weir", &["subjects", "nope", "versions"]), Err(NO_SUBJECT));
        assert_eq!(get("weir", &["subjects", "weir.usage-value", "versions", "9"]), Err(NO_VERSION));
        assert_eq!(get("weir", &["subjects", "weir.usage-value", "versions", "x"]), Err(BAD_VERSION));
        assert_eq!(get("weir", &["schemas", "ids", "999"]), Err(NO_SCHEMA));
        assert_eq!(look_up("weir", "weir.usage-value", b"{}"), Err(BAD_SCHEMA));
        assert_eq!(look_up("weir", "weir.usage-value", br#"{"schema":"\"string\""}"#), Err(NO_SCHEMA));
    }

    #[test]
    fn every_subject_has_a_version() {
        let subjects = get("p", &["subjects"]).unwrap();
        for subject in subjects.as_array().unwrap() {
            assert!(get("p", &["subjects", subject.as_str().unwrap(), "versions", "latest"]).is_ok());
        }
    }

    #[test]
    fn only_the_registrys_paths_are_its_own() {
        assert!(owns("/subjects") && owns("/schemas/ids/1"));
        assert!(!owns("/subjectsx") && !owns("/") && !owns("/v1/models"));
    }
}
