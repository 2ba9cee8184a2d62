//! Who may connect to the private database: two users of this machine, named by the kernel (PostgreSQL's `peer`).
//!
//! The socket's directory is closed to others already. This also protects a directory that somebody has opened, and
//! a socket that is reached in another way.

use std::path::Path;

use sqlx::postgres::PgConnection;

use crate::PrivatePgError;
use crate::account::Account;
use crate::paths::NAME;

/// The map of `pg_ident.conf` that says as whom the OS users may come.
const MAP: &str = "kreisverkehr";

/// The two files of the cluster as they must be, where they are not.
pub struct Access {
    hba: Option<String>,
    ident: Option<String>,
}

impl Access {
    /// Reads the files of `cluster`.
    pub fn of(cluster: &Path, account: &Account) -> Result<Self, PrivatePgError> {
        let read = |name: &str| {
            let path = cluster.join(name);
            std::fs::read_to_string(&path).map_err(PrivatePgError::io("read", &path))
        };
        let (hba, ident) = (read(HBA)?, read(IDENT)?);
        let (new_hba, new_ident) = (closed_hba(&hba), with_lines(&ident, account, &[NAME.to_owned()]));
        Ok(Self {
            hba: (new_hba != hba).then_some(new_hba),
            ident: (new_ident != ident).then_some(new_ident),
        })
    }

    /// Whether the server of the cluster was started with these files.
    pub fn is_current(&self) -> bool {
        self.hba.is_none() && self.ident.is_none()
    }

    /// Writes what differs.
    pub fn write(self, cluster: &Path, account: &Account) -> Result<(), PrivatePgError> {
        for (name, text) in [(IDENT, self.ident), (HBA, self.hba)] {
            if let Some(text) = text {
                account.write_own(&cluster.join(name), &text)?;
            }
        }
        Ok(())
    }
}

const HBA: &str = "pg_hba.conf";
const IDENT: &str = "pg_ident.conf";

/// `text` without `trust` on the socket; lines for the network stay.
fn closed_hba(text: &str) -> String {
    let peer = format!("peer map={MAP}");
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| {
            let words: Vec<&str> = line.split('#').next().unwrap_or_default().split_whitespace().collect();
            match words[..] {
                // The second is initdb's default, which admits a user of the machine as the role of the same name.
                ["local", database, user, "trust"] | ["local", database, user @ "all", "peer"] => {
                    format!("local {database} {user} {peer}")
                }
                _ => line.to_owned(),
            }
        })
        .collect();
    let ours = format!("local all all {peer}");
    if !lines.contains(&ours) {
        lines.insert(0, ours);
    }
    lines.join("\n") + "\n"
}

/// `text` with a line for each of the OS users as each of `roles`.
fn with_lines(text: &str, account: &Account, roles: &[String]) -> String {
    let mut text = text.to_owned();
    for role in roles {
        for user in account.may_connect() {
            let line = format!("{MAP} {} {}", quoted(user), quoted(role));
            if !text.lines().any(|it| it == line) {
                if !text.is_empty() && !text.ends_with('\n') {
                    text.push('\n');
                }
                text.push_str(&line);
                text.push('\n');
            }
        }
    }
    text
}

/// In quotation marks no word is a keyword; one within is written twice.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Lets the OS users log in as every role that may: also those that were created by hand since the last
/// start, or under a version without authentication.
pub async fn admit_roles(url: &str, cluster: &Path, account: &Account) -> Result<(), PrivatePgError> {
    let failed = |source| PrivatePgError::Connect { socket_dir: cluster.to_owned(), source };
    let mut conn: PgConnection = crate::readiness::connect(url).await.map_err(failed)?;
    let roles: Vec<String> =
        sqlx::query_scalar("SELECT rolname FROM pg_roles WHERE rolcanlogin ORDER BY rolname")
            .fetch_all(&mut conn)
            .await
            .map_err(failed)?;
    let path = cluster.join(IDENT);
    let text = std::fs::read_to_string(&path).map_err(PrivatePgError::io("read", &path))?;
    let wanted = with_lines(&text, account, &roles);
    if wanted != text {
        account.write_own(&path, &wanted)?;
        sqlx::query("SELECT pg_reload_conf()").execute(&mut conn).await.map_err(failed)?;
        tracing::info!(file = %path.display(), "roles made since the last start may be used by {:?}", account.may_connect());
    }
    // No role that was made by hand may take all connections. Who wants another bound gives the role its own.
    let unbounded: Vec<String> = sqlx::query_scalar(
        "SELECT format('ALTER ROLE %I CONNECTION LIMIT 20', rolname) FROM pg_roles
         WHERE rolcanlogin AND NOT rolsuper AND rolconnlimit = -1",
    )
    .fetch_all(&mut conn)
    .await
    .map_err(failed)?;
    for statement in unbounded {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut conn).await.map_err(failed)?;
    }
    sqlx::Connection::close(conn).await.map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::closed_hba;

    #[test]
    fn what_trusts_the_socket_asks_the_kernel_and_the_rest_stays() {
        let old = "# TYPE  DATABASE USER ADDRESS METHOD\n\
                   local   all             all                                     trust\n\
                   host    all             all             127.0.0.1/32            reject\n\
                   local   replication     all                                     peer\n\
                   local   all             grafana                                 peer\n\
                   host    all  grafana  127.0.0.1/32  scram-sha-256 # ours\n";
        let new = closed_hba(old);
        assert_eq!(
            new,
            "# TYPE  DATABASE USER ADDRESS METHOD\n\
             local all all peer map=kreisverkehr\n\
             host    all             all             127.0.0.1/32            reject\n\
             local replication all peer map=kreisverkehr\n\
             local   all             grafana                                 peer\n\
             host    all  grafana  127.0.0.1/32  scram-sha-256 # ours\n"
        );
        assert_eq!(closed_hba(&new), new);
        // A file that says nothing of the socket, or was cut short, lets nobody in: ours is put first.
        assert_eq!(closed_hba(""), "local all all peer map=kreisverkehr\n");
    }
}
