//! The compiled recognizers, ready to scan.

use std::fmt;
use std::sync::{Arc, LazyLock};

use crate::compiled::{Compiled, Mask};
use crate::engine::{Engine, View};
use crate::error::Error;
use crate::finding::{Category, Match};
use crate::recognizer::Recognizer;
use crate::recognizers::BUILTIN;
use crate::stream::Stream;

/// A set of recognizers. Cheap to clone.
#[derive(Clone)]
pub struct Detector {
    compiled: Arc<Compiled>,
    active: Mask,
}

impl Detector {
    /// Every recognizer that ships with Weir. Compiled once per process.
    pub fn builtin() -> Self {
        static BUILTIN_DETECTOR: LazyLock<Detector> = LazyLock::new(|| {
            Detector::compile(BUILTIN).expect("the builtin recognizers compile: a test compiles each of them")
        });
        BUILTIN_DETECTOR.clone()
    }

    pub(crate) fn compile(recognizers: &[&'static Recognizer]) -> Result<Self, Error> {
        Ok(Self { compiled: Arc::new(Compiled::new(recognizers)?), active: Mask::MAX })
    }

    /// The same without the recognizers that `keep` (given the kind and its category) refuses.
    #[must_use]
    pub fn only(&self, mut keep: impl FnMut(&'static str, Category) -> bool) -> Self {
        let mut active = 0;
        for (bit, recognizer) in self.compiled.recognizers.iter().enumerate() {
            if keep(recognizer.source.kind, recognizer.source.category) {
                active |= 1 << bit;
            }
        }
        Self { compiled: Arc::clone(&self.compiled), active: self.active & active }
    }

    /// The kinds that can be found, with their categories.
    pub fn kinds(&self) -> impl Iterator<Item = (&'static str, Category)> + '_ {
        let active = self.active;
        let all = self.compiled.recognizers.iter().enumerate();
        all.filter(move |(bit, _)| active & (1 << bit) != 0).map(|(_, r)| (r.source.kind, r.source.category))
    }

    /// All matches, by start, overlaps resolved (higher score, then longer, wins).
    pub fn scan(&self, text: &str) -> Vec<Match> {
        let view = View { bytes: text.as_bytes(), base: 0 };
        let mut engine = Engine::new(self.active);
        engine.run(&self.compiled, view);
        engine.end(&self.compiled, view);
        engine.settle();
        engine.take_decided()
    }

    /// A scanner over text that arrives in pieces: what it releases does not depend on how it was cut.
    pub fn stream(&self) -> Stream {
        Stream::new(Arc::clone(&self.compiled), self.active)
    }
}

impl fmt::Debug for Detector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detector").field("recognizers", &self.kinds().count()).finish_non_exhaustive()
    }
}
