//! A client that sends exactly the bytes that a test says, and reads the whole answer.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;
use zelador_tests::daemon::Daemon;
use zelador_tests::home::Home;

/// A daemon's API, asked with one token or none.
#[derive(Clone)]
pub struct Client {
    address: String,
    token: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        let header = self.headers.iter().find(|(known, _)| known == name);
        header.map_or("", |(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The problem's id, where the answer is one.
    pub fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{problem}");
        assert_eq!(problem["type"], format!("urn:zelador:problem:{}", problem["id"].as_str().unwrap()));
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
        problem["id"].as_str().unwrap().to_owned()
    }
}

impl Client {
    /// Nobody in particular.
    pub fn anonymous(daemon: &Daemon) -> Self {
        Self { address: daemon.address.trim_start_matches("http://").to_owned(), token: None }
    }

    /// Somebody with this token.
    pub fn bearing(daemon: &Daemon, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..Self::anonymous(daemon) }
    }

    /// Somebody with a new token of that role.
    pub fn with_role(home: &Home, daemon: &Daemon, role: &str, tenant: Option<&str>) -> Self {
        let mut args = vec!["token", "create", "--role", role];
        args.extend(tenant.map(|tenant| ["--tenant", tenant]).into_iter().flatten());
        let token = home.json(&args)["token"].as_str().unwrap().to_owned();
        Self::bearing(daemon, &token)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }

    pub fn post(&self, path: &str, document: &Value) -> Answer {
        self.post_text(path, &document.to_string(), &[])
    }

    /// Posts a JSON text as it is, with further headers.
    pub fn post_text(&self, path: &str, text: &str, headers: &[(&str, &str)]) -> Answer {
        let headers = [&[("content-type", "application/json")], headers].concat();
        self.send("POST", path, &headers, text.as_bytes())
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.address);
        if let Some(token) = &self.token {
            head.push_str(&format!("authorization: Bearer {token}\r\n"));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        let mut stream = TcpStream::connect(&self.address).expect("the daemon listens");
        stream.write_all(&[head.as_bytes(), body].concat()).expect("the daemon reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the daemon answers in UTF-8");
        parse(&answer)
    }
}

fn parse(answer: &str) -> Answer {
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
    let headers = lines.filter_map(|line| line.split_once(": "));
    Answer {
        status: status.expect("a status"),
        headers: headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect(),
        body: body.to_owned(),
    }
}
