//! Servers that are slow, endless, broken, or send us elsewhere.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use domain::feed::WebCredentials;
use parking_lot::Mutex;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use testing::certificates;

use super::*;
use crate::mqtt::SecretFiles;

const LIMIT: usize = 100_000;

/// So long the tests wait for slow servers.
const WITHIN: Duration = Duration::from_secs(2);

/// Far less than a server that never ends would take.
const SOON: Duration = Duration::from_secs(20);

/// A server that lets `answer` speak once a request has been read; its port, and how many came.
fn server(answer: impl Fn(&str, TcpStream) + Send + Sync + 'static) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (requests, answer) = (Arc::new(AtomicUsize::new(0)), Arc::new(answer));
    let count = requests.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, answer) = (stream.unwrap(), answer.clone());
            count.fetch_add(1, Ordering::SeqCst);
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let first = lines.next().and_then(Result::ok).unwrap_or_default();
                while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                answer(first.split(' ').nth(1).unwrap_or_default(), stream);
            });
        }
    });
    (port, requests)
}

fn fetch(url: String, allow_private: bool) -> Result<Vec<u8>, String> {
    let began = Instant::now();
    let fetched = FetchRequest {
        url,
        allow_private,
        limit: LIMIT,
        credentials: without_files(),
        held: Validators::default(),
    }
    .fetch_within(WITHIN);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    fetched.map(|answer| answer.body)
}

fn without_files() -> Credentials {
    Credentials::read(&WebCredentials::default(), &SecretFiles::default()).unwrap()
}

fn ok(stream: &mut TcpStream, head: &str) {
    let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\n{head}\r\n").as_bytes());
}

/// Whatever one can write until the other side has enough.
fn endless(mut stream: TcpStream, part: &[u8], pause: Duration) {
    while stream.write_all(part).and_then(|()| stream.flush()).is_ok() {
        #[expect(clippy::disallowed_methods, reason = "the server that is played is slow")]
        std::thread::sleep(pause);
    }
}

#[test]
fn a_good_server_is_read_and_a_body_of_the_limit_is_whole() {
    for bytes in [0, 7, LIMIT, LIMIT + 1, 2 * LIMIT] {
        let (port, _) = server(move |_, mut stream| {
            ok(&mut stream, &format!("Content-Length: {bytes}\r\n"));
            let _ = stream.write_all(&vec![7; bytes]);
        });
        let fetched = fetch(format!("http://127.0.0.1:{port}/"), true).unwrap();
        assert_eq!(fetched.len(), bytes.min(LIMIT + 1));
    }
}

#[test]
fn an_address_within_a_network_is_asked_with_leave_only() {
    let (port, requests) = server(|_, mut stream| ok(&mut stream, "Content-Length: 0\r\n"));
    for host in
        ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "127.1", "2130706433", "0x7f.1", "0", "[::1]"]
    {
        let refused = fetch(format!("http://{host}:{port}/"), false).unwrap_err();
        assert!(!refused.contains("in time"), "{host}: {refused}");
    }
    assert!(fetch(format!("http://localhost:{port}/"), false).unwrap_err().contains("allow_private"));
    assert_eq!(requests.load(Ordering::SeqCst), 0);
    assert_eq!(fetch(format!("http://127.0.0.1:{port}/"), true), Ok(Vec::new()));
}

