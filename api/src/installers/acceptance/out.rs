//! A test as it is answered.

use domain::acceptance::{
    Check, CheckName, CheckState, Instruction, Remedy, Skipped, TestState, Unit, Verdict,
};
use domain::{MunicipalityId, UtcMicros};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::acceptance::Acceptance;
use utoipa::ToSchema;

use crate::contract::words;

/// A test by which a sensor is accepted.
#[derive(Debug, Serialize, ToSchema)]
pub struct AcceptanceOut {
    /// Number of the test.
    pub id: i64,
    /// DevEUI or the supplier's id of the sensor.
    pub sensor: String,
    /// Id of the bay that it was bound to when the test began; null: none.
    pub bay: Option<String>,
    /// Id of the site that it was bound to; null: none.
    pub site: Option<String>,
    /// Id of the vehicle that it was bound to; null: none.
    pub vehicle: Option<String>,
    /// Of a lane: how often the installer drives in; null: it is none.
    pub entries: Option<i32>,
    /// Of a lane: how often the installer drives out; null: it is none.
    pub exits: Option<i32>,
    /// What the test has come to.
    #[schema(value_type = words::TestState)]
    pub state: TestState,
    /// What the installer is to do next.
    #[schema(value_type = words::Instruction)]
    pub instruction: Instruction,
    /// When it began.
    pub started_at: UtcMicros,
    /// When it ended; null: it runs.
    pub ended_at: Option<UtcMicros>,
    /// How long it may last, seconds.
    pub timeout_s: i32,
    /// What is judged, one by one.
    pub checks: Vec<CheckOut>,
    /// The signature under it; null: it is not signed.
    pub sign_off: Option<SignOffOut>,
    /// Whose sensor it is.
    #[serde(skip)]
    #[schema(ignore)]
    pub municipality: MunicipalityId,
}

/// A check and what it has come to.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CheckOut {
    /// What is judged.
    #[schema(value_type = words::AcceptanceCheck)]
    pub name: CheckName,
    /// What it has come to.
    #[schema(value_type = words::CheckState)]
    pub state: CheckState,
    /// What was measured; null: nothing yet.
    pub value: Option<f64>,
    /// What is needed, in the same unit; null: nothing in particular.
    pub limit: Option<f64>,
    /// The unit of both; null: they are numbers, or a share of 1.
    #[schema(value_type = Option<words::CheckUnit>)]
    pub unit: Option<Unit>,
    /// What to do; null: nothing.
    #[schema(value_type = Option<words::CheckRemedy>)]
    pub remedy: Option<Remedy>,
    /// Why it was skipped; null: it was not.
    #[serde(default)]
    #[schema(value_type = Option<words::CheckSkipped>)]
    pub skipped: Option<Skipped>,
    /// Ids of the neighbours that it is about.
    pub places: Vec<String>,
}

/// The signature under a test.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignOffOut {
    /// Who signed.
    pub name: String,
    /// What the signer had to say; the reason, where the test was not passed. Null: nothing.
    pub note: Option<String>,
    /// When it was signed.
    pub at: UtcMicros,
}

/// A stored verdict.
#[derive(Deserialize)]
struct Stored {
    state: TestState,
    instruction: Instruction,
    checks: Vec<CheckOut>,
}

impl From<&CheckOut> for Check {
    fn from(out: &CheckOut) -> Self {
        let CheckOut { name, state, value, limit, unit, remedy, skipped, places } = out.clone();
        // What was stored before units were has that of the name.
        Check { name, state, value, limit, unit: unit.or(name.unit()), remedy, skipped, places }
    }
}

impl From<Check> for CheckOut {
    fn from(Check { name, state, value, limit, unit, remedy, skipped, places }: Check) -> Self {
        CheckOut { name, state, value, limit, unit, remedy, skipped, places }
    }
}

/// A test with what it has come to; `None`: what is stored of it.
pub fn out(test: Acceptance, verdict: Option<Verdict>) -> AcceptanceOut {
    let stored = || {
        let stored = test.verdict.clone().and_then(|verdict| serde_json::from_value::<Stored>(verdict).ok());
        stored.unwrap_or(Stored {
            state: TestState::Cancelled,
            instruction: Instruction::Done,
            checks: Vec::new(),
        })
    };
    let Stored { state, instruction, checks } = match verdict {
        Some(Verdict { state, instruction, checks }) => {
            Stored { state, instruction, checks: checks.into_iter().map(CheckOut::from).collect() }
        }
        None => stored(),
    };
    let drives = test.target.get("site").map(|_| test.drives());
    let bound = |kind: &str| test.target.get(kind).and_then(Value::as_str).map(str::to_owned);
    AcceptanceOut {
        bay: bound("bay"),
        site: bound("site"),
        vehicle: bound("vehicle"),
        entries: drives.map(|drives| drives.entries),
        exits: drives.map(|drives| drives.exits),
        state,
        instruction,
        checks,
        id: test.id,
        started_at: test.started_at,
        ended_at: test.ended_at,
        timeout_s: test.timeout_s,
        sign_off: test.signed_by.zip(test.signed_at).map(|(name, at)| SignOffOut {
            name,
            note: test.note,
            at,
        }),
        sensor: test.device,
        municipality: test.municipality,
    }
}
