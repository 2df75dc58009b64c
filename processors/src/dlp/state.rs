//! The open answers of one partition of the chunks. Pure: time is the log's.

mod answer;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use weir_detect::Detector;
use weir_policy::Guardrails;
use weir_schemas::event::Finding;
use weir_schemas::{Chunk, Offset, RequestId, Timestamp};

use super::config::Limits;
use super::step::inline;
use answer::Answer;

/// Ended answers whose chunks are known for repeats when they come again.
const REMEMBERED: usize = 4096;

pub(super) struct OpenAnswers {
    limits: Limits,
    answers: HashMap<RequestId, Open>,
    /// By the offset of the first chunk: the oldest is first.
    by_first: BTreeMap<Offset, RequestId>,
    /// By the offset of the latest chunk: the longest idle is first.
    by_latest: BTreeMap<Offset, RequestId>,
    held_bytes: usize,
    ended: Remembered,
}

struct Open {
    answer: Answer,
    first: Offset,
    first_at: Timestamp,
    latest: Offset,
    latest_at: Timestamp,
    held_bytes: usize,
}

/// Which bound dropped an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    Answers,
    Bytes,
    Age,
    Idle,
}

impl Bound {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Answers => "answers",
            Self::Bytes => "bytes",
            Self::Age => "age",
            Self::Idle => "idle",
        }
    }
}

/// What a chunk came to.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) findings: Vec<Finding>,
    /// It is the first of an answer that stays open: its offset waits for the end.
    pub(super) hold: bool,
    /// First offsets of answers that ended or were dropped.
    pub(super) releases: Vec<Offset>,
    pub(super) evicted: Vec<Bound>,
}

impl OpenAnswers {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            answers: HashMap::new(),
            by_first: BTreeMap::new(),
            by_latest: BTreeMap::new(),
            held_bytes: 0,
            ended: Remembered::default(),
        }
    }

    pub(super) fn chunk(
        &mut self,
        chunk: &Chunk,
        offset: Offset,
        appended: Timestamp,
        detector: &Detector,
        guardrails: &Guardrails,
    ) -> Seen {
        let mut seen = Seen::default();
        self.expire(appended, &mut seen);
        let id = chunk.header.request_id;
        if self.ended.has(&id) {
            return seen;
        }
        let mut open = match self.take(&id) {
            Some(open) if chunk.index < open.answer.next_index() => {
                self.put(id, open);
                return seen;
            }
            Some(open) => open,
            None => {
                seen.hold = !chunk.last;
                Open {
                    answer: Answer::new(self.limits),
                    first: offset,
                    first_at: appended,
                    latest: offset,
                    latest_at: appended,
                    held_bytes: 0,
                }
            }
        };
        seen.findings = chunk.findings.iter().map(inline).collect();
        open.answer.chunk(chunk, detector, guardrails, &mut seen.findings);
        if chunk.last {
            self.ended.add(id);
            // Its own offset is done with it anyway.
            seen.releases.extend((open.first != offset).then_some(open.first));
            return seen;
        }
        (open.latest, open.latest_at) = (offset, appended);
        open.held_bytes = open.answer.held_bytes();
        self.put(id, open);
        while self.answers.len() > self.limits.answers {
            self.evict_oldest(Bound::Answers, &mut seen);
        }
        while self.held_bytes > self.limits.bytes {
            self.evict_oldest(Bound::Bytes, &mut seen);
        }
        seen
    }

    fn expire(&mut self, now: Timestamp, seen: &mut Seen) {
        while let Some((_, id)) = self.by_latest.first_key_value() {
            let id = *id;
            let Some(open) = self.answers.get(&id) else { break };
            if !is_over(open.latest_at, self.limits.idle, now) {
                break;
            }
            self.evict(&id, Bound::Idle, seen);
        }
        while let Some((_, id)) = self.by_first.first_key_value() {
            let id = *id;
            let Some(open) = self.answers.get(&id) else { break };
            if !is_over(open.first_at, self.limits.age, now) {
                break;
            }
            self.evict(&id, Bound::Age, seen);
        }
    }

    fn evict_oldest(&mut self, bound: Bound, seen: &mut Seen) {
        if let Some(id) = self.by_first.first_key_value().map(|(_, id)| *id) {
            self.evict(&id, bound, seen);
        }
    }

    fn evict(&mut self, id: &RequestId, bound: Bound, seen: &mut Seen) {
        if let Some(open) = self.take(id) {
            seen.releases.push(open.first);
            seen.evicted.push(bound);
        }
    }

    fn take(&mut self, id: &RequestId) -> Option<Open> {
        let open = self.answers.remove(id)?;
        self.by_first.remove(&open.first);
        self.by_latest.remove(&open.latest);
        self.held_bytes -= open.held_bytes;
        Some(open)
    }

    fn put(&mut self, id: RequestId, open: Open) {
        self.by_first.insert(open.first, id);
        self.by_latest.insert(open.latest, id);
        self.held_bytes += open.held_bytes;
        self.answers.insert(id, open);
    }

    #[cfg(test)]
    pub(super) fn open(&self) -> (usize, usize) {
        (self.answers.len(), self.held_bytes)
    }
}

fn is_over(since: Timestamp, limit: Duration, now: Timestamp) -> bool {
    let limit = i64::try_from(limit.as_micros()).unwrap_or(i64::MAX);
    now.0.saturating_sub(since.0) > limit
}

/// The latest of many, in bounded space.
#[derive(Default)]
struct Remembered {
    order: VecDeque<RequestId>,
    set: HashSet<RequestId>,
}

impl Remembered {
    fn has(&self, id: &RequestId) -> bool {
        self.set.contains(id)
    }

    fn add(&mut self, id: RequestId) {
        if !self.set.insert(id) {
            return;
        }
        self.order.push_back(id);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.set.remove(&oldest);
        }
    }
}
