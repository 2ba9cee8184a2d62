//! Servers that are slow, endless, broken, or send us elsewhere.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use testing::certificates;

use super::*;

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
    let fetched = FetchRequest { url, allow_private, limit: LIMIT, bearer: None }.fetch_within(WITHIN);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    fetched.map(|answer| answer.body)
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
            let _ = stream.read(&mut [0]);
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
    let shown = certificates::server(dir.path(), "web");
    let (port, requests) = encrypted_server(shown);
    let trusted = || {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(dir.path().join("ca.pem")).unwrap()).unwrap();
        Tls::trusting(roots).unwrap()
    };
    let ask = |host: &str, tls: Tls| {
        let url = format!("https://{host}:{port}/");
        FetchRequest { url, allow_private: true, limit: LIMIT, bearer: None }.answer_within(WITHIN, &tls)
    };
    let answer = ask("localhost", trusted()).unwrap();
    assert_eq!(answer.body, b"x");
    let valid_s = answer.certificate_until.unwrap().age_s(crate::now_utc());
    assert!((172_700..=172_800).contains(&valid_s), "{valid_s} of the two days that it is made for");
    assert_eq!(requests.load(Ordering::SeqCst), 1);

    // Nobody vouches for it; and it is another host's.
    let refused = ask("localhost", Tls::new().unwrap()).unwrap_err();
    assert!(refused.contains("UnknownIssuer"), "{refused}");
    let refused = ask("127.0.0.1", trusted()).unwrap_err();
    assert!(refused.contains("not valid for name"), "{refused}");
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

/// A server that answers `x` once a request has come over TLS; its port, and how many came.
fn encrypted_server(shown: Arc<ServerConfig>) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let requests = Arc::new(AtomicUsize::new(0));
    let count = requests.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let conn = ServerConnection::new(shown.clone()).unwrap();
            let mut stream = StreamOwned::new(conn, stream.unwrap());
            let mut lines = BufReader::new(&mut stream).lines();
            if lines.next().is_some_and(|line| line.is_ok()) {
                while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                count.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
            }
        }
    });
    (port, requests)
}
