//! `zelador webhook`: messages are sent, looked at, and sent again.

mod send;
mod show;

pub use send::{header, say_who_delivers};
pub use show::attempt_line;

use super::view::short;
use super::{Output, Place, Usage, table};
use crate::assembly::Assembly;
use crate::store::MessageFilter;
use crate::web::view::MessageView;

/// Sends webhooks and shows what became of them
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Accepts a message: for a URL of its own, or for the endpoints that want its event
    Send(send::Args),
    /// Lists messages, newest first, with how far they are
    List {
        /// Only of this tenant
        #[arg(long, value_name = "T")]
        tenant: Option<String>,
        /// How many
        #[arg(short = 'n', default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
        count: u32,
    },
    /// Shows a message with its deliveries, their attempts, and the schedule of their retries
    Show {
        /// The message's id
        id: String,
    },
    /// Sends what has ended once more, with the whole retry schedule before it
    Resend {
        /// The id of a message (all its deliveries) or of a delivery
        id: String,
    },
}

/// Runs the command.
pub async fn run(verb: Verb, place: &Place, output: Output) -> anyhow::Result<()> {
    let assembly = place.assembly().await?;
    match verb {
        Verb::Send(args) => send::run(&assembly, args, output).await,
        Verb::List { tenant, count } => list(&assembly, tenant, count, output).await,
        Verb::Show { id } => show::run(&assembly, &id, output).await,
        Verb::Resend { id } => send::again(&assembly, id, output).await,
    }
}

async fn list(
    assembly: &Assembly,
    tenant_id: Option<String>,
    count: u32,
    output: Output,
) -> anyhow::Result<()> {
    let filter = MessageFilter { tenant_id, limit: Some(count), ..MessageFilter::default() };
    let messages = assembly.store.message_summaries(&filter).await?;
    let messages: Vec<MessageView> = messages.into_iter().map(MessageView::from).collect();
    output.data(&messages, |messages| match messages.as_slice() {
        [] => "no messages yet: `zelador webhook send` accepts one".to_owned(),
        messages => table(
            &["MESSAGE", "EVENT", "TENANT", "ACCEPTED", "DELIVERED", "DEAD"],
            &messages.iter().map(row).collect::<Vec<_>>(),
        ),
    })
}

fn row(message: &MessageView) -> Vec<String> {
    vec![
        message.id.clone(),
        message.event.clone(),
        message.tenant_id.clone().unwrap_or_else(|| "-".to_owned()),
        short(message.accepted_at),
        format!("{} of {}", message.delivered, message.deliveries),
        message.dead.to_string(),
    ]
}

fn unknown(id: &str) -> Usage {
    Usage(format!("no message `{id}`; `zelador webhook list` lists them"))
}
