//! `zelador webhook send` and `resend`: a message is on record when the command ends; a daemon delivers it.

use std::fs::File;
use std::io::{self, Read};
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use serde::Serialize;

use super::unknown;
use crate::assembly::Assembly;
use crate::cli::time::span;
use crate::cli::{Output, Usage};
use crate::webhook::{AcceptError, Accepted, Destination, Submission};

/// The arguments of `send`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where it goes; without one, to the endpoints that want the event
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// What happened: `payment.received`
    #[arg(long, value_name = "E")]
    event: String,
    /// The body: JSON, @FILE, or - for standard input; its bytes are sent as they are
    #[arg(long, value_name = "JSON|@FILE|-", allow_hyphen_values = true)]
    data: String,
    /// What the body is, if it is not JSON
    #[arg(long, value_name = "TYPE", default_value = JSON)]
    content_type: String,
    /// Whose it is
    #[arg(long, value_name = "T")]
    tenant: Option<String>,
    /// A header to send with it; can be repeated
    #[arg(long = "header", value_name = "K:V", value_parser = header)]
    headers: Vec<(String, String)>,
    /// A second call with the same key is the same message
    #[arg(long, value_name = "IDEMPOTENCY")]
    key: Option<String>,
    /// How long one request may take: `30s`
    #[arg(long, value_name = "SPAN", value_parser = span, requires = "url")]
    timeout: Option<Duration>,
    /// The retry policy: a plugin
    #[arg(long, value_name = "PLUGIN")]
    policy: Option<String>,
}

const JSON: &str = "application/json";

/// A header as `Name: value`; for clap. The value may be a secret: no error shows it.
pub fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write `Name: value`")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

#[derive(Serialize)]
struct AcceptedView {
    id: String,
    deliveries: u64,
    repeated: bool,
}

/// Accepts the message.
pub async fn run(assembly: &Assembly, args: Args, output: Output) -> anyhow::Result<()> {
    let body = body(&args, assembly.webhooks.options().body_limit)?;
    let mut submission = Submission::event(args.event, body);
    if let Some(url) = args.url {
        submission.destination = Destination::Url { url, timeout: args.timeout };
    }
    submission.content_type = args.content_type;
    submission.tenant_id = args.tenant;
    submission.headers = args.headers;
    submission.idempotency_key = args.key;
    submission.policy = args.policy;
    let Accepted { id, repeated } = assembly.webhooks.accept(submission).await.map_err(blame)?;
    assembly.webhooks.wake().await;
    let summary = assembly.store.message_summary(&id).await?;
    let deliveries = summary.map_or(0, |message| message.deliveries);
    output.data(&AcceptedView { id, deliveries, repeated }, describe)?;
    if deliveries == 0 {
        output.say("no endpoint wants this event; `zelador endpoint add` makes one for the next");
        return Ok(());
    }
    say_who_delivers(assembly, output).await
}

fn describe(accepted: &AcceptedView) -> String {
    let before = if accepted.repeated { "accepted before, under this key" } else { "accepted" };
    format!("{before}: {} ({} deliveries)", accepted.id, accepted.deliveries)
}

/// Says that a message waits, if nothing works on deliveries now.
pub async fn say_who_delivers(assembly: &Assembly, output: Output) -> anyhow::Result<()> {
    if !assembly.store.has_worker().await? {
        output.say("it waits: no daemon is running; `zelador run` delivers it");
    }
    Ok(())
}

/// One byte more than the limit is read, so that what is too large is told from what is not.
fn body(args: &Args, limit: usize) -> anyhow::Result<Bytes> {
    let read = |stream: &mut dyn Read| {
        let mut bytes = Vec::new();
        stream.take((limit as u64).saturating_add(1)).read_to_end(&mut bytes).map(|_| bytes)
    };
    let body = match (args.data.as_str(), args.data.strip_prefix('@')) {
        ("-", _) => read(&mut io::stdin().lock()).context("cannot read standard input")?,
        (_, Some(path)) => {
            let mut file = File::open(path).map_err(|error| Usage(format!("--data @{path}: {error}")))?;
            read(&mut file).with_context(|| format!("cannot read {path}"))?
        }
        (text, None) => text.as_bytes().to_vec(),
    };
    if args.content_type == JSON && body.len() <= limit {
        serde_json::from_slice::<serde::de::IgnoredAny>(&body).map_err(|error| {
            Usage(format!("--data is not JSON: {error}; --content-type says what else it is"))
        })?;
    }
    Ok(body.into())
}

fn blame(error: AcceptError) -> anyhow::Error {
    match error {
        AcceptError::Conflict(_) | AcceptError::Store(_) | AcceptError::Interrupted => error.into(),
        AcceptError::Event(_)
        | AcceptError::Target(_)
        | AcceptError::Header(_)
        | AcceptError::Invalid { .. }
        | AcceptError::TooLarge { .. } => Usage(error.to_string()).into(),
    }
}

#[derive(Serialize)]
struct Resent {
    id: String,
    resent: u64,
}

/// Sends what has ended once more. The ids of deliveries have a full stop.
pub async fn again(assembly: &Assembly, id: String, output: Output) -> anyhow::Result<()> {
    let resent = if id.contains('.') {
        assembly.store.delivery(&id).await?.ok_or_else(|| unknown(&id))?;
        u64::from(assembly.webhooks.resend(&id).await?)
    } else {
        assembly.webhooks.resend_message(&id).await?.ok_or_else(|| unknown(&id))?
    };
    output.data(&Resent { id, resent }, |done| match done.resent {
        0 => "nothing is sent again: it has not ended yet".to_owned(),
        resent => format!("{resent} deliveries are sent again"),
    })?;
    if resent > 0 { say_who_delivers(assembly, output).await } else { Ok(()) }
}
