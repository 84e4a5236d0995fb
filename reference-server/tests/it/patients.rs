//! The patient's link: birth date, lock, session, result.

use bytes::Bytes;
use hyper::{HeaderMap, Method};

use crate::client::{Answer, Client};
use crate::server::{InProcess, write};
use crate::synthetic::{self, BIRTH_DATE};

/// A server with preloaded results, whose links are known.
async fn server(config: &str) -> InProcess {
    let folder = tempfile::tempdir().unwrap();
    let lines: Vec<_> = (0..4).map(|number| synthetic::preload_line(number, "lab-1")).collect();
    let file = write(folder.path(), "earlier.jsonl", &lines.join("\n"));
    InProcess::start_with(config, |options| options.preload = Some(file.clone()))
        .await
        .forget_preload(folder)
        .await
}

impl InProcess {
    /// Restarts without the file, so that restarts later do not need it.
    async fn forget_preload(mut self, folder: tempfile::TempDir) -> InProcess {
        self.restart_with(|options| options.preload = None).await;
        drop(folder);
        self
    }
}

async fn try_date(client: &mut Client, link: &str, date: &str) -> Answer {
    client.post_form(&format!("/p/{link}"), &format!("birth_date={date}")).await
}

/// Whether the page says that no date is looked at any more, or not now.
fn is_locked(answer: &Answer) -> bool {
    answer.text().contains("Ce lien est bloqué")
}

