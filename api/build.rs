//! What the OpenAPI document has for an instant, in whatever field: `Timestamp`, which is jiff's and known to utoipa.

fn main() {
    utoipa_config::Config::new().alias_for("UtcMicros", "Timestamp").write_to_file();
}
