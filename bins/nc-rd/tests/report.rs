//! `nc-rd report` on a made-up folder of results: the files, and the page in a real browser.
//!
//! The browser is chromium driven by chromedriver; where they are not on PATH that test says so and
//! skips. Folders stay under the target folder, to be looked at: `target/tmp/report-*`.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

#[path = "report/browser.rs"]
mod browser;
#[path = "report/fixture.rs"]
mod fixture;

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use browser::Browser;
use serde_json::{Value, json};

/// An empty folder of this name with the fixture in it.
fn folder(name: &str) -> PathBuf {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&out);
    fixture::write(&out);
    out
}

fn report(out: &Path, more: &[&str]) -> (bool, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nc-rd"));
    let answer = command.arg("report").arg(out).args(more).output().unwrap();
    let text = |b: Vec<u8>| String::from_utf8(b).unwrap();
    (
        answer.status.success(),
        text(answer.stdout),
        text(answer.stderr),
    )
}

fn page(out: &Path) -> String {
    std::fs::read_to_string(out.join("report.html")).unwrap()
}

fn change(out: &Path, f: impl FnOnce(&mut Value)) {
    let path = out.join("results.json");
    let mut results: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    f(&mut results);
    std::fs::write(path, results.to_string()).unwrap();
}

#[test]
fn one_file_holds_all_and_no_name_becomes_markup() {
    let out = folder("report-files");
    let (ok, said, messages) = report(&out, &[]);
    assert!(ok, "{messages}");
    assert!(
        said.contains("4 datasets") && said.contains("plots in"),
        "{said}"
    );
    let page = page(&out);
    assert!(
        !page.contains("<b id=") && !page.contains("<img src=x") && !page.contains("evil</script>")
    );
    assert!(page.contains("evil&lt;/script&gt;") && page.contains("evil\\u003c/script>"));
    for part in page
        .split(" src=\"")
        .skip(1)
        .chain(page.split(" href=\"").skip(1))
    {
        assert!(
            part.starts_with("data:") || part.starts_with('#'),
            "{}",
            &part[..40]
        );
    }
    for word in ["url(", "@import", "http://", "fetch(", "XMLHttp"] {
        let places: Vec<_> = page
            .match_indices(word)
            .map(|m| &page[m.0..m.0 + 40])
            .collect();
        assert!(
            places
                .iter()
                .all(|p| p.starts_with("http://www.w3.org/2000/svg")),
            "{places:?}"
        );
    }
    for name in [
        "speech-pesq-wb",
        "speech-time",
        "pictures-psnr-rgb",
        "clips-psnr-yuv411",
        "tables-time",
    ] {
        let svg = std::fs::read_to_string(out.join(format!("plots/{name}.svg"))).unwrap();
        assert!(
            svg.starts_with("<svg") && !svg.contains("NaN") && !svg.contains("<b id="),
            "{name}"
        );
        let png = image::open(out.join(format!("plots/{name}.png"))).unwrap();
        assert_eq!((png.width(), png.height()), (960, 620));
    }
    // Made again over itself, and the same.
    let (ok, ..) = report(&out, &[]);
    assert!(ok);
    assert!(page == self::page(&out));
}

#[test]
fn what_failed_what_was_skipped_and_what_is_partial_is_said() {
    let out = folder("report-honest");
    assert!(report(&out, &[]).0);
    let page = page(&out);
    assert!(page.contains("1 of 123 runs failed"));
    assert!(page.contains("exit status 1") && page.contains("not on PATH"));
    assert!(page.contains("1 of 2") && page.contains("Hollow points"));
    assert!(page.contains("Lossless, so not drawn: flac -8 (130 kbit/s)"));
    assert!(
        page.contains("n/a: "),
        "a codec without a curve has no BD figure, and that says why"
    );
    assert!(page.contains("~"), "x265 was timed beside other runs");
    assert!(page.contains("the middle 960 × 640 pixels of 1000 × 660"));
    assert!(page.contains("the first 10 of 10.5 s"));
}

