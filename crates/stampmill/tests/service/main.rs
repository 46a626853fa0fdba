//! What the built program shows and takes over HTTP, on the embedded broker.

mod http;
mod mill;
mod openapi;

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use self::http::{answer, connect, exchange, request};
use self::mill::{JSON, Mill, TOKEN, eventually, stampmill};

#[test]
fn probes_tell_of_a_halted_record_where_it_is_and_nothing_of_it() {
    let mill = Mill::start("halted", "    on_failure: { then: halt }");
    assert_eq!((mill.probe("/livez").status, mill.probe("/livez").body.as_str()), (200, "{\"live\":true}"));
    mill.send(&["{}", "s3cret", "{}"]);
    let unready = eventually("a halt", || Some(mill.probe("/readyz")).filter(|answer| answer.status == 503));
    let reasons = &unready.json()["pipelines"][0]["reasons"];
    assert_eq!(reasons[0], "bank-transactions/0 has halted at offset 1: not-json", "{unready:?}");
    assert_eq!(mill.run(&["healthcheck", "--url", &format!("http://{}/livez", mill.probes)]), (Some(0), String::new()));
    let (code, text) = mill.run(&["healthcheck", "--url", &format!("http://{}/readyz", mill.probes)]);
    assert!(code == Some(1) && text.starts_with("not well: 503 Service Unavailable: {\"ready\":false"), "{text}");

    let halted =
        "stampmill_partition_trouble{pipeline=\"p\",topic=\"bank-transactions\",partition=\"0\",kind=\"halted\"} 1.0\n";
    // Partitions are looked at once a second.
    let metrics =
        eventually("a metric of it", || Some(mill.probe("/metrics")).filter(|text| text.body.contains(halted)));
    assert!(metrics.head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{}", metrics.head);
    assert!(metrics.body.contains("stampmill_pipeline_ready{pipeline=\"p\"} 0.0\n"), "{}", metrics.body);
    assert!(![&unready.body, &text, &metrics.body].iter().any(|text| text.contains("s3cret")));
    for line in include_str!("../../../../docs/src/metrics.md").lines().filter(|line| line.starts_with("| `")) {
        let name = line.split('`').nth(1).expect("a name");
        // Nothing was filtered, and no step looks up in a table.
        let is_idle = name == "stampmill_filtered_records_total" || name.starts_with("stampmill_table_");
        assert!(is_idle != metrics.body.contains(&format!("\n{name}")), "{name}");
    }

    let skipped = mill.post("/api/pipelines/p/skip", "{\"topic\":\"bank-transactions\",\"partition\":0,\"offset\":1}");
    assert_eq!(skipped.status, 200, "{skipped:?}");
    eventually("readiness again", || (mill.probe("/readyz").status == 200).then_some(()));
    mill.await_count("records_out", 2);
}

#[test]
fn only_who_has_the_token_steers_and_each_try_is_told() {
    let mill = Mill::start("audit", "");
    assert_eq!(request(&mill.admin, "POST", "/api/pipelines/p/pause", &[JSON], "{}").status, 401);
    assert_eq!(mill.post("/api/pipelines/p/pause", "{\"topic\":\"bank-transactions\",\"partition\":1}").status, 200);
    assert_eq!(mill.post("/api/log", "{\"filter\":\"warn,p=off\"}").status, 200);
    assert_eq!(mill.get("/api/log").body, "{\"filter\":\"warn,p=off\"}");
    assert_eq!(mill.post("/api/log", "{\"filter\":\"p=loud\"}").status, 400);
    let log = mill.log();
    for line in [
        "POST /api/pipelines/p/pause: refused with 401: send the token",
        "POST /api/pipelines/p/pause: pause bank-transactions/1: done",
        "{stampmill} - the log goes by `warn,p=off` from now on",
        "POST /api/log: `p=loud`: refused with 400",
    ] {
        assert!(log.contains(line), "no `{line}` in\n{log}");
    }
    mill.send(&["{}"]);
    mill.await_count("records_out", 1);
    assert!(!mill.log().contains("got {}"), "the log step is off");
    assert!(!mill.log().contains("s3cret-token"));
}

#[test]
fn without_a_token_nothing_can_be_steered() {
    let mill = Mill::with("tokenless", "", "listen: '127.0.0.1:0'");
    for headers in [&[JSON][..], &[JSON, TOKEN]] {
        let refused = request(&mill.admin, "POST", "/api/pipelines/p/pause", headers, "{}");
        assert_eq!((refused.status, refused.error().starts_with("set `admin.token` ")), (403, true), "{refused:?}");
    }
    assert_eq!(mill.get("/api/pipelines").status, 200);
}

#[test]
fn off_loopback_nothing_of_the_pipelines_is_seen_without_the_token() {
    let mill = Mill::with("open", "", "listen: '0.0.0.0:0', token: s3cret-token, allowed_hosts: [mill.example.org]");
    assert_eq!(mill.get("/").status, 200, "the page holds nothing");
    for path in ["/api/pipelines", "/api/pipelines/p/actors", "/api/log", "/api/openapi.json", "/api/nothing", "/api"] {
        let refused = mill.get(path);
        assert!(refused.status == 401 && refused.head.contains("www-authenticate: bearer"), "{path}: {refused:?}");
    }
    for host in ["mill.example.org", "localhost:80", "10.1.2.3:9600"] {
        let headers = [TOKEN, &format!("Host: {host}")];
        assert_eq!(request(&mill.admin, "GET", "/api/pipelines", &headers, "").status, 200, "{host}");
    }
    assert_eq!(request(&mill.admin, "GET", "/api/pipelines", &[TOKEN, "Host: evil.org"], "").status, 403);
    // By another way of writing the path.
    for path in ["//api/pipelines", "/%61pi/pipelines", "/./api/pipelines", "http://localhost/api/pipelines"] {
        let answer = mill.get(path);
        assert!([401, 404].contains(&answer.status) && !answer.body.contains("records_in"), "{path}: {answer:?}");
    }
}

#[test]
fn the_page_comes_with_what_keeps_others_out() {
    let mill = Mill::start("page", "");
    for (path, kind) in [
        ("/", "text/html"),
        ("/page.css", "text/css"),
        ("/page.js", "text/javascript"),
        ("/favicon.svg", "image/svg+xml"),
    ] {
        let page = mill.get(path);
        assert!(page.status == 200 && page.head.contains(&format!("content-type: {kind}")), "{page:?}");
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self'",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
        ] {
            assert!(page.head.contains(header), "no {header} in {page:?}");
        }
    }
    for headers in [&["Host: evil.org"][..], &["Origin: http://evil.org"], &["Origin: null"]] {
        for path in ["/", "/api/pipelines"] {
            assert_eq!(request(&mill.admin, "GET", path, headers, "").status, 403, "{path} {headers:?}");
        }
    }
    let own = format!("Origin: http://{}", mill.admin);
    assert_eq!(request(&mill.admin, "GET", "/api/pipelines", &[&own], "").status, 200);
}

