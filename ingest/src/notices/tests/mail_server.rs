//! A small mail server, in the clear or with TLS.

use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use testing::certificates;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

/// When the server speaks TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    /// Never; it offers to take passwords all the same.
    Clear,
    /// After STARTTLS; before it, it would take passwords too.
    StartTls,
    /// From the beginning.
    Tls,
}

pub struct MailServer {
    pub port: u16,
    /// What was mailed to it.
    pub mails: mpsc::UnboundedReceiver<String>,
    /// The first bytes or lines of each connection that were not encrypted.
    clear: Arc<Mutex<Vec<String>>>,
    /// User names with their passwords, encrypted or not.
    logins: Arc<Mutex<Vec<String>>>,
}

impl MailServer {
    /// The first mail is refused for the moment when it `refuses`. With TLS it shows `broker.pem` of the folder `authority`.
    pub async fn start(speaks: Speaks, refuses: bool, authority: Option<&Path>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, mails) = mpsc::unbounded_channel();
        let (clear, logins) = (Arc::default(), Arc::default());
        let tls = authority.map(|dir| TlsAcceptor::from(certificates::server(dir, "broker")));
        let mut session = Session { sender, refuses, clear: Arc::clone(&clear), logins: Arc::clone(&logins) };
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                match (speaks, &tls) {
                    (Speaks::Tls, Some(tls)) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            session.serve(stream, Greets::Yes, Is::Encrypted).await;
                        }
                    }
                    (Speaks::StartTls, Some(tls)) => {
                        let left = session.serve(stream, Greets::Yes, Is::Upgradable).await;
                        if let Some(stream) = left
                            && let Ok(stream) = tls.accept(stream).await
                        {
                            session.serve(stream, Greets::No, Is::Encrypted).await;
                        }
                    }
                    _ => drop(session.serve(stream, Greets::Yes, Is::Clear).await),
                }
            }
        });
        MailServer { port, mails, clear, logins }
    }

    /// Lines that came without encryption.
    pub fn in_the_clear(&self) -> Vec<String> {
        self.clear.lock().clone()
    }

    /// What was said to sign in.
    pub fn logins(&self) -> Vec<String> {
        self.logins.lock().clone()
    }
}

#[derive(PartialEq)]
enum Greets {
    Yes,
    No,
}

#[derive(PartialEq)]
enum Is {
    Clear,
    Upgradable,
    Encrypted,
}

struct Session {
    sender: mpsc::UnboundedSender<String>,
    refuses: bool,
    clear: Arc<Mutex<Vec<String>>>,
    logins: Arc<Mutex<Vec<String>>>,
}

impl Session {
    /// Until the client leaves, or asks for TLS: then the stream is given back.
    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: S,
        greets: Greets,
        is: Is,
    ) -> Option<S> {
        let mut stream = BufReader::new(stream);
        if greets == Greets::Yes {
            stream.write_all(b"220 mail.example ESMTP\r\n").await.ok()?;
            stream.flush().await.ok()?;
        }
        loop {
            let line = line(&mut stream).await?;
            if is != Is::Encrypted {
                self.clear.lock().push(line.clone());
            }
            let answer = match line.split_whitespace().next().unwrap_or_default() {
                "EHLO" if is == Is::Upgradable => {
                    "250-mail.example\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n"
                }
                "EHLO" => "250-mail.example\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN\r\n",
                "STARTTLS" if is == Is::Upgradable => {
                    stream.write_all(b"220 go on\r\n").await.ok()?;
                    stream.flush().await.ok()?;
                    return Some(stream.into_inner());
                }
                "AUTH" => {
                    self.logins.lock().push(line.clone());
                    "235 welcome\r\n"
                }
                "RCPT" if std::mem::take(&mut self.refuses) => "451 try again later\r\n",
                "DATA" => {
                    stream.write_all(b"354 go on\r\n").await.ok()?;
                    stream.flush().await.ok()?;
                    let mut mail = String::new();
                    loop {
                        let line = self::line(&mut stream).await?;
                        if line == "." {
                            break;
                        }
                        mail.extend([&line, "\n"]);
                    }
                    self.sender.send(mail).ok()?;
                    "250 taken\r\n"
                }
                "QUIT" => "221 bye\r\n",
                _ => "250 ok\r\n",
            };
            stream.write_all(answer.as_bytes()).await.ok()?;
            stream.flush().await.ok()?;
        }
    }
}

async fn line<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> Option<String> {
    let mut line = Vec::new();
    let read = stream.read_until(b'\n', &mut line).await.ok()?;
    (read > 0).then(|| String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())
}
