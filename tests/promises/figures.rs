//! What everyone asks about places, so that two worlds can be compared.

use serde_json::{Value, json};

use crate::support::Instance;

/// The answers to `questions`, and those about `places` by their id, without what depends on the instant of asking.
pub async fn figures(instance: &Instance, key: &str, questions: &[String], places: &[&str]) -> Vec<Value> {
    let mut all = Vec::new();
    for question in questions {
        let answer = instance.get_with(question, key).await;
        assert!(answer["items"].is_array(), "{question}: {answer}");
        all.push(json!([question, timeless(answer)]));
    }
    for place in places {
        all.push(json!([place, timeless(instance.get(&format!("/v1/{place}")).await.1)]));
    }
    all
}

fn timeless(mut answer: Value) -> Value {
    forget_time(&mut answer);
    answer
}

fn forget_time(answer: &mut Value) {
    match answer {
        Value::Object(fields) => {
            fields.retain(|name, _| name != "complete_until" && name != "age_s");
            fields.values_mut().for_each(forget_time);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_time),
        _ => {}
    }
}
