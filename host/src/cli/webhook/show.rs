//! `zelador webhook show`: a message, where it goes, what each try met, and when the next ones are.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::unknown;
use crate::assembly::Assembly;
use crate::cli::Output;
use crate::cli::view::rfc3339;
use crate::store::Message;
use crate::web::details;
use crate::web::view::{AttemptView, DeliveryView, MessageDetail};
use crate::webhook::RetrySchedules;

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    message: MessageDetail,
    /// In the order of the deliveries.
    schedules: Vec<ScheduleView>,
}

/// When a delivery is tried.
#[derive(Debug, Clone, Serialize)]
struct ScheduleView {
    policy: String,
    /// The waits before the attempts, the first included.
    delays_ms: Option<Vec<u64>>,
    /// Why the policy does not say.
    problem: Option<String>,
}

/// Shows the message.
pub async fn run(assembly: &Assembly, id: &str, output: Output) -> anyhow::Result<()> {
    let message = assembly.store.message(id).await?.ok_or_else(|| unknown(id))?;
    let detail = details::message(&assembly.store, message.clone()).await?;
    let policies = RetrySchedules::new(
        Arc::new(assembly.plugins(assembly.showcase()?).await),
        assembly.config.plugin.clone(),
    );
    let mut schedules = Vec::new();
    for delivery in &detail.deliveries {
        let (policy, settings) = chosen(assembly, &message, delivery).await?;
        schedules.push(schedule(&policies, policy, &settings).await);
    }
    output.data(&Shown { message: detail, schedules }, sheet)
}

/// The message's policy, or the endpoint's, or the configuration's.
async fn chosen(
    assembly: &Assembly,
    message: &Message,
    delivery: &DeliveryView,
) -> anyhow::Result<(String, Value)> {
    if let Some(policy) = &message.policy {
        return Ok((policy.clone(), message.policy_settings.clone()));
    }
    if let Some(id) = &delivery.endpoint_id
        && let Some(endpoint) = assembly.store.endpoint(id).await?
        && let Some(policy) = endpoint.spec.policy
    {
        return Ok((policy, endpoint.spec.policy_settings));
    }
    Ok((assembly.config.webhook.policy.clone(), json!({})))
}

async fn schedule(policies: &RetrySchedules, policy: String, settings: &Value) -> ScheduleView {
    match policies.of(&policy, settings).await {
        Ok(delays) => {
            let delays = delays.iter().map(|delay| u64::try_from(delay.as_millis()).unwrap_or(u64::MAX));
            ScheduleView { policy, delays_ms: Some(delays.collect()), problem: None }
        }
        Err(problem) => ScheduleView { policy, delays_ms: None, problem: Some(problem) },
    }
}

fn sheet(shown: &Shown) -> String {
    let message = &shown.message;
    let dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let mut lines = vec![
        format!("message   {}", message.id),
        format!("event     {}", message.event),
        format!("tenant    {}", dash(&message.tenant_id)),
        format!("key       {}", dash(&message.idempotency_key)),
        format!("accepted  {}", rfc3339(message.accepted_at)),
        format!("type      {}", message.content_type),
        format!(
            "body      {}",
            message.body.as_deref().map_or_else(|| "bytes that are no text".to_owned(), shortened)
        ),
    ];
    for (delivery, schedule) in message.deliveries.iter().zip(&shown.schedules) {
        lines.push(format!("delivery  {} {}", delivery.id, delivery.state));
        lines.push(format!("  to      {}", place(delivery)));
        lines.push(format!("  tries   {}", described(schedule)));
        lines.extend(delivery.due_at.map(|due| format!("  due     {}", rfc3339(due))));
        lines.extend(delivery.attempts.iter().map(attempt_line));
    }
    lines.join("\n")
}

fn place(delivery: &DeliveryView) -> String {
    match (&delivery.url, &delivery.endpoint_id) {
        (Some(url), _) => url.clone(),
        (None, Some(endpoint)) => format!("endpoint {endpoint}"),
        (None, None) => "nowhere".to_owned(),
    }
}

fn described(schedule: &ScheduleView) -> String {
    match (&schedule.delays_ms, &schedule.problem) {
        (Some(millis), _) => {
            let spans: Vec<Duration> = millis.iter().copied().map(Duration::from_millis).collect();
            format!("{}, then dead letter (by {})", delays(&spans), schedule.policy)
        }
        (None, problem) => format!("by {}: {}", schedule.policy, problem.as_deref().unwrap_or("unknown")),
    }
}

/// A schedule for a person: `at once, after 1m, after 5m`.
fn delays(spans: &[Duration]) -> String {
    let one = |span: &Duration| match *span {
        Duration::ZERO => "at once".to_owned(),
        span => format!("after {}", humantime::format_duration(span)),
    };
    spans.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Enough to recognise it.
fn shortened(body: &str) -> String {
    const SHOWN: usize = 200;
    let begin: String = body.chars().take(SHOWN).collect();
    let rest = if begin.len() < body.len() { "..." } else { "" };
    format!("{}{rest}", begin.escape_debug().to_string().replace("\\\"", "\""))
}

/// An attempt in a line.
pub fn attempt_line(attempt: &AttemptView) -> String {
    let status = attempt.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    format!(
        "  #{:<5} {} {status} after {:.1} ms, {}: {}",
        attempt.number,
        rfc3339(attempt.at),
        attempt.times_ms.total,
        attempt.class,
        attempt.reason
    )
}
