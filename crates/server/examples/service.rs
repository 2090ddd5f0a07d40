//! A service that knows its callers, with nothing in front of it.
//!
//! ```sh
//! cat > countersign.toml <<'END'
//! [[route]]
//! path    = "/items"
//! require = "api-key"
//! doors   = ["tower"]
//! END
//! countersign consumer add shop
//! countersign key issue --consumer shop
//! cargo run --example service -- countersign.toml
//! curl -H 'X-API-Key: csk_...' http://127.0.0.1:3000/items
//! ```

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use axum::Router;
use axum::routing::get;
use countersign::Embedded;
use countersign_tower::Caller;

fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> Result<(), Box<dyn std::error::Error>> {
    let config = std::env::args().nth(1).unwrap_or_else(|| "countersign.toml".to_owned());
    let countersign = Embedded::open(Path::new(&config))?;
    let service = Router::new().route("/items", get(items)).layer(countersign.layer());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
        println!("http://{}/items", listener.local_addr()?);
        axum::serve(listener, service.into_make_service_with_connect_info::<SocketAddr>()).await
    })?;
    Ok(())
}

async fn items(caller: Caller) -> String {
    let name = caller.app().map_or("nobody".to_owned(), |app| app.name().to_string());
    format!("items of {name}\n")
}
