//! Mail, to a small server.

use domain::Lang;
use domain::health::Code;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;

/// A server without TLS; what was mailed to it. The first mail is refused for the moment.
async fn server() -> (u16, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (mails, received) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut refuses = true;
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (reading, mut writing) = stream.into_split();
            let mut lines = BufReader::new(reading).lines();
            writing.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
            while let Ok(Some(line)) = lines.next_line().await {
                let answer = match line.split_whitespace().next().unwrap_or_default() {
                    "EHLO" => "250-mail.example\r\n250 8BITMIME\r\n",
                    "RCPT" if std::mem::take(&mut refuses) => "451 try again later\r\n",
                    "DATA" => {
                        writing.write_all(b"354 go on\r\n").await.unwrap();
                        let mut mail = String::new();
                        while let Ok(Some(line)) = lines.next_line().await {
                            if line == "." {
                                break;
                            }
                            mail.push_str(&line);
                            mail.push('\n');
                        }
                        mails.send(mail).unwrap();
                        "250 taken\r\n"
                    }
                    "QUIT" => "221 bye\r\n",
                    _ => "250 ok\r\n",
                };
                if writing.write_all(answer.as_bytes()).await.is_err() {
                    break;
                }
            }
        }
    });
    (port, received)
}

fn smtp(port: u16, tls: &str) -> Value {
    json!({
        "url": format!("smtp://127.0.0.1:{port}"), "from": "Parken <parken@markt.example>",
        "to": ["a@markt.example", "b@markt.example"], "tls": tls,
    })
}

#[tokio::test]
async fn mail_is_sent_in_both_languages_until_the_server_takes_it() {
    let town = Town::new().await;
    let (port, mut mails) = server().await;
    town.rules(&[town.rule("mail", json!({ "smtp": smtp(port, "none") }))], noon()).await;
    town.record(&[town.reason(1, "misbound", noon())], noon()).await;
    town.look_until(noon(), 20).await;
    let mut courier = town.courier();
    courier.patience = Duration::from_secs(10);
    let now = noon().plus_s(3_600);
    let attempted = town.deliver(&courier, now).await;
    let [Attempted::Again { error, .. }] = &attempted[..] else { panic!("{attempted:?}") };
    assert!(error.contains("try again later"), "{error}");
    assert_eq!(town.deliver(&courier, now.plus_s(60)).await, [Attempted::Delivered]);
    // Quoted-printable breaks long lines with a sign of equality.
    let mail = mails.recv().await.unwrap().replace("=\n", "");
    let id = &town.notices().await[0].id;
    assert!(
        mail.contains(&format!("Kv-Notice-Id: {id}"))
            && mail.contains(&format!("Message-ID: <{id}@markt.example>")),
        "{mail}"
    );
    assert!(mail.contains("To: a@markt.example, b@markt.example"), "{mail}");
    assert!(mail.contains("Sensor s001: seems to lie elsewhere than it is bound to"), "{mail}");
    assert!(mail.contains("Sensor s001: liegt wohl an einem anderen Platz"), "{mail}");
    for lang in [Lang::De, Lang::En] {
        assert!(mail.contains(Code::Misbound.remedy(lang)), "{mail}");
    }
}

#[tokio::test]
async fn mail_is_not_sent_in_the_clear_unless_it_is_meant() {
    let town = Town::new().await;
    let (port, mut mails) = server().await;
    town.rules(&[town.rule("mail", json!({ "smtp": smtp(port, "required") }))], noon()).await;
    town.record(&[town.reason(1, "stuck", noon())], noon()).await;
    town.look_until(noon(), 20).await;
    let attempted = town.deliver(&town.courier(), noon().plus_s(3_600)).await;
    assert!(matches!(&attempted[..], [Attempted::Again { .. }]), "{attempted:?}");
    assert!(mails.try_recv().is_err());
}
