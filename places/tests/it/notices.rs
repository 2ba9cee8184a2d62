//! `notices.toml`.

use domain::catalogue::Catalogue;
use domain::notice::Target;
use domain::notice::rule::Trigger;

use crate::support::{MUNICIPALITIES, definitions, existing, misfits, read_files};

fn problems(text: &str) -> String {
    read_files(&[("notices.toml", text)]).unwrap_err()
}

const HEAD: &str = "[[notice]]\nid = 'ops'\nmunicipality = 'coesfeld'\n";

#[test]
fn rules_are_read_with_sensible_defaults() {
    let text = format!(
        "{HEAD}on = ['silent', 'stuck', 'gateway', 'recovered']\nquiet_hours = '22:00-06:00'\ndigest_at = '7:30'\n\
         webhook = 'https://example.org/hook'\nsecret_file = 'key'\n\
         [[notice]]\nid = 'mqtt'\nmunicipality = 'coesfeld'\ntopic = 'notices/coesfeld'\n\
         [[notice]]\nid = 'mail'\nmunicipality = 'coesfeld'\n\
         smtp = {{ url = 'smtp://mail.example.org', from = 'a@example.org', to = 'b@example.org' }}\n"
    );
    let files = read_files(&[MUNICIPALITIES, ("notices.toml", &text)]).unwrap();
    assert_eq!(files.notes.len(), 1, "the key's file does not exist yet");
    let [ops, mqtt, mail] = <[_; 3]>::try_from(definitions(files).notices).unwrap();
    assert_eq!(
        ops.on.iter().map(Trigger::to_string).collect::<Vec<_>>(),
        ["silent", "stuck", "gateway", "recovered"]
    );
    assert_eq!(
        (ops.quiet_hours.unwrap().to_string(), ops.digest_at.unwrap().to_string()),
        ("22:00-06:00".into(), "07:30".into())
    );
    assert!(ops.secret_file.unwrap().starts_with('/'));
    assert_eq!(mqtt.target(), Some(Target::Mqtt { broker: None, topic: "notices/coesfeld" }));
    assert_eq!(mail.smtp.unwrap().url, "smtp://mail.example.org:587");
}

#[test]
fn each_mistake_is_named_with_its_value_and_remedy() {
    let hook = "webhook = 'https://example.org/h'\nsecret_file = 'k'\n";
    let smtp = |rest: &str| {
        format!("smtp = {{ url = 'smtp://m.example', from = 'a@b.de', to = ['c@d.de']{rest} }}\n")
    };
    for (lines, expected) in [
        (String::new(), "notices.toml:1: webhook: is missing: nobody would receive these notices"),
        (
            format!("{hook}topic = 'x'\n"),
            "notices.toml:6: topic: a notice has one receiver, and webhook and topic are given",
        ),
        (
            "webhook = 'https://example.org/h'\n".into(),
            "notices.toml:1: secret_file: is missing beside 'webhook'",
        ),
        (
            "webhook = 'http://example.org/h'\nsecret_file = 'k'\n".into(),
            "notices.toml:4: webhook = 'http://example.org/h': is not encrypted",
        ),
        ("topic = 'a/+'\n".into(), "notices.toml:4: topic = 'a/+': is a filter"),
        (
            "topic = 'a'\nsecret_file = 'k'\n".into(),
            "notices.toml:5: secret_file: has no meaning without 'webhook'",
        ),
        (format!("{hook}broker = 'b'\n"), "notices.toml:6: broker: has no meaning without 'topic'"),
        (
            format!("{hook}on = ['gatway']\n"),
            "did you mean 'gateway'? choices: faulty, watch, silent, recovered, gateway, feed, stuck",
        ),
        (format!("{hook}on = 'silent'\n"), "notices.toml:6: on = 'silent': is no list"),
        (
            format!("{hook}quiet_hours = '22-6'\n"),
            "notices.toml:6: quiet_hours = '22-6': is no span of hours such as 22:00-06:00",
        ),
        (
            format!("{hook}digest_at = '25:00'\n"),
            "notices.toml:6: digest_at = '25:00': is no time of day such as 07:30",
        ),
        (
            format!("{hook}quiet_hours = '22:00-06:00'\ndigest_at = '05:00'\n"),
            "notices.toml:7: digest_at = '05:00': lies within the quiet hours 22:00-06:00",
        ),
        (format!("{hook}lang = 'de'\n"), "notices.toml:6: lang: has a meaning for mail alone"),
        (smtp(", password = 'hunter2'"), "smtp.password: a password does not stand in this file"),
        (smtp(", username = 'u'"), "smtp.password_file: is missing beside 'username'"),
        (smtp(", tls = 'none', ca_file = 'ca.pem'"), "smtp.ca_file: has a meaning with TLS alone"),
        (
            smtp(", tls = 'none', username = 'u', password_file = 'p'"),
            "smtp.tls = 'none': the password would be sent in the clear",
        ),
        (
            "smtp = { url = 'smtp://me:hunter2@m.example', from = 'a@b.de', to = 'c@d.de' }\n".into(),
            "smtp.url: a user name or password",
        ),
        ("smtp = { url = 'smtp://m.example', from = 'a', to = [] }\n".into(), "smtp.to = '[]': names nobody"),
        ("smtp = 'smtp://m.example'\n".into(), "smtp = 'smtp://m.example': is no table"),
        (
            format!("{hook}secret = 'hunter2'\n"),
            "notices.toml:6: secret: a secret does not stand in this file",
        ),
        (format!("{hook}quite_hours = '22:00-06:00'\n"), "did you mean 'quiet_hours'?"),
    ] {
        let report = problems(&format!("{HEAD}{lines}"));
        assert!(
            report.contains(expected) && report.contains("remedy: ") && !report.contains("hunter2"),
            "{lines}: {report}"
        );
    }
}

#[test]
fn rules_name_what_exists_and_no_topic_that_a_feed_reads() {
    let feeds = (
        "feeds.toml",
        "[[feed]]\nid = 'f'\nmunicipality = 'coesfeld'\nformat = 'native'\ntopic = 'kv/1/f/#'\n",
    );
    let of = |lines: &str| format!("[[notice]]\nid = 'ops'\nmunicipality = 'coesfeld'\n{lines}");
    let report = misfits(
        &[MUNICIPALITIES, feeds, ("notices.toml", &of("topic = 'kv/1/f/x'\n"))],
        &Catalogue::default(),
    );
    assert!(report.contains("feed 'f' ('kv/1/f/#') would receive these notices"), "{report}");
    let report = misfits(
        &[MUNICIPALITIES, ("notices.toml", &of("topic = 'x'\nbroker = 'nowhere'\n"))],
        &Catalogue::default(),
    );
    assert!(report.contains("broker = 'nowhere': exists neither"), "{report}");
    let known = existing(&[MUNICIPALITIES, ("notices.toml", &of("topic = 'x'\n"))]);
    let taken = "[[notice]]\nid = 'ops'\nmunicipality = 'duelmen'\ntopic = 'y'\n";
    let report = misfits(&[("notices.toml", taken)], &known);
    assert!(
        report.contains("this notice belongs to Coesfeld (coesfeld), not to Dülmen (duelmen)"),
        "{report}"
    );
}
