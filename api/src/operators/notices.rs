//! `GET /v1/notices`, `POST /v1/notices/{id}/retry`: notices and what became of them; for operators and installers.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use domain::UtcMicros;
use domain::notice::NoticeKind;
use domain::notice::message::Item;
use domain::notice::parts::{Tally, Text};
use serde::Serialize;
use store::notices::{self, Delivery, DeliveryState, Retried};
use utoipa::ToSchema;

use crate::contract::words::{self, words};
use crate::contract::{parameters, values};
use crate::http::answer;
use crate::http::auth::{Asker, Role};
use crate::http::params::{DEFAULT_LIMIT, MAX_LIMIT, PathId, RawQuery, cursor_after};
use crate::http::problem::Problem;
use crate::http::wire::List;
use crate::hub::View;

words! {
    /// Why a notice is sent: something began or ended; once a day what is not well; once a day that notices work.
    KindOfNotice = NoticeKind::ALL.iter().map(|kind| kind.as_str());
    /// What happened to a cause; `lasts`, in digests: it began earlier and has not ended.
    EventOfNotice = domain::notice::Event::ALL.iter().map(|event| event.as_str());
    /// What kind of thing is not well.
    SubjectOfNotice = domain::notice::SubjectKind::ALL.iter().map(|kind| kind.as_str());
    /// Kind of receiver.
    TargetOfNotice = ["webhook", "mqtt", "smtp"];
    /// What became of a notice: it is to be delivered, its receiver has it, or it was given up.
    StateOfNotice = DeliveryState::ALL.iter().map(|state| state.as_str());
}

/// A notice and its delivery.
#[derive(Serialize, ToSchema)]
pub struct NoticeOut {
    /// The `Kv-Notice-Id` under which it is delivered, the same at each attempt.
    id: String,
    /// Id of its rule in `notices.toml`.
    notice: String,
    /// Slug of the municipality.
    municipality: String,
    /// Why it is sent.
    #[schema(value_type = KindOfNotice)]
    kind: NoticeKind,
    /// When it was made.
    at: UtcMicros,
    /// All of it in a sentence.
    #[schema(value_type = SentenceOut)]
    text: Text,
    /// What it says, oldest first.
    #[schema(value_type = Vec<NoticeItemOut>)]
    items: Vec<Item>,
    /// Of daily notices: how many sensors are how; null: it is no daily one.
    #[schema(value_type = Option<TallyOut>)]
    sensors: Option<Tally>,
    /// The kind of its receiver.
    #[schema(value_type = TargetOfNotice)]
    target: String,
    /// What became of it.
    #[schema(value_type = StateOfNotice)]
    state: String,
    /// How often it was tried.
    attempts: i32,
    /// Why the newest attempt that failed did; null: none failed.
    last_error: Option<String>,
    /// When it is tried next, once those before it are delivered; null: it is not pending.
    next_attempt: Option<UtcMicros>,
    /// When its receiver had it; null: not yet.
    delivered_at: Option<UtcMicros>,
}

/// A sentence in two languages.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the document only")]
pub struct SentenceOut {
    /// In German.
    de: String,
    /// In English.
    en: String,
}

/// One thing that a notice says.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the document only")]
pub struct NoticeItemOut {
    /// What happened to it.
    #[schema(value_type = EventOfNotice)]
    event: String,
    /// What is wrong.
    #[schema(value_type = words::HealthCode)]
    code: String,
    /// What is not well.
    subject: SubjectOut,
    /// Since when it is so.
    since: UtcMicros,
    /// When it ended; null: it has not.
    until: Option<UtcMicros>,
    /// What was measured; the unit is that of the code, of a gateway the probability that its sensors fell silent by
    /// themselves. Null: nothing was.
    value: Option<f64>,
    /// What would be right, in the same unit; null: nothing was measured.
    limit: Option<f64>,
    /// Of a gateway or feed: how many of its sensors are silent; null: it is none.
    sensors: Option<u32>,
    /// The same as a sentence.
    text: SentenceOut,
}

