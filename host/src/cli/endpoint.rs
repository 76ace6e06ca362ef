//! `zelador endpoint`: where webhooks go.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::time::span;
use super::view::short;
use super::webhook::header;
use super::{Output, Place, Usage, table};
use crate::assembly::Assembly;
use crate::config::Text;
use crate::secret;
use crate::store::EndpointFilter;
use crate::web::view::EndpointView;
use crate::webhook::{EndpointError, EndpointSpec};

/// Keeps the endpoints that webhooks go to
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Adds an endpoint and prints its id and its signing key, which is not shown again
    Add(AddArgs),
    /// Lists the endpoints, newest first
    List {
        /// Only of this tenant
        #[arg(long, value_name = "T")]
        tenant: Option<String>,
    },
    /// Shows an endpoint and how it is doing
    Show {
        /// The endpoint's id
        id: String,
    },
    /// Lets deliveries go there again, those that were parked first
    Enable {
        /// The endpoint's id
        id: String,
    },
    /// Parks its deliveries until it is enabled
    Disable {
        /// The endpoint's id
        id: String,
        /// Why, for the people who see it
        #[arg(long, default_value = "disabled by hand")]
        reason: String,
    },
    /// Gives it a new signing key; the ones before go on signing for a while
    RotateSecret(RotateArgs),
    /// Forgets an endpoint; what still waits to go there becomes dead letters
    Remove {
        /// The endpoint's id
        id: String,
    },
}

/// The arguments of `add`.
#[derive(Debug, clap::Args)]
pub struct AddArgs {
    /// Where requests go
    #[arg(long, value_name = "URL")]
    url: String,
    /// Whose it is; without one it hears the events of all
    #[arg(long, value_name = "T")]
    tenant: Option<String>,
    /// An event that it wants, `*` stands for any text; can be repeated; without any it wants all
    #[arg(long = "event", value_name = "PATTERN")]
    events: Vec<String>,
    /// A header to send with every request; can be repeated
    #[arg(long = "header", value_name = "K:V", value_parser = header)]
    headers: Vec<(String, String)>,
    /// How long one request may take: `30s`
    #[arg(long, value_name = "SPAN", value_parser = span)]
    timeout: Option<Duration>,
    /// Its retry policy: a plugin
    #[arg(long, value_name = "PLUGIN")]
    policy: Option<String>,
    /// Settings over the policy's own: a JSON object
    #[arg(long, value_name = "JSON", requires = "policy")]
    policy_settings: Option<serde_json::Value>,
    /// Requests a minute at most
    #[arg(long, value_name = "N")]
    rate_per_minute: Option<u32>,
    /// Requests at one time at most
    #[arg(long, value_name = "N")]
    concurrency: Option<u32>,
    /// Its signing key, if the receiver has one: a reference such as `env:NAME` or `file:PATH`, never the key itself
    #[arg(long, value_name = "REF")]
    secret: Option<String>,
}

/// The arguments of `rotate-secret`.
#[derive(Debug, clap::Args)]
pub struct RotateArgs {
    /// The endpoint's id
    id: String,
    /// How long the keys before go on signing; a day if nothing is said
    #[arg(long, value_name = "SPAN", value_parser = span)]
    overlap: Option<Duration>,
    /// The new key, if the receiver has one: a reference such as `env:NAME` or `file:PATH`, never the key itself
    #[arg(long, value_name = "REF")]
    secret: Option<String>,
}

/// Runs the command.
pub async fn run(verb: Verb, place: &Place, output: Output) -> anyhow::Result<()> {
    let assembly = place.assembly().await?;
    match verb {
        Verb::Add(args) => add(&assembly, args, output).await,
        Verb::List { tenant } => list(&assembly, tenant, output).await,
        Verb::Show { id } => show(&assembly, &id, output).await,
        Verb::Enable { id } => enable(&assembly, id, output).await,
        Verb::Disable { id, reason } => {
            assembly.webhooks.disable_endpoint(&id, &reason).await.map_err(blame)?;
            show(&assembly, &id, output).await
        }
        Verb::RotateSecret(args) => rotate(&assembly, args, output).await,
        Verb::Remove { id } => {
            assembly.webhooks.remove_endpoint(&id).await.map_err(blame)?;
            output.data(&Removed { id }, |removed| format!("{} is forgotten", removed.id))
        }
    }
}

#[derive(Serialize)]
struct Added {
    #[serde(flatten)]
    endpoint: EndpointView,
    secret: String,
}

async fn add(assembly: &Assembly, args: AddArgs, output: Output) -> anyhow::Result<()> {
    let key = key(args.secret)?;
    let mut spec = EndpointSpec::new(args.url);
    spec.tenant_id = args.tenant;
    if !args.events.is_empty() {
        spec.events = args.events;
    }
    spec.headers = args.headers;
    spec.timeout = args.timeout;
    spec.policy = args.policy;
    spec.policy_settings = args.policy_settings.unwrap_or(spec.policy_settings);
    spec.rate_per_minute = args.rate_per_minute;
    spec.concurrency = args.concurrency;
    let key = key.as_ref().map(ExposeSecret::expose_secret);
    let added = assembly.webhooks.add_endpoint(spec, key).await.map_err(blame)?;
    let added = Added { endpoint: added.endpoint.into(), secret: added.secret.expose_secret().to_owned() };
    output.data(&added, |added| format!("id      {}\nsecret  {}", added.endpoint.id, added.secret))
}