#[test]
fn nobody_is_followed_to_another_host() {
    let (inner, requests) = server(|_, mut stream| ok(&mut stream, "Content-Length: 0\r\n"));
    for target in [
        format!("http://localhost:{inner}/"),
        format!("http://LOCALHOST:{inner}/"),
        format!("http://[::1]:{inner}/"),
        format!("//localhost:{inner}/x"),
        format!("http://127.0.0.1@localhost:{inner}/"),
    ] {
        let (port, _) = server(move |_, mut stream| {
            let head = format!("HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.write_all(head.as_bytes());
        });
        fetch(format!("http://127.0.0.1:{port}/?key=s3cret"), true).unwrap_err();
    }
    assert_eq!(requests.load(Ordering::SeqCst), 0);
}

#[test]
fn a_redirect_within_the_host_is_followed_and_a_circle_ends() {
    let (port, requests) = server(|path, mut stream| {
        let head = match path {
            "/old?key=s3cret" => "HTTP/1.1 301 Moved\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n",
            "/new" => "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
            _ => "HTTP/1.1 302 Found\r\nLocation: /circle\r\nContent-Length: 0\r\n\r\n",
        };
        let _ = stream.write_all(head.as_bytes());
    });
    assert_eq!(fetch(format!("http://127.0.0.1:{port}/old?key=s3cret"), true), Ok(b"x".to_vec()));
    let before = requests.load(Ordering::SeqCst);
    let refused = fetch(format!("http://127.0.0.1:{port}/circle?key=s3cret"), true).unwrap_err();
    assert!(!refused.contains("s3cret"), "{refused}");
    assert!(requests.load(Ordering::SeqCst) - before <= 1 + MAX_REDIRECTS as usize);
}

#[test]
fn a_server_that_closes_the_connection_after_a_redirect_is_asked_over_another() {
    let (port, requests) = server(|path, mut stream| {
        if path == "/old" {
            let head = "HTTP/1.1 301 Moved\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n";
            let _ = stream.write_all(head.as_bytes());
            // Whoever asks again over this connection finds it closed.
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        } else {
            ok(&mut stream, "Content-Length: 1\r\n");
            let _ = stream.write_all(b"x");
        }
    });
    assert_eq!(fetch(format!("http://127.0.0.1:{port}/old"), true), Ok(b"x".to_vec()));
    assert_eq!(requests.load(Ordering::SeqCst), 2);
}

#[test]
fn slow_and_endless_servers_end() {
    let pause = Duration::from_millis(100);
    let (drip, _) = server(move |_, mut stream| {
        ok(&mut stream, "Content-Length: 1000000\r\n");
        endless(stream, b"x", pause);
    });
    let (drip_in_head, _) = server(move |_, mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX: ");
        endless(stream, b"x", pause);
    });
    let (mute, _) = server(move |_, stream| {
        let _ = BufReader::new(stream).read_line(&mut String::new());
    });
    for port in [drip, drip_in_head, mute] {
        let error = fetch(format!("http://127.0.0.1:{port}/"), true).unwrap_err();
        assert_eq!(error, "the server does not answer in time");
    }
    let (body, _) = server(|_, mut stream| {
        ok(&mut stream, "");
        endless(stream, &[7; 10_000], Duration::ZERO);
    });
    assert_eq!(fetch(format!("http://127.0.0.1:{body}/"), true).unwrap().len(), LIMIT + 1);
    let (head, _) = server(|_, mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        endless(stream, b"X-Y: z\r\n", Duration::ZERO);
    });
    fetch(format!("http://127.0.0.1:{head}/"), true).unwrap_err();
}

#[test]
fn a_body_that_unpacks_without_end_is_cut_and_a_short_one_is_no_body() {
    // Twelve megabytes of zeros in twelve kilobytes.
    let packed = {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(&vec![0; 12_000_000]).unwrap();
        packer.finish().unwrap()
    };
    let (bomb, _) = server(move |_, mut stream| {
        ok(&mut stream, &format!("Content-Encoding: gzip\r\nContent-Length: {}\r\n", packed.len()));
        let _ = stream.write_all(&packed);
    });
    assert_eq!(fetch(format!("http://127.0.0.1:{bomb}/"), true).unwrap().len(), LIMIT + 1);
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x08ab",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\n",
        "SSH-2.0-OpenSSH_9\r\n",
        "",
        "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
    ] {
        let (port, _) = server(move |_, mut stream| drop(stream.write_all(answer.as_bytes())));
        let fetched = fetch(format!("http://127.0.0.1:{port}/"), true);
        assert!(fetched.is_err(), "{answer:?}: {fetched:?}");
    }
}

#[test]
fn what_an_address_must_not_hold_is_refused_without_being_shown() {
    for url in
        ["http://me:s3cret@127.0.0.1:1/", "http://me@127.0.0.1:1/", "ftp://127.0.0.1/?key=s3cret", "s3cret"]
    {
        let refused = fetch(url.to_owned(), true).unwrap_err();
        assert!(!refused.contains("s3cret"), "{refused}");
    }
}

