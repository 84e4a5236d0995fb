//! A real browser, driven through its own driver over WebDriver (W3C).

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use hyper::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::Client;

/// What the driver calls an element in its answers.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// The key that moves the focus on.
pub(crate) const TAB: &str = "\u{e004}";
/// The key that presses what has the focus.
pub(crate) const ENTER: &str = "\u{e007}";

/// One window of a browser that nobody has used before. It ends with the test.
pub(crate) struct Browser {
    driver: Child,
    client: Client,
    session: String,
    _profile: TempDir,
}

impl Browser {
    /// A browser that asks for pages in this language.
    pub(crate) async fn start(language: &str) -> Browser {
        let profile = tempfile::tempdir().unwrap();
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is needed (tests/run.sh installs it)");
        let lines = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = |line: String| {
            line.split("successfully on port ").nth(1)?.trim_end_matches('.').parse::<u16>().ok()
        };
        let port = { lines }.find_map(port).expect("the driver's port");
        let mut client = Client::connect(SocketAddr::from(([127, 0, 0, 1], port))).await.unwrap();
        client.host = "localhost";
        let data = format!("--user-data-dir={}", profile.path().display());
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-sync",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-dev-shm-usage",
            "--remote-debugging-pipe",
            "--hide-scrollbars",
            &data,
        ];
        let options = json!({ "args": arguments, "prefs": { "intl.accept_languages": language } });
        let mut browser = Browser { driver, client, session: String::new(), _profile: profile };
        let wanted = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": options } } });
        let session =
            browser.send(Method::POST, "/session", wanted).await.unwrap_or_else(|error| panic!("{error}"));
        browser.session = format!("/session/{}", session["sessionId"].as_str().unwrap());
        browser
    }

    async fn send(&mut self, method: Method, path: &str, body: Value) -> Result<Value, Value> {
        let body = if method == Method::GET { Bytes::new() } else { Bytes::from(body.to_string()) };
        let answer =
            self.client.send(method, path, &[("content-type", "application/json")], body).await.unwrap();
        let value = answer.json()["value"].clone();
        if answer.status.is_success() { Ok(value) } else { Err(value) }
    }

    async fn command(&mut self, path: &str, body: Value) -> Value {
        let path = format!("{}/{path}", self.session);
        let answer = self.send(Method::POST, &path, body.clone()).await;
        answer.unwrap_or_else(|error| panic!("{path} {body}: {}", error["message"]))
    }

    /// What a script returns, run in the page.
    pub(crate) async fn script(&mut self, script: &str) -> Value {
        self.command("execute/sync", json!({ "script": script, "args": [] })).await
    }

    /// What a script hands to its last argument, a function.
    pub(crate) async fn script_later(&mut self, script: &str) -> Value {
        self.command("execute/async", json!({ "script": script, "args": [] })).await
    }

    /// Goes to an address.
    pub(crate) async fn go(&mut self, url: &str) {
        self.command("url", json!({ "url": url })).await;
    }

    /// Where it is.
    pub(crate) async fn path(&mut self) -> String {
        self.script("return location.pathname").await.as_str().unwrap().to_owned()
    }

    /// The one heading of the page.
    pub(crate) async fn heading(&mut self) -> String {
        self.script("return document.querySelector('h1').textContent").await.as_str().unwrap().to_owned()
    }

    /// The text of the page as it is seen.
    pub(crate) async fn text(&mut self) -> String {
        self.script("return document.body.innerText").await.as_str().unwrap().to_owned()
    }

    async fn find(&mut self, selector: &str) -> String {
        let found = self.command("element", json!({ "using": "css selector", "value": selector })).await;
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    /// Clicks the first element that a selector finds.
    pub(crate) async fn click(&mut self, selector: &str) {
        let element = self.find(selector).await;
        self.command(&format!("element/{element}/click"), json!({})).await;
    }

    /// Clicks what leads to another page, and waits for it.
    pub(crate) async fn leave_by(&mut self, selector: &str) {
        self.mark().await;
        self.click(selector).await;
        self.arrived().await;
    }

    /// Remembers the page that it is on.
    pub(crate) async fn mark(&mut self) {
        self.script("document.documentElement.dataset.left = 1").await;
    }

    /// Waits until it is on another page than the one that was marked: a click may return before a form is sent.
    pub(crate) async fn arrived(&mut self) {
        let there = "return document.readyState === 'complete' && !document.documentElement.dataset.left";
        let path = format!("{}/execute/sync", self.session);
        for _ in 0..1_500 {
            // While it is on its way from one page to the other, the script may fail.
            let body = json!({ "script": there, "args": [] });
            if self.send(Method::POST, &path, body).await.is_ok_and(|there| there == true) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("it stays on {}", self.path().await);
    }

    /// Follows a link by its words.
    pub(crate) async fn follow(&mut self, words: &str) {
        self.mark().await;
        let found = self.command("element", json!({ "using": "partial link text", "value": words })).await;
        let element = found[ELEMENT].as_str().unwrap().to_owned();
        self.command(&format!("element/{element}/click"), json!({})).await;
        self.arrived().await;
    }

    /// Types into the field with this id, in place of what is there.
    pub(crate) async fn fill(&mut self, id: &str, text: &str) {
        let element = self.find(&format!("#{id}")).await;
        self.command(&format!("element/{element}/clear"), json!({})).await;
        self.command(&format!("element/{element}/value"), json!({ "text": text })).await;
    }

    /// Presses keys one after the other, wherever the focus is.
    pub(crate) async fn press(&mut self, keys: &str) {
        let strokes = keys.chars().flat_map(|key| {
            ["keyDown", "keyUp"].map(|stroke| json!({ "type": stroke, "value": key.to_string() }))
        });
        let actions = json!([{ "type": "key", "id": "keys", "actions": strokes.collect::<Vec<_>>() }]);
        self.command("actions", json!({ "actions": actions })).await;
    }

    /// A window of this size, light or dark.
    pub(crate) async fn look(&mut self, width: u32, height: u32, dark: bool) {
        let scheme = if dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        for (name, parameters) in [("setEmulatedMedia", media), ("setDeviceMetricsOverride", size)] {
            self.command(
                "goog/cdp/execute",
                json!({ "cmd": format!("Emulation.{name}"), "params": parameters }),
            )
            .await;
        }
    }

    /// Writes a picture of the whole page, for people to look at.
    pub(crate) async fn picture(&mut self, file: &Path) {
        use base64::Engine;
        let parameters = json!({ "format": "png", "captureBeyondViewport": true });
        let taken = self
            .command("goog/cdp/execute", json!({ "cmd": "Page.captureScreenshot", "params": parameters }))
            .await;
        let picture = base64::engine::general_purpose::STANDARD.decode(taken["data"].as_str().unwrap());
        std::fs::write(file, picture.unwrap()).unwrap();
    }

    /// Closes the window, so that nothing of the browser is left.
    pub(crate) async fn close(mut self) {
        let session = self.session.clone();
        let _ = self.send(Method::DELETE, &session, json!({})).await;
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser ends when the pipe to its driver does.
        let pid = rustix::process::Pid::from_child(&self.driver);
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        let _ = self.driver.wait();
    }
}