/// A key is read from where it is kept: on the command line everybody on the machine could see it.
fn key(reference: Option<String>) -> anyhow::Result<Option<SecretString>> {
    let Some(reference) = reference else { return Ok(None) };
    if !["env:", "file:"].iter().any(|scheme| reference.starts_with(scheme)) {
        return Err(Usage(
            "--secret takes a reference such as `env:NAME` or `file:PATH`, never the key itself".into(),
        )
        .into());
    }
    Ok(Some(secret::resolve(&Text::from(reference))?))
}

async fn list(assembly: &Assembly, tenant_id: Option<String>, output: Output) -> anyhow::Result<()> {
    let filter = EndpointFilter { tenant_id, ..EndpointFilter::default() };
    let endpoints = assembly.store.endpoints(&filter).await?;
    let endpoints: Vec<EndpointView> = endpoints.into_iter().map(EndpointView::from).collect();
    output.data(&endpoints, |endpoints| match endpoints.as_slice() {
        [] => "no endpoints yet: `zelador endpoint add --url URL` adds one".to_owned(),
        endpoints => table(
            &["ENDPOINT", "STATE", "TENANT", "EVENTS", "URL"],
            &endpoints.iter().map(row).collect::<Vec<_>>(),
        ),
    })
}

fn row(endpoint: &EndpointView) -> Vec<String> {
    vec![
        endpoint.id.clone(),
        state(endpoint),
        endpoint.tenant_id.clone().unwrap_or_else(|| "all".to_owned()),
        endpoint.events.join(" "),
        endpoint.url.clone(),
    ]
}

fn state(endpoint: &EndpointView) -> String {
    match (endpoint.paused_until, endpoint.failing_since) {
        _ if endpoint.state != "enabled" => endpoint.state.to_owned(),
        (_, Some(since)) => {
            format!("failing since {} ({} times)", short(since), endpoint.failures_in_a_row)
        }
        (Some(until), None) => format!("paused until {}", short(until)),
        (None, None) => endpoint.state.to_owned(),
    }
}

async fn show(assembly: &Assembly, id: &str, output: Output) -> anyhow::Result<()> {
    let endpoint = assembly.store.endpoint(id).await?;
    let endpoint = endpoint.ok_or_else(|| blame(EndpointError::Unknown(id.to_owned())))?;
    output.data(&EndpointView::from(endpoint), sheet)
}

fn sheet(endpoint: &EndpointView) -> String {
    let own = |text: &Option<String>, else_: &str| text.clone().unwrap_or_else(|| else_.to_owned());
    let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let limit =
        |number: Option<u32>| number.map_or_else(|| "as usual".to_owned(), |number| number.to_string());
    let mut lines = vec![
        format!("endpoint     {}", endpoint.id),
        format!("url          {}", endpoint.url),
        format!("state        {}", state(endpoint)),
        format!("tenant       {}", own(&endpoint.tenant_id, "all")),
        format!("events       {}", list(&endpoint.events)),
        format!("headers      {}", list(&endpoint.headers)),
        format!("timeout      {} ms", endpoint.timeout_ms),
        format!("policy       {}", own(&endpoint.policy, "that of the configuration")),
        format!("a minute     {}", limit(endpoint.rate_per_minute)),
        format!("at one time  {}", limit(endpoint.concurrency)),
    ];
    lines.extend(endpoint.disabled_reason.as_ref().map(|reason| format!("reason       {reason}")));
    lines.join("\n")
}

#[derive(Serialize)]
struct Enabled {
    id: String,
    released: u64,
}

async fn enable(assembly: &Assembly, id: String, output: Output) -> anyhow::Result<()> {
    let released = assembly.webhooks.enable_endpoint(&id).await.map_err(blame)?;
    output.data(&Enabled { id, released }, |enabled| {
        format!("{} is enabled; {} deliveries that were parked go on", enabled.id, enabled.released)
    })
}

#[derive(Serialize)]
struct Rotated {
    id: String,
    secret: String,
}

async fn rotate(assembly: &Assembly, args: RotateArgs, output: Output) -> anyhow::Result<()> {
    let key = key(args.secret)?;
    let key = key.as_ref().map(ExposeSecret::expose_secret);
    let secret = assembly.webhooks.rotate_secret(&args.id, key, args.overlap).await.map_err(blame)?;
    let rotated = Rotated { id: args.id, secret: secret.expose_secret().to_owned() };
    output.data(&rotated, |rotated| format!("id      {}\nsecret  {}", rotated.id, rotated.secret))
}

#[derive(Serialize)]
struct Removed {
    id: String,
}

fn blame(error: EndpointError) -> anyhow::Error {
    match error {
        EndpointError::Store(error) => error.into(),
        error => Usage(error.to_string()).into(),
    }
}
