//! Mails a notice, as plain text.

use std::path::Path;
use std::time::Duration;

use domain::Lang;
use domain::notice::rule::MailTls;
use domain::notice::{Event, Item, Smtp, SubjectKind};
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::payload::Payload;
use crate::mqtt::SecretFiles;

/// `Kv-Notice-Id`.
#[derive(Clone)]
struct NoticeId(String);

impl Header for NoticeId {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Kv-Notice-Id")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(NoticeId(text.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), self.0.clone())
    }
}

/// Mails `payload` in `lang`, else in both languages.
///
/// # Errors
/// The server has not taken it.
pub(super) async fn send(
    smtp: &Smtp,
    lang: Option<Lang>,
    payload: &Payload<'_>,
    files: &SecretFiles,
    patience: Duration,
) -> Result<(), String> {
    let server = transport(smtp, files, patience)?;
    let message = message(smtp, lang, payload)?;
    let sent = tokio::time::timeout(patience, server.send(message)).await;
    let sent = sent.map_err(|_| format!("smtp: {} did not answer within {patience:.0?}", smtp.url))?;
    sent.map(drop).map_err(|e| {
        let what = format!("smtp: {}: {e}", smtp.url);
        let is_unknown = what.contains("UnknownIssuer");
        let remedy = "; if it is an authority of your own, name it with smtp.ca_file";
        if is_unknown { what + remedy } else { what }
    })
}

fn transport(
    smtp: &Smtp,
    files: &SecretFiles,
    patience: Duration,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
    let wrong = || format!("smtp.url: '{}' is not the address of a mail server", smtp.url);
    let url: url::Url = smtp.url.parse().map_err(|_| wrong())?;
    let (host, port) = url.host_str().zip(url.port()).ok_or_else(wrong)?;
    let host = host.trim_matches(['[', ']']).to_owned();
    let encrypted = || encrypted(smtp, host.clone(), files);
    let tls = match (smtp.tls, url.scheme()) {
        (MailTls::None, _) => Tls::None,
        (MailTls::Required, "smtps") => Tls::Wrapper(encrypted()?),
        (MailTls::Required, _) => Tls::Required(encrypted()?),
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
        .port(port)
        .tls(tls)
        .timeout(Some(patience));
    if let (Some(username), Some(path)) = (&smtp.username, &smtp.password_file) {
        let failed = |e: String| format!("smtp.password_file: {path} cannot be used: {e}");
        let content = files.read(Path::new(path)).map_err(|e| failed(e.to_string()))?;
        let password = String::from_utf8(content).map_err(|_| failed("it is not UTF-8".to_owned()))?;
        let password = password.trim_end_matches(['\r', '\n']).to_owned();
        builder = builder.credentials(Credentials::new(username.clone(), password));
    }
    Ok(builder.build())
}

/// TLS to `host`, which must prove its name.
fn encrypted(smtp: &Smtp, host: String, files: &SecretFiles) -> Result<TlsParameters, String> {
    let mut tls = TlsParameters::builder(host);
    if let Some(path) = &smtp.ca_file {
        let failed = |e: String| format!("smtp.ca_file: {path} cannot be used: {e}");
        let pem = files.read(Path::new(path)).map_err(|e| failed(e.to_string()))?;
        CertificateDer::from_pem_slice(&pem).map_err(|e| failed(e.to_string()))?;
        let authorities = Certificate::from_pem(&pem).map_err(|e| failed(e.to_string()))?;
        tls = tls.certificate_store(CertificateStore::None).add_root_certificate(authorities);
    }
    tls.build_rustls().map_err(|e| format!("smtp.tls: {e}"))
}

fn message(smtp: &Smtp, lang: Option<Lang>, payload: &Payload<'_>) -> Result<Message, String> {
    let mailbox = |field: &str, address: &str| {
        address.parse::<Mailbox>().map_err(|e| format!("smtp.{field}: '{address}' is no mail address: {e}"))
    };
    let langs = lang.map_or_else(|| Lang::ALL.to_vec(), |lang| vec![lang]);
    let notice = payload.notice;
    let subject = format!("[{}] {}", notice.municipality, notice.text.of(langs[0]));
    let from = mailbox("from", &smtp.from)?;
    let mut builder = Message::builder()
        .message_id(Some(format!("<{}@{}>", payload.id, from.email.domain())))
        .from(from)
        .subject(subject)
        .header(NoticeId(payload.id.to_owned()))
        .header(ContentType::TEXT_PLAIN);
    for to in &smtp.to {
        builder = builder.to(mailbox("to", to)?);
    }
    let bodies: Vec<String> = langs.into_iter().map(|lang| body(payload, lang)).collect();
    builder.body(bodies.join("\n-- \n\n")).map_err(|e| format!("smtp: {e}"))
}

/// What to do on site about what is not over, after `before`; of gateways and feeds the sentence says it.
fn remedy(item: &Item, lang: Lang, before: &str) -> String {
    let is_device = matches!(item.subject.kind, SubjectKind::Sensor | SubjectKind::Bay);
    match is_device && item.event != Event::Ended {
        true => format!("{before}{}", item.code.remedy(lang)),
        false => String::new(),
    }
}

/// The whole notice in one language.
fn body(payload: &Payload<'_>, lang: Lang) -> String {
    let notice = payload.notice;
    let mut lines = vec![notice.text.of(lang).to_owned()];
    let is_in_the_summary = |item: &Item| notice.items.len() == 1 && item.text == notice.text;
    let items: Vec<String> = notice
        .items
        .iter()
        .filter(|item| !is_in_the_summary(item))
        .map(|item| format!("- {}{}", item.text.of(lang), remedy(item, lang, "\n  ")))
        .collect();
    if let Some(only) = notice.items.first().filter(|item| is_in_the_summary(item)) {
        lines.extend(Some(remedy(only, lang, "")).filter(|remedy| !remedy.is_empty()));
    }
    if !items.is_empty() {
        lines.push(String::new());
        lines.extend(items);
    }
    let sender = match lang {
        Lang::De => format!("Gemeinde {}, Meldung {} nach notices.toml", notice.municipality, notice.notice),
        Lang::En => format!("Municipality {}, notice {} of notices.toml", notice.municipality, notice.notice),
    };
    lines.extend([String::new(), sender, String::new()]);
    lines.join("\n")
}
