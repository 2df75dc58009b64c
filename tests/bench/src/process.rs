//! Processor time and memory of a process and what it started, from `/proc` (Linux only).

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::time::Duration;

use anyhow::{Context, bail};

/// `getconf CLK_TCK` of every Linux in use: a tick is 10 ms.
const TICKS_PER_SECOND: u64 = 100;

/// What `/proc/PID/stat` says, as far as it is of use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The name, as the kernel cuts it (15 bytes).
    pub name: String,
    pub parent: u32,
    /// User and system ticks of its own.
    pub own: u64,
    /// Ticks of children that ended and were waited for.
    pub children: u64,
}

impl Stat {
    /// The name stands in parentheses and may hold parentheses and spaces itself: the last one ends it.
    pub fn parse(line: &str) -> anyhow::Result<Self> {
        let (open, close) = (line.find('(').context("no name")?, line.rfind(')').context("no name")?);
        if close < open {
            bail!("no name");
        }
        let fields: Vec<&str> = line[close + 1..].split_whitespace().collect();
        // Field 3 (state) is the first after the name; utime is field 14.
        let number = |field: usize| -> anyhow::Result<u64> {
            let text = fields.get(field - 3).with_context(|| format!("field {field} is missing"))?;
            text.parse().with_context(|| format!("field {field} is not a number"))
        };
        Ok(Self {
            name: line[open + 1..close].to_owned(),
            parent: u32::try_from(number(4)?)?,
            own: number(14)? + number(15)?,
            children: number(16)? + number(17)?,
        })
    }
}

/// Processor time of a process tree, whole and by thread name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cpu {
    pub total: Duration,
    /// Threads of the first process by name, digits at the end left off.
    pub threads: BTreeMap<String, Duration>,
}

impl Cpu {
    /// Of a process and its descendants, living or waited for.
    pub fn of(pid: u32) -> anyhow::Result<Self> {
        let mut ticks = 0;
        for member in tree(pid)? {
            // One that ended since the look is in its parent's `children`, once it is waited for.
            if let Ok(stat) = read_stat(&format!("/proc/{member}/stat")) {
                ticks += stat.own + stat.children;
            }
        }
        let mut threads: BTreeMap<String, Duration> = BTreeMap::new();
        for entry in fs::read_dir(format!("/proc/{pid}/task")).with_context(|| format!("process {pid}"))?.flatten() {
            if let Ok(stat) = read_stat(&format!("{}/stat", entry.path().display())) {
                *threads.entry(group(&stat.name)).or_default() += ticks_to_time(stat.own);
            }
        }
        Ok(Self { total: ticks_to_time(ticks), threads })
    }

    /// What was used since an earlier look.
    pub fn since(&self, earlier: &Self) -> Self {
        let mut threads = BTreeMap::new();
        for (name, time) in &self.threads {
            let before = earlier.threads.get(name).copied().unwrap_or_default();
            threads.insert(name.clone(), time.saturating_sub(before));
        }
        Self { total: self.total.saturating_sub(earlier.total), threads }
    }
}

/// Resident memory of a process tree, in bytes.
pub fn resident(pid: u32) -> anyhow::Result<u64> {
    let mut total = 0;
    for member in tree(pid)? {
        let status = fs::read_to_string(format!("/proc/{member}/status")).unwrap_or_default();
        total += resident_of(&status).unwrap_or(0);
    }
    Ok(total)
}

fn resident_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

fn ticks_to_time(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}

fn group(name: &str) -> String {
    name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-').to_owned()
}

fn read_stat(path: &str) -> anyhow::Result<Stat> {
    let line = fs::read_to_string(path).with_context(|| format!("read {path}"))?;
    Stat::parse(&line).with_context(|| format!("parse {path}"))
}

/// A process and its living descendants.
fn tree(pid: u32) -> anyhow::Result<Vec<u32>> {
    read_stat(&format!("/proc/{pid}/stat")).with_context(|| format!("there is no process {pid}"))?;
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").context("read /proc")?.flatten() {
        let Some(member) = entry.file_name().to_str().and_then(|n| n.parse::<u32>().ok()) else { continue };
        if let Ok(stat) = read_stat(&format!("/proc/{member}/stat")) {
            children.entry(stat.parent).or_default().push(member);
        }
    }
    let mut all = vec![pid];
    let mut at = 0;
    while at < all.len() {
        all.extend(children.remove(&all[at]).unwrap_or_default());
        at += 1;
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str =
        "4242 (a) b (c)) S 17 4242 1 0 -1 4194560 100 200 0 0 31 11 5 3 20 0 4 0 12345 1000 50 18446744073709551615";

    #[test]
    fn a_stat_line_is_read_whatever_the_name_holds() {
        let stat = Stat::parse(LINE).unwrap();
        assert_eq!(stat, Stat { name: "a) b (c)".into(), parent: 17, own: 42, children: 8 });
    }

    #[test]
    fn a_line_that_is_cut_or_is_not_one_is_refused() {
        for line in ["", "1 (x", "1 x) S (", "1 (x) S 1 2 3", &LINE.replace(" 31 ", " many ")] {
            assert!(Stat::parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn resident_memory_is_read_in_kilobytes() {
        assert_eq!(resident_of("Name:\tx\nVmHWM:\t 9 kB\nVmRSS:\t   123 kB\n"), Some(123 * 1024));
        assert_eq!(resident_of("Name:\tx\n"), None);
    }

    #[test]
    fn threads_are_grouped_by_name_without_their_number() {
        assert_eq!(group("ingress-12"), "ingress");
        assert_eq!(group("tokio-rt-worker"), "tokio-rt-worker");
    }

    #[test]
    fn this_process_has_used_time_and_memory_and_a_wrong_pid_is_an_error() {
        let mine = std::process::id();
        let before = Cpu::of(mine).unwrap();
        let mut x = 1_u64;
        while Cpu::of(mine).unwrap().since(&before).total.is_zero() {
            x = std::hint::black_box(x.wrapping_mul(3));
        }
        assert!(resident(mine).unwrap() > 100_000);
        assert!(Cpu::of(u32::MAX - 1).is_err());
    }

    #[test]
    fn time_of_a_child_counts_while_it_lives_and_after() {
        let before = Cpu::of(std::process::id()).unwrap().total;
        let mut child = std::process::Command::new("sh")
            .args(["-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"])
            .spawn()
            .unwrap();
        assert!(tree(std::process::id()).unwrap().contains(&child.id()));
        child.wait().unwrap();
        assert!(Cpu::of(std::process::id()).unwrap().total >= before);
    }
}
