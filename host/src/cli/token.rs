//! `zelador token`: who may use the HTTP API.

use secrecy::ExposeSecret;
use serde::Serialize;

use super::view::short;
use super::{Output, Place, Usage, table};
use crate::store::Role;
use crate::web::token;
use crate::web::view::TokenView;

/// Makes, lists and revokes the access tokens of the HTTP API
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Makes a token and prints it, once: it cannot be shown again
    Create {
        /// What its holder may do: admin everything, operator send and keep, viewer look
        #[arg(long, value_name = "ROLE")]
        role: Role,
        /// Bind it to one tenant
        #[arg(long, value_name = "T")]
        tenant: Option<String>,
    },
    /// Lists the tokens, newest first
    List,
    /// Makes a token open nothing any more
    Revoke {
        /// The token's id
        id: String,
    },
}

/// Runs the command.
pub async fn run(verb: Verb, place: &Place, output: Output) -> anyhow::Result<()> {
    let store = place.assembly().await?.store;
    match verb {
        Verb::Create { role, tenant } => {
            let (made, secret) = token::create(&store, role, tenant).await?;
            let created = Created { made: made.into(), token: secret.expose_secret().to_owned() };
            output.data(&created, |created| created.token.clone())?;
            output.say("keep it well: it is not shown again, and `zelador token revoke` ends it");
            Ok(())
        }
        Verb::List => {
            let tokens: Vec<TokenView> = store.tokens().await?.into_iter().map(TokenView::from).collect();
            output.data(&tokens, |tokens| listing(tokens))
        }
        Verb::Revoke { id } => {
            if !store.revoke_token(&id).await? && store.token(&id).await?.is_none() {
                return Err(Usage(format!("no token `{id}`; `zelador token list` lists them")).into());
            }
            output.data(&Revoked { id }, |revoked| format!("{} opens nothing any more", revoked.id))
        }
    }
}

#[derive(Serialize)]
struct Created {
    #[serde(flatten)]
    made: TokenView,
    token: String,
}

#[derive(Serialize)]
struct Revoked {
    id: String,
}

fn listing(tokens: &[TokenView]) -> String {
    if tokens.is_empty() {
        return "no tokens yet: `zelador token create --role operator` makes one".to_owned();
    }
    let row = |token: &TokenView| {
        vec![
            token.id.clone(),
            token.role.to_owned(),
            token.tenant_id.clone().unwrap_or_else(|| "all".to_owned()),
            short(token.created_at),
            token.revoked_at.map_or_else(|| "-".to_owned(), short),
        ]
    };
    table(&["TOKEN", "ROLE", "TENANT", "CREATED", "REVOKED"], &tokens.iter().map(row).collect::<Vec<_>>())
}
