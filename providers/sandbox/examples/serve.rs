//! Serves all sandbox services on free ports until its standard input ends, and prints where they answer as one line
//! of JSON: for client sessions in other languages.
//!
//! ```text
//! cargo run -p pilotis-sandbox --example serve -- DATA_FILE [SERVICE …]
//! ```

use std::io::Read;

use pilotis_sandbox::{Options, Sandbox};

#[allow(clippy::print_stdout, reason = "the line on standard output is what the program is for")]
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let data = arguments.next().ok_or("usage: serve DATA_FILE [SERVICE …]")?;
    let services: Vec<String> = arguments.collect();
    let mut options = Options::new(data).each(|_, service| service.port = Some(0));
    if !services.is_empty() {
        options = options.only(&services.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let running = Sandbox::start(options).await?;
    println!("{}", serde_json::to_string(&running.endpoints)?);
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    running.shutdown().await;
    Ok(())
}
