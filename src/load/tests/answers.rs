//! What answers do: outcomes, what is kept of them, who comes because of them, when a client comes back.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, COOKIE, HOST, RETRY_AFTER, SET_COOKIE};
use hyper::{Response, StatusCode};

use super::bench::{ok, play, population, scenario, server, step, timeline};
use crate::load::recorder::Entry;
use crate::record::{Clock, JourneyEvent};
use crate::scenario::{
    Accounts, After, Arrivals, Backoff, Cause, Delay, Extract, Keep, Law, Outcome, Population, Retry,
    RetryFrom, Step, Template,
};
use crate::units::Span;

fn refused() -> Response<Full<Bytes>> {
    let mut response = ok();
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response.headers_mut().insert(RETRY_AFTER, 3.into());
    response
}

#[tokio::test(start_paused = true)]
async fn a_client_whose_patience_ends_has_waited_just_that_long() {
    let dial = server(|_| async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        ok()
    });
    let impatient = Population { timeout: Law::Constant(Span::from_secs(2)), ..population(10.0, 64) };
    let played = play(scenario(vec![impatient]), timeline(Span::ZERO, Span::from_secs(5)), dial).await;
    assert!(played.offered() > 20);
    assert_eq!(played.count(Outcome::TimedOut), played.offered());
    for sample in played.samples() {
        let waited = sample.length(Clock::Service).unwrap();
        assert!((Span::from_secs(2)..Span::from_millis(2_003)).contains(&waited), "{waited}");
    }
    assert_eq!(played.journeys(JourneyEvent::GaveUp), played.offered());
    assert_eq!(played.journeys(JourneyEvent::Marred), played.offered());
}

#[tokio::test(start_paused = true)]
async fn who_is_refused_comes_back_when_the_server_said() {
    let dial = server(|_| async { refused() });
    let retry = Retry {
        attempts: Some(1),
        from: RetryFrom::Start,
        backoff: Backoff::Law(Law::Constant(Span::from_millis(100))),
        pause: None,
        honour_retry_after: true,
    };
    let patient = Population { retry: Some(retry), ..population(5.0, 8) };
    let played = play(scenario(vec![patient]), timeline(Span::ZERO, Span::from_secs(20)), dial).await;
    assert_eq!(played.count(Outcome::Shed), played.offered());
    let mut due: Vec<_> = played.samples().iter().map(|sample| sample.intended.nanos()).collect();
    due.sort_unstable();
    // Everyone comes a second time, three seconds after the first answer, but for those whom the end cut off.
    let again = due.iter().filter(|at| {
        let first = **at - 3_000_000_000;
        due.iter().any(|other| (other - first).abs() < 3_000_000)
    });
    let again = again.count();
    assert!(again * 10 > due.len() * 4, "{again} of {}", due.len());
}

fn keep(name: &str, from: Extract, by_account: bool) -> Keep {
    Keep { name: name.to_owned(), from, by_account }
}

