//! Which of several overlapping matches count: the higher score, then the longer, then the earlier.

use std::cmp::Reverse;

use crate::finding::Match;

/// Keeps the winners, by start. Only matches that touch through a chain of overlaps can displace each other, so each
/// such cluster is decided alone.
pub(crate) fn resolve(mut candidates: Vec<Match>) -> Vec<Match> {
    candidates.sort_by_key(|m| (m.start, Reverse(m.end)));
    let mut winners = Vec::with_capacity(candidates.len());
    let mut cluster: Vec<Match> = Vec::new();
    let mut reach = 0;
    for candidate in candidates {
        if candidate.start >= reach {
            decide(&mut cluster, &mut winners);
        }
        reach = reach.max(candidate.end);
        cluster.push(candidate);
    }
    decide(&mut cluster, &mut winners);
    winners
}

fn decide(cluster: &mut Vec<Match>, winners: &mut Vec<Match>) {
    let first = winners.len();
    // A stable sort: equals stay in the order of their starts.
    cluster.sort_by(|a, b| b.score.total_cmp(&a.score).then(b.length().cmp(&a.length())));
    for candidate in cluster.drain(..) {
        if !winners[first..].iter().any(|winner| winner.overlaps(&candidate)) {
            winners.push(candidate);
        }
    }
    winners[first..].sort_by_key(|m| m.start);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Category;

    fn m(start: usize, end: usize, score: f64) -> Match {
        Match { recognizer: "r", kind: "K", category: Category::Pii, start, end, score }
    }

    #[test]
    fn the_higher_score_wins_then_the_longer_then_the_earlier() {
        assert_eq!(resolve(vec![m(0, 10, 0.6), m(5, 8, 0.9)]), [m(5, 8, 0.9)]);
        assert_eq!(resolve(vec![m(3, 8, 0.9), m(0, 10, 0.9)]), [m(0, 10, 0.9)]);
        assert_eq!(resolve(vec![m(2, 6, 0.9), m(0, 4, 0.9)]), [m(0, 4, 0.9)]);
    }

    #[test]
    fn a_displaced_match_does_not_displace_others() {
        assert_eq!(resolve(vec![m(0, 4, 0.7), m(3, 9, 0.8), m(8, 12, 0.9)]), [m(0, 4, 0.7), m(8, 12, 0.9)]);
    }

    #[test]
    fn neighbours_do_not_overlap() {
        assert_eq!(resolve(vec![m(4, 8, 0.9), m(0, 4, 0.6)]).len(), 2);
    }
}