#[test]
fn a_reload_takes_over_other_steps_and_nothing_else() {
    let mill = Mill::start("reload", "");
    let reload = || mill.post("/api/reload", "{}");
    assert_eq!(reload().body, "{\"changed\":[],\"unchanged\":[\"p\"],\"credentials\":[]}");
    mill.edit("envelope.hbs", "first", "second");
    assert_eq!(reload().body, "{\"changed\":[\"p\"],\"unchanged\":[],\"credentials\":[]}");
    mill.send(&["{\"amount\":1}"]);
    mill.await_count("records_out", 1);

    mill.edit("c.yaml", "topic: out", "topic: other");
    mill.edit("envelope.hbs", "second", "third");
    let refused = reload();
    assert_eq!((refused.status, &refused.json()["errors"]), (409, &serde_json::json!(["pipelines.p.sink.topic"])));
    mill.edit("c.yaml", "topic: other", "topic: out");
    mill.edit("envelope.hbs", "{{payload}}", "{{payload");
    let refused = reload();
    let error = refused.json()["errors"][0].as_str().unwrap_or_default().to_owned();
    assert!(refused.status == 409 && error.contains("`pipelines.p.transforms.1.envelope.file`"), "{refused:?}");
    mill.edit("envelope.hbs", "{{payload", "{{payload}}");
    assert!(mill.probe("/metrics").body.contains("stampmill_configuration_generation 2.0\n"));

    mill.edit("c.yaml", "got {{payload}}", "now {{payload}}");
    mill.hang_up();
    eventually("a reload by signal", || (mill.get("/api/pipelines/p").json()["generation"] == 3).then_some(()));
    mill.send(&["{\"amount\":2}"]);
    mill.await_count("records_out", 2);
    let log = mill.log();
    assert!(log.contains("got {\"amount\":1}") && log.contains("now {\"amount\":2}"), "{log}");
    assert_eq!(mill.count("restarts") + mill.count("pipeline_restarts"), 0);
}