#[test]
fn media_keep_to_their_room_and_to_their_folder() {
    let out = folder("report-room");
    let (_, all, _) = report(&out, &["--max-mib", "100"]);
    let size = |out: &Path| std::fs::metadata(out.join("report.html")).unwrap().len();
    let large = size(&out);
    let (ok, less, _) = report(&out, &["--max-mib", "1"]);
    assert!(ok && less != all, "{all} {less}");
    assert!(page(&out).contains("left out to keep this file small"));
    let (_, none, _) = report(&out, &["--max-mib", "0"]);
    let bare = size(&out);
    assert!(
        bare + (1 << 20) > size(&out) && large > bare + (1 << 20),
        "{large} {bare}: {none}"
    );
    assert!(!page(&out).contains("data:audio"));

    // A path out of the folder, something that is no picture, and a file that is not there.
    std::fs::write(
        out.join("secret.png"),
        std::fs::read(out.join("media/picture-2.png")).unwrap(),
    )
    .unwrap();
    std::fs::write(out.join("media/garbage.png"), b"<script>").unwrap();
    change(&out, |r| {
        let rows = r["rows"].as_array_mut().unwrap().iter_mut();
        let mut rows = rows.filter(|r| r["input"] == "picture-2.png" && r["media"].is_string());
        for name in [
            "media/../secret.png",
            "secret.png",
            "media/garbage.png",
            "media/missing.png",
        ] {
            rows.next().unwrap()["media"] = json!(name);
        }
    });
    assert!(report(&out, &[]).0);
    let page = page(&out);
    for why in [
        "media/../secret.png: is not below the folder of media",
        "secret.png: is not below the folder of media",
        "media/garbage.png: is not a picture",
        "media/missing.png: cannot be read",
    ] {
        assert!(page.contains(why), "{why}");
    }
}

#[test]
fn results_of_an_unfinished_run_are_shown_and_no_results_are_an_error() {
    let out = folder("report-empty");
    change(&out, |r| {
        let rows = r["rows"].as_array_mut().unwrap();
        rows.retain(|r| r["dataset"] == "Tables");
        r["datasets"].as_array_mut().unwrap().push(json!({"name": "Tables", "kind": "image", "about": "", "inputs": 0, "rate": "bpp", "quality": ["ssim"]}));
    });
    let (ok, _, messages) = report(&out, &["-o", out.join("elsewhere.html").to_str().unwrap()]);
    assert!(ok, "{messages}");
    let page = std::fs::read_to_string(out.join("elsewhere.html")).unwrap();
    assert!(page.contains("No run of this dataset has ended"));
    assert!(!out.join("report.html").exists());

    std::fs::write(out.join("results.json"), "{\"name\": 3}").unwrap();
    let (ok, _, messages) = report(&out, &[]);
    assert!(!ok && messages.contains("results.json"), "{messages}");
    std::fs::remove_file(out.join("results.json")).unwrap();
    let (ok, _, messages) = report(&out, &[]);
    assert!(!ok && messages.contains("results.json"), "{messages}");
}

