//! Waiting rooms through HTTP: who is let in, what the page says, and that sessions pass.

use axum::http::header;
use hyper::Method;

use crate::client::{Answer, Client};
use crate::server::InProcess;
use crate::synthetic::BIRTH_DATE;

const LINK: &str = "61d5f5a0aabbccddeeff00112233445566778899";

/// A session a second, the page asks again after 100 ms to 200 ms.
const ROOMS: &str = "[waiting_room.patients]\nrate = \"1/s\"\npoll = \"100ms\"\n\
                     [waiting_room.professionals]\nrate = \"1/h\"\npoll = \"20s\"";

async fn get(client: &mut Client, path: &str, cookie: &str) -> Answer {
    client.send(Method::GET, path, &[("cookie", cookie)], "".into()).await.unwrap()
}

fn cookie(answer: &Answer) -> String {
    let set = answer.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(set.contains("HttpOnly") && set.contains("SameSite"), "{set}");
    set.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn patients_wait_for_their_turn_and_then_stay_in() {
    let server = InProcess::start(ROOMS).await;
    let mut client = server.client().await;
    let first = format!("/p/{LINK}");
    let pass = cookie(&client.get(&first).await.expect(200));
    assert!(pass.starts_with("pass="));
    let others: Vec<_> = (0..3).map(|number| format!("/p/{}{number}", &LINK[..39])).collect();
    let mut tickets = Vec::new();
    for (place, other) in others.iter().enumerate() {
        let page = client.get(other).await.expect(503);
        assert_eq!(page.headers[header::RETRY_AFTER], "1");
        assert_eq!(page.headers[header::CACHE_CONTROL], "no-store");
        let text = page.text();
        assert_eq!(page.headers[header::REFRESH], "1");
        assert!(text.contains(&format!("<strong>{}</strong>", place + 1)), "{text}");
        assert!(text.contains("/style.css"), "it looks like the other pages: {text}");
        tickets.push(cookie(&page));
    }
    // In session: the landing page again, and everything after it, for whoever waits too.
    get(&mut client, &first, &pass).await.expect(200);
    client.post_form(&others[2], &format!("birth_date={BIRTH_DATE}")).await.expect(403);
    // The last one's turn comes, wherever the others are; its ticket is good once.
    let entered = loop {
        let answer = get(&mut client, &others[2], &tickets[2]).await;
        if answer.status == 200 {
            break answer;
        }
        assert_eq!(answer.status, 503);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert!(cookie(&entered).starts_with("pass="));
    assert_eq!(server.metric("sidep_waiting_room_admitted_total{room=\"patients\"}").await, 2.0);
    assert!(server.metric("sidep_refusals_total{cause=\"waiting-room\"}").await >= 3.0);
    // The two who never came back have lost their places.
    assert_eq!(server.metric("sidep_waiting_room_void_total{room=\"patients\"}").await, 2.0);
}

#[tokio::test]
async fn professionals_have_a_room_of_their_own_before_the_form_and_programs_pass() {
    let server = InProcess::start(ROOMS).await;
    let mut first = server.signed_in("89900000001").await;
    let pass = cookie(&first.get("/pro/entry").await.expect(200));
    let mut second = server.signed_in("89900000002").await;
    let page = second.get("/pro/entry").await.expect(503);
    let wait: u64 = page.headers[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
    assert!((20..=40).contains(&wait), "{wait}");
    // The room of the patients is empty, the pass is good for the account that it was given to.
    server.client().await.get(&format!("/p/{LINK}")).await.expect(200);
    get(&mut first, "/pro/entry", &pass).await.expect(200);
    get(&mut second, "/pro/entry", &pass).await.expect(503);
    // Only the form is before the room: an entry under way goes on, and software has no form.
    second.enter(1).await;
    server.signed_in("sw-1").await.enter(2).await;
    assert_eq!(server.metric("sidep_waiting_room_waiting{room=\"professionals\"}").await, 1.0);
}
