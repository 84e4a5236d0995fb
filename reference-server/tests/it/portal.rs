//! The professionals' portal and the patients' pages as people meet them: in a real browser, by mouse and by keyboard, in
//! both languages, wide and narrow, light and dark.

use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use hyper::Method;
use reference_server::accounts;
use serde_json::Value;

use crate::browser::{Browser, ENTER, TAB};
use crate::client::Client;
use crate::python::python;
use crate::server::InProcess;
use crate::synthetic;

const PERSON: &str = "89900000001";

/// A server that is reached where it listens, as a browser must.
async fn server() -> InProcess {
    InProcess::start_with("", |options| options.public_url = None).await
}

/// A visitor who looks at every page that they come to.
struct Visitor {
    browser: Browser,
    english: bool,
    axe: String,
    seen: u32,
    pictures: Option<PathBuf>,
}

impl Visitor {
    async fn start(english: bool) -> Visitor {
        let mut browser = Browser::start(if english { "en-GB,en" } else { "fr" }).await;
        if english {
            browser.look(320, 640, true).await;
        } else {
            browser.look(1_100, 800, false).await;
        }
        let pictures = std::env::var_os("PEAKDAY_PICTURES").map(PathBuf::from);
        Visitor { browser, english, axe: axe(), seen: 0, pictures }
    }

    fn words<'w>(&self, french: &'w str, english: &'w str) -> &'w str {
        if self.english { english } else { french }
    }

    /// The page has this heading, and nothing is wrong with it for anybody.
    async fn sees(&mut self, french: &str, english: &str) {
        let heading = self.browser.heading().await;
        assert_eq!(heading, self.words(french, english));
        self.seen += 1;
        if let Some(folder) = &self.pictures {
            let name = format!("{}-{:02}-{heading}.png", self.words("fr", "en"), self.seen);
            let file = folder
                .join(name.replace(|letter: char| !letter.is_ascii_alphanumeric() && letter != '.', "-"));
            self.browser.picture(&file).await;
        }
        let language = self.browser.script("return document.documentElement.lang").await;
        assert_eq!(language, self.words("fr", "en"), "{heading}");
        let page = self.browser.script(LOOK).await;
        assert_eq!(page["scripts"], 0, "{heading}");
        assert!(page["overflow"].as_i64().unwrap() <= 0, "{heading} is {} pixels too wide", page["overflow"]);
        self.browser.script(&format!("{}; return 0", self.axe)).await;
        let violations = self.browser.script_later(JUDGE).await;
        assert_eq!(violations, serde_json::json!([]), "{heading}");
    }
}

const LOOK: &str = "return {
  scripts: document.scripts.length,
  overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
}";

/// Every rule of WCAG 2.2 at the levels A and AA that axe knows, and its best practices.
const JUDGE: &str = "const done = arguments[arguments.length - 1];
axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
  .then(found => done(found.violations.map(({ id, nodes }) => ({ id, nodes: nodes.map(node => node.html) }))),
        error => done(String(error)));";

/// The text of axe-core, which `tests/run.sh` installs with a Python package that carries it.
fn axe() -> String {
    let find = "import importlib.util as u; print(u.find_spec('axe_playwright_python').submodule_search_locations[0])";
    let output = Command::new(python()).args(["-c", find]).output().unwrap();
    assert!(output.status.success(), "axe-playwright-python is needed (tests/run.sh installs it)");
    let folder = String::from_utf8(output.stdout).unwrap();
    std::fs::read_to_string(Path::new(folder.trim()).join("axe.min.js")).unwrap()
}

