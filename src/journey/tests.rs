//! Laws of the state machine, with clients whose every answer is given.

use super::*;
use crate::rng::Key;
use crate::scenario::example::{population, step, timeline};
use crate::scenario::{
    Accounts, Arrival, Backoff, Law, OnFailure, Outcome, Population, Retry, RetryFrom, Step, Subject, Target,
};
use crate::units::{Offset, Span};
use proptest::prelude::*;

fn secs(secs: u64) -> Span {
    Span::from_secs(secs)
}

fn at(secs: f64) -> Offset {
    Offset::from_secs_f64(secs)
}

fn arrival(seed: u64, number: u64) -> Arrival {
    let subject = Subject { population: 0, journey: number, item: 0 };
    Arrival { at: at(100.0), population: 0, subject, key: Key::root(seed).with(number) }
}

fn script(population: &Population) -> Script {
    Script::new(population, &timeline("18:00", "20:00", 60.0))
}

fn form() -> Population {
    population("pharmacist", ["sign-in", "form", "save", "validate"].map(step).to_vec())
}

fn retry(from: RetryFrom, attempts: u32) -> Option<Retry> {
    Some(Retry {
        attempts: Some(attempts),
        from,
        backoff: Backoff::Law(Law::Constant(secs(10))),
        pause: None,
        honour_retry_after: false,
    })
}

/// Answers after one second, each with what `outcome` says of the request's number and of it.
fn play(
    script: &Script,
    arrival: Arrival,
    mut account: Option<&mut Account>,
    mut outcome: impl FnMut(usize, Due) -> Outcome,
) -> (Journey, Vec<Due>, Option<Ending>) {
    let mut requests = Vec::new();
    let (mut journey, mut next) = Journey::begin(script, arrival, account.as_deref_mut());
    loop {
        match next {
            Next::End(ending) => return (journey, requests, Some(ending)),
            Next::Request(_) if requests.len() == 1_000 => return (journey, requests, None),
            Next::Request(due) => {
                requests.push(due);
                let outcome = outcome(requests.len() - 1, due);
                let answer = Answer { outcome, at: due.at + secs(1), retry_after: Some(secs(30)) };
                next = journey.answered(script, account.as_deref_mut(), answer);
            }
        }
    }
}

fn steps(requests: &[Due]) -> Vec<u16> {
    requests.iter().map(|due| due.step).collect()
}

fn times(requests: &[Due]) -> Vec<f64> {
    requests.iter().map(|due| due.at.secs_f64()).collect()
}

#[test]
fn the_first_request_is_intended_at_the_arrival_and_the_next_after_answer_and_think() {
    let (journey, requests, ending) = play(&script(&form()), arrival(1, 0), None, |_, _| Outcome::Ok);
    assert_eq!(steps(&requests), [0, 1, 2, 3]);
    assert_eq!(times(&requests), [100.0, 103.0, 106.0, 109.0]);
    assert_eq!(ending, Some(Ending::Completed));
    assert!(journey.clean() && requests.iter().all(|due| due.tries == 0));
}

#[test]
fn a_retry_starts_over_at_the_end_of_its_back_off() {
    let mut form = form();
    form.retry = retry(RetryFrom::Start, 4);
    let third = |n, _| if n == 2 { Outcome::Shed } else { Outcome::Ok };
    let (journey, requests, ending) = play(&script(&form), arrival(1, 0), None, third);
    // Asked at 106, refused at 107, again from the start at 117: without thinking first.
    assert_eq!(steps(&requests), [0, 1, 2, 0, 1, 2, 3]);
    assert_eq!(times(&requests)[3..], [117.0, 120.0, 123.0, 126.0]);
    assert_eq!(requests[3].tries, 1);
    assert_eq!(ending, Some(Ending::Completed));
    assert!(!journey.clean());
}

#[test]
fn a_retry_from_the_step_repeats_that_step_only_though_it_was_played_by_chance() {
    let mut form = form();
    form.retry = retry(RetryFrom::Step, 4);
    form.steps[2].chance = 0.5;
    let fails_twice = |_, due: Due| {
        if due.step == 2 && due.tries < 2 { Outcome::TimedOut } else { Outcome::Ok }
    };
    for number in 0..50 {
        let (_, requests, _) = play(&script(&form), arrival(1, number), None, fails_twice);
        assert!(matches!(steps(&requests)[..], [0, 1, 3] | [0, 1, 2, 2, 2, 3]), "{requests:?}");
    }
}

