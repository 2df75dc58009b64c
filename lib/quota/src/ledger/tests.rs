use weir_schemas::event::Claim;

use super::*;
use crate::{WindowKind, intent_id};

const HOUR: i64 = 3_600_000_000;

/// A ledger with its owner: decides, writes and applies, as a processor does.
struct Grantor {
    ledger: Ledger,
    seq: i64,
    offset: i64,
}

impl Grantor {
    fn new() -> Self {
        let mut grantor = Self { ledger: Ledger::default(), seq: 0, offset: 0 };
        let claim = Claim { nonce: "n".into() };
        assert!(grantor.write(None, Offset(-1), QuotaRecord { claim: Some(claim), ..QuotaRecord::default() }));
        grantor
    }

    fn write(&mut self, budget_id: Option<BudgetId>, intent_offset: Offset, record: QuotaRecord) -> bool {
        let (seq, event_time) = (Seq(self.seq), Timestamp(0));
        self.seq += 1;
        let owner = "owner".into();
        self.ledger.apply(&QuotaEntry {
            epoch: 1,
            seq,
            owner,
            partition: 0,
            budget_id,
            intent_offset,
            event_time,
            record,
        })
    }

    fn take(&mut self, intent: &Intent, budget: &Budget, at: i64) -> Option<QuotaRecord> {
        let offset = Offset(self.offset);
        self.offset += 1;
        let record = self.ledger.decide(intent, Some(budget), offset, Timestamp(at))?;
        assert!(self.write(Some(budget.id.clone()), offset, record.clone()));
        Some(record)
    }
}

fn budget(limit: i64) -> Budget {
    Budget { id: "b".into(), limit: Money(limit), window: WindowKind::Hour }
}

fn ask(seq: i64, need: i64, want: i64) -> Intent {
    let ask = Ask { need: Money(need), want: Money(want), ttl_ms: 60_000 };
    Intent { ask: Some(ask), ..intent(seq) }
}

