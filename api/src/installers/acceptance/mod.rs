//! `/v1/sensors/{id}/acceptance`, `/v1/acceptances`: an installer tests a sensor on the kerb and signs it off.

mod evidence;
mod out;
mod print;

use std::path::Path;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::acceptance::{Limits, Refusal, TestState, Verdict};
use domain::{Lang, Sensor, Target, UtcMicros};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::acceptance::{self as tests, Acceptance, NewAcceptance, Signature};
use store::inspect::{self, DeviceFilter, DeviceOrder};
use utoipa::ToSchema;

pub use self::out::AcceptanceOut;
use self::out::out;
use self::print::Totals;
use crate::contract::parameters::{self, parameters};
use crate::contract::values;
use crate::http::answer;
use crate::http::auth::{Asker, Caller, Role};
use crate::http::body::Unread;
use crate::http::params::{DEFAULT_LIMIT, MAX_LIMIT, Params, PathId, RawQuery, cursor_after};
use crate::http::problem::Problem;
use crate::hub::View;
use crate::installers::sensors::spelled;

domain::wire_enum! {
    /// How tests are written.
    Print { Json = "json", Csv = "csv", Html = "html" }
}

/// Longest name and note, characters.
const MAX_TEXT: usize = 1_000;

/// The limits of `file`, else those of the product.
///
/// # Errors
/// The file cannot be read, or a limit is missing or wrong.
pub fn acceptance_limits(file: Option<&Path>) -> Result<Limits, String> {
    let (name, text) = match file {
        None => ("limits.toml".to_owned(), include_str!("limits.toml").to_owned()),
        Some(path) => {
            let text = std::fs::read_to_string(path);
            (path.display().to_string(), text.map_err(|e| format!("{}: {e}", path.display()))?)
        }
    };
    toml::from_str(&text).map_err(|e| format!("{name}: {e}"))
}

async fn installer(asker: &Asker) -> Result<Caller, Problem> {
    asker.with(&[Role::Installer]).await
}

/// The sensor of this id that the caller may test.
fn sensor_of(view: &View, caller: &Caller, id: &str) -> Result<Sensor, Problem> {
    let registry = view.registry();
    let scope = caller.municipalities(&registry);
    let sensor = registry.sensor_by_key(id).filter(|s| scope.contains(&s.municipality)).cloned();
    sensor.ok_or_else(|| refused(Problem::not_found("", ""), Refusal::NoSensor, id))
}

/// Whether the caller's municipalities have heard a device of this id.
async fn was_heard(view: &View, asker: &Asker, caller: &Caller, id: &str) -> Result<bool, Problem> {
    let (scope, only) = (caller.municipalities(&view.registry()), [id.to_owned()]);
    let filter = DeviceFilter { only: Some(&only), ..DeviceFilter::default() };
    Ok(!inspect::devices(asker.pool()?, &scope, &filter, DeviceOrder::ById(None), 1).await?.is_empty())
}

/// `problem` in the words of what is refused about the sensor.
fn refused(problem: Problem, refusal: Refusal, sensor: &str) -> Problem {
    problem.in_words(|lang| refusal.words(sensor, lang))
}

/// What does not fit the tests that there are.
fn conflict(refusal: Refusal, sensor: &Sensor) -> Problem {
    refused(Problem::conflict("", ""), refusal, &sensor.key)
}

/// The newest test of a sensor, and what it has come to.
async fn current(
    view: &View,
    asker: &Asker,
    sensor: &Sensor,
) -> Result<(Acceptance, Option<Verdict>), Problem> {
    let pool = asker.pool()?;
    let registry = view.registry();
    let never = || refused(Problem::not_found("", ""), Refusal::NeverTested, &sensor.key);
    let test = tests::latest(pool, sensor.id).await?.ok_or_else(never)?;
    if test.ended_at.is_some() {
        return Ok((test, None));
    }
    let limits: Limits = serde_json::from_value(test.limits.clone()).map_err(|_| Problem::internal())?;
    let verdict = evidence::verdict(pool, &registry, &limits, &test, view.now).await?;
    if verdict.state != TestState::Running {
        end(pool, &test, &verdict, view.now).await?;
        // Somebody may have ended it otherwise meanwhile.
        let ended = tests::latest(pool, sensor.id).await?.filter(|now| now.id == test.id);
        return Ok((ended.unwrap_or(test), None));
    }
    Ok((test, Some(verdict)))
}

