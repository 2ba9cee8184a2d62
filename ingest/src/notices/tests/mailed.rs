//! Mail, to a small server.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::Lang;
use domain::health::Code;
use serde_json::json;
use testing::certificates::authority;

use super::mail_server::{MailServer, Speaks};
use super::*;

fn smtp(port: u16, tls: &str) -> Value {
    json!({
        "url": format!("smtp://127.0.0.1:{port}"), "from": "Parken <parken@markt.example>",
        "to": ["a@markt.example", "b@markt.example"], "tls": tls,
    })
}

#[tokio::test]
async fn mail_is_sent_in_both_languages_until_the_server_takes_it() {
    let town = Town::new().await;
    let mut server = MailServer::start(Speaks::Clear, true, None).await;
    town.rules(&[town.rule("mail", json!({ "smtp": smtp(server.port, "none") }))], noon()).await;
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
    let mail = server.mails.recv().await.unwrap().replace("=\n", "");
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
    let mut server = MailServer::start(Speaks::Clear, false, None).await;
    town.rules(&[town.rule("mail", json!({ "smtp": smtp(server.port, "required") }))], noon()).await;
    town.record(&[town.reason(1, "stuck", noon())], noon()).await;
    town.look_until(noon(), 20).await;
    let attempted = town.deliver(&town.courier(), noon().plus_s(3_600)).await;
    assert!(matches!(&attempted[..], [Attempted::Again { .. }]), "{attempted:?}");
    assert!(server.mails.try_recv().is_err());
}

const PASSWORD: &str = "correct horse";

/// Two authorities, each with a certificate of `localhost`, and the password, in the town's secrets.
fn certificates(town: &Town) -> [PathBuf; 2] {
    std::fs::write(town.secrets.path().join("mail"), PASSWORD).unwrap();
    ["ours", "theirs"].map(|name| {
        let dir = town.secrets.path().join(name);
        std::fs::create_dir(&dir).unwrap();
        authority(&dir, &["broker"]);
        dir
    })
}

/// Mails one notice to `url`, trusting `ca`; how that ended.
async fn mailed(town: &Town, url: &str, ca: Option<PathBuf>) -> Attempted {
    let mut smtp = json!({
        "url": url, "from": "a@b.example", "to": ["c@d.example"], "tls": "required",
        "username": "kv", "password_file": town.secrets.path().join("mail"),
    });
    if let Some(ca) = ca {
        smtp["ca_file"] = json!(ca);
    }
    town.rules(&[town.rule("mail", json!({ "smtp": smtp }))], noon()).await;
    town.record(&[town.reason(1, "stuck", noon())], noon()).await;
    town.look_until(noon(), 20).await;
    let mut courier = town.courier();
    courier.patience = Duration::from_secs(10);
    let mut attempted = town.deliver(&courier, noon().plus_s(3_600)).await;
    assert_eq!(attempted.len(), 1, "{attempted:?}");
    attempted.remove(0)
}

/// What is said in the clear before TLS begins.
fn only_greets(lines: &[String]) {
    assert!(lines.iter().all(|line| line.starts_with("EHLO ") || line == "STARTTLS"), "{lines:?}");
}

#[tokio::test]
async fn mail_and_password_are_sent_with_tls_to_a_server_that_proves_its_name() {
    for (speaks, scheme) in [(Speaks::StartTls, "smtp"), (Speaks::Tls, "smtps")] {
        let town = Town::new().await;
        let [ours, _] = certificates(&town);
        let mut server = MailServer::start(speaks, false, Some(&ours)).await;
        let url = format!("{scheme}://localhost:{}", server.port);
        assert_eq!(mailed(&town, &url, Some(ours.join("ca.pem"))).await, Attempted::Delivered);
        assert!(server.mails.recv().await.unwrap().contains("Sensor s001: reports no change any more"));
        let login = STANDARD.encode(format!("\0kv\0{PASSWORD}"));
        assert_eq!(server.logins(), [format!("AUTH PLAIN {login}")]);
        only_greets(&server.in_the_clear());
    }
}

#[tokio::test]
async fn a_mail_server_that_is_not_who_it_should_be_gets_neither_mail_nor_password() {
    for (speaks, scheme) in [(Speaks::StartTls, "smtp"), (Speaks::Tls, "smtps")] {
        for (host, ca, error) in [
            ("127.0.0.1", Some("ours"), "not valid for name \"127.0.0.1\""),
            // Of the same name as ours.
            ("localhost", Some("theirs"), "invalid peer certificate: BadSignature"),
            // What this machine trusts knows nothing of our authority.
            ("localhost", None, "name it with smtp.ca_file"),
        ] {
            let town = Town::new().await;
            let [ours, _] = certificates(&town);
            let mut server = MailServer::start(speaks, false, Some(&ours)).await;
            let ca = ca.map(|name| town.secrets.path().join(name).join("ca.pem"));
            let attempted = mailed(&town, &format!("{scheme}://{host}:{}", server.port), ca).await;
            let Attempted::Again { error: found, .. } = attempted else { panic!("{attempted:?}") };
            assert!(found.contains(error), "{speaks:?} {host}: {found}");
            assert!(server.mails.try_recv().is_err() && server.logins().is_empty());
            only_greets(&server.in_the_clear());
        }
    }
}

#[tokio::test]
async fn a_server_without_starttls_gets_no_password_even_if_it_asks_for_one() {
    let town = Town::new().await;
    let [ours, _] = certificates(&town);
    let mut server = MailServer::start(Speaks::Clear, false, None).await;
    let url = format!("smtp://localhost:{}", server.port);
    let attempted = mailed(&town, &url, Some(ours.join("ca.pem"))).await;
    assert!(matches!(attempted, Attempted::Again { .. }), "{attempted:?}");
    assert!(server.mails.try_recv().is_err() && server.logins().is_empty());
    let lines = server.in_the_clear();
    assert!(lines.iter().all(|line| line.starts_with("EHLO ") || line == "QUIT"), "{lines:?}");
}

#[tokio::test]
async fn a_file_without_certificates_is_named() {
    let town = Town::new().await;
    let [ours, _] = certificates(&town);
    let attempted = mailed(&town, "smtp://localhost:1", Some(ours.join("broker.key"))).await;
    let Attempted::Again { error, .. } = attempted else { panic!("{attempted:?}") };
    assert!(error.contains("smtp.ca_file") && error.contains("broker.key"), "{error}");
}