/// What is not well.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the document only")]
pub struct SubjectOut {
    /// What kind of thing it is.
    #[schema(value_type = SubjectOfNotice)]
    kind: String,
    /// The id of the sensor, bay, gateway or feed.
    id: String,
}

/// How many sensors are how.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the document only")]
pub struct TallyOut {
    /// Nothing is wrong.
    ok: u32,
    /// They need attention soon.
    watch: u32,
    /// What they send cannot be read or believed.
    faulty: u32,
    /// They are silent.
    silent: u32,
}

impl From<Delivery> for NoticeOut {
    fn from(d: Delivery) -> Self {
        let notice = d.body.0;
        let is_pending = d.state == DeliveryState::Pending.as_str();
        NoticeOut {
            id: d.id,
            notice: notice.notice,
            municipality: notice.municipality,
            kind: notice.kind,
            at: notice.at,
            text: notice.text,
            items: notice.items,
            sensors: notice.sensors,
            target: d.target,
            state: d.state,
            attempts: d.attempts,
            last_error: d.error,
            next_attempt: is_pending.then_some(d.next_attempt),
            delivered_at: d.delivered_at,
        }
    }
}

/// Notices, newest first. Each rule's are delivered in their order: the oldest pending one is tried until its receiver has
/// it, or it is given up after five days.
#[utoipa::path(
    get,
    path = "/v1/notices",
    tag = "operators",
    security(("key" = [])),
    params(parameters::Notices, parameters::Paging),
    responses((status = 200, body = List<NoticeOut>)),
)]
pub async fn notices(view: View, asker: Asker, query: RawQuery) -> Result<Response, Problem> {
    let caller = asker.with(&[Role::Operator, Role::Installer]).await?;
    let params = query.params(&[parameters::Notices::NAMES, parameters::Paging::NAMES])?;
    let limit = params.limit(DEFAULT_LIMIT, MAX_LIMIT)?;
    let before = params.cursor_of_numbers()?;
    let no_such = |text: &str| Problem::no_such("state", text, &DeliveryState::choices());
    let state = params.text("state").map(|text| text.parse().map_err(|_| no_such(text))).transpose()?;
    let scope = caller.municipalities(&view.registry());
    let (found, has_more) = notices::page(asker.pool()?, &scope, state, before, limit).await?;
    let cursor = found.last().filter(|_| has_more).map(|last| cursor_after(&last.seq.to_string()));
    let items: Vec<NoticeOut> = found.into_iter().map(NoticeOut::from).collect();
    Ok(answer::private(&List { items, cursor }))
}

/// Delivers a notice again at once, also one that was given up, and tries it for another five days. One that its receiver has
/// stays as it is.
#[utoipa::path(
    post,
    path = "/v1/notices/{id}/retry",
    tag = "operators",
    security(("key" = [])),
    params(("id" = inline(values::Id), Path, description = "`id` of `/v1/notices`.")),
    responses((status = 200, body = NoticeOut)),
)]
pub async fn retry(view: View, id: PathId, asker: Asker, query: RawQuery) -> Result<Response, Problem> {
    let caller = asker.with(&[Role::Operator, Role::Installer]).await?;
    query.params(&[])?;
    let (id, scope) = (id.text()?, caller.municipalities(&view.registry()));
    match notices::retry(asker.pool()?, &scope, &id, &caller.actor(), view.now).await? {
        Retried::Known(delivery) => Ok(answer::private(&NoticeOut::from(*delivery))),
        Retried::NoRule => Err(Problem::not_found(
            "The rule of this notice was removed: nobody would receive it.",
            "Import a notices.toml with a rule of this id.",
        )),
        Retried::Unknown => Err(Problem::not_found(
            "There is no notice with this id.",
            "GET /v1/notices lists the notices with their ids.",
        )),
    }
}

/// Another method of this path: without a key it reveals no more than other routes.
pub async fn other_method(asker: Asker) -> Response {
    match asker.with(&[Role::Operator, Role::Installer]).await {
        Ok(_) => ([(header::ALLOW, "POST")], Problem::method_not_allowed()).into_response(),
        Err(problem) => problem.into_response(),
    }
}