async fn end(
    pool: &store::Pool,
    test: &Acceptance,
    verdict: &Verdict,
    now: UtcMicros,
) -> Result<(), Problem> {
    let verdict = serde_json::to_value(verdict).map_err(|_| Problem::internal())?;
    tests::end(pool, test.id, &verdict, now).await?;
    Ok(())
}

parameters! {
    /// How often the installer drives through a lane.
    Drives {
        /// Of a lane: how often the installer drives in, 0 to 20; left out: once.
        entries: Option<values::Drives>,
        /// Of a lane: how often the installer drives out after that, 0 to 20; left out: once.
        exits: Option<values::Drives>,
    }
}

/// How often is driven at most: more is no test any more.
const MAX_DRIVES: i32 = 20;

/// How often the installer drives through the lane of a site.
fn drives(params: &Params<'_>) -> Result<[i32; 2], Problem> {
    let number = |text: &str| text.parse::<i32>().ok().filter(|n| (0..=MAX_DRIVES).contains(n));
    let remedy = "Give how often you will drive through the lane, e.g. 2; 0 where nobody can drive that way.";
    let read =
        |name| params.read(name, number, "a whole number from 0 to 20", remedy).map(|n| n.unwrap_or(1));
    let drives = [read("entries")?, read("exits")?];
    if drives == [0, 0] {
        let detail = "Nobody would drive through the lane.";
        return Err(
            Problem::bad_parameter("exits", "0", detail).remedy("Give 1 or more as entries or exits.")
        );
    }
    Ok(drives)
}

/// Begins a test, which the server runs: the installer then drives a car on and off the bay, in and out through the lane
/// (`entries` and `exits` times), or about with the vehicle. 409: the sensor is not bound to anything, or is being tested.
#[utoipa::path(
    post,
    path = "/v1/sensors/{id}/acceptance",
    tag = "installers",
    security(("key" = [])),
    params(
        ("id" = inline(values::Id), Path, description = "A DevEUI in any spelling, or the supplier's id."),
        Drives,
    ),
    responses(
        (status = 201, body = AcceptanceOut, description = "The test has begun."),
        (status = 409, body = crate::http::problem::ProblemBody, content_type = "application/problem+json", description = "It is bound to nothing, or is being tested."),
    ),
)]
pub async fn start(
    view: View,
    State(limits): State<Limits>,
    id: PathId,
    asker: Asker,
    query: RawQuery,
) -> Result<Response, Problem> {
    let caller = installer(&asker).await?;
    let params = query.params(&[Drives::NAMES])?;
    let [entries, exits] = drives(&params)?;
    let id = spelled(&id.text()?);
    let sensor = match sensor_of(&view, &caller, &id) {
        Err(_) if was_heard(&view, &asker, &caller, &id).await? => {
            return Err(refused(Problem::conflict("", ""), Refusal::Unbound, &id));
        }
        sensor => sensor?,
    };
    let registry = view.registry();
    let target = match sensor.binding_at(view.now).and_then(|b| b.target) {
        Some(Target::Bay(id)) => registry.bay(id).map(|e| json!({ "bay": e.def.id })),
        Some(Target::Site(id)) => {
            registry.site(id).map(|e| json!({ "site": e.def.id, "entries": entries, "exits": exits }))
        }
        Some(Target::Vehicle(id)) => registry.vehicle(id).map(|e| json!({ "vehicle": e.def.id })),
        None => None,
    };
    let target = target.ok_or_else(|| conflict(Refusal::Unbound, &sensor))?;
    let new = NewAcceptance {
        municipality: sensor.municipality,
        sensor: sensor.id,
        device: sensor.key.clone(),
        target,
        limits: serde_json::to_value(limits).map_err(|_| Problem::internal())?,
        started_at: view.now,
        timeout_s: i32::try_from(limits.timeout_s).unwrap_or(i32::MAX),
    };
    if tests::start(asker.pool()?, new, &caller.actor()).await?.is_none() {
        return Err(conflict(Refusal::BeingTested, &sensor));
    }
    let (test, verdict) = current(&view, &asker, &sensor).await?;
    let mut response = answer::private(&out(test, verdict));
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// The newest test of a sensor.
#[utoipa::path(
    get,
    path = "/v1/sensors/{id}/acceptance",
    tag = "installers",
    security(("key" = [])),
    params(
        ("id" = inline(values::Id), Path, description = "A DevEUI in any spelling, or the supplier's id."),
        parameters::Acceptance,
    ),
    responses((
        status = 200,
        description = "As JSON, as a table, or as a page to print.",
        content((AcceptanceOut = "application/json"), (String = "text/csv"), (String = "text/html"))
    )),
)]
pub async fn newest(view: View, id: PathId, asker: Asker, query: RawQuery) -> Result<Response, Problem> {
    let caller = installer(&asker).await?;
    let params = query.params(&[parameters::Acceptance::NAMES])?;
    let sensor = sensor_of(&view, &caller, &spelled(&id.text()?))?;
    let (print, lang) = printed(&params)?;
    let (test, verdict) = current(&view, &asker, &sensor).await?;
    let out = out(test, verdict);
    Ok(match print {
        Print::Json => answer::private(&out),
        Print::Csv => print::csv(&[out], lang),
        Print::Html => print::protocol(&out, &view.registry(), view.now, lang),
    })
}

