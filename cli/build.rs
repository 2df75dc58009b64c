//! Names a missing prerequisite in one line, before a C library's build fails in many.

use std::process::{Command, Stdio};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=PATH");
    println!("cargo::rerun-if-env-changed=CC");
    let cc = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    let wanted = [(cc.as_str(), "a C compiler"), ("make", "make"), ("perl", "perl")];
    let missing: Vec<&str> = wanted.iter().filter(|(program, _)| !runs(program)).map(|(_, what)| *what).collect();
    if !missing.is_empty() {
        println!(
            "cargo::error=Weir needs {} to build (on Debian: apt-get install build-essential perl)",
            missing.join(" and ")
        );
    }
}

fn runs(program: &str) -> bool {
    let mut command = Command::new(program.split(' ').next().unwrap_or(program));
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}