/// From the first page to the certificate: sign-in, entry, message, birth date, result.
async fn the_whole_way(english: bool) {
    let server = server().await;
    let mut visitor = Visitor::start(english).await;
    let site = format!("http://{}", server.address);

    visitor.browser.go(&site).await;
    visitor.sees("Résultats de tests Covid-19", "Covid-19 test results").await;
    visitor.browser.leave_by("a[href='/pro']").await;
    visitor.sees("Portail des professionnels", "Portal for professionals").await;
    visitor.browser.leave_by("main a.button").await;
    assert_eq!(visitor.browser.path().await, "/oidc/authorize");
    visitor.browser.fill("account", PERSON).await;
    visitor.browser.fill("secret", "not this one").await;
    visitor.browser.leave_by("main button").await;
    visitor.sees("Identification des professionnels", "Sign-in for professionals").await;
    visitor.browser.fill("secret", &accounts::secret(PERSON)).await;
    visitor.browser.leave_by("main button").await;

    assert_eq!(visitor.browser.path().await, "/pro/entry");
    visitor.sees("Saisir un résultat", "Enter a result").await;
    visitor.browser.fill("family_name", "Exemple-Été").await;
    visitor.browser.fill("mobile", "06 12 34 56 78").await;
    visitor.browser.leave_by("button[value=validate]").await;
    visitor.sees("Saisir un résultat", "Enter a result").await;
    // The first error leads to its field, and what was typed is still there.
    visitor.browser.click(".summary li a").await;
    assert_eq!(visitor.browser.script("return document.activeElement.id").await, "given_name");
    assert_eq!(visitor.browser.script("return family_name.value").await, "Exemple-Été");
    for (field, text) in [("given_name", "Zoé"), ("day", "14"), ("month", "5"), ("year", "1985")] {
        visitor.browser.fill(field, text).await;
    }
    visitor.browser.click("label[for=sex]").await;
    visitor.browser.fill("mobile", "06 39 98 00 42").await;
    visitor.browser.fill("identifier", "2 85 05 75 000 000 95").await;
    visitor.browser.leave_by("button[value=save]").await;
    visitor.sees("Saisir un résultat", "Enter a result").await;
    assert_eq!(
        visitor.browser.script("return [given_name.value, year.value]").await,
        serde_json::json!(["Zoé", "1985"])
    );
    visitor.browser.click("label[for=kind]").await;
    visitor.browser.fill("device", "1232").await;
    visitor.browser.fill("sample", "P-1").await;
    visitor.browser.click("label[for=result]").await;
    visitor.browser.leave_by("button[value=validate]").await;
    visitor.sees("Résultat enregistré", "Recorded result").await;
    visitor.browser.leave_by("main a.button").await;
    visitor.sees("Certificat de test COVID-19", "Certificat de test COVID-19").await;
    // A code of 85 modules or more, of six pixels each, with its margin.
    assert_eq!(
        visitor.browser.script("return document.querySelector('img').naturalWidth >= 558").await,
        true
    );
    visitor.browser.leave_by("a[href='/pro/patients']").await;
    visitor.browser.fill("name", "e").await;
    visitor.browser.leave_by("main button").await;
    visitor.sees("Chercher un patient", "Find a patient").await;
    visitor.browser.fill("name", "exemple ete").await;
    visitor.browser.leave_by("main button").await;
    visitor.sees("Chercher un patient", "Find a patient").await;
    assert!(visitor.browser.text().await.contains("Exemple-Été Zoé"));
    visitor.browser.leave_by(".bar button").await;
    visitor.sees("Portail des professionnels", "Portal for professionals").await;

    visitor.browser.go(&format!("{site}/demo/messages")).await;
    visitor.sees("SMS en attente", "Text messages waiting").await;
    visitor.browser.leave_by("main li a").await;
    visitor.sees("Quelle est votre date de naissance\u{a0}?", "What is your date of birth?").await;
    visitor.browser.fill("day", "31").await;
    visitor.browser.leave_by("main button").await;
    visitor.sees("Quelle est votre date de naissance\u{a0}?", "What is your date of birth?").await;
    for (field, text) in [("day", "15"), ("month", "5"), ("year", "1985")] {
        visitor.browser.fill(field, text).await;
    }
    visitor.browser.leave_by("main button").await;
    visitor.sees("Quelle est votre date de naissance\u{a0}?", "What is your date of birth?").await;
    for (field, text) in [("day", "14"), ("month", "5"), ("year", "1985")] {
        visitor.browser.fill(field, text).await;
    }
    visitor.browser.leave_by("main button").await;
    visitor.sees("Votre document est prêt", "Your document is ready").await;
    visitor.browser.leave_by("main a.button").await;
    visitor.sees("Résultat de votre test", "Your test result").await;
    let result = visitor.browser.text().await;
    for words in
        ["Exemple-Été", visitor.words("14 mai 1985", "14 May 1985"), visitor.words("Négatif", "Negative")]
    {
        assert!(result.contains(words), "{words}: {result}");
    }
    visitor.browser.follow(visitor.words("texte", "text")).await;
    assert!(visitor.browser.text().await.starts_with("HC1:"));
    visitor.browser.close().await;
}

