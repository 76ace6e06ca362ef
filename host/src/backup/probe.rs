//! Whether a backup could be made now, without making one: for `zelador check`.

use std::path::PathBuf;

use super::server::Access;
use super::{Archive, BackupError, Server, postgres};

impl Archive {
    /// Asks a server all that a backup asks before it begins, and says what answers.
    pub async fn probe(&self, server: &Server) -> Result<String, BackupError> {
        match &server.access {
            Access::Postgres(access) => {
                let (programs, scratch) = (&self.parts.programs, &self.parts.scratch);
                let prepared = postgres::prepare(server, access, programs, scratch).await?;
                Ok(format!("PostgreSQL {}, by {}", prepared.server_version, prepared.made_by()))
            }
            Access::Sqlite(path) => match std::fs::metadata(path) {
                Ok(_) => Ok(format!("embedded database {}", path.display())),
                Err(source) => Err(BackupError::io("read", path, source)),
            },
        }
    }

    /// Makes the backup folder if it is not there, and a file in it that is gone again.
    pub async fn check_folder(&self) -> Result<PathBuf, BackupError> {
        self.blocking(|parts| {
            parts.folder.prepare()?;
            let folder = parts.folder.path_of("");
            tempfile::tempfile_in(&folder)
                .map_err(|source| BackupError::io("write into", &folder, source))?;
            Ok(folder)
        })
        .await
    }
}
