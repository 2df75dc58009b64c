//! The newcomer's second command: traffic, tables, exit 0; and a second start goes on from there.

use std::process::Command;

use crate::audit;
use crate::cluster::weir;

#[test]
fn the_demo_ends_well_and_tells_what_happened() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("weir-data");
    for run in 1..=2 {
        let output = Command::new(weir())
            .args(["demo", "--requests", "100", "--listen", "127.0.0.1:0", "--data"])
            .arg(&data)
            .output()
            .unwrap();
        let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "run {run}\n{text}\n{errors}");
        for said in [
            "Spend by team",
            "sim-large",
            "EMAIL_ADDRESS",
            "aws_access_key_id",
            "CREDIT_CARD",
            "budget_exceeded",
            "upstream_error",
            "blocked",
            "insufficient_quota",
            "<EMAIL_ADDRESS>",
        ] {
            assert!(text.contains(said), "run {run} says nothing of {said}:\n{text}\n{errors}");
        }
        assert_eq!(audit::number(&data, "SELECT count(*) AS n FROM audit"), 100 * run);
        audit::nothing_lost_nothing_twice(&data);
    }
}
