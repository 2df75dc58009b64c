//! P3 under random schedules: several ingresses and grantors over a simulated log, with crashes, zombies, repeats, delays and
//! window edges. What holds is checked by a fold that shares no code with the library.

mod schedules {
    pub(crate) mod fold;
    pub(crate) mod world;
}

use proptest::prelude::*;
use schedules::world::{Step, World};

/// Seconds in a plain `cargo test`; PROPTEST_CASES asks for more.
fn cases() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(500);
    ProptestConfig { cases, max_shrink_iters: 20_000, failure_persistence: None, ..ProptestConfig::default() }
}

fn step() -> impl Strategy<Value = Step> {
    let any_of = any::<prop::sample::Index>;
    prop_oneof![
        12 => (0..3usize, 1..8u8, 1..60i64).prop_map(|(wallet, budgets, amount)| Step::Reserve { wallet, budgets, amount }),
        10 => (0..3usize, any_of(), 0..130i64).prop_map(|(wallet, call, percent)| Step::Settle { wallet, call, percent }),
        12 => (0..3usize, 0..3usize).prop_map(|(wallet, owner)| Step::Work { wallet, owner }),
        4 => (0..3usize, 0..2usize, 1..5usize).prop_map(|(wallet, partition, count)| Step::Ship { wallet, partition, count }),
        2 => (0..3usize, 0..2usize, 1..9usize).prop_map(|(wallet, partition, count)| Step::ShipAgain { wallet, partition, count }),
        4 => (0..3usize, 1..5usize).prop_map(|(wallet, count)| Step::Observe { wallet, count }),
        4 => (0..3usize).prop_map(|wallet| Step::Tick { wallet }),
        1 => (0..3usize).prop_map(|wallet| Step::CrashIngress { wallet }),
        2 => (0..3usize, 0..2usize, 0..3usize).prop_map(|(owner, partition, behind)| Step::Claim { owner, partition, behind }),
        3 => (0..3usize, 0..2usize).prop_map(|(owner, partition)| Step::CatchUp { owner, partition }),
        6 => (0..3usize, 0..2usize, 1..4usize).prop_map(|(owner, partition, count)| Step::Decide { owner, partition, count }),
        1 => (0..3usize, 0..2usize).prop_map(|(owner, partition)| Step::CrashOwner { owner, partition }),
        2 => (0..3usize, 0..2usize, any_of()).prop_map(|(owner, partition, entry)| Step::Repeat { owner, partition, entry }),
        4 => (1..9_000i64).prop_map(|ms| Step::Pass { ms }),
        1 => (9_000..90_000i64).prop_map(|ms| Step::Pass { ms }),
        1 => (-3_000..0i64).prop_map(|ms| Step::BrokerClock { ms }),
    ]
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn p3_no_schedule_spends_more_than_a_budget_has(steps in prop::collection::vec(step(), 10..250)) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
        }
        world.check();
    }

    #[test]
    fn without_crashes_of_ingresses_all_that_was_not_spent_comes_back(steps in prop::collection::vec(step(), 10..200)) {
        let mut world = World::new();
        for step in &steps {
            if !matches!(step, Step::CrashIngress { .. }) {
                world.take(step);
            }
        }
        world.finish();
        world.check();
        world.check_all_returned();
    }
}

#[test]
fn an_ordinary_day_makes_progress() {
    let mut world = World::new();
    let mut held = 0;
    for _ in 0..200 {
        held += usize::from(world.take(&Step::Reserve { wallet: 0, budgets: 7, amount: 2 }));
        world.everybody_works();
        held += usize::from(world.take(&Step::Reserve { wallet: 0, budgets: 7, amount: 2 }));
        world.settle_all();
    }
    let [grants, settled, _] = world.activity();
    assert!(grants > 5 && settled > 2, "{grants} grants, {settled} settled");
    assert!(held >= 95, "a budget of 100 allows for 99 calls that spend 1 of 2, not {held}");
    world.check();
}
