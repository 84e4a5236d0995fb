//! Goose as it comes: every user posts the same body with `user.request`, throttled to a rate where one is given.
//!
//! Arguments: URL, users, seconds, requests a second (0: as fast as it goes), file with the body.

use std::sync::Arc;

use goose::goose::{GooseMethod, GooseRequest, GooseUser, Scenario, Transaction};
use goose::{GooseAttack, GooseError, config::GooseConfiguration};

fn main() -> Result<(), GooseError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, users, seconds, rate, body] = arguments.as_slice() else {
        panic!("URL USERS SECONDS RATE BODY");
    };
    let number = |text: &String| text.parse::<usize>().expect("a number");
    let body: Arc<str> = std::fs::read_to_string(body).expect("a readable body").into();
    let mut goose = GooseConfiguration::default();
    goose.host = Some(url.clone());
    goose.users = Some(number(users));
    goose.increase_rate = Some("100000".to_owned());
    goose.run_time = Some(seconds.clone());
    goose.throttle_requests = Some(number(rate)).filter(|rate| *rate > 0);
    goose.no_telnet = true;
    goose.no_reset_metrics = true;
    goose.no_gzip = true;
    goose.quiet = 2;
    let post = Transaction::new(Arc::new(move |user: &mut GooseUser| {
        let body = Arc::clone(&body);
        Box::pin(async move {
            let builder = user
                .get_request_builder(&GooseMethod::Post, "/")?
                .header("content-type", "application/json")
                .body(body.to_string());
            let request = GooseRequest::builder().name("post").set_request_builder(builder).build();
            if let Ok(answer) = user.request(request).await?.response {
                // The last byte is what counts, as everywhere.
                let _ = answer.bytes().await;
            }
            Ok(())
        })
    }));
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(async {
        let scenario = Scenario::new("plain").register_transaction(post);
        GooseAttack::initialize_with_config(goose)?.register_scenario(scenario).execute().await.map(drop)
    })
}