#[test]
fn chromium_shows_the_page_at_phone_and_desktop_width_and_by_keyboard() {
    let out = folder("report-browser");
    assert!(report(&out, &[]).0);
    let Some(b) = Browser::start() else {
        eprintln!("skipped: chromium and chromedriver are not both on PATH");
        return;
    };
    let file = out.join("report.html");
    for (width, dark) in [(360, false), (1280, false), (1280, true), (360, true)] {
        b.screen(width, 800, dark);
        b.open(&file);
        assert_eq!(b.eval("document.documentElement.dataset.ready"), "yes");
        let sizes =
            b.eval("(d => [innerWidth, d.scrollWidth - d.clientWidth])(document.documentElement)");
        assert_eq!(sizes, json!([width, 0]), "nothing sticks out at {width}");
        assert_eq!(
            b.eval("window.pwned === undefined && !document.getElementById('pwned')"),
            true
        );
        let broken = b.eval("[...document.images].filter(i => i.loading !== 'lazy' && i.src && !i.naturalWidth).length");
        assert_eq!(broken, 0);
        let name = format!("{width}-{}.png", if dark { "dark" } else { "light" });
        std::fs::write(out.join(name), b.picture(true)).unwrap();
    }
    let said = b.log("browser");
    assert!(said.is_empty(), "the console said {said:?}");
    let message = |m: &Value| serde_json::from_str::<Value>(m["message"].as_str()?).ok();
    let asked: Vec<String> = b
        .log("performance")
        .iter()
        .filter_map(message)
        .filter(|m| m["message"]["method"] == "Network.requestWillBeSent")
        .filter_map(|m| {
            Some(
                m["message"]["params"]["request"]["url"]
                    .as_str()?
                    .to_owned(),
            )
        })
        .collect();
    assert!(
        asked.iter().any(|url| url.starts_with("file:")),
        "{asked:?}"
    );
    // The browser's own first page is of its own resources.
    let within = |url: &String| {
        ["data:", "file:", "chrome:"]
            .iter()
            .any(|s| url.starts_with(s))
    };
    assert!(asked.iter().all(within), "{asked:?}");

    b.screen(1280, 800, false);
    b.open(&file);
    // Curves: four of lossy codecs with 5, 5, 4, 3 points and one of three, one of them hollow.
    let chart = "#set-0 .chart[data-kind=rate]";
    let count = |q: &str| b.eval(&format!("document.querySelectorAll(`{q}`).length"));
    assert_eq!(count(&format!("{chart} .point")), 20);
    assert_eq!(count(&format!("{chart} .point.hollow")), 1);
    // Rates rise to the right, and better is higher.
    let place = |k: usize| {
        b.eval(&format!("(r => [r.x, r.y])(document.querySelectorAll('{chart} .point')[{k}].getBoundingClientRect())"))
    };
    let (a, z) = (place(0), place(4));
    assert!(
        a[0].as_f64() < z[0].as_f64() && a[1].as_f64() > z[1].as_f64(),
        "{a} {z}"
    );
    // By keyboard: the toolbar's choice of metric, a walk along the points, a codec that is hidden.
    let focused = || {
        b.eval("document.activeElement.getAttribute('aria-label') || document.activeElement.textContent")
    };
    b.keys(&format!("{chart} .point[tabindex='0']"), "\u{E014}");
    assert!(
        focused()
            .as_str()
            .unwrap()
            .starts_with("nc grvq 1.5 kbit/s: 1.50 kbit/s"),
        "{}",
        focused()
    );
    b.press("\u{E015}");
    assert!(
        focused().as_str().unwrap().starts_with("opus"),
        "{}",
        focused()
    );
    assert!(
        b.eval(&format!(
            "document.querySelector('{chart} .readout pre').textContent"
        ))
        .as_str()
        .unwrap()
        .starts_with("opus --encode")
    );
    b.keys("#set-0 [data-role=metric]", "\u{E015}");
    assert_eq!(
        b.eval(&format!(
            "document.querySelector('{chart} text.title').textContent"
        )),
        "STOI, more is better"
    );
    assert_eq!(
        b.eval("document.querySelector('#set-0 .bd tbody:not([hidden])').dataset.metric"),
        "stoi"
    );
    b.keys("#set-0 .legend li:nth-child(2) button", " ");
    assert_eq!(count(&format!("{chart} .point")), 15);
    assert_eq!(b.eval("document.querySelector('#set-0 .legend li:nth-child(2) button').getAttribute('aria-pressed')"), "false");
    // BD against another codec.
    let anchor =
        || b.eval("document.querySelector('#set-0 .bd tbody:not([hidden])').dataset.anchor");
    assert_eq!(anchor(), "1", "the first codec that is not nc's");
    b.keys("#set-0 [data-role=anchor]", "\u{E013}");
    assert_eq!(anchor(), "0");
    // The slider, and a sound that plays.
    let at = || b.eval("document.querySelector('#set-1 .stage').style.getPropertyValue('--at')");
    assert_eq!(at(), "50%");
    b.keys("#set-1 .stage input", "\u{E014}\u{E014}\u{E012}\u{E014}");
    assert_eq!(at(), "52%");
    assert_eq!(
        b.eval("getComputedStyle(document.querySelector('#set-1 .stage')).outlineStyle"),
        "solid"
    );
    assert_eq!(count("#set-0 .compare[data-kind=sound] .pair audio"), 4);
    let sound = "document.querySelector('#set-0 .pair audio')";
    for _ in 0..50 {
        if b.eval(&format!("{sound}.readyState")).as_u64() > Some(0) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(b.eval(&format!("Math.round({sound}.duration)")), 2);
    // Tab comes to the skip link first, and every stop can be seen.
    b.open(&file);
    b.press("\u{E004}");
    assert_eq!(focused(), "Skip to the results");
    let mut stops = Vec::new();
    for _ in 0..60 {
        b.press("\u{E004}");
        stops.push(b.eval(
            "(e => [e.tagName, e.getBoundingClientRect().width > 0])(document.activeElement)",
        ));
    }
    assert!(stops.iter().all(|s| s[1] == true), "{stops:?}");
    assert!(
        stops.iter().any(|s| s[0] == "g"),
        "a chart is one of the stops: {stops:?}"
    );
    let said: Vec<String> = b.log("browser").iter().map(ToString::to_string).collect();
    assert!(said.is_empty(), "the console said {said:?}");
}