fn names(headers: &HeaderMap) -> Vec<String> {
    let mut names: Vec<_> = headers.keys().map(ToString::to_string).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn the_right_date_opens_a_session_for_this_link_alone() {
    let server = server("").await;
    let mut client = server.client().await;
    let (own, other) = (synthetic::link(1), synthetic::link(2));
    let opened = try_date(&mut client, &own, BIRTH_DATE).await.expect(200);
    let cookie = opened.headers["set-cookie"].to_str().unwrap().to_owned();
    for attribute in ["Path=/p/", "HttpOnly", "SameSite=Strict", "Max-Age=900"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let cookie = cookie.split(';').next().unwrap();
    let mut read = async |path: &str, cookie: &str| {
        client.send(Method::GET, path, &[("cookie", cookie)], Bytes::new()).await.unwrap()
    };
    let page = read(&format!("/p/{own}/result"), cookie).await.expect(200);
    assert!(page.text().contains("Exempleb") && page.text().contains("négatif"));
    assert_eq!(page.headers["cache-control"], "no-store");
    assert_eq!(page.headers["referrer-policy"], "no-referrer");
    let certificate = read(&format!("/p/{own}/certificate.txt"), cookie).await.expect(200).text();
    assert!(certificate.starts_with("HC1:"), "{certificate}");
    for (path, cookie) in [
        (format!("/p/{own}/result"), ""),
        (format!("/p/{own}/certificate.txt"), "session=AAAA"),
        (format!("/p/{other}/result"), cookie),
        (format!("/p/{other}/certificate.txt"), cookie),
    ] {
        read(&path, cookie).await.expect(403);
    }
}

#[tokio::test]
async fn who_looks_again_is_answered_from_memory_and_nobody_else_is() {
    let server = server("[cache]\nresults = 10").await;
    let mut client = server.client().await;
    let own = synthetic::link(1);
    let opened = try_date(&mut client, &own, BIRTH_DATE).await.expect(200);
    let cookie = opened.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let mut read = async |cookie: &str| {
        client
            .send(Method::GET, &format!("/p/{own}/result"), &[("cookie", cookie)], Bytes::new())
            .await
            .unwrap()
    };
    let first = read(&cookie).await.expect(200);
    let again = read(&cookie).await.expect(200);
    assert_eq!(first.body, again.body);
    assert_eq!(again.headers["cache-control"], "no-store");
    read("").await.expect(403);
    assert_eq!(server.metric("sidep_cache_hits_total").await, 1.0);
    assert_eq!(server.metric("sidep_cache_misses_total").await, 1.0);
    assert_eq!(server.metric("sidep_cache_results").await, 1.0);
}

#[tokio::test]
async fn an_unknown_link_cannot_be_told_from_a_wrong_date() {
    let server = server("").await;
    let mut client = server.client().await;
    let (known, unknown) = (synthetic::link(1), synthetic::link(99));
    let pages = [client.get(&format!("/p/{known}")).await, client.get(&format!("/p/{unknown}")).await];
    assert_eq!(pages[0].status, 200);
    assert_eq!(pages[0].body, pages[1].body);
    // Wrong dates up to the lock, and beyond it: the same answers for both, to the byte, from the first to the last.
    for attempt in 0..8 {
        let wrong = try_date(&mut client, &known, "1985-05-15").await;
        let missing = try_date(&mut client, &unknown, "1985-05-15").await;
        assert_eq!((wrong.status.as_u16(), is_locked(&wrong)), (403, attempt >= 5));
        assert_eq!(wrong.status, missing.status, "attempt {attempt}");
        assert_eq!(wrong.body, missing.body);
        assert_eq!(names(&wrong.headers), names(&missing.headers));
        assert_eq!(wrong.body.len(), 4_096);
    }
    // A link that is none.
    try_date(&mut client, "nonsense", BIRTH_DATE).await.expect(403);
}

#[tokio::test]
async fn what_is_no_date_is_refused_and_is_no_attempt() {
    let server = server("").await;
    let mut client = server.client().await;
    let link = format!("/p/{}", synthetic::link(2));
    for form in
        ["", "birth_date=", "birth_date=yesterday", "day=31&month=2&year=1985", "day=14&month=5", "year=2999"]
    {
        for _ in 0..2 {
            client.post_form(&link, form).await.expect(403);
        }
    }
    // As a form has it, and as a program sends it.
    client.post_form(&link, "day=14&month=5&year=1985").await.expect(200);
    try_date(&mut client, &synthetic::link(2), BIRTH_DATE).await.expect(200);
}

#[tokio::test]
async fn five_failures_lock_a_link_and_a_restart_does_not_open_it() {
    let mut server = server("").await;
    let link = synthetic::link(1);
    let mut client = server.client().await;
    for _ in 0..5 {
        try_date(&mut client, &link, "1999-01-01").await.expect(403);
    }
    assert!(is_locked(&try_date(&mut client, &link, BIRTH_DATE).await.expect(403)));
    server.restart().await;
    let mut client = server.client().await;
    assert!(is_locked(&try_date(&mut client, &link, BIRTH_DATE).await.expect(403)));
    try_date(&mut client, &synthetic::link(2), BIRTH_DATE).await.expect(200);
}

#[tokio::test]
async fn a_lock_ends_and_ten_failures_kill_the_link() {
    let server = server("[patients]\nlock_for = \"1ms\"").await;
    let link = synthetic::link(1);
    let mut client = server.client().await;
    let pause = || tokio::time::sleep(std::time::Duration::from_millis(3));
    for failure in 1..10 {
        try_date(&mut client, &link, "1999-01-01").await.expect(403);
        pause().await;
        if failure == 7 {
            // The lock is over, and a right date does not forget the failures.
            try_date(&mut client, &link, BIRTH_DATE).await.expect(200);
        }
    }
    try_date(&mut client, &link, "1999-01-01").await.expect(403);
    pause().await;
    assert!(is_locked(&try_date(&mut client, &link, BIRTH_DATE).await.expect(403)));
}

#[tokio::test]
async fn guesses_sent_at_once_are_counted_one_by_one() {
    let server = server("").await;
    let link = synthetic::link(1);
    let guesses: Vec<_> = (0..40)
        .map(|guess| {
            let (address, link) = (server.address, link.clone());
            tokio::spawn(async move {
                let mut client = Client::connect(address).await.unwrap();
                let date =
                    if guess == 39 { BIRTH_DATE.to_owned() } else { format!("19{:02}-01-01", guess + 10) };
                is_locked(&try_date(&mut client, &link, &date).await.expect(403))
            })
        })
        .collect();
    let mut wrong = 0;
    for guess in guesses {
        wrong += u32::from(!guess.await.unwrap());
    }
    assert_eq!(wrong, 5);
}
