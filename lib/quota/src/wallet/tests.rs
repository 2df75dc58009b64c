use weir_schemas::Offset;
use weir_schemas::event::{Claim, Deny, Grant, QuotaRecord, Window};
use weir_schemas::{LeaseId, Partition};

use super::*;
use crate::WindowKind;

const WALL: Timestamp = Timestamp(0);

fn wallet() -> Wallet {
    Wallet::new("i".into(), BootEpoch(1))
}
fn budget(id: &str) -> Budget {
    Budget { id: id.into(), limit: Money(10_000), window: WindowKind::Day }
}
fn window() -> Window {
    WindowKind::Day.window_at(WALL)
}

/// The grantor's pen.
struct Log {
    seq: i64,
    epoch: i64,
    owner: &'static str,
}

impl Log {
    fn new() -> Self {
        Self { seq: 0, epoch: 1, owner: "o" }
    }
    fn entry(&mut self, budget: Option<&BudgetId>, record: QuotaRecord) -> QuotaEntry {
        self.seq += 1;
        QuotaEntry {
            epoch: self.epoch,
            seq: Seq(self.seq),
            owner: self.owner.into(),
            partition: Partition(0).0,
            budget_id: budget.cloned(),
            intent_offset: Offset(0),
            event_time: WALL,
            record,
        }
    }
    fn grant(&mut self, intent: &Intent, amount: i64, ttl_ms: i64) -> QuotaEntry {
        let grant = Grant {
            intent_id: intent.intent_id,
            lease_id: LeaseId::of(intent.intent_id),
            ingress_id: intent.ingress_id.clone(),
            boot_epoch: intent.boot_epoch,
            amount: Money(amount),
            ttl_ms,
            window: window(),
        };
        self.entry(Some(&intent.budget_id), QuotaRecord { grant: Some(grant), ..QuotaRecord::default() })
    }
    fn deny(&mut self, intent: &Intent, charged: i64, outstanding: i64) -> QuotaEntry {
        let deny = Deny {
            intent_id: intent.intent_id,
            ingress_id: intent.ingress_id.clone(),
            boot_epoch: intent.boot_epoch,
            limit: Money(10_000),
            charged: Money(charged),
            outstanding: Money(outstanding),
            retry_after_ms: Some(3_600_000),
            window: window(),
        };
        self.entry(Some(&intent.budget_id), QuotaRecord { deny: Some(deny), ..QuotaRecord::default() })
    }
}