#[test]
fn the_end_of_a_servers_certificate_is_known_and_no_other_server_is_believed() {
    let dir = tempfile::tempdir().unwrap();
    certificates::authority(dir.path(), &["web"]);
    let (port, requests) = encrypted_server(certificates::server(dir.path(), "web"));
    let trusting = named(dir.path(), &["ca_file=ca.pem"]);
    let answer = ask("localhost", port, &trusting).unwrap();
    assert_eq!(answer.body, b"x");
    let valid_s = answer.certificate_until.unwrap().age_s(crate::now_utc());
    assert!((172_700..=172_800).contains(&valid_s), "{valid_s} of the two days that it is made for");
    assert_eq!(requests.lock().len(), 1);

    // Nobody vouches for it; and it is another host's.
    let refused = ask("localhost", port, &WebCredentials::default()).unwrap_err();
    assert!(refused.contains("UnknownIssuer") && refused.contains("ca_file"), "{refused}");
    let refused = ask("127.0.0.1", port, &trusting).unwrap_err();
    assert!(refused.contains("not valid for name"), "{refused}");
    assert_eq!(requests.lock().len(), 1);
}

#[test]
fn a_server_that_demands_a_client_certificate_and_a_key_gets_both() {
    let (dir, strange) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    certificates::authority(dir.path(), &["web", "us"]);
    certificates::authority(strange.path(), &["us"]);
    for name in ["us.pem", "us.key"] {
        std::fs::copy(strange.path().join(name), dir.path().join(format!("strange-{name}"))).unwrap();
    }
    std::fs::write(dir.path().join("headers"), "X-Api-Key: s3cret\n").unwrap();
    std::fs::write(dir.path().join("none"), "s3cret\n").unwrap();
    let (port, requests) = encrypted_server(certificates::server_for_known_clients(dir.path(), "web"));
    let files = ["ca_file=ca.pem", "cert_file=us.pem", "key_file=us.key", "headers_file=headers"];
    let answer = ask("localhost", port, &named(dir.path(), &files)).unwrap();
    assert_eq!(answer.body, b"x");
    assert!(answer.certificate_until.is_some());
    assert!(requests.lock()[0].contains("x-api-key: s3cret"), "{:?}", requests.lock());

    for (files, says) in [
        (&["ca_file=ca.pem"][..], "name it and its key with cert_file and key_file in feeds.toml"),
        (
            &["ca_file=ca.pem", "cert_file=strange-us.pem", "key_file=strange-us.key"],
            "cert_file: the server refuses",
        ),
        (&["ca_file=ca.pem", "cert_file=us.pem", "key_file=web.key"], "do not fit together"),
        (&["cert_file=none", "key_file=us.key"], "none holds no certificate in PEM"),
        (&["cert_file=us.pem", "key_file=none"], "none holds no key in PEM"),
        (&["ca_file=none"], "none holds no certificate in PEM"),
        (&["headers_file=none"], "none line 1 is no header"),
        (&["headers_file=nowhere"], "nowhere cannot be used: No such file"),
    ] {
        let refused = ask("localhost", port, &named(dir.path(), files)).unwrap_err();
        assert!(refused.contains(says) && !refused.contains("s3cret"), "{files:?}: {refused}");
    }
    assert_eq!(requests.lock().len(), 1);
}

#[test]
fn a_refused_key_says_where_it_stands() {
    let (port, _) = server(|_, mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");
    });
    let refused = fetch(format!("http://127.0.0.1:{port}/?key=s3cret"), true).unwrap_err();
    assert!(refused.contains("headers_file") && !refused.contains("s3cret"), "{refused}");
}

/// Files in `dir` by their keys in feeds.toml.
fn named(dir: &Path, files: &[&str]) -> WebCredentials {
    let of = |key: &str| {
        let file = files.iter().find_map(|file| file.strip_prefix(key)?.strip_prefix('='))?;
        Some(dir.join(file).to_string_lossy().into_owned())
    };
    WebCredentials {
        headers_file: of("headers_file"),
        ca_file: of("ca_file"),
        cert_file: of("cert_file"),
        key_file: of("key_file"),
    }
}

