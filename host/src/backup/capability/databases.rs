//! The host side of WIT `databases`: which servers there are, and which databases they hold.

use std::any::Any;
use std::sync::Arc;

use wasmtime::component::{HasSelf, Linker};

use super::super::server::{Access, Engine, Server, Servers};
use super::super::{BackupError, postgres};
use crate::plugin::bindings::job::zelador::plugin::databases::{self, Database, DatabaseError};
use crate::plugin::{CallContext, CallState, Capability};

/// Its name in grants.
const NAME: &str = "databases";

/// The scope that grants every server.
const ALL: &str = "*";

/// The capability `databases`, granted server by server: `databases:main`, or `databases:*`.
pub struct DatabasesCapability {
    servers: Arc<Servers>,
}

impl DatabasesCapability {
    /// Over these servers.
    pub fn new(servers: Arc<Servers>) -> Self {
        Self { servers }
    }
}

/// The servers that a call was granted.
pub(super) fn granted(servers: &Servers, call: &CallContext) -> Servers {
    let scopes = call.grants.scopes(NAME).unwrap_or_default();
    let is_granted = |name: &str| scopes.iter().any(|scope| scope == ALL || scope == name);
    servers
        .iter()
        .filter(|(name, _)| is_granted(name))
        .map(|(name, server)| (name.clone(), server.clone()))
        .collect()
}

/// What a guest is told of a server that is not there or not granted: the two are not told apart.
pub(super) fn not_granted(server: &str) -> String {
    format!(
        "there is no server `{server}`, or the job does not grant it: add \"{NAME}:{server}\" to its grants"
    )
}

impl Capability for DatabasesCapability {
    fn name(&self) -> &'static str {
        NAME
    }

    fn link(&self, linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
        databases::add_to_linker::<_, HasSelf<Granted>>(linker, |state| state.capability::<Granted>())
    }

    fn check(&self, scopes: &[String]) -> Result<(), String> {
        let known = || self.servers.keys().map(String::as_str).collect::<Vec<_>>().join("`, `");
        if scopes.is_empty() {
            return Err(format!(
                "it needs a server, `{NAME}:NAME`, or `{NAME}:{ALL}` for all; there is `{}`",
                known()
            ));
        }
        match scopes.iter().find(|scope| *scope != ALL && !self.servers.contains_key(*scope)) {
            Some(unknown) => Err(format!("there is no [database.{unknown}]; there is `{}`", known())),
            None => Ok(()),
        }
    }

    fn prepare(&self, call: &CallContext, _: &[String]) -> Box<dyn Any + Send> {
        Box::new(Granted(granted(&self.servers, call)))
    }
}

/// The servers that this call may ask.
struct Granted(Servers);

impl databases::Host for Granted {
    async fn servers(&mut self) -> wasmtime::Result<Vec<databases::Server>> {
        let described = |server: &Server| databases::Server {
            name: server.name().to_owned(),
            engine: match server.engine() {
                Engine::Postgres => databases::Engine::Postgres,
                Engine::Sqlite => databases::Engine::Sqlite,
            },
            extensions: Vec::new(),
        };
        Ok(self.0.values().map(described).collect())
    }

    async fn list_databases(
        &mut self,
        server: String,
    ) -> wasmtime::Result<Result<Vec<Database>, DatabaseError>> {
        Ok(match self.0.get(&server) {
            Some(server) => list(server).await.map_err(|error| DatabaseError::Unavailable(error.to_string())),
            None => Err(DatabaseError::NotGranted(not_granted(&server))),
        })
    }
}

async fn list(server: &Server) -> Result<Vec<Database>, BackupError> {
    let database = |name, size_bytes| Database { name, size_bytes, extensions: Vec::new() };
    match &server.access {
        Access::Postgres(access) => {
            let found = postgres::databases(server.name(), access).await?;
            Ok(found.into_iter().map(|found| database(found.name, found.size_bytes)).collect())
        }
        // SQLite calls the database of a file so.
        Access::Sqlite(path) => {
            let size = std::fs::metadata(path).map_err(|source| BackupError::io("read", path, source))?.len();
            Ok(vec![database("main".to_owned(), size)])
        }
    }
}
