//! A PostgreSQL for a test: its own, ended with it, with as many empty databases as it wants.

use std::path::PathBuf;

use reference_server::postgres::OwnPostgres;
use tempfile::TempDir;
use tokio_postgres::NoTls;

/// A server and the databases that it has.
pub(crate) struct Databases {
    pub(crate) server: OwnPostgres,
    client: tokio_postgres::Client,
    count: u32,
    folder: TempDir,
}

impl Databases {
    pub(crate) async fn start() -> Databases {
        let folder = tempfile::tempdir().unwrap();
        let server = OwnPostgres::passing(&folder.path().join("postgres"), &[]).unwrap();
        let client = connect(&server.url("postgres")).await;
        Databases { server, client, count: 0, folder }
    }

    /// The folder of its files.
    pub(crate) fn files(&self) -> PathBuf {
        self.folder.path().join("postgres")
    }

    /// The URL of an empty database.
    pub(crate) async fn fresh(&mut self) -> String {
        self.count += 1;
        let name = format!("test{}", self.count);
        self.client.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        self.server.url(&name)
    }
}

pub(crate) async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}
