//! A small HTTP client: one connection, one request after the other.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{HeaderMap, Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::synthetic;

/// One connection.
pub(crate) struct Client {
    connection: SendRequest<Full<Bytes>>,
    token: Option<String>,
    /// What its requests call the host.
    pub(crate) host: &'static str,
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Panics unless the status is this one.
    pub(crate) fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self
    }
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> std::io::Result<Client> {
        let stream = TcpStream::connect(address).await?;
        let (connection, driver) = handshake(TokioIo::new(stream)).await.map_err(std::io::Error::other)?;
        tokio::spawn(driver);
        Ok(Client { connection, token: None, host: "test" })
    }

    /// A client that has signed in.
    pub(crate) async fn signed_in(address: SocketAddr, account: &str) -> Client {
        let mut client = Client::connect(address).await.unwrap();
        let answer =
            client.sign_in(account, &reference_server::accounts::secret(account), None).await.expect(200);
        client.token = Some(answer.json()["access_token"].as_str().unwrap().to_owned());
        client
    }

    pub(crate) async fn sign_in(&mut self, account: &str, secret: &str, scope: Option<&str>) -> Answer {
        let scope = scope.map(|scope| format!("&scope={}", scope.replace(' ', "+"))).unwrap_or_default();
        let form = format!("grant_type=client_credentials&client_id={account}&client_secret={secret}{scope}");
        self.post_form("/oidc/token", &form).await
    }

    pub(crate) fn use_token(&mut self, token: Option<&str>) {
        self.token = token.map(str::to_owned);
    }

    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], Bytes::new()).await.unwrap()
    }

    pub(crate) async fn post_form(&mut self, path: &str, form: &str) -> Answer {
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        self.send(Method::POST, path, &headers, Bytes::from(form.to_owned())).await.unwrap()
    }

    /// Posts a text of this media type to the intake.
    pub(crate) async fn hand_in(&mut self, media_type: &str, text: &str) -> Answer {
        let body = Bytes::from(text.to_owned());
        self.send(Method::POST, "/v1/results", &[("content-type", media_type)], body).await.unwrap()
    }

    pub(crate) async fn post_json(&mut self, path: &str, value: &Value) -> Answer {
        self.try_post_json(path, value).await.unwrap()
    }

    pub(crate) async fn try_post_json(&mut self, path: &str, value: &Value) -> Result<Answer, hyper::Error> {
        let body = Bytes::from(value.to_string());
        self.send(Method::POST, path, &[("content-type", "application/json")], body).await
    }

    /// Enters one synthetic result and returns its line of the answer.
    pub(crate) async fn enter(&mut self, number: u32) -> Value {
        let answer = self.post_json("/v1/results", &synthetic::entry(number)).await.expect(201);
        answer.json()["results"][0].clone()
    }

    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Answer, hyper::Error> {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, self.host);
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.connection.ready().await?;
        let response = self.connection.send_request(request.body(Full::new(body)).unwrap()).await?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }
}
