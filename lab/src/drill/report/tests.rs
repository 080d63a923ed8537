use std::path::Path;
use std::process::Command;

use super::fixture::{other, report};
use super::{html, json, line, text};
use crate::Scratch;

#[test]
fn text_is_a_table_with_reasons_below_their_drills() {
    let expected = include_str!("fixture.txt");
    assert_eq!(text(&[report()]), expected, "\n{}", text(&[report()]));
}

#[test]
fn text_has_sites_side_by_side() {
    let text = text(&[report(), other()]);
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("auth-down")).collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].contains("weir front, weir vip") && lines[1].contains("dnsdist, keepalived"));
}

#[test]
fn a_line_tells_one_drill() {
    let report = report();
    assert_eq!(
        line(&report.drills[0]),
        "PASS     front-killed            out 140 ms, 56 of 3200 lost, 1 of 8 once per second, dd2 › dd1"
    );
    assert_eq!(
        line(&report.drills[4]),
        "not run  rolling-upgrade\n         dnsdist has no upgrade without interruption"
    );
}

#[test]
fn json_has_every_number() {
    let expected = include_str!("fixture.json");
    let mut report = report();
    report.drills.drain(1..4);
    let written = json(&[report]);
    assert!(written == expected, "\n{written}");
}

#[test]
fn html_needs_nothing_and_escapes_everything() {
    let page = html(&[report()]);
    for outside in ["http:", "https:", "src=", "<script", "<link", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(!page.contains("<dd1>"));
    assert!(page.contains("VRRP on &lt;dd1&gt; &amp; its guard killed"));
}

/// What headless Chromium makes of a page.
fn chromium(page: &Path, arguments: &[&str]) -> Vec<u8> {
    let mut command = Command::new("chromium-headless-shell");
    // Root may not have a sandbox; the page has no script and needs none. Nothing is to be asked of the Internet.
    command.args([
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--host-resolver-rules=MAP * ~NOTFOUND",
    ]);
    command.args(arguments).arg(format!("file://{}", page.display()));
    let output = command
        .output()
        .expect("chromium-headless-shell (packaging/setup installs it)");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

#[test]
fn a_browser_shows_a_picture_for_every_drill() {
    let scratch = Scratch::create().unwrap();
    let page = scratch.write("report.html", &html(&[report()])).unwrap();
    let dom = String::from_utf8(chromium(&page, &["--dump-dom"])).unwrap();
    let articles: Vec<&str> = dom.split("<article").skip(1).collect();
    assert_eq!(articles.len(), report().drills.len());
    for (article, drill) in articles.iter().zip(report().drills) {
        let pictures = article.matches("<svg role=\"img\"").count();
        assert_eq!(
            pictures,
            usize::from(!drill.measured.queries.is_empty()),
            "{}",
            drill.name
        );
    }
    let shot = scratch.path().join("report.png");
    chromium(
        &page,
        &[
            "--window-size=390,844",
            &format!("--screenshot={}", shot.display()),
        ],
    );
    // One colour compresses to almost nothing.
    let size = std::fs::metadata(&shot).unwrap().len();
    assert!(size > 20_000, "{size} bytes: an empty page");
}