fn printed(params: &Params<'_>) -> Result<(Print, Lang), Problem> {
    let print = params.one("format", &Print::choices())?.unwrap_or(Print::Json);
    Ok((print, params.one("lang", &Lang::choices())?.unwrap_or(Lang::De)))
}

/// Ends the running test of a sensor without a result. 409: none runs.
#[utoipa::path(
    delete,
    path = "/v1/sensors/{id}/acceptance",
    tag = "installers",
    security(("key" = [])),
    params(("id" = inline(values::Id), Path, description = "A DevEUI in any spelling, or the supplier's id.")),
    responses(
        (status = 200, body = AcceptanceOut),
        (status = 409, body = crate::http::problem::ProblemBody, content_type = "application/problem+json", description = "No test runs."),
    ),
)]
pub async fn cancel(view: View, id: PathId, asker: Asker, query: RawQuery) -> Result<Response, Problem> {
    let caller = installer(&asker).await?;
    query.params(&[])?;
    let sensor = sensor_of(&view, &caller, &spelled(&id.text()?))?;
    let (test, verdict) = current(&view, &asker, &sensor).await?;
    let Some(verdict) = verdict else {
        return Err(conflict(Refusal::NoneRuns, &sensor));
    };
    let cancelled = Verdict {
        state: TestState::Cancelled,
        instruction: domain::acceptance::Instruction::Done,
        ..verdict
    };
    end(asker.pool()?, &test, &cancelled, view.now).await?;
    let (test, verdict) = current(&view, &asker, &sensor).await?;
    Ok(answer::private(&out(test, verdict)))
}

/// A signature.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignOffIn {
    /// Who signs.
    #[serde(default)]
    #[schema(required)]
    name: String,
    /// What the signer has to say; needed where the test was not passed.
    note: Option<String>,
}