#[tokio::test]
async fn a_person_finds_the_way_from_sign_in_to_the_certificate_in_french() {
    the_whole_way(false).await;
}

#[tokio::test]
async fn a_person_finds_the_way_in_english_on_a_small_dark_screen() {
    the_whole_way(true).await;
}

#[tokio::test]
async fn whoever_waits_is_told_the_place_and_comes_in_without_doing_anything() {
    let full = InProcess::start("[waiting_room.patients]\nrate = \"1/h\"\npoll = \"60s\"").await;
    let moving = InProcess::start("[waiting_room.patients]\nrate = \"30/min\"\npoll = \"300ms\"").await;
    let link = |number: u32| format!("/p/61d5f5a0aabbccddeeff0011223344556677{number:04}");
    for server in [&full, &moving] {
        server.client().await.get(&link(0)).await.expect(200);
    }
    for (place, english) in [(1, false), (2, true)] {
        let mut visitor = Visitor::start(english).await;
        visitor.browser.go(&format!("http://{}{}", full.address, link(place))).await;
        visitor.sees("Beaucoup de monde en ce moment", "We are very busy").await;
        let seen = visitor.browser.script("return document.querySelector('main strong').textContent").await;
        assert_eq!(seen, place.to_string());
        visitor.browser.close().await;
    }
    let mut browser = Browser::start("fr").await;
    browser.go(&format!("http://{}{}", moving.address, link(1))).await;
    while browser.heading().await == "Beaucoup de monde en ce moment" {
        browser.mark().await;
        browser.arrived().await;
    }
    assert_eq!(browser.heading().await, "Quelle est votre date de naissance\u{a0}?");
    browser.close().await;
}

#[tokio::test]
async fn a_patient_needs_no_mouse_and_can_change_the_language() {
    let server = server().await;
    let mut sender = server.signed_in("sw-1").await;
    sender.enter(1).await;
    let site = format!("http://{}", server.address);
    let mut browser = Browser::start("fr").await;
    browser.go(&format!("{site}/demo/messages")).await;
    browser.leave_by("main li a").await;
    let question = browser.heading().await;
    // Skip link, language, then the date.
    let focus = "const { id, className, lang } = document.activeElement; return id || className || lang";
    let mut seen = Vec::new();
    for _ in 0..6 {
        browser.press(TAB).await;
        seen.push(browser.script(focus).await);
        let outline = browser.script("return getComputedStyle(document.activeElement).outlineWidth").await;
        assert_eq!(outline, "3px", "the focus is not seen on {seen:?}");
    }
    assert_eq!(seen[..5], ["skip", "en", "day", "month", "year"]);
    browser.script("document.getElementById('day').focus()").await;
    browser.mark().await;
    browser.press(&format!("14{TAB}5{TAB}1985{TAB}{ENTER}")).await;
    browser.arrived().await;
    assert_eq!(browser.heading().await, "Votre document est prêt");
    browser.script("document.querySelector('main a').focus()").await;
    browser.mark().await;
    browser.press(ENTER).await;
    browser.arrived().await;
    assert_eq!(browser.heading().await, "Résultat de votre test");
    browser.follow("English").await;
    assert_eq!(browser.heading().await, "Your test result");
    assert!(browser.script("return location.search").await.as_str().unwrap().is_empty());
    browser.go(&site).await;
    assert_eq!(browser.heading().await, "Covid-19 test results");
    assert_ne!(question, "What is your date of birth?");
    browser.close().await;
}