#[test]
fn a_client_gives_up_when_its_attempts_are_used_up() {
    let mut form = form();
    form.retry = retry(RetryFrom::Start, 4);
    let (journey, requests, ending) = play(&script(&form), arrival(1, 0), None, |_, _| Outcome::Failed);
    assert_eq!(requests.len(), 5);
    assert_eq!(requests.iter().map(|due| due.tries).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert_eq!((ending, journey.clean()), (Some(Ending::GaveUp), false));
    form.retry = None;
    let (_, requests, ending) = play(&script(&form), arrival(1, 0), None, |_, _| Outcome::Failed);
    assert_eq!((requests.len(), ending), (1, Some(Ending::GaveUp)));
}

#[test]
fn a_pause_is_scenario_time_and_the_attempts_start_anew_after_it() {
    let mut form = form();
    form.retry = retry(RetryFrom::Start, 1);
    form.retry.as_mut().unwrap().pause = Some(Law::Constant(secs(3_600)));
    let (_, requests, ending) = play(&script(&form), arrival(1, 0), None, |_, _| Outcome::Failed);
    assert_eq!(ending, None, "pauses without end");
    // One retry after 10 s, then an hour at warp 60, then again.
    assert_eq!(times(&requests)[..5], [100.0, 111.0, 172.0, 183.0, 244.0]);
    assert_eq!(requests[..5].iter().map(|due| due.tries).collect::<Vec<_>>(), [0, 1, 0, 1, 0]);
}

#[test]
fn retry_after_is_the_least_wait_of_those_who_honour_it() {
    let mut form = form();
    form.retry = retry(RetryFrom::Step, 1);
    let second =
        |form: &Population| times(&play(&script(form), arrival(1, 0), None, |_, _| Outcome::Shed).1)[1];
    assert_eq!(second(&form), 111.0);
    form.retry.as_mut().unwrap().honour_retry_after = true;
    assert_eq!(second(&form), 131.0);
    form.retry.as_mut().unwrap().backoff = Backoff::Law(Law::Constant(secs(40)));
    assert_eq!(second(&form), 141.0);
}

#[test]
fn no_retry_starts_after_the_journeys_patience() {
    let mut form = form();
    form.retry = retry(RetryFrom::Step, 1_000);
    form.patience = Some(Law::Constant(secs(33)));
    let (_, requests, ending) = play(&script(&form), arrival(1, 0), None, |_, _| Outcome::Failed);
    assert_eq!(times(&requests), [100.0, 111.0, 122.0, 133.0]);
    assert_eq!(ending, Some(Ending::GaveUp));
}

#[test]
fn full_jitter_doubles_up_to_its_cap_and_fills_its_range() {
    let mut robot = population("software", vec![step("send")]);
    robot.retry = Some(Retry {
        attempts: None,
        from: RetryFrom::Step,
        backoff: Backoff::FullJitter { base: secs(1), cap: secs(60) },
        pause: None,
        honour_retry_after: false,
    });
    let script = script(&robot);
    let mut longest = [0.0_f64; 10];
    for number in 0..500 {
        let (_, requests, ending) = play(&script, arrival(3, number), None, |_, _| Outcome::Failed);
        assert_eq!(ending, None, "attempts without end");
        for (retry, pair) in requests.windows(2).enumerate().take(10) {
            let wait = pair[1].at.since(pair[0].at).secs_f64() - 1.0;
            longest[retry] = longest[retry].max(wait);
            assert!(wait <= (2_f64.powi(retry as i32)).min(60.0), "retry {retry} after {wait}");
        }
    }
    // The longest of 500 uniform draws is above 96 % of the bound but for a chance of 1e-9.
    assert!(longest[3] > 7.68 && longest[9] > 57.6, "{longest:?}");
}

#[test]
fn a_step_that_fails_may_be_passed_over_or_end_the_journey() {
    let mut form = form();
    form.steps[1].on_failure = OnFailure::Continue;
    form.steps[2].on_failure = OnFailure::GiveUp;
    form.retry = retry(RetryFrom::Start, 4);
    let fails = |of: u16| move |_, due: Due| if due.step == of { Outcome::Failed } else { Outcome::Ok };
    let (journey, requests, ending) = play(&script(&form), arrival(1, 0), None, fails(1));
    assert_eq!((steps(&requests), ending), (vec![0, 1, 2, 3], Some(Ending::Completed)));
    assert!(!journey.clean());
    let (_, requests, ending) = play(&script(&form), arrival(1, 0), None, fails(2));
    assert_eq!((steps(&requests), ending), (vec![0, 1, 2], Some(Ending::GaveUp)));
}

#[test]
fn what_the_end_of_the_run_cuts_off_is_neither_clean_nor_tried_again() {
    let mut form = form();
    form.retry = retry(RetryFrom::Start, 4);
    for outcome in [Outcome::NotSent, Outcome::InFlight] {
        let (journey, requests, _) = play(&script(&form), arrival(1, 0), None, |_, _| outcome);
        assert_eq!((requests.len(), journey.clean()), (1, false));
    }
}

#[test]
fn an_account_signs_in_every_tenth_journey() {
    let mut form = form();
    form.steps[0].every = Some(10);
    form.accounts = Some(Accounts { count: 1, kind: "person".to_owned() });
    let (script, mut account) = (script(&form), Account::default());
    let signed_in: Vec<u64> = (0..30)
        .filter(|&number| {
            let (_, requests, _) = play(&script, arrival(1, number), Some(&mut account), |_, _| Outcome::Ok);
            // Where it is skipped, the form is asked for at the arrival itself.
            assert_eq!(requests[0].at, at(100.0));
            requests[0].step == 0
        })
        .collect();
    assert_eq!(signed_in, [0, 10, 20]);
    assert_eq!(account.journeys(), 30);
}

#[test]
fn a_sign_in_that_failed_is_due_again_and_one_that_succeeded_is_not_repeated_by_a_retry() {
    let mut form = form();
    form.steps[0].every = Some(10);
    form.retry = retry(RetryFrom::Start, 4);
    let outcome = |n, _| if n == 0 || n == 2 { Outcome::Failed } else { Outcome::Ok };
    for mut account in [Some(Account::default()), None] {
        let (_, requests, _) = play(&script(&form), arrival(1, 0), account.as_mut(), outcome);
        assert_eq!(steps(&requests), [0, 0, 1, 1, 2, 3], "account {account:?}");
    }
}

#[test]
fn a_client_without_an_account_signs_in_once_a_journey() {
    let mut form = form();
    form.steps[0].every = Some(10);
    for number in 0..3 {
        let (_, requests, _) = play(&script(&form), arrival(1, number), None, |_, _| Outcome::Ok);
        assert_eq!(steps(&requests), [0, 1, 2, 3]);
    }
}

#[test]
fn journeys_of_one_account_at_the_same_time_share_its_sign_in() {
    let mut form = form();
    form.steps[0].every = Some(1);
    let (script, mut account) = (script(&form), Account::default());
    let (mut first, _) = Journey::begin(&script, arrival(1, 0), Some(&mut account));
    let ok = Answer { outcome: Outcome::Ok, at: at(101.0), retry_after: None };
    let (mut second, next) = Journey::begin(&script, arrival(1, 1), Some(&mut account));
    assert!(matches!(next, Next::Request(Due { step: 0, .. })), "the first has not signed in yet");
    second.answered(&script, Some(&mut account), ok);
    // The later journey signed in; the earlier one must not set the clock back.
    first.answered(&script, Some(&mut account), ok);
    assert!(!account.due(0, 1, 2));
}

#[test]
fn a_journey_all_of_whose_steps_are_skipped_completes_without_a_request() {
    let mut form = form();
    form.steps.iter_mut().for_each(|step| step.chance = 0.0);
    let (journey, requests, ending) = play(&script(&form), arrival(1, 0), None, |_, _| Outcome::Ok);
    assert_eq!((requests.len(), ending, journey.clean()), (0, Some(Ending::Completed), true));
}

#[test]
fn a_loop_without_a_way_out_is_cut_off() {
    let mut form = form();
    form.steps[0].next = vec![(1.0, Target::Step(0))];
    form.steps[0].chance = 0.0;
    let (_, requests, ending) = play(&script(&form), arrival(1, 0), None, |_, _| Outcome::Ok);
    assert_eq!((requests.len(), ending), (0, Some(Ending::GaveUp)));
    assert_eq!(script(&form).requests_per_journey(), f64::INFINITY);
}

#[test]
fn patience_with_a_request_is_drawn_once_a_journey() {
    let mut form = form();
    form.timeout = Law::Uniform(secs(20), secs(30));
    form.steps[2].timeout = Some(Law::Uniform(secs(5), secs(6)));
    let timeouts = |number| -> Vec<Span> {
        let (script, arrival) = (script(&form), arrival(1, number));
        let (_, requests, _) = play(&script, arrival, None, |_, _| Outcome::Ok);
        requests.iter().map(|due| script.timeout(due.step, arrival.key)).collect()
    };
    let (one, other) = (timeouts(0), timeouts(1));
    assert!(one[0] == one[1] && one[1] == one[3] && one[2] < secs(6), "{one:?}");
    assert_ne!(one[0], other[0]);
}

#[test]
fn a_journey_is_small_enough_for_millions_of_them() {
    assert!(size_of::<Journey>() <= 48, "{} bytes", size_of::<Journey>());
}

#[test]
fn a_warped_run_has_its_share_of_the_accounts() {
    let mut form = form();
    let of = |form: &Population, warp, number| {
        account_of(form, &timeline("18:00", "20:00", warp), arrival(1, number).key)
    };
    assert_eq!(of(&form, 60.0, 0), None);
    form.accounts = Some(Accounts { count: 600, kind: "person".to_owned() });
    let seen: std::collections::BTreeSet<u32> = (0..500).filter_map(|n| of(&form, 60.0, n)).collect();
    assert_eq!(seen, (0..10).collect());
    assert_eq!(of(&form, 1e6, 7), Some(0));
}

/// Three steps whose chances, turns and ways are given.
fn maze(chances: [f64; 3], every: Option<u32>, weights: [[f64; 4]; 3]) -> Population {
    let ways = |weights: [f64; 4]| {
        let targets = [Target::Step(0), Target::Step(1), Target::Step(2), Target::End];
        weights.into_iter().zip(targets).collect()
    };
    let named = |index: usize| Step { chance: chances[index], next: ways(weights[index]), ..step("step") };
    let mut maze = population("walker", (0..3).map(named).collect());
    maze.steps[1].every = every;
    maze.accounts = every.map(|_| Accounts { count: 1, kind: "person".to_owned() });
    maze
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn expected_requests_are_the_mean_of_many_journeys(
        chances in prop::array::uniform3(0.1..1.0_f64),
        every in prop::option::of(1..5_u32),
        weights in prop::array::uniform3([0.0..2.0_f64, 0.0..2.0, 0.0..2.0, 0.5..2.0]),
        seed: u64,
    ) {
        let script = script(&maze(chances, every, weights));
        let (n, mut account) = (4_000_u64, Account::default());
        let (mut sums, mut squares) = ([0.0; 3], [0.0; 3]);
        for number in 0..n {
            let account = every.is_some().then_some(&mut account);
            let (_, requests, _) = play(&script, arrival(seed, number), account, |_, _| Outcome::Ok);
            for step in 0..3 {
                let plays = requests.iter().filter(|due| usize::from(due.step) == step).count() as f64;
                sums[step] += plays;
                squares[step] += plays * plays;
            }
        }
        let plays = script.plays();
        for step in 0..3 {
            let mean = sums[step] / n as f64;
            let sigma = ((squares[step] / n as f64 - mean * mean) / n as f64).sqrt();
            // A step that was hardly ever played shows too small a variance; a Poisson count has its mean. The first
            // journeys of the account add less than one play.
            let sigma = sigma.max((plays[step] / n as f64).sqrt());
            prop_assert!((mean - plays[step]).abs() < 6.0 * sigma + 1.0 / n as f64,
                "step {}: {} expected {}", step, mean, plays[step]);
        }
        prop_assert!((script.requests_per_journey() - plays.iter().sum::<f64>()).abs() < 1e-9);
    }

    #[test]
    fn the_same_answers_make_the_same_journey_and_other_ones_leave_its_first_draws_alone(
        weights in prop::array::uniform3([0.0..2.0_f64, 0.0..2.0, 0.0..2.0, 0.5..2.0]),
        failing in 0..10_usize,
        seed: u64,
    ) {
        let mut walker = maze([0.7, 0.8, 1.0], None, weights);
        walker.think = Law::Exponential(secs(3));
        walker.retry = retry(RetryFrom::Start, 2);
        let script = script(&walker);
        let fails = |n: usize, _| if n == failing { Outcome::Shed } else { Outcome::Ok };
        let one = play(&script, arrival(seed, 0), None, fails);
        prop_assert_eq!(&one, &play(&script, arrival(seed, 0), None, fails));
        let (_, undisturbed, _) = play(&script, arrival(seed, 0), None, |_, _| Outcome::Ok);
        let same = (failing + 1).min(undisturbed.len()).min(one.1.len());
        prop_assert_eq!(&one.1[..same], &undisturbed[..same]);
        // Requests never go back in time, and no two share a visit.
        for pair in one.1.windows(2) {
            prop_assert!(pair[0].at < pair[1].at && pair[0].visit < pair[1].visit);
        }
    }
}