#[test]
fn a_file_that_is_watched_is_reloaded() {
    let mill = Mill::start("watch", "reload: { watch: true }");
    let generation = || mill.get("/api/pipelines/p").json()["generation"].as_u64();
    mill.edit("envelope.hbs", "{{payload}}", "{{payload");
    eventually("an error", || mill.log().contains("not reloaded: ").then_some(()));
    assert_eq!(generation(), Some(1));
    mill.edit("envelope.hbs", "{{payload", "{{payload.amount}}");
    eventually("a reload", || (generation() == Some(2)).then_some(()));
}

#[test]
fn who_dawdles_or_babbles_stops_nobody() {
    let mill = Mill::start("slow", "");
    let begun: Vec<_> = (0..200)
        .map(|_| {
            let mut stream = connect(&mill.admin);
            stream.write_all(b"GET / HTTP/1.1\r\nHost: loc").expect("is taken");
            stream
        })
        .collect();
    assert_eq!(mill.probe("/readyz").status, 200);
    mill.send(&["{}"]);
    eventually("a record", || {
        mill.probe("/metrics").body.contains("stampmill_records_out_total{pipeline=\"p\"} 1\n").then_some(())
    });
    let mut first = begun.into_iter().next().expect("there are some");
    first.set_nonblocking(true).expect("can be asked");
    let waits = first.peek(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
    assert!(waits, "probes and pipelines go on while those are still waited for");
    first.set_nonblocking(false).expect("can be waited for");
    assert_eq!(answer(&mut first).status, 408);
    eventually("the API again", || Some(mill.get("/api/log").status).filter(|status| *status == 200));

    let mut stream = connect(&mill.admin);
    let head =
        format!("POST /api/log HTTP/1.1\r\nHost: {}\r\n{TOKEN}\r\n{JSON}\r\nContent-Length: 20\r\n\r\n{{", mill.admin);
    stream.write_all(head.as_bytes()).expect("is taken");
    assert_eq!(answer(&mut stream).error(), "the body did not come within 5 s");
    let long = format!("GET / HTTP/1.1\r\nHost: {}\r\nX: {}\r\n\r\n", mill.admin, "a".repeat(300_000));
    assert_eq!(exchange(&mill.admin, long.as_bytes()).status, 431);
    for nonsense in
        ["HELO\r\n\r\n", "GET /\r\n\r\n", "\0\0\0\0\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n"]
    {
        assert_eq!(exchange(&mill.admin, nonsense.as_bytes()).status, 400, "{nonsense:?}");
    }
    assert_eq!(mill.probe("/readyz").status, 200);
}

#[test]
fn what_a_body_lacks_is_told_with_what_to_send() {
    let mill = Mill::start("bodies", "");
    let pause = |headers: &[&str]| request(&mill.admin, "POST", "/api/pipelines/p/pause", headers, "");
    for headers in [&[TOKEN][..], &[TOKEN, JSON]] {
        let error = pause(headers).error();
        assert!(error.contains("send") && error.contains("`{}` where nothing is to be said"), "{error}");
    }
    assert_eq!(mill.post("/api/pipelines/p/pause", "{}").status, 200);
}

#[test]
fn an_address_that_is_taken_ends_the_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("has an address").to_string();
    let folder = std::env::temp_dir().join(format!("stampmill-service-{}-taken", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    for (key, other) in [("probes.listen", "admin.listen"), ("admin.listen", "probes.listen")] {
        let started = stampmill()
            .args(["run", "--config"])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/stampmill.yaml"))
            .args(["--set", &format!("{key}={address}"), "--set", &format!("{other}=off")])
            .current_dir(&folder)
            .output()
            .expect("the program runs");
        let log = String::from_utf8(started.stderr).expect("text");
        assert_eq!(started.status.code(), Some(1), "{log}");
        assert!(log.contains(&format!("`{key}`: {address} cannot be listened on: ")), "{log}");
    }
    fs::remove_dir_all(&folder).expect("can be removed");
}