fn held(reserve: Reserve) -> Vec<ReservationRef> {
    match reserve {
        Reserve::Held(refs) => refs,
        other => panic!("not held: {other:?}"),
    }
}
fn waits(reserve: Reserve) -> Vec<Intent> {
    match reserve {
        Reserve::Wait(intents) => intents,
        other => panic!("does not wait: {other:?}"),
    }
}
fn returned(intents: &[Intent]) -> Vec<(LeaseId, i64)> {
    intents.iter().filter_map(|intent| intent.r#return).map(|back| (back.lease_id, back.spent.0)).collect()
}

/// A wallet with a lease of `amount` on budget `b`.
fn with_lease(amount: i64) -> (Wallet, Log, LeaseId) {
    let (mut wallet, mut log) = (wallet(), Log::new());
    let asks = waits(wallet.reserve(&[budget("b")], Money(10), 0, WALL));
    wallet.observe(&log.grant(&asks[0], amount, 60_000), 1);
    (wallet, log, LeaseId::of(asks[0].intent_id))
}

#[test]
fn a_cold_budget_asks_once_and_then_costs_no_trip() {
    let (mut wallet, mut log) = (wallet(), Log::new());
    let asks = waits(wallet.reserve(&[budget("b")], Money(10), 0, WALL));
    assert_eq!(asks[0].ask, Some(Ask { need: Money(10), want: Money(80), ttl_ms: LEASE_TTL_MS }));
    assert_eq!((asks.len(), asks[0].seq), (1, Seq(0)));
    assert!(waits(wallet.reserve(&[budget("b")], Money(10), 5, WALL)).is_empty(), "one ask is under way");
    wallet.observe(&log.grant(&asks[0], 80, 60_000), 10);
    for _ in 0..8 {
        let refs = held(wallet.reserve(&[budget("b")], Money(10), 11, WALL));
        assert_eq!(refs[0].amount, Money(10));
    }
    assert_eq!(waits(wallet.reserve(&[budget("b")], Money(10), 12, WALL)).len(), 1);
}

#[test]
fn a_larger_need_asks_anew_and_an_unanswered_ask_is_repeated() {
    let mut wallet = wallet();
    let first = waits(wallet.reserve(&[budget("b")], Money(10), 0, WALL));
    let larger = waits(wallet.reserve(&[budget("b")], Money(20), 1, WALL));
    assert_eq!((larger[0].seq, larger[0].ask.unwrap().need), (Seq(1), Money(20)));
    let late = waits(wallet.reserve(&[budget("b")], Money(10), 5_000, WALL));
    assert_ne!(first[0].intent_id, late[0].intent_id);
}

#[test]
fn asks_under_way_are_bounded_however_the_needs_grow() {
    let mut wallet = wallet();
    let asks: usize = (1..100).map(|need| waits(wallet.reserve(&[budget("b")], Money(need), 0, WALL)).len()).sum();
    assert_eq!(asks, 4);
}

#[test]
fn all_budgets_are_reserved_or_none() {
    let (mut wallet, mut log) = (wallet(), Log::new());
    let budgets = [budget("team"), budget("key"), budget("team")];
    let asks = waits(wallet.reserve(&budgets, Money(10), 0, WALL));
    assert_eq!(asks.iter().map(|ask| ask.budget_id.as_str()).collect::<Vec<_>>(), ["team", "key"]);
    wallet.observe(&log.grant(&asks[0], 10, 60_000), 1);
    assert!(waits(wallet.reserve(&budgets, Money(10), 2, WALL)).is_empty());
    assert_eq!(wallet.standing(&"team".into(), 2).0, Money(10), "nothing stays set aside while the other waits");
    wallet.observe(&log.grant(&asks[1], 10, 60_000), 3);
    let refs = held(wallet.reserve(&budgets, Money(10), 4, WALL));
    assert_eq!(refs.iter().map(|r| r.budget_id.as_str()).collect::<Vec<_>>(), ["team", "key"]);
}

#[test]
fn a_reservation_may_stand_on_several_leases_and_its_spend_fills_them_in_order() {
    let (mut wallet, mut log, first) = with_lease(10);
    let asks = waits(wallet.reserve(&[budget("b")], Money(15), 2, WALL));
    assert_eq!(asks[0].ask.unwrap().need, Money(5), "what is held already is not asked for");
    wallet.observe(&log.grant(&asks[0], 5, 60_000), 3);
    let refs = held(wallet.reserve(&[budget("b")], Money(15), 4, WALL));
    assert_eq!(refs.iter().map(|r| r.amount.0).collect::<Vec<_>>(), [10, 5]);
    let intents = wallet.settle(&refs, Money(12), 5, WALL);
    assert_eq!(returned(&intents), [(first, 10)]);
    assert_eq!(wallet.standing(&"b".into(), 6), (Money(3), Money(0), Money(2)));
}

#[test]
fn no_more_is_spent_than_was_reserved() {
    let (mut wallet, _, lease) = with_lease(20);
    let refs = held(wallet.reserve(&[budget("b")], Money(20), 2, WALL));
    assert_eq!(returned(&wallet.settle(&refs, Money(999), 3, WALL)), [(lease, 20)]);
}

#[test]
fn a_lease_ends_by_the_time_of_its_asking_and_goes_back_when_its_last_call_ends() {
    let (mut wallet, _, lease) = with_lease(20);
    let refs = held(wallet.reserve(&[budget("b")], Money(10), 59_999, WALL));
    assert!(returned(&wallet.tick(60_000, WALL)).is_empty(), "a call is open on it");
    assert_eq!(waits(wallet.reserve(&[budget("b")], Money(10), 60_000, WALL)).len(), 1, "it is over for new calls");
    assert_eq!(returned(&wallet.settle(&refs, Money(4), 60_001, WALL)), [(lease, 4)]);
}

#[test]
fn an_idle_lease_goes_back_and_the_empty_purse_is_forgotten() {
    let (mut wallet, _, lease) = with_lease(20);
    assert!(wallet.tick(10_000, WALL).is_empty());
    assert_eq!(returned(&wallet.tick(20_000, WALL)), [(lease, 0)]);
    assert!(wallet.purses.is_empty());
}

#[test]
fn a_refill_is_asked_for_below_half() {
    let (mut wallet, _, _) = with_lease(80);
    let mut refills = 0;
    for round in 0..5 {
        let refs = held(wallet.reserve(&[budget("b")], Money(10), round, WALL));
        let asks =
            wallet.settle(&refs, Money(10), round, WALL).into_iter().filter(|intent| intent.ask.is_some()).count();
        assert_eq!(asks, usize::from(round == 4), "after {} of 80", (round + 1) * 10);
        refills += asks;
    }
    assert_eq!(refills, 1);
}

#[test]
fn a_lease_in_use_is_renewed_before_it_ends_but_once() {
    let (mut wallet, _, _) = with_lease(80);
    let refs = held(wallet.reserve(&[budget("b")], Money(10), 55_000, WALL));
    assert_eq!(wallet.settle(&refs, Money(1), 55_001, WALL).len(), 1);
    let refs = held(wallet.reserve(&[budget("b")], Money(10), 58_000, WALL));
    assert_eq!(wallet.settle(&refs, Money(1), 58_001, WALL).len(), 0);
}

#[test]
fn a_storm_of_retries_after_a_refusal_asks_nothing() {
    let (mut wallet, mut log) = (wallet(), Log::new());
    let asks = waits(wallet.reserve(&[budget("b")], Money(10), 0, WALL));
    wallet.observe(&log.deny(&asks[0], 9_995, 0), 100);
    let spent = |retry| Reserve::Spent { budget: "b".into(), retry_after_ms: Some(retry) };
    for now in 100..1_000 {
        assert_eq!(wallet.reserve(&[budget("b")], Money(10), now, WALL), spent(3_600_100 - now));
    }
    assert_eq!(waits(wallet.reserve(&[budget("b")], Money(5), 1_000, WALL)).len(), 1, "so much was left");
    assert_eq!(waits(wallet.reserve(&[budget("b")], Money(10), 20_000, WALL)).len(), 1, "it is asked again in time");
}

#[test]
fn a_refusal_for_what_others_hold_says_to_come_back_soon() {
    let (mut wallet, mut log) = (wallet(), Log::new());
    let asks = waits(wallet.reserve(&[budget("b")], Money(10), 0, WALL));
    wallet.observe(&log.deny(&asks[0], 0, 10_000), 100);
    let soon = Reserve::Spent { budget: "b".into(), retry_after_ms: Some(1_000) };
    assert_eq!(wallet.reserve(&[budget("b")], Money(10), 101, WALL), soon);
    assert_eq!(waits(wallet.reserve(&[budget("b")], Money(10), 1_100, WALL)).len(), 1);
}

#[test]
fn a_call_dearer_than_the_whole_budget_is_refused_at_once() {
    let dear = Reserve::Spent { budget: "b".into(), retry_after_ms: None };
    assert_eq!(wallet().reserve(&[budget("b")], Money(10_001), 0, WALL), dear);
}

#[test]
fn void_entries_and_leases_of_others_are_ignored() {
    let (mut wallet, mut log) = (wallet(), Log::new());
    let asks = waits(wallet.reserve(&[budget("b")], Money(10), 0, WALL));
    let other_life = Intent { boot_epoch: BootEpoch(2), ..asks[0].clone() };
    let other_ingress = Intent { ingress_id: "j".into(), ..asks[0].clone() };
    wallet.observe(&log.grant(&other_life, 10, 60_000), 1);
    wallet.observe(&log.grant(&other_ingress, 10, 60_000), 1);
    let zombies = log.grant(&asks[0], 10, 60_000);
    log = Log { epoch: 2, seq: 0, owner: "p" };
    let claim = QuotaRecord { claim: Some(Claim { nonce: "n".into() }), ..QuotaRecord::default() };
    wallet.observe(&log.entry(None, claim), 2);
    wallet.observe(&zombies, 3);
    assert_eq!(wallet.standing(&"b".into(), 3).0, Money(0));
    wallet.observe(&log.grant(&asks[0], 10, 60_000), 4);
    assert_eq!(wallet.standing(&"b".into(), 4).0, Money(10));
}

#[test]
fn an_answer_to_an_ask_that_was_given_up_goes_straight_back() {
    let (mut wallet, mut log) = (wallet(), Log::new());
    let first = waits(wallet.reserve(&[budget("b")], Money(10), 0, WALL));
    for round in 1..=4 {
        assert_eq!(waits(wallet.reserve(&[budget("b")], Money(10), round * 3_000, WALL)).len(), 1);
    }
    wallet.observe(&log.grant(&first[0], 10, 60_000), 13_000);
    assert_eq!(wallet.standing(&"b".into(), 13_000).0, Money(0));
    assert_eq!(returned(&wallet.tick(13_000, WALL)), [(LeaseId::of(first[0].intent_id), 0)]);
}

#[test]
fn closing_gives_back_what_is_unused_and_the_rest_as_calls_end() {
    let (mut wallet, mut log, first) = with_lease(20);
    let refs = held(wallet.reserve(&[budget("b")], Money(20), 2, WALL));
    let asks = waits(wallet.reserve(&[budget("b")], Money(10), 2, WALL));
    wallet.observe(&log.grant(&asks[0], 30, 60_000), 3);
    assert_eq!(returned(&wallet.close(4, WALL)), [(LeaseId::of(asks[0].intent_id), 0)]);
    assert_eq!(returned(&wallet.settle(&refs, Money(7), 5, WALL)), [(first, 7)]);
}

#[test]
fn a_call_that_costs_nothing_needs_no_lease() {
    assert_eq!(wallet().reserve(&[budget("b")], Money(0), 0, WALL), Reserve::Held(vec![]));
}