fn ask(host: &str, port: u16, named: &WebCredentials) -> Result<Answer, String> {
    let credentials = Credentials::read(named, &SecretFiles::default())?;
    let url = format!("https://{host}:{port}/");
    FetchRequest { url, allow_private: true, limit: LIMIT, credentials, held: Validators::default() }
        .answer_within(WITHIN)
}

/// A server that answers `x` once a request has come over TLS; its port, and the heads of those that came.
fn encrypted_server(shown: Arc<ServerConfig>) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let requests: Arc<Mutex<Vec<String>>> = Arc::default();
    let came = requests.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let conn = ServerConnection::new(shown.clone()).unwrap();
            let mut stream = StreamOwned::new(conn, stream.unwrap());
            let lines = BufReader::new(&mut stream).lines();
            let head: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            if head.is_empty() {
                // Closing with bytes unread would reset the connection before the client has read why.
                let _ = std::io::copy(&mut stream.sock, &mut std::io::sink());
            } else {
                came.lock().push(head.join("\n"));
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
            }
        }
    });
    (port, requests)
}

/// The answer of a download, and what came of its body.
fn download(
    port: u16,
    limit: usize,
    mut take: impl FnMut(&[u8]) -> io::Result<()> + Send + 'static,
) -> (Result<Answer, String>, usize) {
    let came = Arc::new(AtomicUsize::new(0));
    let counted = came.clone();
    let credentials = Credentials::of_a_journey_source(&WebCredentials::default()).unwrap();
    let url = format!("http://127.0.0.1:{port}/?key=s3cret");
    let request = FetchRequest { url, allow_private: true, limit, credentials, held: Validators::default() };
    let began = Instant::now();
    let answer = request.download_within(SOON, WITHIN, move |part| {
        counted.fetch_add(part.len(), Ordering::SeqCst);
        take(part)
    });
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    (answer, came.load(Ordering::SeqCst))
}

#[test]
fn a_download_is_taken_in_parts_and_ends_where_nobody_wants_more() {
    const BYTES: usize = 3_000_000;
    let (port, _) = server(|_, mut stream| {
        ok(&mut stream, &format!("ETag: \"7\"\r\nContent-Length: {BYTES}\r\n"));
        let _ = stream.write_all(&vec![7; BYTES]);
    });
    let (answer, came) = download(port, BYTES, |part| {
        assert!(part.len() <= PART_BYTES && part.iter().all(|byte| *byte == 7));
        Ok(())
    });
    let answer = answer.unwrap().good().unwrap();
    assert_eq!((came, answer.body.len(), answer.validators.etag.as_deref()), (BYTES, 0, Some("\"7\"")));

    let (answer, came) = download(port, 100_000, |_| Ok(()));
    assert_eq!((answer.unwrap().cut, came), (None, 100_001));
    let (answer, _) = download(port, BYTES, |_| Err(io::Error::other("the disk is full")));
    assert_eq!(answer.unwrap().good().unwrap_err(), "the disk is full");
}

#[test]
fn a_download_that_stops_or_ends_early_is_none() {
    let (mute, _) = server(|_, mut stream| {
        ok(&mut stream, "Content-Length: 10\r\n");
        let _ = stream.write_all(b"12345");
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    });
    let (answer, came) = download(mute, LIMIT, |_| Ok(()));
    assert_eq!((answer.unwrap_err().as_str(), came), ("the server has sent nothing for 2 s", 5));

    let (short, _) = server(|_, mut stream| {
        ok(&mut stream, "Content-Length: 10\r\n");
        let _ = stream.write_all(b"12345");
    });
    let refused = download(short, LIMIT, |_| Ok(())).0.unwrap().good().unwrap_err();
    assert!(!refused.contains("s3cret"), "{refused}");
    let (closed, _) = server(|_, stream| drop(stream));
    let refused = download(closed, LIMIT, |_| Ok(())).0.unwrap_err();
    assert!(!refused.contains("s3cret"), "{refused}");
}
