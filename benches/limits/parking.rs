//! (d) `/v1/parking` with 1,000, 10,000 and 100,000 bays: latency of single requests, and
//! throughput against an axum handler in the same process kind that returns the same bytes.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use axum::Router;
use axum::routing::get;
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::ingest::publish;
use super::setup::{Product, import_load, subscribed};

const PATH: &str = "/v1/parking?near=51.90,7.20&radius_m=800&kind=bay,site";
const CONNECTIONS: usize = 8;
const DURATION: Duration = Duration::from_secs(5);

pub async fn run() -> Result<Value> {
    let mut parts = Vec::new();
    for bays in [1_000, 10_000, 100_000] {
        let dir = tempfile::tempdir()?;
        let data = dir.path().join("data").to_string_lossy().into_owned();
        let args = ["serve", "--data-dir", &data, "--http", "127.0.0.1:0", "--mqtt-listen", "127.0.0.1:0"];
        let product = Product::start(&args).await?;
        let places = import_load(dir.path(), bays, &["--data-dir", &data])?;
        let path = near_first_bay(&places)?;
        subscribed(&product.text("http")).await?;
        let port = port_of(&product.text("mqtt"))?;
        // The second round is of vacant ones: half of them, so that there is something to answer.
        publish(port, bays + bays / 2, bays).await?;
        let http = port_of(&product.text("http"))?;
        let body = wait_filled(http, &path).await?;
        let (latency, _) = hammer(http, &path, 1).await?;
        let (_, per_s) = hammer(http, &path, CONNECTIONS).await?;

        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let same = listener.local_addr()?.port();
        let bytes = body.clone();
        let router = Router::new().route("/v1/parking", get(move || std::future::ready(bytes.clone())));
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        let (same_latency, same_per_s) = hammer(same, &path, CONNECTIONS).await?;
        server.abort();
        let ms = |h: &Histogram<u64>, q: f64| h.value_at_quantile(q) as f64 / 1_000.0;
        parts.push(json!({
            "bays": bays, "bytes": body.len(),
            "p50_ms": ms(&latency, 0.5), "p99_ms": ms(&latency, 0.99),
            "requests_per_s": per_s.round(), "same_bytes_per_s": same_per_s.round(),
            "ratio": (per_s / same_per_s * 1000.0).round() / 1000.0,
            "same_bytes_p99_ms": ms(&same_latency, 0.99),
        }));
        product.stop().await?;
    }
    Ok(json!({ "part": "parking", "path": PATH, "runs": parts }))
}

/// The query near a bay that exists.
fn near_first_bay(places: &std::path::Path) -> Result<String> {
    let bays: Value = serde_json::from_slice(&std::fs::read(places.join("bays.geojson"))?)?;
    let geometry = &bays["features"][0]["geometry"];
    let point =
        if geometry["type"] == "Point" { &geometry["coordinates"] } else { &geometry["coordinates"][0][0] };
    let (lon, lat) = (point[0].as_f64().context("no bay")?, point[1].as_f64().context("no bay")?);
    Ok(PATH.replace("51.90,7.20", &format!("{lat:.6},{lon:.6}")))
}

fn port_of(url: &str) -> Result<u16> {
    url.rsplit(':').next().and_then(|p| p.parse().ok()).context("no port")
}

/// Waits until the answer is full: 20 items.
async fn wait_filled(port: u16, path: &str) -> Result<Vec<u8>> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let mut buffer = Vec::new();
        let body = request(&mut stream, path, &mut buffer).await?.to_vec();
        let answer: Value = serde_json::from_slice(&body)?;
        let items = answer["items"].as_array().map_or(0, Vec::len);
        if items > 0 || Instant::now() > deadline {
            return Ok(body);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Requests one after the other on each connection; latencies in microseconds, requests a second.
async fn hammer(port: u16, path: &str, connections: usize) -> Result<(Histogram<u64>, f64)> {
    let began = Instant::now();
    let tasks: Vec<_> = (0..connections)
        .map(|_| {
            let path = path.to_owned();
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
                stream.set_nodelay(true)?;
                let mut histogram = Histogram::<u64>::new(3)?;
                let mut buffer = Vec::new();
                while began.elapsed() < DURATION {
                    let sent = Instant::now();
                    request(&mut stream, &path, &mut buffer).await?;
                    histogram.record(sent.elapsed().as_micros() as u64)?;
                }
                anyhow::Ok(histogram)
            })
        })
        .collect();
    let mut all = Histogram::<u64>::new(3)?;
    for task in tasks {
        all.add(task.await??)?;
    }
    let rate = all.len() as f64 / began.elapsed().as_secs_f64();
    Ok((all, rate))
}

/// One request on a kept connection; the body. Plain HTTP/1.1 with a content length.
async fn request<'a>(stream: &mut TcpStream, path: &str, buffer: &'a mut Vec<u8>) -> Result<&'a [u8]> {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n").as_bytes()).await?;
    buffer.clear();
    loop {
        let n = stream.read_buf(buffer).await?;
        anyhow::ensure!(n > 0, "the server closed the connection");
        let Some(head_end) = buffer.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
        let head = std::str::from_utf8(&buffer[..head_end])?.to_ascii_lowercase();
        let length: usize = head
            .lines()
            .find_map(|l| l.strip_prefix("content-length:"))
            .and_then(|l| l.trim().parse().ok())
            .context("no content length")?;
        if buffer.len() >= head_end + 4 + length {
            return Ok(&buffer[head_end + 4..head_end + 4 + length]);
        }
    }
}