/// Signs the newest test of a sensor. One that was not passed needs a reason in `note`. 409: there is no test, it still runs,
/// or it is signed.
#[utoipa::path(
    post,
    path = "/v1/sensors/{id}/acceptance/sign-off",
    tag = "installers",
    security(("key" = [])),
    params(("id" = inline(values::Id), Path, description = "A DevEUI in any spelling, or the supplier's id.")),
    request_body(content = SignOffIn, content_type = "application/json"),
    responses(
        (status = 200, body = AcceptanceOut),
        (status = 409, body = crate::http::problem::ProblemBody, content_type = "application/problem+json", description = "It still runs, was cancelled, or is signed."),
    ),
)]
pub async fn sign_off(
    view: View,
    id: PathId,
    asker: Asker,
    query: RawQuery,
    body: Unread,
) -> Result<Response, Problem> {
    let caller = installer(&asker).await?;
    query.params(&[])?;
    let sensor = sensor_of(&view, &caller, &spelled(&id.text()?))?;
    let body = body.read(&caller).await?;
    let given: SignOffIn = serde_json::from_slice(&body).map_err(|e| {
        Problem::bad_parameter(
            "body",
            &String::from_utf8_lossy(&body),
            format!("The body cannot be read: {e}."),
        )
        .remedy(r#"Send JSON such as {"name": "A. Meier", "note": null}."#)
    })?;
    let text = |field: &'static str, given: &str| {
        let text = given.trim().to_owned();
        if text.chars().count() > MAX_TEXT || text.chars().any(char::is_control) {
            return Err(Problem::bad_parameter(
                field,
                given,
                format!("'{field}' is longer than {MAX_TEXT} characters, or has control characters."),
            )
            .remedy("Write it shorter, in one line."));
        }
        Ok(Some(text).filter(|text| !text.is_empty()))
    };
    let name = text("name", &given.name)?
        .ok_or_else(|| refused(Problem::missing_parameter("name", ""), Refusal::NoName, &sensor.key))?;
    let note = given.note.as_deref().map(|note| text("note", note)).transpose()?.flatten();
    let (test, verdict) = current(&view, &asker, &sensor).await?;
    let state = out(test.clone(), verdict).state;
    match state {
        TestState::Running => return Err(conflict(Refusal::StillRuns, &sensor)),
        TestState::Cancelled => return Err(conflict(Refusal::Cancelled, &sensor)),
        TestState::Failed if note.is_none() => {
            return Err(refused(Problem::missing_parameter("note", ""), Refusal::NoReason, &sensor.key));
        }
        TestState::Failed | TestState::Passed => {}
    }
    let signature = Signature { name: &name, note: note.as_deref(), at: view.now };
    if !tests::sign(asker.pool()?, &test, signature, &caller.actor()).await? {
        return Err(conflict(Refusal::Signed, &sensor));
    }
    let (test, verdict) = current(&view, &asker, &sensor).await?;
    Ok(answer::private(&out(test, verdict)))
}

/// Tests of sensors, the newest of each.
#[derive(Serialize, ToSchema)]
pub struct HandOver {
    /// In the order of the sensors' ids.
    items: Vec<AcceptanceOut>,
    /// How many of this page came to what.
    totals: Totals,
    /// `cursor` of the next page; null: this is the last one.
    cursor: Option<String>,
}

/// The newest test of each sensor that was tested: the list by which a lot of sensors is handed over.
#[utoipa::path(
    get,
    path = "/v1/acceptances",
    tag = "installers",
    security(("key" = [])),
    params(parameters::HandOver, parameters::Acceptance, parameters::Paging),
    responses((
        status = 200,
        description = "As JSON, as a table, or as a page to print.",
        content((HandOver = "application/json"), (String = "text/csv"), (String = "text/html"))
    )),
)]
pub async fn hand_over(view: View, asker: Asker, query: RawQuery) -> Result<Response, Problem> {
    let caller = asker.with(&[Role::Installer]).await?;
    let params = query.params(&[
        parameters::HandOver::NAMES,
        parameters::Acceptance::NAMES,
        parameters::Paging::NAMES,
    ])?;
    let (print, lang) = printed(&params)?;
    let limit = params.limit(if print == Print::Json { DEFAULT_LIMIT } else { MAX_LIMIT }, MAX_LIMIT)?;
    let [from, to] = params.between()?;
    let period = [from.unwrap_or(UtcMicros(i64::MIN)), to.unwrap_or(UtcMicros(i64::MAX))];
    let after = params.cursor()?;
    let (pool, registry) = (asker.pool()?, view.registry());
    let scope = caller.municipalities(&registry);
    let mut found = tests::list(pool, &scope, period, after.as_deref(), limit + 1).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let mut items = Vec::with_capacity(found.len());
    for test in found {
        let verdict = match test.ended_at {
            Some(_) => None,
            None => {
                let limits = serde_json::from_value(test.limits.clone()).map_err(|_| Problem::internal())?;
                Some(evidence::verdict(pool, &registry, &limits, &test, view.now).await?)
            }
        };
        items.push(out(test, verdict));
    }
    Ok(match print {
        Print::Json => {
            let cursor = items.last().filter(|_| more).map(|last| cursor_after(&last.sensor));
            answer::private(&HandOver { totals: Totals::of(&items), items, cursor })
        }
        Print::Csv => print::csv(&items, lang),
        Print::Html => print::hand_over(&items, &registry, view.now, lang),
    })
}
