//! OCSP over HTTP, by curl: what caches are told, and what becomes of requests that are not as they should be.

use std::collections::BTreeMap;

use crate::court::{Court, status_in};
use crate::support::live::Live;
use crate::support::openssl::run;

/// An answer, as curl got it.
struct Reply {
    status: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// curl, with standard input for `--data-binary @-`.
async fn curl(arguments: &[&str], input: &[u8]) -> Reply {
    let ran = run("curl", &[&["--silent", "--show-error", "--max-time", "30", "--include"], arguments].concat(), input).await;
    assert!(ran.succeeded, "curl {}: {}", arguments.join(" "), ran.text());
    let mut rest = &ran.stdout[..];
    loop {
        let end = rest.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a head");
        let (head, body) = (String::from_utf8(rest[..end].to_vec()).unwrap(), &rest[end + 4..]);
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
        if status != "100" {
            let headers = lines.map(|line| line.split_once(": ").unwrap()).map(|(name, value)| (name.to_lowercase(), value.to_owned()));
            return Reply { status, headers: headers.collect(), body: body.to_vec() };
        }
        rest = body;
    }
}

const OCSP_REQUEST: &str = "content-type: application/ocsp-request";

async fn post(url: &str, media_type: &str, body: &[u8]) -> Reply {
    curl(&["-H", media_type, "--data-binary", "@-", url], body).await
}

impl Court {
    /// A request about `auth`, as openssl makes it with these options.
    async fn request(&self, options: &[&str]) -> Vec<u8> {
        let made = self.file("request.der");
        self.asks(&[&["ocsp", "-issuer", "@issuing.pem", "-cert", "@auth.pem", "-reqout", &made], options].concat()).await;
        std::fs::read(made).unwrap()
    }

    /// The URL of a GET (RFC 6960 appendix A.1.1).
    async fn url_of_get(&self, request: &[u8]) -> String {
        let written = self.write("asked.der", request);
        let base64 = self.asks(&["base64", "-A", "-in", &written]).await;
        let path = base64.trim().replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        format!("{}/{path}", self.ocsp_url("@auth.pem").await)
    }

