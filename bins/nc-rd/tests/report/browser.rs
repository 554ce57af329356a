//! A browser without a window, driven by chromedriver over the WebDriver protocol (W3C), which is JSON
//! over HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

/// A session with a browser; both end with it.
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    _profile: tempfile::TempDir,
}

/// A program on PATH by any of its names.
fn on_path(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut all =
        std::env::split_paths(&path).flat_map(|dir| names.iter().map(move |n| dir.join(n)));
    all.find(|p| p.is_file())
}

impl Browser {
    /// None where chromium or chromedriver is not on PATH.
    pub fn start() -> Option<Self> {
        let chromium = on_path(&["chromium", "chromium-browser", "google-chrome", "chrome"])?;
        let mut driver = Command::new(on_path(&["chromedriver"])?)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut lines = BufReader::new(driver.stdout.take()?).lines();
        let port = lines.find_map(|line| {
            let line = line.ok()?;
            let (_, port) = line.rsplit_once("successfully on port ")?;
            port.trim_end_matches('.').parse().ok()
        })?;
        // What it says later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let profile = tempfile::tempdir().unwrap();
        let mut it = Self {
            driver,
            port,
            session: String::new(),
            _profile: profile,
        };
        let args = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ];
        let mut args: Vec<String> = args.map(String::from).into();
        args.push(format!("--user-data-dir={}", it._profile.path().display()));
        let answer = it.request(
            "POST",
            "/session",
            &json!({"capabilities": {"alwaysMatch": {
                "browserName": "chrome",
                "goog:chromeOptions": {"args": args, "binary": chromium},
                "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            }}}),
        );
        it.session = answer["sessionId"]
            .as_str()
            .unwrap_or_else(|| panic!("{answer}"))
            .to_owned();
        Some(it)
    }

    fn request(&self, method: &str, path: &str, body: &Value) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let body = if method == "POST" {
            body.to_string()
        } else {
            String::new()
        };
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        )
        .unwrap();
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if line.trim().is_empty() {
                break;
            }
            if let Some(n) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = n.trim().parse().unwrap();
            }
        }
        let mut text = vec![0; length];
        reader.read_exact(&mut text).unwrap();
        let answer: Value = serde_json::from_slice(&text).unwrap();
        answer["value"].clone()
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.request("POST", &format!("/session/{}{path}", self.session), body);
        assert!(answer.get("error").is_none(), "{path} {body}: {answer}");
        answer
    }

    fn devtools(&self, command: &str, params: &Value) {
        self.post(
            "/goog/cdp/execute",
            &json!({"cmd": command, "params": params}),
        );
    }

    /// A screen of this size from now on.
    pub fn screen(&self, width: u32, height: u32, dark: bool) {
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            &json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}),
        );
        let scheme = if dark { "dark" } else { "light" };
        self.devtools(
            "Emulation.setEmulatedMedia",
            &json!({
            "features": [{"name": "prefers-color-scheme", "value": scheme}]}),
        );
    }

    /// Opens a file and waits until it is loaded.
    pub fn open(&self, file: &Path) {
        self.post(
            "/url",
            &json!({"url": format!("file://{}", file.display())}),
        );
    }

    /// The value of a JavaScript expression.
    pub fn eval(&self, expression: &str) -> Value {
        let script = format!("return ({expression});");
        self.post("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// Types keys into the element that a selector finds first; WebDriver focuses it before.
    pub fn keys(&self, selector: &str, keys: &str) {
        let found = self.post(
            "/element",
            &json!({"using": "css selector", "value": selector}),
        );
        let id = found
            .as_object()
            .and_then(|o| o.values().next()?.as_str())
            .unwrap()
            .to_owned();
        self.post(&format!("/element/{id}/value"), &json!({"text": keys}));
    }

    /// Types keys into whatever has the focus.
    pub fn press(&self, key: &str) {
        let down = json!({"type": "keyDown", "value": key});
        let up = json!({"type": "keyUp", "value": key});
        self.post(
            "/actions",
            &json!({"actions": [{"type": "key", "id": "k", "actions": [down, up]}]}),
        );
    }

    /// What the console or the network said since the last time: `browser` or `performance`.
    pub fn log(&self, kind: &str) -> Vec<Value> {
        self.post("/se/log", &json!({"type": kind}))
            .as_array()
            .cloned()
            .unwrap_or_default()
    }

    /// The screen as PNG; `whole` for all of the page.
    pub fn picture(&self, whole: bool) -> Vec<u8> {
        use base64::Engine as _;
        let shot =
            json!({"cmd": "Page.captureScreenshot", "params": {"captureBeyondViewport": whole}});
        let answer = self.post("/goog/cdp/execute", &shot);
        base64::engine::general_purpose::STANDARD
            .decode(answer["data"].as_str().unwrap())
            .unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.request(
            "DELETE",
            &format!("/session/{}", self.session),
            &json!(null),
        );
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