fn back(seq: i64, lease_id: LeaseId, spent: i64) -> Intent {
    Intent { r#return: Some(Return { lease_id, spent: Money(spent) }), ..intent(seq) }
}

fn intent(seq: i64) -> Intent {
    let (ingress_id, boot_epoch, seq) = (IngressId::from("i"), BootEpoch(1), Seq(seq));
    let intent_id = intent_id(&ingress_id, boot_epoch, seq);
    let event_time = Timestamp(0);
    Intent { intent_id, budget_id: "b".into(), ingress_id, boot_epoch, seq, event_time, ask: None, r#return: None }
}

fn granted(record: Option<QuotaRecord>) -> Grant {
    record.and_then(|record| record.grant).expect("a grant")
}

#[test]
fn a_lease_lies_between_need_and_want_and_shrinks_towards_the_limit() {
    let (mut grantor, budget) = (Grantor::new(), budget(100));
    let sizes: Vec<i64> = (0..6).map(|seq| granted(grantor.take(&ask(seq, 2, 50), &budget, 0)).amount.0).collect();
    assert_eq!(sizes, [25, 18, 14, 10, 8, 6]);
    assert_eq!(granted(grantor.take(&ask(6, 15, 50), &budget, 0)).amount.0, 15);
    let deny = grantor.take(&ask(7, 5, 50), &budget, 30 * 60_000_000).and_then(|record| record.deny).expect("a denial");
    assert_eq!((deny.charged.0, deny.outstanding.0, deny.retry_after_ms), (0, 96, Some(30 * 60_000)));
    assert_eq!(granted(grantor.take(&ask(8, 4, 50), &budget, 0)).amount.0, 4);
}

#[test]
fn what_comes_back_is_charged_by_what_was_spent_and_only_once() {
    let (mut grantor, budget) = (Grantor::new(), budget(100));
    let grant = granted(grantor.take(&ask(0, 40, 40), &budget, 0));
    assert_eq!(grantor.ledger.standing(&budget.id, grant.window), (Money(0), Money(40)));
    let settle = grantor.take(&back(1, grant.lease_id, 999), &budget, 0).and_then(|record| record.settle).unwrap();
    assert_eq!(settle.spent, Money(40), "no more is spent than was leased");
    assert_eq!(grantor.ledger.standing(&budget.id, grant.window), (Money(40), Money(0)));
    assert_eq!(grantor.take(&back(2, grant.lease_id, 40), &budget, 0), None);
    assert_eq!(grantor.take(&back(3, LeaseId::of(intent(9).intent_id), 1), &budget, 0), None);
}

#[test]
fn a_lease_is_taken_back_from_its_holder_alone() {
    let (mut grantor, budget) = (Grantor::new(), budget(100));
    let grant = granted(grantor.take(&ask(0, 40, 40), &budget, 0));
    let stranger = Intent { ingress_id: "other".into(), ..back(1, grant.lease_id, 0) };
    assert_eq!(grantor.take(&stranger, &budget, 0), None);
    let later_life = Intent { boot_epoch: BootEpoch(2), ..back(1, grant.lease_id, 0) };
    assert_eq!(grantor.take(&later_life, &budget, 0), None);
}

#[test]
fn repeats_are_answered_once_even_after_their_lease_came_back() {
    let (mut grantor, budget) = (Grantor::new(), budget(100));
    let grant = granted(grantor.take(&ask(0, 10, 10), &budget, 0));
    assert_eq!(grantor.take(&ask(0, 10, 10), &budget, 0), None);
    assert!(grantor.take(&back(1, grant.lease_id, 3), &budget, 0).is_some());
    assert_eq!(grantor.take(&ask(0, 10, 10), &budget, 0), None);
    assert!(grantor.take(&ask(2, 1_000, 1_000), &budget, 0).unwrap().deny.is_some());
    assert_eq!(grantor.take(&ask(2, 1_000, 1_000), &budget, 0), None);
    // What the log says is answered is not looked at again.
    let answered = grantor.ledger.intent_offset();
    assert_eq!(grantor.ledger.decide(&ask(3, 1, 1), Some(&budget), answered, Timestamp(0)), None);
}

#[test]
fn asks_of_an_earlier_life_of_an_ingress_are_not_answered() {
    let (mut grantor, budget) = (Grantor::new(), budget(100));
    let mut now = ask(0, 10, 10);
    now.boot_epoch = BootEpoch(2);
    now.intent_id = intent_id(&now.ingress_id, now.boot_epoch, now.seq);
    granted(grantor.take(&now, &budget, 0));
    assert_eq!(grantor.take(&ask(5, 10, 10), &budget, 0), None);
}

#[test]
fn no_lease_outlives_its_window_and_each_window_begins_anew() {
    let (mut grantor, budget) = (Grantor::new(), budget(100));
    let old = granted(grantor.take(&ask(0, 100, 100), &budget, HOUR - 5_500_000));
    assert_eq!(old.ttl_ms, 5_500);
    assert!(grantor.take(&ask(1, 1, 1), &budget, HOUR - 1).unwrap().deny.is_some());
    let new = granted(grantor.take(&ask(2, 100, 100), &budget, HOUR));
    assert_eq!((new.window.start, new.ttl_ms), (Timestamp(HOUR), 60_000));
    // The old one is still written down when it comes back late.
    assert!(grantor.take(&back(3, old.lease_id, 70), &budget, HOUR + 1).is_some());
    assert_eq!(grantor.ledger.standing(&budget.id, old.window), (Money(70), Money(0)));
    assert_eq!(grantor.ledger.standing(&budget.id, new.window), (Money(0), Money(100)));
}

#[test]
fn an_append_time_that_goes_back_opens_no_earlier_window() {
    let (mut grantor, budget) = (Grantor::new(), budget(100));
    granted(grantor.take(&ask(0, 60, 60), &budget, 3 * HOUR));
    let deny = grantor.take(&ask(1, 60, 60), &budget, HOUR).unwrap().deny.expect("a denial");
    assert_eq!((deny.window.start, deny.retry_after_ms), (Timestamp(3 * HOUR), Some(3_600_000)));
}

#[test]
fn a_lowered_limit_or_a_removed_budget_grants_nothing() {
    let (mut grantor, whole) = (Grantor::new(), budget(100));
    let grant = granted(grantor.take(&ask(0, 80, 80), &whole, 0));
    assert!(grantor.take(&ask(1, 1, 1), &budget(50), 0).unwrap().deny.is_some());
    assert!(grantor.take(&ask(2, 1, 1), &budget(-5), 0).unwrap().deny.is_some());
    let gone = grantor.ledger.decide(&ask(3, 1, 1), None, Offset(50), Timestamp(0)).unwrap();
    assert_eq!(gone.deny.map(|deny| (deny.limit, deny.retry_after_ms)), Some((Money::ZERO, None)));
    assert!(grantor.ledger.decide(&back(4, grant.lease_id, 5), None, Offset(51), Timestamp(0)).is_some());
}

#[test]
fn odd_asks_neither_panic_nor_pass_the_limit() {
    let extremes = [i64::MIN, -1, 0, 1, 99, i64::MAX];
    for (need, want, ttl_ms) in extremes.into_iter().flat_map(|n| extremes.map(|w| (n, w, w))) {
        let (mut grantor, budget) = (Grantor::new(), budget(100));
        let odd = Intent { ask: Some(Ask { need: Money(need), want: Money(want), ttl_ms }), ..intent(0) };
        if let Some(grant) = grantor.take(&odd, &budget, i64::MAX).unwrap().grant {
            assert!((1..=100).contains(&grant.amount.0) && grant.ttl_ms >= 0, "{need} {want}");
        }
    }
    let (mut grantor, budget) = (Grantor::new(), budget(100));
    assert_eq!(grantor.take(&intent(0), &budget, 0), None);
}

#[test]
fn what_is_remembered_of_holders_and_windows_is_bounded() {
    let (mut grantor, budget) = (Grantor::new(), budget(100));
    for number in 0..MAX_HOLDERS + 10 {
        let ingress_id = IngressId::from(format!("i{number}"));
        let hour = i64::try_from(number).unwrap() * HOUR;
        let intent_id = intent_id(&ingress_id, BootEpoch(1), Seq(0));
        let ask = Intent { ingress_id, intent_id, ..ask(0, 100, 100) };
        granted(grantor.take(&ask, &budget, hour));
    }
    assert_eq!(grantor.ledger.answered.len(), MAX_HOLDERS);
    assert!(!grantor.ledger.answered.contains_key(&IngressId::from("i0")));
    assert_eq!(grantor.ledger.accounts[&budget.id].kept(), 65);
}

#[test]
fn a_change_of_the_windows_kind_and_back_forgets_nothing_that_is_open() {
    let (mut grantor, hourly) = (Grantor::new(), budget(100));
    let daily = Budget { window: WindowKind::Day, ..hourly.clone() };
    granted(grantor.take(&ask(0, 100, 100), &daily, HOUR));
    granted(grantor.take(&ask(1, 100, 100), &hourly, HOUR));
    assert!(grantor.take(&ask(2, 1, 1), &daily, HOUR).unwrap().deny.is_some());
    assert!(grantor.take(&ask(3, 1, 1), &hourly, HOUR).unwrap().deny.is_some());
}