fn with_header(name: &str, header: &str, value: &str) -> Step {
    let mut step = step(name);
    step.request.path = Template::parse(&format!("/{name}")).unwrap();
    step.request.headers = vec![(header.to_owned(), Template::parse(value).unwrap())];
    step
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_of_an_answer_is_in_the_next_request_and_a_token_in_the_next_journey() {
    // Signing in gives a token, for the account; entering gives a cookie, for the journey. Leaving wants both.
    let dial = server(|request| async move {
        let header =
            |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (token, cookie) = (header(AUTHORIZATION).to_owned(), header(COOKIE).to_owned());
        match request.uri().path() {
            "/sign-in" => Response::new(Full::new(Bytes::from_static(br#"{"token":"sesame"}"#))),
            "/enter" if token == "Bearer sesame" => {
                let mut response = ok();
                response.headers_mut().insert(SET_COOKIE, "session=open; Path=/".parse().unwrap());
                response
            }
            "/leave" if token == "Bearer sesame" && cookie == "session=open" => ok(),
            _ => refused(),
        }
    });
    let mut sign_in = with_header("sign-in", "accept", "application/json");
    sign_in.every = Some(1_000);
    sign_in.keep = vec![keep("token", Extract::Json("/token".to_owned()), true)];
    let mut enter = with_header("enter", "authorization", "Bearer ${token}");
    enter.keep = vec![keep("session", Extract::Cookie("session".to_owned()), false)];
    let mut leave = with_header("leave", "authorization", "Bearer ${token}");
    leave.request.headers.push(("cookie".to_owned(), Template::parse("session=${session}").unwrap()));
    let people = Population {
        accounts: Some(Accounts { count: 3, kind: "person".to_owned() }),
        think: Law::Constant(Span::from_millis(10)),
        steps: vec![sign_in, enter, leave],
        ..population(20.0, 8)
    };
    let played = play(scenario(vec![people]), timeline(Span::ZERO, Span::from_secs(5)), dial).await;
    assert_eq!(played.count(Outcome::Ok), played.offered());
    let of_step = |step| played.samples().iter().filter(|sample| sample.step == step).count();
    assert!((3..10).contains(&of_step(0)), "each account signs in once: {}", of_step(0));
    assert!(of_step(2) > 50);
}

#[tokio::test(start_paused = true)]
async fn a_success_without_what_is_kept_of_it_is_none() {
    let dial = server(|_| async { ok() });
    let mut lacking = step("home");
    lacking.keep = vec![keep("token", Extract::Json("/token".to_owned()), false)];
    let mut wanting = step("home");
    wanting.request.path = Template::parse("/${token}").unwrap();
    let populations =
        [lacking, wanting].map(|step| Population { steps: vec![step], ..population(10.0, 2) }).into();
    let played = play(scenario(populations), timeline(Span::ZERO, Span::from_secs(2)), dial).await;
    assert_eq!(played.count(Outcome::Failed), played.offered());
    let errors: Vec<&str> = played
        .entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::Example(example) => Some(example.error.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(errors.len(), 6, "three of each: {errors:?}");
    assert!(
        errors.contains(&"answer without token") && errors.contains(&"no value for ${token}"),
        "{errors:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_success_brings_those_who_follow_it() {
    let dial = server(|_| async { ok() });
    let after = After {
        cause: Cause::Step { population: 0, step: 0 },
        share: 1.0,
        journeys: 2.0,
        delays: vec![(1.0, Delay::After(Law::Constant(Span::from_secs(1))))],
    };
    let followers = Population { arrivals: Arrivals::After(after), ..population(0.0, 8) };
    let scenario = scenario(vec![population(20.0, 8), followers]);
    let played = play(scenario, timeline(Span::ZERO, Span::from_secs(10)), dial).await;
    let samples = played.samples();
    let early = |population, before: f64| {
        let of = samples.iter().filter(|sample| sample.population == population);
        of.filter(|sample| sample.intended.secs_f64() < before).count()
    };
    // Two for each, a second later; those of the last second come too late.
    assert!(early(1, 10.0) >= 2 * early(0, 8.98) && early(1, 10.0) <= 2 * early(0, 9.0));
    assert_eq!(played.count(Outcome::Ok), played.offered());
}

#[tokio::test(start_paused = true)]
async fn populations_that_are_left_out_send_nothing() {
    let dial = server(|_| async { ok() });
    let named = |name: &str| Population { name: name.to_owned(), ..population(20.0, 4) };
    let scenario = scenario(vec![named("in"), named("out")]);
    let played =
        super::bench::play_only(scenario, &["in"], timeline(Span::ZERO, Span::from_secs(3)), dial).await;
    assert!(played.offered() > 30);
    assert!(played.samples().iter().all(|sample| sample.population == 0));
}

#[tokio::test(start_paused = true)]
async fn a_host_of_the_scenarios_own_is_the_only_one_that_is_sent() {
    let dial = server(|request| {
        let hosts: Vec<_> = request.headers().get_all(HOST).iter().cloned().collect();
        let mut response = ok();
        if hosts != ["other.test"] {
            *response.status_mut() = StatusCode::BAD_REQUEST;
        }
        std::future::ready(response)
    });
    let mut visitors = population(10.0, 4);
    visitors.steps[0].request.headers = vec![("host".to_owned(), Template::parse("other.test").unwrap())];
    let played = play(scenario(vec![visitors]), timeline(Span::ZERO, Span::from_secs(3)), dial).await;
    assert!(played.offered() > 10);
    assert_eq!(played.count(Outcome::Ok), played.offered());
}
