//! `kreisverkehr healthcheck`.

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::{Result, ensure};

use crate::cli::HealthcheckArgs;
use crate::server::reachable;

/// Asks `/readyz` of the instance that the same settings would start.
///
/// # Errors
/// The request could not be sent.
pub async fn run(args: HealthcheckArgs) -> Result<ExitCode> {
    let url = format!("{}/readyz", base_url(&args)?);
    let target = url.clone();
    let ask = move || {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut answer = agent.get(&target).call()?;
        Ok::<_, ureq::Error>((answer.status(), answer.body_mut().read_to_string()?))
    };
    match tokio::task::spawn_blocking(ask).await? {
        Ok((status, _)) if status.is_success() => {
            outln!("ready");
            Ok(ExitCode::SUCCESS)
        }
        Ok((status, why)) => {
            errln!("not ready: {url}: {status}: {why}");
            Ok(ExitCode::FAILURE)
        }
        Err(error) => {
            errln!("not ready: {url}: {error}; is it running, and at this --http or --ops-http?");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// The URL to request: the given one, else where `serve` or `ingest` listens with the same settings.
fn base_url(args: &HealthcheckArgs) -> Result<String> {
    if let Some(url) = &args.url {
        return Ok(url.trim_end_matches('/').to_owned());
    }
    let mut addr = args.ops_http.unwrap_or(args.http);
    ensure!(addr.port() != 0, "port 0 means any free one: name the one of the ready line by --url");
    addr.set_ip(reachable(addr.ip()));
    // Without the zone of a link-local address: URLs have none.
    Ok(format!("http://{}", SocketAddr::new(addr.ip(), addr.port())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_asks_where_the_instance_listens() {
        let found = |url: Option<&str>, http: &str, ops_http: Option<&str>| {
            base_url(&HealthcheckArgs {
                url: url.map(str::to_owned),
                http: http.parse().unwrap(),
                ops_http: ops_http.map(|o| o.parse().unwrap()),
            })
        };
        for (http, ops_http, base) in [
            ("127.0.0.1:8080", None, "http://127.0.0.1:8080"),
            ("0.0.0.0:80", None, "http://127.0.0.1:80"),
            ("[::]:8081", None, "http://[::1]:8081"),
            ("192.0.2.7:8080", None, "http://192.0.2.7:8080"),
            ("0.0.0.0:80", Some("127.0.0.1:9090"), "http://127.0.0.1:9090"),
            ("0.0.0.0:80", Some("[::]:9090"), "http://[::1]:9090"),
        ] {
            assert_eq!(found(None, http, ops_http).unwrap(), base);
        }
        assert_eq!(found(Some("https://a.example/"), "0.0.0.0:1", None).unwrap(), "https://a.example");
        assert!(found(None, "127.0.0.1:0", None).is_err());
    }
}