    /// What openssl reads in a response that is an error.
    async fn error_in(&self, response: &[u8]) -> String {
        self.write("error.der", response);
        self.tries(&["ocsp", "-respin", "@error.der", "-noverify"]).await.text().trim().to_owned()
    }
}

/// RFC 5019 §6.2.
#[tokio::test]
async fn an_answer_without_a_nonce_tells_caches_to_ask_again_each_time() {
    let court = Court::in_session().await;
    let reply = curl(&[&court.url_of_get(&court.request(&["-no_nonce"]).await).await], b"").await;
    assert_eq!(reply.status, "200");
    assert_eq!(reply.header("content-type"), Some("application/ocsp-response"));
    assert_eq!(reply.header("cache-control"), Some("max-age=0, public, no-transform, must-revalidate"));
    let tag = reply.header("etag").unwrap();
    assert!(tag.len() > 40 && tag.starts_with('"') && tag.ends_with('"'), "{tag}");

    court.write("response.der", &reply.body);
    let read = ["ocsp", "-issuer", "@issuing.pem", "-CAfile", "@ca.pem", "-no_nonce", "-respin", "@response.der", "-cert", "@auth.pem"];
    let ran = court.tries(&read).await;
    assert_eq!(status_in(&ran), "good");
    for (header, printed) in [("last-modified", "This Update: "), ("expires", "Next Update: ")] {
        let time = jiff::fmt::strtime::parse("%a, %d %b %Y %H:%M:%S GMT", reply.header(header).unwrap()).unwrap();
        let printed_like = time.to_datetime().unwrap().strftime("%b %e %H:%M:%S %Y GMT").to_string();
        assert!(ran.text().contains(&format!("{printed}{printed_like}")), "{header}: {printed_like}: {}", ran.text());
    }
    court.live.stop().await;
}

/// The administrator may trade it: so long some may not hear of a loss.
#[tokio::test]
async fn caches_may_answer_for_as_long_as_the_configuration_says() {
    let live = Live::with_house(|house| {
        let file = house.join("remint.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains("ocsp_cache_seconds = 0"), "{text}");
        std::fs::write(&file, text.replace("ocsp_cache_seconds = 0", "ocsp_cache_seconds = 20")).unwrap();
    })
    .await;
    let court = Court::over(live).await;
    let reply = curl(&[&court.url_of_get(&court.request(&["-no_nonce"]).await).await], b"").await;
    assert_eq!(reply.header("cache-control"), Some("max-age=20, public, no-transform, must-revalidate"));
    court.live.stop().await;
}

#[tokio::test]
async fn what_is_for_one_asker_alone_is_kept_by_no_cache() {
    let court = Court::in_session().await;
    let url = court.ocsp_url("@auth.pem").await;
    let (with_nonce, without) = (court.request(&[]).await, court.request(&["-no_nonce"]).await);
    let get = curl(&[&court.url_of_get(&with_nonce).await], b"").await;
    let posts = [post(&url, OCSP_REQUEST, &with_nonce).await, post(&url, OCSP_REQUEST, &without).await];
    let error = curl(&[&format!("{url}/AAAA")], b"").await;
    assert_eq!(court.error_in(&error.body).await, "Responder Error: malformedrequest (1)");
    for reply in [get, error].iter().chain(&posts) {
        assert_eq!(reply.status, "200");
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!((reply.header("etag"), reply.header("expires"), reply.header("last-modified")), (None, None, None));
    }
    court.live.stop().await;
}

/// RFC 6960 §2.3: who sends what is no request is told so, in the form of OCSP; who sends no OCSP at all, in that of HTTP.
#[tokio::test]
async fn malformed_and_huge_requests_are_answered_and_change_nothing() {
    let court = Court::in_session().await;
    let url = court.ocsp_url("@auth.pem").await;
    let request = court.request(&[]).await;
    let before = court.live.record().await;
    let huge = vec![0x30; 40_000];
    for body in [&b""[..], b"x", &request[..request.len() - 1], &[&request[..], b"\0"].concat(), &huge] {
        let reply = post(&url, OCSP_REQUEST, body).await;
        assert_eq!((reply.status.as_str(), reply.header("content-type")), ("200", Some("application/ocsp-response")));
        assert_eq!(court.error_in(&reply.body).await, "Responder Error: malformedrequest (1)");
    }
    for path in ["%", "%zz", "%ff%fe", "AAAA//", "M%00", &"MA".repeat(20_000)] {
        let reply = curl(&[&format!("{url}/{path}")], b"").await;
        assert_eq!(reply.status, "200", "{path}");
        assert_eq!(court.error_in(&reply.body).await, "Responder Error: malformedrequest (1)", "{path}");
    }
    assert_eq!(curl(&[&format!("{url}/{}", "M".repeat(100_000))], b"").await.status, "414");
    let reply = post(&url, OCSP_REQUEST, &vec![0x30; 1_000_000]).await;
    assert_eq!(reply.status, "413");
    assert!(String::from_utf8(reply.body).unwrap().contains("expected: at most 65536 bytes"));

    assert_eq!(before.changes_to(&court.live.record().await), Vec::<String>::new());
    assert_eq!(court.ocsp("@auth.pem").await, "good");
    court.live.stop().await;
}

#[tokio::test]
async fn other_methods_and_media_types_are_refused_in_words() {
    let court = Court::in_session().await;
    let url = court.ocsp_url("@auth.pem").await;
    let request = court.request(&["-no_nonce"]).await;
    let of_get = court.url_of_get(&request).await;
    for (arguments, allowed) in [
        (["-X", "OPTIONS", of_get.as_str()], "GET,HEAD"),
        (["-X", "DELETE", &of_get], "GET,HEAD"),
        (["-X", "GET", &url], "POST"),
        (["-X", "PUT", &url], "POST"),
    ] {
        let reply = curl(&arguments, b"").await;
        assert_eq!((reply.status.as_str(), reply.header("allow")), ("405", Some(allowed)), "{arguments:?}");
    }
    let head = curl(&["--head", &of_get], b"").await;
    assert_eq!((head.status.as_str(), head.header("content-type")), ("200", Some("application/ocsp-response")));
    assert!(head.body.is_empty() && head.header("content-length").unwrap().parse::<usize>().unwrap() > 500);

    for media_type in ["content-type: application/x-www-form-urlencoded", "content-type:"] {
        let reply = post(&url, media_type, &request).await;
        assert_eq!(reply.status, "415", "{media_type}");
        assert!(String::from_utf8(reply.body).unwrap().contains("expected: application/ocsp-request"));
    }
    assert_eq!(post(&url, "Content-Type: Application/OCSP-request; charset=binary", &request).await.status, "200");
    court.live.stop().await;
}
