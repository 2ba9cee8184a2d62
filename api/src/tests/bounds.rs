//! Answers are bounded in bytes, and hostile text is a bad request: against a real database.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::Reason;
use serde_json::Value;
use store::writer::Batch;

use super::fixture::contents;
use super::keys::{Instance, uplink};
use crate::router::document;

/// More than any page may hold, with room for Base64 or hexadecimal digits and the fields beside.
const MOST_BYTES: usize = 12 << 20;

/// All items of a list, page by page; each of them stays within bounds.
async fn pages(instance: &Instance, path: &str, key: &str) -> (usize, Vec<Value>) {
    let (mut items, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = instance.get(&format!("{path}?limit=1000&cursor={cursor}"), key).await;
        assert_eq!(page.status, 200, "{}", &page.body[..page.body.len().min(500)]);
        assert!(page.body.len() < MOST_BYTES, "{path}: {} bytes", page.body.len());
        let page = page.json();
        items.extend(page["items"].as_array().unwrap().clone());
        pages += 1;
        match page["cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return (pages, items),
        }
    }
}

#[tokio::test]
async fn large_payloads_make_short_pages_and_none_is_lost() {
    const MESSAGES: usize = 90;
    const PAYLOAD: usize = 400_000;
    let Some(instance) = Instance::with(contents()).await else { return };
    let (key, _) = instance.key("installer", &["warendorf"], 1, None).await;
    let rejections = (0..MESSAGES)
        .map(|n| {
            let mut rejection = instance.rejection("warendorf", Reason::Malformed, n as u8);
            rejection.payload = vec![n as u8; PAYLOAD];
            rejection
        })
        .collect();
    let device = "70b3d57ed0051a2b";
    let uplinks = (0..MESSAGES)
        .map(|n| {
            let mut uplink = uplink(&instance, "warendorf", device, n as i64, "stored");
            uplink.payload = Some(vec![n as u8; 100_000]);
            uplink.decoded = Some(format!(r#"{{"text":"{}"}}"#, "x".repeat(60_000)));
            uplink
        })
        .collect();
    instance.write(&Batch { rejections, uplinks, ..Batch::default() }).await;

    let (pages_of_rejections, items) = pages(&instance, "/v1/rejections", &key).await;
    let ids: BTreeSet<i64> = items.iter().map(|item| item["id"].as_i64().unwrap()).collect();
    assert_eq!((ids.len(), items.len()), (MESSAGES, MESSAGES));
    assert!(pages_of_rejections > 1);
    for item in &items {
        let shown = STANDARD.decode(item["payload_base64"].as_str().unwrap()).unwrap();
        assert_eq!((shown.len(), &item["payload_bytes"]), (64 << 10, &PAYLOAD.into()));
    }

    let path = format!("/v1/sensors/{device}/messages");
    let (pages_of_messages, items) = pages(&instance, &path, &key).await;
    let ids: BTreeSet<&str> = items.iter().map(|item| item["id"].as_str().unwrap()).collect();
    assert_eq!((ids.len(), items.len()), (MESSAGES, MESSAGES));
    assert!(pages_of_messages > 1);
    for item in &items {
        assert_eq!(
            (item["hex"].as_str().unwrap().len(), &item["payload_bytes"]),
            (128 << 10, &100_000.into())
        );
    }
}

/// Every parameter of every route, with each kind of control character at each place, and with nothing in it.
#[tokio::test]
async fn control_characters_and_empty_values_are_a_bad_request_everywhere() {
    let Some(instance) = Instance::with(contents()).await else { return };
    let (key, _) = instance.key("admin", &[], 1, None).await;
    let document = document();
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let parameters = item["get"]["parameters"].as_array().into_iter().flatten();
        let named = |within: &'static str| {
            parameters
                .clone()
                .filter(move |p| p["in"] == within)
                .map(|p| p["name"].as_str().unwrap().to_owned())
        };
        for text in [
            "a%00b", "a%01b", "a%0Ab", "a%1Fb", "a%7Fb", "a%C2%85b", "%00", "1%00", "%0A", "%09", "1%0A",
            "%0D1",
        ] {
            let filled = |value: &str| {
                path.split('/')
                    .map(|part| if part.starts_with('{') { value } else { part })
                    .collect::<Vec<_>>()
                    .join("/")
            };
            let mut addresses: Vec<String> =
                named("query").map(|name| format!("{}?{name}={text}", filled("nothing"))).collect();
            addresses.extend(named("path").map(|_| filled(text)));
            // An empty cursor is that of the first page; a flag is set by its name alone.
            let saying =
                named("query").filter(|name| !matches!(name.as_str(), "cursor" | "start" | "unbound"));
            addresses.extend(saying.flat_map(|name| {
                ["", "%20", "+%C2%A0"].map(|nothing| format!("{}?{name}={nothing}", filled("nothing")))
            }));
            for address in addresses {
                let answer = instance.get(&address, &key).await;
                assert_eq!(answer.status, 400, "{address}: {}", answer.body);
                asked += 1;
            }
        }
    }
    assert!(asked > 500, "{asked}");
    // Whoever has no key learns that one is needed, and nothing else.
    assert_eq!(instance.county.get("/v1/sensors/a%00b").await.status, 401);
}
