//! A child process with its output in a file, to wait for and to kill.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::wait_for;

/// Killed when it is dropped.
pub struct Process {
    name: String,
    child: Child,
    output: PathBuf,
    /// Where this run's output begins: a restarted process appends to the same file.
    from: u64,
}

impl Process {
    /// Starts `command` with standard output and error appended to the file `output`.
    pub fn spawn(name: &str, command: &mut Command, output: &Path) -> Result<Self> {
        let file = File::options().create(true).append(true).open(output);
        let file = file.with_context(|| format!("output of {name}: {}", output.display()))?;
        let from = file.metadata()?.len();
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("start {name}"))?;
        Ok(Self { name: name.to_owned(), child, output: output.to_owned(), from })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed so far.
    pub fn output(&self) -> String {
        let all = fs::read(&self.output).unwrap_or_default();
        String::from_utf8_lossy(all.get(self.from as usize..).unwrap_or_default()).into_owned()
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for a whole line of output that contains `text`, and returns it.
    pub fn wait_for_line(&mut self, text: &str, timeout: Duration) -> Result<String> {
        self.wait_while_alive(&format!("a line with {text:?}"), timeout, |process| {
            let output = process.output();
            let whole = &output[..output.rfind('\n').map_or(0, |end| end + 1)];
            whole.lines().find(|line| line.contains(text)).map(str::to_owned)
        })
    }

    /// Waits until a GET of `url` (`http://HOST:PORT/PATH`) is answered with 200.
    pub fn wait_for_http(&mut self, url: &str, timeout: Duration) -> Result<()> {
        self.wait_while_alive(&format!("200 at {url}"), timeout, |_| (http_status(url) == Some(200)).then_some(()))
    }

    fn wait_while_alive<T>(
        &mut self,
        what: &str,
        timeout: Duration,
        mut look: impl FnMut(&Self) -> Option<T>,
    ) -> Result<T> {
        let found = wait_for(what, timeout, || {
            // Asked before the look: the last words of a process that ended count.
            let running = self.is_running();
            match look(self) {
                Some(found) => Some(Some(found)),
                None if running => None,
                None => Some(None),
            }
        });
        match found {
            Ok(Some(found)) => Ok(found),
            Ok(None) => bail!("{} ended before there was {what}; it said:\n{}", self.name, self.last_words()),
            Err(error) => Err(error.context(format!("{} says:\n{}", self.name, self.last_words()))),
        }
    }

    fn last_words(&self) -> String {
        let output = self.output();
        let lines: Vec<_> = output.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// SIGKILL: a crash. Returns when it is gone.
    pub fn kill9(&mut self) -> Result<()> {
        self.child.kill().with_context(|| format!("kill {}", self.name))?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGTERM, and waits until it has ended.
    pub fn terminate(&mut self, timeout: Duration) -> Result<ExitStatus> {
        if self.is_running() {
            // Not reaped yet, so the id is still its own.
            Command::new("kill").args(["-TERM", &self.pid().to_string()]).status().context("run kill")?;
        }
        self.wait(timeout)
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self, timeout: Duration) -> Result<ExitStatus> {
        let name = self.name.clone();
        wait_for(&format!("the end of {name}"), timeout, || self.child.try_wait().ok().flatten())
            .with_context(|| format!("{name} says:\n{}", self.last_words()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails only if it is gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The status of a GET, if there is an answer at all.
fn http_status(url: &str) -> Option<u16> {
    let rest = url.strip_prefix("http://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut stream = TcpStream::connect(host).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    write!(stream, "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").ok()?;
    let mut head = [0; 12];
    stream.read_exact(&mut head).ok()?;
    std::str::from_utf8(&head[9..]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    fn sh(script: &str, dir: &Path) -> Process {
        Process::spawn("sh", Command::new("sh").args(["-c", script]), &dir.join("out")).unwrap()
    }

    #[test]
    fn a_line_is_found_once_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let mut process = sh("echo ready on 7; exec sleep 60", dir.path());
        assert_eq!(process.wait_for_line("ready", SOON).unwrap(), "ready on 7");
        assert!(process.is_running());
        process.kill9().unwrap();
        assert!(!process.is_running());
    }

    #[test]
    fn a_process_that_ends_too_early_is_reported_with_its_last_words() {
        let dir = tempfile::tempdir().unwrap();
        let error = sh("echo no such file; exit 3", dir.path()).wait_for_line("ready", SOON).unwrap_err();
        assert!(error.to_string().contains("no such file"), "{error}");
    }

    #[test]
    fn terminating_gives_the_exit_status() {
        let dir = tempfile::tempdir().unwrap();
        let mut process = sh("trap 'exit 5' TERM; echo up; while :; do sleep 0.05; done", dir.path());
        process.wait_for_line("up", SOON).unwrap();
        assert_eq!(process.terminate(SOON).unwrap().code(), Some(5));
    }
}