/// Headers of a browser with these cookies.
fn browser_headers(cookie: &str) -> [(&'static str, &str); 2] {
    [("accept", "text/html"), ("cookie", cookie)]
}

async fn get(client: &mut Client, path: &str, cookie: &str) -> crate::client::Answer {
    client.send(Method::GET, path, &browser_headers(cookie), Bytes::new()).await.unwrap()
}

async fn post(client: &mut Client, path: &str, cookie: &str, form: &str) -> crate::client::Answer {
    let form_type = [("content-type", "application/x-www-form-urlencoded")];
    let headers = [&browser_headers(cookie)[..], &form_type].concat();
    client.send(Method::POST, path, &headers, Bytes::from(form.to_owned())).await.unwrap()
}

/// The value of the first hidden field with this name.
fn hidden(page: &str, name: &str) -> String {
    let rest = page
        .split_once(&format!("name=\"{name}\" value=\""))
        .unwrap_or_else(|| panic!("no {name} in {page}"))
        .1;
    rest.split_once('"').unwrap().0.to_owned()
}

/// The cookie that an answer sets, as a request carries it.
fn cookie_of(answer: &crate::client::Answer, name: &str) -> String {
    let set = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    let set = set.into_iter().find(|set| set.starts_with(&format!("{name}="))).unwrap();
    set.split(';').next().unwrap().to_owned()
}

/// A session in the portal, opened as a browser does it.
async fn session(server: &InProcess, client: &mut Client) -> String {
    let begun = get(client, "/pro/sign-in/begin", "").await.expect(303);
    let state = cookie_of(&begun, "sign-in");
    let place = begun.headers["location"].to_str().unwrap().to_owned();
    let asked = place.strip_prefix(&format!("http://{}/oidc/authorize?", server.address)).unwrap();
    let form = format!("{asked}&account={PERSON}&secret={}", accounts::secret(PERSON));
    let let_in = post(client, "/oidc/authorize", "", &form).await.expect(303);
    let place = let_in.headers["location"].to_str().unwrap().to_owned();
    let callback = place.strip_prefix(&format!("http://{}", server.address)).unwrap();
    let opened = get(client, callback, &state).await.expect(303);
    assert_eq!(opened.headers["location"], "/pro/entry");
    let set = opened.headers["set-cookie"].to_str().unwrap();
    for attribute in ["Path=/pro;", "HttpOnly", "SameSite=Strict"] {
        assert!(set.contains(attribute), "{set}");
    }
    // The same code again, or in another browser, opens nothing.
    get(client, callback, &state).await.expect(400);
    get(client, callback, "").await.expect(403);
    cookie_of(&opened, "pro")
}

#[tokio::test]
async fn a_form_that_was_not_made_for_the_session_changes_nothing() {
    let server = server().await;
    let mut client = server.client().await;
    let cookie = session(&server, &mut client).await;
    let page = get(&mut client, "/pro/entry", &cookie).await.expect(200).text();
    let entry = |csrf: &str| {
        format!(
            "csrf={csrf}&ref={}&family_name=Exemple&given_name=Anne&day=14&month=5&year=1985&sex=F&mobile=0639980042\
             &identifier=285057500000095&kind=antigen&device=1232&sample=P-1&sampled_at=2022-01-05T17%3A40\
             &analysed_at=2022-01-05T18%3A00&result=negative&action=validate",
            hidden(&page, "ref")
        )
    };
    for csrf in ["", "AAAAAAAAAAAAAAAAAAAAAA"] {
        post(&mut client, "/pro/entry", &cookie, &entry(csrf)).await.expect(403);
    }
    post(&mut client, "/pro/sign-out", &cookie, "").await.expect(403);
    assert_eq!(server.metric("sidep_store_results_total").await, 0.0);
    let csrf = hidden(&page, "csrf");
    // Sent twice, it is one entry.
    let first = post(&mut client, "/pro/entry", &cookie, &entry(&csrf)).await.expect(303);
    let again = post(&mut client, "/pro/entry", &cookie, &entry(&csrf)).await.expect(303);
    assert_eq!(first.headers["location"], again.headers["location"]);
    assert_eq!(server.metric("sidep_store_results_total").await, 1.0);
}

#[tokio::test]
async fn a_cookie_opens_pages_and_nothing_else() {
    let server = server().await;
    let mut client = server.client().await;
    let cookie = session(&server, &mut client).await;
    let place = get(&mut client, "/pro/entry", "").await.expect(303);
    assert_eq!(place.headers["location"], "/pro/sign-in");
    get(&mut client, "/pro/entry", "pro=a.b.c").await.expect(303);
    // A program without a token is told so, and the interfaces for programs do not look at cookies.
    client.get("/pro/entry").await.expect(401);
    let entry = synthetic::entry(1).to_string();
    let headers = [("content-type", "application/json"), ("cookie", cookie.as_str())];
    client.send(Method::POST, "/v1/results", &headers, Bytes::from(entry)).await.unwrap().expect(401);
    client.send(Method::POST, "/pro/drafts", &headers, Bytes::from("{}")).await.unwrap().expect(401);
    // What somebody else entered is not there.
    let other = server.signed_in("sw-1").await.enter(2).await;
    let id = other["result_id"].as_str().unwrap();
    for path in
        [format!("/pro/results/{id}"), format!("/pro/results/{id}/print"), format!("/pro/entry?patient={id}")]
    {
        let page = get(&mut client, &path, &cookie).await.expect(404);
        assert!(page.text().contains("Page introuvable"), "{}", page.text());
    }
}

#[tokio::test]
async fn the_issuer_sends_a_browser_to_the_portal_alone_and_only_people() {
    let server = server().await;
    let mut client = server.client().await;
    let begun = get(&mut client, "/pro/sign-in/begin", "").await.expect(303);
    let place = begun.headers["location"].to_str().unwrap().to_owned();
    let asked = place.split_once("/oidc/authorize?").unwrap().1.to_owned();
    for (right, wrong) in
        [("client_id=portal", "client_id=other"), ("callback", "elsewhere"), ("=S256", "=plain")]
    {
        let page = get(&mut client, &format!("/oidc/authorize?{}", asked.replace(right, wrong)), "").await;
        page.expect(400);
    }
    for account in ["sw-1", "lab-1", "10000000001"] {
        let form = format!("{asked}&account={account}&secret={}", accounts::secret(account));
        post(&mut client, "/oidc/authorize", "", &form).await.expect(401);
    }
    // A code without its proof is worth nothing.
    let form = format!("{asked}&account={PERSON}&secret={}", accounts::secret(PERSON));
    let let_in = post(&mut client, "/oidc/authorize", "", &form).await.expect(303);
    let place = let_in.headers["location"].to_str().unwrap().to_owned();
    let code = place.split_once("code=").unwrap().1.split('&').next().unwrap().to_owned();
    let grant = format!(
        "grant_type=authorization_code&client_id=portal&redirect_uri=http%3A%2F%2F{}%2Fpro%2Fcallback&code={code}",
        server.address
    );
    let refused = client.post_form("/oidc/token", &format!("{grant}&code_verifier=guess")).await.expect(400);
    assert_eq!(refused.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn messages_are_shown_only_where_no_gateway_takes_them() {
    let server =
        InProcess::start_with("", |options| options.gateway = Some("http://127.0.0.1:9".to_owned())).await;
    server.client().await.get("/demo/messages").await.expect(404);
    let page = server.client().await.get("/").await.expect(200).text();
    assert!(!page.contains("/demo/messages"));
}

#[tokio::test]
async fn whoever_reads_pages_is_refused_by_a_page_and_programs_by_data() {
    let server = server().await;
    let mut client = server.client().await;
    let page = get(&mut client, "/pro/results/0", "").await;
    assert_eq!((page.status.as_u16(), page.headers["location"].as_bytes()), (303, &b"/pro/sign-in"[..]));
    let data: Value = client.get("/pro/results/0").await.expect(401).json();
    assert_eq!(data["error"], "a good bearer token is needed");
    assert!(get(&mut client, "/nowhere", "").await.expect(404).text().contains("Page introuvable"));
    assert_eq!(client.get("/nowhere").await.expect(404).json()["error"], "there is no such thing");
    let english = [("accept", "text/html"), ("accept-language", "en")];
    let callback =
        client.send(Method::GET, "/pro/callback?code=a&state=b", &english, Bytes::new()).await.unwrap();
    assert!(callback.expect(403).text().contains("You are not signed in"));
}
